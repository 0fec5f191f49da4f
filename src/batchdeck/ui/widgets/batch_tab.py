"""What the tabs of a batch have in common: built when first shown, told how far it is, and why it cannot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from batchdeck.errors import BatchdeckError, Interrupted
from batchdeck.ui import text
from batchdeck.ui.reading import Reading
from batchdeck.ui.widgets.action_node import ActionNode
from batchdeck.ui.widgets.progress_line import ProgressLine

if TYPE_CHECKING:
    from batchdeck.ui.screens.base import ActionScreen


class BatchTab(ActionNode, Vertical):
    """A tab over one batch.

    A subclass composes its view in `compose_view`, reads in `load` and names the widget that takes the
    focus. While it reads, a progress line stands in place of the view.
    """

    DEFAULT_CSS = """
    BatchTab { height: 1fr; }
    BatchTab > .batch-tab--state { padding: 1 2; color: $text-muted; height: auto; }
    BatchTab > ProgressLine { padding: 1 2; height: 4; }
    """
    NAME: ClassVar[str] = ""
    ACTION_IDS: ClassVar[tuple[str, ...]] = ()
    """What keys do in this tab, for the help."""

    @dataclass
    class Failed(Message, bubble=False):
        """What the tab shows could not be read."""

        words: str

    def __init__(self, batch_id: str) -> None:
        super().__init__(id=self.NAME)
        self.batch_id = batch_id
        self.is_loaded = False
        self._reading: Reading | None = None

    def compose(self) -> ComposeResult:
        """The view, and what stands in its place while it is read."""
        state = Static(markup=False, classes="batch-tab--state")
        state.display = False
        yield state
        progress = ProgressLine(self.deck.glyphs)
        progress.display = False
        yield progress
        view = Vertical(*self.compose_view(), id=f"{self.NAME}-view")
        view.display = False
        yield view

    def compose_view(self) -> list[Widget]:
        """What is shown once it has been read."""
        raise NotImplementedError

    async def load(self, reading: Reading) -> None:
        """Read, and post what was read."""
        raise NotImplementedError

    @property
    def focus_target(self) -> Widget | None:
        """What takes the focus when the tab is shown."""
        return None

    @property
    def action_ids(self) -> tuple[str, ...]:
        """What keys do here just now."""
        return self.ACTION_IDS

    def show_tab(self) -> None:
        """The tab is on screen: read what it shows, the first time."""
        if not self.is_loaded and self._reading is None:
            self.reload()
        self.take_focus()

    def take_focus(self) -> None:
        """Give the focus to the view, if it is there."""
        target = self.focus_target
        if target is not None and target.display and self.display:
            target.focus()

    def reload(self) -> None:
        """Read again; what is shown stays until that is done."""
        if self._reading is not None:
            self._reading.stop()
        reading = self._reading = Reading(self)
        if not self.is_loaded:
            self._show_only("ProgressLine")
        screen = cast("ActionScreen[object]", self.screen)
        screen.read(self._load(reading), f"batch-{self.NAME}")

    async def _load(self, reading: Reading) -> None:
        try:
            await self.load(reading)
        except Interrupted:
            return
        except BatchdeckError as error:
            self.post_message(self.Failed(error.line))
        except Exception:
            self.post_message(self.Failed("This could not be read. The log holds the details."))
            raise

    def show_view(self) -> None:
        """What was to be read is here."""
        self._reading = None
        had_focus = self.screen.focused is None or self.has_focus_within
        self.is_loaded = True
        self._show_only(f"#{self.NAME}-view")
        if had_focus:
            self.take_focus()

    def show_state(self, words: str) -> None:
        """Show a sentence in place of the view."""
        self._reading = None
        self.query_one(".batch-tab--state", Static).update(text.content(words))
        self._show_only(".batch-tab--state")

    def on_unmount(self) -> None:
        """Nobody waits any more."""
        if self._reading is not None:
            self._reading.stop()

    @on(Failed)
    def _say_why(self, event: Failed) -> None:
        """Say why there is nothing to see."""
        self.show_state(f"{event.words}\n\nR tries again.")

    @on(Reading.Progressed)
    def _show_progress(self, event: Reading.Progressed) -> None:
        """Show how far the reading is."""
        if event.reading is self._reading and not self.is_loaded:
            self.query_one(ProgressLine).show(event.progress)

    def _show_only(self, selector: str) -> None:
        for child in self.children:
            child.display = child in self.query(selector)

    def after_reading(self, read: Callable[[], Awaitable[None]], group: str) -> None:
        """Run a short read in the background; a newer one of its group takes its place."""
        screen = cast("ActionScreen[object]", self.screen)
        screen.read(read(), f"batch-{self.NAME}-{group}")
