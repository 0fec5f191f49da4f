"""The first line: the name of the program, and how many batches are in each state."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from textual.strip import Strip

from batchdeck.models.batch import BatchStatus
from batchdeck.models.query import Totals
from batchdeck.ui import format
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.widgets.columns import MUTED, STATUS_STYLES
from batchdeck.ui.widgets.painted import Line, Painted, Piece

_ORDER = (
    BatchStatus.VALIDATING,
    BatchStatus.IN_PROGRESS,
    BatchStatus.FINALIZING,
    BatchStatus.CANCELLING,
    BatchStatus.UNKNOWN,
    BatchStatus.COMPLETED,
    BatchStatus.FAILED,
    BatchStatus.EXPIRED,
    BatchStatus.CANCELLED,
)
_NAME = "$text-accent bold"


class CountsHeader(Painted):
    """Counts by status; signs alone where the words do not fit."""

    DEFAULT_CSS = """
    CountsHeader {
        height: 1;
        width: 1fr;
        background: $panel;
        color: $text;
    }
    """

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._counts: Mapping[BatchStatus, int] = {}
        self._tail = ""

    def show(self, counts: Mapping[BatchStatus, int]) -> None:
        """Show these counts."""
        self._counts = counts
        self.redraw()

    def show_totals(self, totals: Totals, *, is_filtered: bool) -> None:
        """Show what the filter lets through, and what that cost."""
        words: list[str] = []
        if is_filtered:
            words.append(f"{format.count(totals.batches)} shown")
        if totals.cost_usd > 0:
            words.append(format.money(totals.cost_usd))
        self._tail = ", ".join(words)
        self.redraw()

    def build(self, width: int) -> list[Strip]:
        """The one line."""
        return [self.strip_of(header_line(self._counts, width, self._glyphs, self._tail), width)]


def header_line(counts: Mapping[BatchStatus, int], width: int, glyphs: Glyphs, extra: str = "") -> Line:
    """The longest form that fits into so many cells."""
    total = sum(counts.values())
    shown = [(status, counts[status]) for status in _ORDER if counts.get(status)]
    title: list[Piece] = [(" batchdeck", _NAME), ("  ", "")]
    line: list[Piece] = []
    for form in range(4):
        line = list(title) if form < 3 else [(" ", "")]
        if not shown:
            line.append(("no batches yet", MUTED))
        for status, number in shown:
            words = f" {format.status_words(status)}" if form < 2 else ""
            line.append((f"{glyphs.status[status]} {format.count(number)}", STATUS_STYLES[status]))
            line.append((f"{words}{'   ' if form == 0 else '  '}", MUTED))
        tail = f"{format.plural(total, 'batch')} " if form == 0 else f"{format.count(total)} "
        if extra:
            tail = f"{tail.rstrip()}, {extra} "
        used = sum(cell_len(piece) for piece, _ in line)
        if used + len(tail) <= width:
            return [*line, (" " * (width - used - len(tail)), ""), (tail, MUTED)] if total else line
        if used <= width and form >= 2:
            return line
    return line
