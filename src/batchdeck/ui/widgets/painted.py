"""Lines that are drawn as given, and when they change, only in the cells that differ.

A remote terminal pays for every byte, so nothing of the deck that refreshes by itself is drawn whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

Piece = tuple[str, str]
"""Clean text, and its style in theme variables (`$text-error bold`); empty for the widget's own."""
Line = Sequence[Piece]

_MERGE_GAP = 8
"""Spans closer together than this many cells are drawn as one: a jump and a style cost more."""

_Cell = tuple[str, RichStyle | None]


class Painted(Widget):
    """A widget of finished lines, built when they are first drawn for a width."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._strips: list[Strip] = []
        self._built_for: int | None = None
        """The width `_strips` are for, or None when they have to be built again."""
        self._style_cache: dict[tuple[str, str], RichStyle] = {}

    def strip_of(self, line: Line, width: int, base: str = "") -> Strip:
        """One line of exactly `width` cells.

        Args:
            line: Its pieces, left to right; what does not fit is cut off.
            width: In cells.
            base: Style under all of it.
        """
        segments: list[Segment] = []
        last_style: RichStyle | None = None
        text = ""
        for piece, name in line:
            if not piece:
                continue
            style = self.style_of(name, base)
            if style is last_style:
                text += piece
                continue
            if text:
                segments.append(Segment(text, last_style))
            text, last_style = piece, style
        if text:
            segments.append(Segment(text, last_style))
        return Strip(segments).adjust_cell_length(width, self.style_of("", base))

    def style_of(self, name: str, base: str = "") -> RichStyle:
        """A style in theme variables as it looks on this widget."""
        cached = self._style_cache.get((name, base))
        if cached is None:
            style = self.visual_style
            for definition in (base, name):
                if definition:
                    style += Style.parse(definition)
            cached = self._style_cache[(name, base)] = style.rich_style
        return cached

    def notify_style_update(self) -> None:
        """The theme or the focus changed: no style is what it was."""
        super().notify_style_update()
        self._style_cache.clear()
        self._built_for = None

    def build(self, width: int) -> list[Strip]:
        """All lines as they are now, each `width` cells."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Build the lines again and draw what differs."""
        width = self.scrollable_content_region.width
        if width <= 0 or not self.is_attached:
            self._built_for = None
            return
        before = self._strips if self._built_for == width else None
        self._strips = self.build(width)
        self._built_for = width
        if before is None:
            self.refresh()
        else:
            self._refresh_differing(before, self._strips)

    def _refresh_differing(self, old: list[Strip], strips: list[Strip]) -> None:
        top = self.scroll_offset.y
        height = self.size.height
        regions: list[Region] = []
        for y in range(top, top + height):
            before = old[y] if y < len(old) else None
            after = strips[y] if y < len(strips) else None
            if before is after:
                continue
            if before is None or after is None or before.cell_length != after.cell_length:
                regions.append(Region(0, y - top, self.size.width, 1))
                continue
            regions.extend(Region(x1, y - top, x2 - x1, 1) for x1, x2 in differing(before, after))
        if regions:
            gutter = self.gutter
            self.refresh(*(region.translate((gutter.left, gutter.top)) for region in regions))

    def render_line(self, y: int) -> Strip:
        """One line as it stands on screen."""
        width = self.scrollable_content_region.width
        if self._built_for != width:
            self._strips = self.build(width)
            self._built_for = width
        line = y + self.scroll_offset.y
        return self._strips[line] if line < len(self._strips) else Strip.blank(width, self.style_of(""))


class PaintedScroll(Painted, ScrollView, can_focus=True):
    """The same with a scrollbar when there are more lines than rows."""

    def redraw(self) -> None:
        """Build the lines again and draw what differs."""
        super().redraw()
        self._fit_scrollbar()

    def on_resize(self, _: events.Resize) -> None:
        """Another width breaks lines elsewhere."""
        self._fit_scrollbar()

    def _fit_scrollbar(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        if self._built_for != width:
            self._strips = self.build(width)
            self._built_for = width
        if self.virtual_size.height != len(self._strips):
            self.virtual_size = Size(width, len(self._strips))


def differing(old: Strip, new: Strip) -> list[tuple[int, int]]:
    """The spans of cells in which two strips of one length look different, as (start, end)."""
    if list(old) == list(new):
        return []
    before, after = _cells(old), _cells(new)
    spans: list[tuple[int, int]] = []
    for x in range(max(len(before), len(after))):
        if x < len(before) and x < len(after) and _same(before[x], after[x]):
            continue
        if spans and x - spans[-1][1] <= _MERGE_GAP:
            spans[-1] = (spans[-1][0], x + 1)
        else:
            spans.append((x, x + 1))
    return [_whole_characters(span, before, after) for span in spans]


def _same(one: _Cell, other: _Cell) -> bool:
    return one[0] == other[0] and (one[1] is other[1] or one[1] == other[1])


def _cells(strip: Iterable[Segment]) -> list[_Cell]:
    """One entry a cell; the second cell of a wide character is empty text."""
    cells: list[_Cell] = []
    for text, style, _ in strip:
        if text.isascii():
            cells.extend([(character, style) for character in text])
            continue
        for character in text:
            width = cell_len(character)
            if width == 0 and cells:
                place = len(cells) - 1
                while place > 0 and not cells[place][0]:
                    place -= 1
                cells[place] = (cells[place][0] + character, cells[place][1])
            else:
                cells.append((character, style))
                cells.extend([("", style)] * (width - 1))
    return cells


def _whole_characters(span: tuple[int, int], *lines: list[_Cell]) -> tuple[int, int]:
    """The span grown so that it cuts no wide character of either line in two."""
    start, end = span
    for cells in lines:
        while 0 < start < len(cells) and not cells[start][0]:
            start -= 1
        while end < len(cells) and not cells[end][0]:
            end += 1
    return start, end
