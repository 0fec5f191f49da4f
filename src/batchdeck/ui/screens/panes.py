"""The panes as a screen, where the terminal is too narrow for them beside the list."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from batchdeck.ui import list_facts
from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.messages import BatchesChanged
from batchdeck.ui.screens.base import ActionScreen
from batchdeck.ui.widgets.batch_detail import StatusPane
from batchdeck.ui.widgets.columns import RowContext
from batchdeck.ui.widgets.key_bar import KeyBar
from batchdeck.ui.widgets.progress import RequestsPane


class PanesScreen(ActionScreen[None]):
    """Status and Requests of one batch.

    Args:
        batch_id: The batch.
    """

    ACTION_IDS = ("view.next_pane", "view.back", "batch.open")
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(*ACTION_IDS)
    AUTO_FOCUS = "StatusPane"
    HELP_TITLE = "The panes of a batch"
    CSS = """
    PanesScreen StatusPane { height: 2fr; }
    PanesScreen RequestsPane { height: 1fr; margin-top: 1; }
    """

    def __init__(self, batch_id: str) -> None:
        super().__init__()
        self.batch_id = batch_id

    def compose(self) -> ComposeResult:
        """One below the other."""
        yield StatusPane()
        yield RequestsPane()
        yield KeyBar()

    async def on_mount(self) -> None:
        """Show the batch."""
        await self._show()

    async def on_batches_changed(self, message: BatchesChanged) -> None:
        """Show it again when it changed."""
        await self._show()

    async def _show(self) -> None:
        browse = self.deck.services.browse
        record = await browse.batch(self.batch_id)
        now = self.deck.services.clock.now()
        context = RowContext(now, self.deck.glyphs, list_facts.is_stale(self.deck))
        pace = await browse.pace(record) if record else None
        self.query_one(StatusPane).show(record, context)
        self.query_one(RequestsPane).show(record, pace, context)

    def do_view_next_pane(self) -> None:
        """The other pane."""
        self.focus_next()

    def do_batch_open(self) -> None:
        """Into the batch."""
        from batchdeck.ui.screens.batch import BatchScreen

        self.app.switch_screen(BatchScreen(self.batch_id, tab="overview"))

    def do_view_back(self) -> None:
        """Back to the list."""
        self.dismiss()
