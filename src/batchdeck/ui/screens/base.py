"""What every screen of the deck shares: actions by id, a reason when they are off, the error boundary."""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.screen import Screen, ScreenResultType
from textual.worker import Worker, WorkerState

from batchdeck.actions import BY_ID, Danger
from batchdeck.ui.bindings import APP_ACTIONS, handler_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from batchdeck.ui.app import BatchdeckApp


class ActionScreen(Screen[ScreenResultType]):
    """A screen that carries out actions of `batchdeck.actions`.

    A subclass names them in `ACTION_IDS`, declares `BINDINGS = bindings_for(*ACTION_IDS)`, and has one
    method for each: `do_batch_cancel` for `batch.cancel`. `why_not` says why one cannot run now.
    """

    ACTION_IDS: ClassVar[tuple[str, ...]] = ()
    """What this screen answers to, beyond what the app does."""
    HELP_TITLE: ClassVar[str] = ""
    """What the help calls this view; empty takes the class's name."""
    HELP_TEXT: ClassVar[str] = ""
    """A few lines under the title of the help."""

    @property
    def deck(self) -> BatchdeckApp:
        """The app, typed."""
        return cast("BatchdeckApp", self.app)

    @property
    def all_action_ids(self) -> tuple[str, ...]:
        """Everything a key does here, for help and palette."""
        return self.ACTION_IDS if self.is_modal else (*self.ACTION_IDS, *APP_ACTIONS)

    def why_not(self, action_id: str) -> str | None:
        """Why an action cannot run now, as a sentence, or None when it can."""
        if BY_ID[action_id].danger is Danger.SPENDS and self.deck.is_read_only:
            return "The profile is read-only: nothing is sent that spends or changes."
        return None

    async def action_act(self, action_id: str) -> None:
        """Carry out an action, or say why not; what it raises is told, and the deck goes on."""
        reason = self.why_not(action_id)
        if reason is not None:
            self.notify(reason, title=BY_ID[action_id].label, severity="warning")
            return
        handler: Callable[[], Awaitable[None] | None] = getattr(self, handler_name(action_id))
        try:
            result = handler()
            if isawaitable(result):
                await result
        except Exception as error:
            self.deck.report(error, title=BY_ID[action_id].label)

    def read(self, work: Callable[[], Awaitable[None]] | Awaitable[None], group: str) -> Worker[None]:
        """Read in the background; a newer reading of the same group takes its place.

        A function is called when the reading begins, which it may never do; a coroutine ought to begin.
        """
        return self.run_worker(cast("Any", work), group=group, exclusive=True, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Errors of this screen's workers reach the user."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.deck.report(event.worker.error)
