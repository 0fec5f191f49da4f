"""The Requests pane: how many are done, how fast it goes and when it will be over."""

from __future__ import annotations

from collections.abc import Sequence

from batchdeck.models.batch import BatchRecord, BatchStatus
from batchdeck.services.pace import Pace
from batchdeck.ui import format
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.widgets.columns import ERROR, MUTED, RowContext
from batchdeck.ui.widgets.painted import Line, Piece
from batchdeck.ui.widgets.pane import Pane, fact, heading, paragraph

_OK = "$text-success"
_WAITING = "$text-disabled"
_SPARK = "$text-primary"
_WARNING = "$text-warning"
_MAX_BAR = 60


class RequestsPane(Pane):
    """Shows the counts of one batch."""

    DEFAULT_CSS = """
    RequestsPane { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._record: BatchRecord | None = None
        self._pace: Pace | None = None
        self._row_context: RowContext | None = None

    def show(self, record: BatchRecord | None, pace: Pace | None, context: RowContext) -> None:
        """Show a batch's counts; `pace` is None until the samples are read."""
        self._record = record
        self._pace = pace
        self._row_context = context
        self.lay_out()

    def lines_for(self, width: int) -> list[Line]:
        """The batch's lines."""
        if self._record is None or self._row_context is None:
            return [heading("Requests")]
        return [heading("Requests"), *request_lines(self._record, self._pace, self._row_context, width)]


def request_lines(record: BatchRecord, pace: Pace | None, context: RowContext, width: int) -> list[Line]:
    """Bar, counts, rate and sparkline in lines of at most `width` cells."""
    batch = record.batch
    counts = batch.counts
    glyphs = context.glyphs
    lines: list[Line] = []
    if counts.total > 0:
        lines.append(_bar_line(record, glyphs, width))
        lines.append([])
        lines.append(_count_line("completed", counts.completed, counts.total, _OK, width))
        lines.append(
            _count_line("failed", counts.failed, counts.total, ERROR if counts.failed else MUTED, width)
        )
        missing = "waiting" if batch.status.is_active else "no answer"
        lines.append(
            _count_line(missing, counts.waiting, counts.total, "" if counts.waiting else MUTED, width)
        )
        lines.append(_count_line("total", counts.total, counts.total, "", width))
    elif batch.status is BatchStatus.FAILED:
        lines += paragraph("Validation failed: no request was run.", MUTED, width)
    elif not batch.status.is_active:
        lines += paragraph("The service gives no counts.", MUTED, width)
    if pace is not None:
        lines += _pace_lines(pace, width)
        spark = sparkline(pace.sparkline, min(width, _MAX_BAR), glyphs)
        if spark:
            lines += [[], [(spark, _SPARK)], [("answers over time", MUTED)]]
    return lines


def _bar_line(record: BatchRecord, glyphs: Glyphs, width: int) -> Line:
    counts = record.batch.counts
    percent = format.percent(counts.done_share)
    bar_width = max(4, min(_MAX_BAR, width - 6))
    completed, failed = bar_cells(counts.completed, counts.failed, counts.total, bar_width)
    return [
        (glyphs.bar_full * completed, _OK),
        (glyphs.bar_failed * failed, ERROR),
        (glyphs.bar_empty * (bar_width - completed - failed), _WAITING),
        (f" {percent:>4}", "bold"),
    ]


def bar_cells(completed: int, failed: int, total: int, width: int) -> tuple[int, int]:
    """Cells of a bar for completed and failed: none is drawn as nothing, and only all fills the bar."""
    if total <= 0 or width <= 0:
        return 0, 0
    failed_cells = min(width, max(1, round(width * failed / total))) if failed > 0 else 0
    completed_cells = min(width - failed_cells, int(width * completed / total + 0.5)) if completed > 0 else 0
    if completed > 0 and completed_cells == 0 and failed_cells < width:
        completed_cells = 1
    if completed + failed < total and completed_cells + failed_cells == width:
        completed_cells = max(0, completed_cells - 1)
    return completed_cells, failed_cells


def _count_line(label: str, number: int, total: int, style: str, width: int) -> Line:
    share = format.percent(number / total) if total else ""
    pieces: list[Piece] = [(f"{label:<12}", MUTED), (f"{format.count(number):>9}", style)]
    if label != "total" and width >= 27:
        pieces.append((f"{share:>6}", MUTED))
    return pieces


def _pace_lines(pace: Pace, width: int) -> list[Line]:
    lines: list[Line] = []
    if pace.rate is not None and pace.rate > 0:
        lines += fact("rate", (format.rate(pace.rate), ""), width)
    if pace.time_left is not None and not pace.note:
        lines += fact("time left", (f"about {format.duration(pace.time_left.total_seconds())}", ""), width)
    if pace.will_expire and pace.answered_by_expiry is not None:
        words = (
            f"At this rate {format.count(pace.answered_by_expiry)} of {format.count(pace.total)} will be"
            " answered when it expires."
        )
        lines += paragraph(words, _WARNING, width)
    if pace.note:
        lines += paragraph(pace.note, MUTED, width)
    return [[], *lines] if lines else []


def sparkline(values: Sequence[float], width: int, glyphs: Glyphs) -> str:
    """Values as bars of one cell each, the newest `width` of them; empty without a value above zero."""
    shown = list(values)[-width:]
    top = max(shown, default=0.0)
    if top <= 0:
        return ""
    steps = glyphs.spark
    if min(shown) > 0.9 * top:
        # A steady rate is a line in the middle: a full block would read as a bar that is done.
        return steps[len(steps) // 2] * len(shown)
    return "".join(steps[min(len(steps) - 1, int(value / top * (len(steps) - 1) + 0.5))] for value in shown)
