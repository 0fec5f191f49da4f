"""How a batch stands: its state, its requests, what it used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from batchdeck.errors import NotFound
from batchdeck.models.batch import BatchRecord, BatchStatus
from batchdeck.ui.reading import Reading
from batchdeck.ui.widgets.batch_detail import StatusPane
from batchdeck.ui.widgets.batch_tab import BatchTab
from batchdeck.ui.widgets.columns import RowContext
from batchdeck.ui.widgets.progress import RequestsPane
from batchdeck.ui.widgets.usage_pane import UsagePane

if TYPE_CHECKING:
    from batchdeck.services.costs import Cost
    from batchdeck.services.failures import RefusedLine
    from batchdeck.services.pace import Pace


class OverviewTab(BatchTab):
    """The panes of the list's screen with more room, and usage and cost."""

    NAME = "overview"
    DEFAULT_CSS: ClassVar[str] = """
    OverviewTab #overview-panes { height: 1fr; layout: vertical; }
    .-beside OverviewTab #overview-panes { layout: horizontal; }
    OverviewTab #overview-right { height: 1fr; width: 1fr; }
    OverviewTab StatusPane { height: 2fr; }
    .-beside OverviewTab StatusPane { height: 1fr; }
    """

    @dataclass
    class Read(Message, bubble=False):
        """What is known of the batch was read."""

        record: BatchRecord
        pace: Pace
        cost: Cost
        refused: tuple[RefusedLine, ...]

    def __init__(self, batch_id: str) -> None:
        super().__init__(batch_id)
        self._shown: OverviewTab.Read | None = None

    def compose_view(self) -> list[Widget]:
        """Status at the left; requests and usage at the right."""
        return [
            Container(
                StatusPane(id="overview-status"),
                Container(
                    RequestsPane(id="overview-requests"), UsagePane(id="overview-usage"), id="overview-right"
                ),
                id="overview-panes",
            )
        ]

    @property
    def focus_target(self) -> Widget | None:
        """The status."""
        return self.query_one(StatusPane)

    async def load(self, reading: Reading) -> None:
        """Everything comes from the history; only a refused file's lines may be fetched."""
        services = self.deck.services
        record = await services.browse.batch(self.batch_id)
        if record is None:
            raise NotFound(f"No batch {self.batch_id} is known here.")
        refused: tuple[RefusedLine, ...] = ()
        if record.batch.status is BatchStatus.FAILED:
            refused = await services.failures.refused_lines(
                self.batch_id, on_progress=reading.on_progress, should_stop=reading.should_stop
            )
        self.post_message(
            self.Read(
                record, await services.browse.pace(record), await services.costs.known(self.batch_id), refused
            )
        )

    @on(Read)
    def _show(self, event: Read) -> None:
        self._shown = event
        self.redraw()
        self.show_view()

    def redraw(self) -> None:
        """Draw again: the clock went on."""
        shown = self._shown
        if shown is None:
            return
        context = RowContext(self.deck.services.clock.now(), self.deck.glyphs)
        self.query_one(StatusPane).show(shown.record, context)
        self.query_one(RequestsPane).show(shown.record, shown.pace, context)
        self.query_one(UsagePane).show(shown.cost, shown.refused)
