"""How a batch stands: its state, its requests, what it used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from batchdeck.errors import NotFound
from batchdeck.models.batch import BatchRecord, BatchStatus
from batchdeck.ui.reading import Reading
from batchdeck.ui.widgets.batch_detail import StatusPane, status_lines
from batchdeck.ui.widgets.batch_tab import BatchTab
from batchdeck.ui.widgets.columns import RowContext
from batchdeck.ui.widgets.painted import Line
from batchdeck.ui.widgets.pane import Pane, heading
from batchdeck.ui.widgets.progress import RequestsPane, request_lines
from batchdeck.ui.widgets.usage_pane import UsagePane, refused_lines, usage_lines

if TYPE_CHECKING:
    from batchdeck.services.costs import Cost
    from batchdeck.services.failures import RefusedLine
    from batchdeck.services.pace import Pace


@dataclass(frozen=True)
class Known:
    """What is known of the batch."""

    record: BatchRecord
    pace: Pace
    cost: Cost
    refused: tuple[RefusedLine, ...]

    @property
    def shown_record(self) -> BatchRecord:
        """The record without the errors that stand elsewhere with their lines."""
        return (
            replace(self.record, batch=replace(self.record.batch, errors=())) if self.refused else self.record
        )


class OverviewPane(Pane):
    """Everything below each other, where there is no room for panes beside each other."""

    DEFAULT_CSS = """
    OverviewPane { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._known: Known | None = None
        self._row_context: RowContext | None = None

    def show(self, known: Known, context: RowContext) -> None:
        """Show a batch."""
        self._known = known
        self._row_context = context
        self.lay_out()

    def lines_for(self, width: int) -> list[Line]:
        """Why it was refused, or how far it is; then the rest."""
        known, context = self._known, self._row_context
        if known is None or context is None:
            return []
        status = [heading("Status"), *status_lines(known.shown_record, context, width)]
        if known.refused:
            return [*refused_lines(known.refused, width), [], *status]
        requests = [heading("Requests"), *request_lines(known.record, known.pace, context, width)]
        return [*requests, [], *status, [], *usage_lines(known.cost, width)]


class OverviewTab(BatchTab):
    """The panes of the list's screen with more room, and usage and cost."""

    NAME = "overview"

    @dataclass
    class Read(Message, bubble=False):
        """What is known of the batch was read."""

        known: Known

    def __init__(self, batch_id: str) -> None:
        super().__init__(batch_id)
        self._known: Known | None = None

    def compose_view(self) -> list[Widget]:
        """Status at the left; requests and usage at the right."""
        return [
            Container(
                StatusPane(id="overview-status"),
                Container(
                    RequestsPane(id="overview-requests"), UsagePane(id="overview-usage"), id="overview-right"
                ),
                id="overview-panes",
            ),
            OverviewPane(id="overview-column"),
        ]

    @property
    def focus_target(self) -> Widget | None:
        """The status, or the one pane that holds everything."""
        return self.query_one(StatusPane if self.screen.has_class("-beside") else OverviewPane)

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
        pace = await services.browse.pace(record)
        cost = await services.costs.known(self.batch_id)
        self.post_message(self.Read(Known(record, pace, cost, refused)))

    @on(Read)
    def _show(self, event: Read) -> None:
        self._known = event.known
        self.redraw()
        self.show_view()

    def redraw(self) -> None:
        """Draw again: the clock went on."""
        known = self._known
        if known is None:
            return
        context = RowContext(self.deck.services.clock.now(), self.deck.glyphs)
        self.query_one(StatusPane).show(known.shown_record, context)
        self.query_one(RequestsPane).show(known.record, known.pace, context)
        self.query_one(UsagePane).show(known.cost, known.refused)
        self.query_one(OverviewPane).show(known, context)
