"""One request or answer: long lines wrapped, blocks folded, drawn line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from batchdeck.services.readable import Kind, ReadableLine
from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.text import clean
from batchdeck.ui.widgets.line_view import ACCENT, GOOD, MUTED, WARN, LineView, Piece
from batchdeck.ui.widgets.wrap import wrap_cells

_INDENT = 2
_HANG = 2
_STYLES = {
    Kind.MARK: MUTED,
    Kind.KEY: ACCENT,
    Kind.STRING: "",
    Kind.NUMBER: GOOD,
    Kind.WORD: WARN,
    Kind.PATH: ACCENT,
    Kind.TEXT: "",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """One row on screen: a stretch of one line."""

    line: int
    start: int
    end: int


class TextView(LineView):
    """Readable lines with folding; the cursor stays on its line when the width changes."""

    ACTION_IDS: ClassVar[tuple[str, ...]] = ("request.fold", "request.fold_all", "request.unfold_all")
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(*ACTION_IDS)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[ReadableLine] = ()
        self._folded: set[int] = set()
        self._rows: list[_Row] = []
        self._texts: dict[int, list[tuple[str, str]]] = {}
        self._laid_out_for = 0

    def show(self, lines: Sequence[ReadableLine]) -> None:
        """Show other lines, nothing folded, from the first on."""
        self._lines = lines
        self._folded.clear()
        self._texts.clear()
        self._lay_out()
        self.cursor = 0
        self.scroll_to(y=0, animate=False, force=True, immediate=True)

    @property
    def shown_text(self) -> str:
        """All lines as text, indented and unfolded, as a person would copy them."""
        return "\n".join(
            " " * (_INDENT * line.depth) + "".join(text for text, _ in line.pieces) for line in self._lines
        )

    def row(self, index: int, width: int) -> list[Piece]:
        """The stretch of a line that stands in this row."""
        row = self._rows[index]
        line = self._lines[row.line]
        lead = self._lead(line, width) + (_hang(line) if row.start else 0)
        pieces: list[Piece] = [(" " * lead, "")]
        at = 0
        for text, style in self._pieces(row.line):
            first, last = max(row.start, at), min(row.end, at + len(text))
            if first < last:
                pieces.append((text[first - at : last - at], style))
            at += len(text)
        return pieces

    def do_request_fold(self) -> None:
        """Fold or unfold what the line opens, else what it stands in."""
        if not self._rows:
            return
        place = self._rows[self.cursor].line
        opener = place
        while opener >= 0 and not (self._lines[opener].last >= place and self._opens(opener)):
            opener -= 1
        if opener < 0:
            return
        self._folded.symmetric_difference_update({opener})
        self._texts.pop(opener, None)
        self._lay_out(keep=opener)

    def do_request_fold_all(self) -> None:
        """Fold everything below the outermost level."""
        keep = self._outermost()
        self._folded = {
            place for place, line in enumerate(self._lines) if line.depth and self._opens(place)
        } | (
            {
                place
                for place, line in enumerate(self._lines)
                if line.pieces[0][1] is Kind.PATH and self._opens(place)
            }
        )
        self._texts.clear()
        self._lay_out(keep=keep)

    def do_request_unfold_all(self) -> None:
        """Unfold everything."""
        keep = self._rows[self.cursor].line if self._rows else 0
        self._folded.clear()
        self._texts.clear()
        self._lay_out(keep=keep)

    def choose(self) -> None:
        """`enter` folds."""
        self.do_request_fold()

    def on_resize(self, _: events.Resize) -> None:
        """Wrap again when the width is another."""
        if self.scrollable_content_region.width != self._laid_out_for:
            self._lay_out(keep=self._rows[self.cursor].line if self._rows else 0)
        self.show_cursor()

    def _opens(self, place: int) -> bool:
        """True when a line opens lines after it."""
        return self._lines[place].last > place

    def _outermost(self) -> int:
        """The line of depth 0 or 1 that the cursor's line belongs to."""
        if not self._rows:
            return 0
        place = self._rows[self.cursor].line
        while place > 0 and self._lines[place].depth > 1:
            place -= 1
        return place

    def _lead(self, line: ReadableLine, width: int) -> int:
        """Cells before a line: deep nesting must leave room for the text."""
        return min(_INDENT * line.depth, width // 2)

    def _pieces(self, place: int) -> list[tuple[str, str]]:
        """Clean text and style of a line, with its end drawn in when it is folded."""
        known = self._texts.get(place)
        if known is not None:
            return known
        line = self._lines[place]
        pieces = [
            (clean(text).replace("\t", "    ").replace("\n", " "), _STYLES[kind])
            for text, kind in line.pieces
        ]
        if place in self._folded:
            end = self._lines[line.last]
            pieces.append((f" {line.members} ... ", MUTED))
            if end.pieces[0][1] is Kind.MARK:
                pieces.extend((clean(text), _STYLES[kind]) for text, kind in end.pieces)
        self._texts[place] = pieces
        return pieces

    def _lay_out(self, keep: int = 0) -> None:
        """Break the lines for the present width and leave the cursor on line `keep`."""
        width = self.scrollable_content_region.width
        self._laid_out_for = width
        rows: list[_Row] = []
        place = cursor = 0
        while place < len(self._lines):
            line = self._lines[place]
            if place <= keep:
                cursor = len(rows)
            text = "".join(part for part, _ in self._pieces(place))
            room = max(1, width - self._lead(line, width))
            rows.extend(_Row(place, start, end) for start, end in wrap_cells(text, room, hang=_hang(line)))
            place = line.last + 1 if place in self._folded else place + 1
        self._rows = rows
        self.set_count(len(rows))
        self.cursor = cursor


def _hang(line: ReadableLine) -> int:
    """Cells that a wrapped line is set in; running text goes on at its margin."""
    return 0 if line.pieces[0][1] is Kind.TEXT else _HANG
