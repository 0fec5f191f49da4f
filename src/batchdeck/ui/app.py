"""The deck as a Textual app: themes, screens, work, and the boundary that errors stop at."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.console import RenderableType
from textual import events
from textual._compositor import ChopsUpdate
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from batchdeck.actions import BY_ID
from batchdeck.errors import BatchdeckError, Interrupted
from batchdeck.ui import terminal, text, themes
from batchdeck.ui.bindings import APP_ACTIONS, bindings_for, handler_name, keymap_of
from batchdeck.ui.connected import ConnectedApp
from batchdeck.ui.glyphs import glyphs
from batchdeck.ui.messages import BatchesChanged, WorkChanged
from batchdeck.ui.screens.base import ActionScreen
from batchdeck.ui.screens.main import MainScreen
from batchdeck.ui.work import Factory, Work, WorkState

if TYPE_CHECKING:
    from batchdeck.config.settings import Settings
    from batchdeck.ui.connected import Connect, OpenServices

log = logging.getLogger("batchdeck.ui")

_TOAST_SECONDS = 5.0
_ERROR_SECONDS = 12.0


class BatchdeckApp(ConnectedApp):
    """The deck.

    Args:
        settings: What the command line, the environment and the config file say.
        open_services: The services of a profile over the history alone: no key is looked for, nothing is
            imported or sent, `services.api` is None. Awaited before the first paint, and again when the
            user switches to another profile.
        connect: The same services with a client (or those of another account, when the key turns out to
            be another). Awaited after the first paint; it may run a key command and import the SDK.
            Raises a BatchdeckError, which the deck shows as one sentence over the cached rows.
        hint: One line shown above the status line until a key is pressed, such as what to try in a demo.

    The caller closes the history and every client that the two made, after the app has ended.
    """

    TITLE = "batchdeck"
    CSS_PATH = "styles/app.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(*APP_ACTIONS),
        Binding("ctrl+q", "act('program.quit')", "Quit", show=False, priority=True),
        Binding("ctrl+c", "ask_how_to_quit", "Quit", show=False, system=True),
    ]

    def __init__(
        self, settings: Settings, open_services: OpenServices, connect: Connect, *, hint: str = ""
    ) -> None:
        is_colourless = "NO_COLOR" in os.environ
        super().__init__(settings, open_services, connect, use_ansi=is_colourless)
        self.hint = hint
        self.is_ascii = settings.ascii
        self.glyphs = glyphs(settings.ascii)
        text.use_ascii(settings.ascii)
        self.works: list[Work] = []
        """Work that runs, oldest first."""
        self.animation_level = "none"
        self.register_theme(themes.DARK)
        self.register_theme(themes.LIGHT)
        chosen = themes.known_name(settings.theme, self.available_themes)
        self.theme = themes.NO_COLOR_THEME if is_colourless else chosen
        self.set_keymap(keymap_of(settings.keys))

    def get_default_screen(self) -> Screen[Any]:
        """The list."""
        return MainScreen()

    def get_css_variables(self) -> dict[str, str]:
        """The theme's variables, with muted text as a colour of its own.

        Textual's is `auto 60%`, of which a style in a line of content keeps the `auto` alone.
        """
        variables = super().get_css_variables()
        for name, source in (("text-muted", "foreground-muted"), ("text-disabled", "foreground-disabled")):
            if variables.get(name, "").startswith("auto"):
                variables[name] = variables.get(source, variables["foreground"])
        self.theme_variables = variables
        return variables

    def keys_of(self, action_id: str) -> tuple[str, ...]:
        """The keys of an action, the user's own where they chose some."""
        return self.settings.keys.get(action_id, BY_ID[action_id].keys)

    # --- ending -------------------------------------------------------------

    def stop(self, code: int = 0) -> None:
        """End the app now, whatever work runs, with the terminal restored.

        Safe to call from a signal handler of the event loop.
        """
        self.exit(code, return_code=code)

    def leave(self, error: BatchdeckError) -> None:
        """End the app because there is nothing to show; the sentence stands on the terminal afterwards."""
        log.error("%s", error.line)
        self.exit(error.exit_code, return_code=error.exit_code, message=text.clean(error.line))

    def do_program_quit(self) -> None:
        """End the app; asks while work runs."""
        if not self.works:
            self.stop()
            return
        from batchdeck.ui.screens.confirm import ConfirmScreen

        lines = [work.title for work in self.works]
        lines += ["", "What was sent is in the history; the next start finds out how it ended."]

        def answered(is_sure: bool | None) -> None:
            if is_sure:
                self.stop()

        self.push_screen(ConfirmScreen("Quit while work runs?", lines, "Quit", no_label="Stay"), answered)

    def action_ask_how_to_quit(self) -> None:
        """What ctrl+c does: it is too easily hit to end anything."""
        self.notify("Press q to quit.")

    async def action_quit(self) -> None:
        """Textual's own way to quit goes through ours."""
        self.do_program_quit()

    # --- work ---------------------------------------------------------------

    def start_work(
        self,
        title: str,
        factory: Factory,
        *,
        can_stop: bool = True,
        on_end: Callable[[Work], None] | None = None,
    ) -> Work:
        """Begin long work that nothing but the user or the end of the app stops.

        Args:
            title: What is being done: `Downloading 3 batches`.
            factory: Given the `Work`, does it; what it returns is shown, what it raises is reported.
            can_stop: False where stopping would leave it unknown whether something was sent.
            on_end: Called at the end, whatever it was; when given, nothing else is shown.
        """
        work = Work(title, lambda told: self.tell(WorkChanged(told)), can_stop=can_stop)
        self.works.append(work)
        self.run_worker(self._carry_out(work, factory, on_end), name=title, group="work", exit_on_error=False)
        self.tell(WorkChanged(work))
        return work

    async def _carry_out(self, work: Work, factory: Factory, on_end: Callable[[Work], None] | None) -> None:
        try:
            work.outcome = await factory(work)
            work.state = WorkState.DONE
        except Interrupted as error:
            work.error, work.outcome, work.state = error, error.line, WorkState.STOPPED
        except asyncio.CancelledError:
            work.state = WorkState.STOPPED
            raise
        except Exception as error:
            work.error, work.state = error, WorkState.FAILED
        finally:
            self.works.remove(work)
            self.tell(WorkChanged(work))
        if on_end is not None:
            on_end(work)
        elif work.error is not None and work.state is WorkState.FAILED:
            self.report(work.error, title=work.title)
        elif work.outcome:
            self.notify(work.outcome, title=work.title)
        self.tell(BatchesChanged())
        if self.poller is not None:
            self.poller.refresh_now()

    # --- telling ------------------------------------------------------------

    def report(self, error: BaseException, *, title: str = "") -> None:
        """Tell the user of an error in one sentence, and the log the rest."""
        if isinstance(error, BatchdeckError):
            log.warning("%s%s", f"{title}: " if title else "", error.line)
            self.notify(error.line, title=title, severity="error", timeout=_ERROR_SECONDS)
            return
        log.error("unexpected error", exc_info=error)
        words = f"{type(error).__name__}: {error}. The log holds the details."
        self.notify(words, title=title or "Something went wrong", severity="error", timeout=_ERROR_SECONDS)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a toast; the words are cleaned and never markup."""
        super().notify(
            text.clean(message),
            title=text.clean_line(title),
            severity=severity,
            timeout=_TOAST_SECONDS if timeout is None else timeout,
            markup=False,
        )

    def copy(self, words: str, what: str) -> None:
        """Put words on the clipboard of the user's terminal, or into a file when they are too many.

        Args:
            words: As they are.
            what: What they are, for the toast: `the batch's id`.
        """
        from batchdeck.ui.copying import copy_text

        copy_text(self, words, what)

    # --- the app's own actions ----------------------------------------------

    async def action_act(self, action_id: str) -> None:
        """Carry out one of the app's own actions."""
        result = getattr(self, handler_name(action_id))()
        if result is not None:
            await result

    def do_view_palette(self) -> None:
        """All actions by name."""
        from batchdeck.ui.palette import open_palette

        open_palette(self)

    def do_view_help(self) -> None:
        """The keys of the view."""
        from batchdeck.ui.screens.help import HelpScreen

        if isinstance(self.screen, ActionScreen):
            self.push_screen(HelpScreen.about(self.screen))

    def do_view_profile(self) -> None:
        """Choose a profile."""
        from batchdeck.ui.screens.profiles import ProfilesScreen

        if self.works:
            self.notify("Work runs for this profile; wait for it or stop it first.", severity="warning")
            return

        def chosen(name: str | None) -> None:
            if name is not None and name != self.profile.name:
                self.run_worker(
                    self.switch_profile(name), group="profile", exclusive=True, exit_on_error=False
                )

        profiles = list(self.settings.profiles.values())
        self.push_screen(ProfilesScreen(profiles, self.profile.name), chosen)

    def do_view_activity(self) -> None:
        """Operations and what they did."""
        from batchdeck.ui.screens.activity import ActivityScreen

        if not isinstance(self.screen, ActivityScreen):
            self.push_screen(ActivityScreen())

    # --- the boundary -------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Let the fill of the history know that somebody uses the deck."""
        if self.poller is not None and isinstance(event, events.InputEvent):
            self.poller.last_input_at = asyncio.get_running_loop().time()
        await super().on_event(event)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An error in a worker is told, and the deck goes on."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.report(event.worker.error)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Write partial updates without what did not change."""
        if isinstance(renderable, ChopsUpdate):
            renderable = cast("RenderableType", terminal.ExactUpdate(renderable))
        super()._display(screen, renderable)

    def _fatal_error(self) -> None:
        """Leave with a traceback that shows no local variables: they may hold a key or remote text."""
        import traceback

        from rich.segment import Segment, Segments

        words = text.clean("".join(traceback.format_exc()))
        log.critical("crashed\n%s", words)
        self._exit_renderables.append(Segments([Segment(f"batchdeck crashed.\n{words}")]))
        self._close_messages_no_wait()
