"""A pane: a title and lines that are laid out for its width, scrolled when there are more than rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.strip import Strip

from batchdeck.ui import text
from batchdeck.ui.bindings import MOVES
from batchdeck.ui.widgets.painted import Line, PaintedScroll, Piece
from batchdeck.ui.widgets.wrap import wrap_cells

LABEL_WIDTH = 12
"""Cells of the labels at the left of a fact."""
MUTED = "$text-muted"
HEADING = "$text-muted bold"


class Pane(PaintedScroll):
    """Subclasses say what stands in it (`lines_for`); the first line is its title and stays."""

    DEFAULT_CSS = """
    Pane {
        background: $surface;
        color: $text;
        padding: 0 1;
        border-left: blank;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 0;
        &:focus { border-left: outer $primary; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*MOVES[:8]]

    def lines_for(self, width: int) -> list[Line]:
        """All lines of the pane, each at most `width` cells."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Lay the lines out again and draw what differs."""
        self.redraw()

    def build(self, width: int) -> list[Strip]:
        """The lines, drawn."""
        return [self.strip_of(line, width) for line in self.lines_for(width)]

    def action_cursor_down(self) -> None:
        """Scroll a line down."""
        self._scroll_by(1)

    def action_cursor_up(self) -> None:
        """Scroll a line up."""
        self._scroll_by(-1)

    def action_half_down(self) -> None:
        """Scroll half a page down."""
        self._scroll_by(max(1, self.size.height // 2))

    def action_half_up(self) -> None:
        """Scroll half a page up."""
        self._scroll_by(-max(1, self.size.height // 2))

    def action_page_next(self) -> None:
        """Scroll a page down."""
        self._scroll_by(max(1, self.size.height - 1))

    def action_page_previous(self) -> None:
        """Scroll a page up."""
        self._scroll_by(-max(1, self.size.height - 1))

    def action_cursor_first(self) -> None:
        """Scroll to the first line."""
        self.scroll_to(y=0, animate=False, immediate=True)

    def action_cursor_last(self) -> None:
        """Scroll to the last line."""
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def _scroll_by(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, immediate=True)


def fact(label: str, value: Piece | Iterable[Piece], width: int) -> list[Line]:
    """A label and its value; a value that is one long piece goes on below itself.

    Args:
        label: One or two words.
        value: Clean pieces.
        width: Cells of the pane.
    """
    head: Piece = (label.ljust(LABEL_WIDTH)[: LABEL_WIDTH - 1] + " ", MUTED)
    if not isinstance(value, tuple):
        return [[head, *value]]
    words, style = value
    room = max(4, width - LABEL_WIDTH)
    lines: list[Line] = []
    for start, end in wrap_cells(words, room):
        lines.append([head if not lines else (" " * LABEL_WIDTH, ""), (words[start:end], style)])
    return lines


def paragraph(words: str, style: str, width: int, *, indent: int = 0) -> list[Line]:
    """Clean text broken into lines."""
    lines: list[Line] = []
    for row in words.split("\n"):
        for start, end in wrap_cells(row, max(4, width - indent)):
            lines.append([(" " * indent, ""), (row[start:end], style)])
    return lines


def heading(title: str, tail: str = "") -> Line:
    """A title inside a pane, with a number after it."""
    return [(title.upper(), HEADING), (f" {tail}" if tail else "", MUTED)]


def identifier(label: str, value: str | None, width: int) -> list[Line]:
    """An id, shortened in its middle so that it keeps to one line."""
    if not value:
        return fact(label, ("-", MUTED), width)
    return fact(label, [(text.shorten_middle(value, max(4, width - LABEL_WIDTH)), "")], width)
