"""Lines that are drawn as given, and when they change, only in the cells that differ.

A remote terminal pays for every byte, so nothing of the deck that refreshes by itself is drawn whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.color import Color
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

_HIDDEN = "$text-muted"

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
                    style += Style.parse(self._in_ansi(definition))
            cached = self._style_cache[(name, base)] = style.rich_style
        return cached

    def _in_ansi(self, definition: str) -> str:
        """Where colours are the terminal's own, none of them is a muted one: the text is dimmed instead."""
        is_muted = "$text-muted" in definition or "$text-disabled" in definition
        return f"{definition} dim" if is_muted and self.app.native_ansi_color else definition

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
        rows = range(self.scrollable_content_region.height)
        before = [self.strip_at(row) for row in rows] if self._built_for == width else None
        self._strips = self.build(width)
        self._built_for = width
        if before is None:
            self.refresh()
            return
        regions: list[Region] = []
        for row in rows:
            after = self.strip_at(row)
            if after is before[row]:
                continue
            if after.cell_length != before[row].cell_length:
                regions.append(Region(0, row, width, 1))
            else:
                regions.extend(Region(x1, row, x2 - x1, 1) for x1, x2 in differing(before[row], after))
        if regions:
            self.refresh(*regions)  # of the content: Textual adds the gutter

    def strip_at(self, row: int) -> Strip:
        """What stands in a row on screen, of the lines as they are built."""
        if row < len(self._strips):
            return self._strips[row]
        return Strip.blank(self._built_for or 0, self.style_of(""))

    def ensure_built(self) -> None:
        """Build the lines if they are not, or are for another width."""
        width = self.scrollable_content_region.width
        if self._built_for != width and width > 0:
            self._strips = self.build(width)
            self._built_for = width

    def render_line(self, y: int) -> Strip:
        """One line as it stands on screen."""
        self.ensure_built()
        return self.strip_at(y)


class PaintedScroll(Painted, ScrollView, can_focus=True):
    """The same with the first line fixed and the rest scrolled under it; it has no bar to be drawn anew."""

    def redraw(self) -> None:
        """Build the lines again and draw what differs."""
        super().redraw()
        self._fit_height()

    def on_resize(self, _: events.Resize) -> None:
        """Another width breaks lines elsewhere."""
        self._fit_height()

    def strip_at(self, row: int) -> Strip:
        """The first line with how much is hidden below, or a line as it is scrolled."""
        if row > 0:
            return super().strip_at(row + self.scroll_offset.y)
        first = super().strip_at(0)
        hidden = len(self._strips) - self.scrollable_content_region.height - self.scroll_offset.y
        if hidden <= 0:
            return first
        words = f" {hidden} more"
        start = first.cell_length - len(words)
        if start <= 0:
            return first
        tail = Strip([Segment(words, self.style_of(_HIDDEN))], len(words))
        return Strip([*first.crop(0, start), *tail], first.cell_length)

    def _fit_height(self) -> None:
        self.ensure_built()
        if self.virtual_size.height != len(self._strips):
            self.virtual_size = Size(self.scrollable_content_region.width, len(self._strips))


def differing(old: Strip, new: Strip) -> list[tuple[int, int]]:
    """The spans of cells in which two strips of one length look different, as (start, end)."""
    if list(old) == list(new):
        return []
    was, now = _ends(old), _ends(new)
    if was is not None and now is not None and was[0] != now[0] and was[1] != now[1]:
        # A cursor that comes or goes changes a line from end to end: there is nothing to save.
        return [(0, old.cell_length)]
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


def _ends(strip: Strip) -> tuple[Color | None, Color | None] | None:
    """The backgrounds at both ends of a line, or None when there are none to tell."""
    segments = list(strip)
    if not segments or segments[0].style is None or segments[-1].style is None:
        return None
    return segments[0].style.bgcolor, segments[-1].style.bgcolor


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
            if width == 0:
                place = len(cells) - 1
                while place > 0 and not cells[place][0]:
                    place -= 1
                if place >= 0:
                    cells[place] = (cells[place][0] + character, cells[place][1])
            else:
                cells.append((character, style))
                cells.extend([("", style)] * (width - 1))
    return cells


def _whole_characters(span: tuple[int, int], *lines: list[_Cell]) -> tuple[int, int]:
    """The span grown so that it cuts no wide character of either line in two.

    Nor a mark from its letter: cropping a strip leaves a mark with the character after its own.
    """
    start, end = span
    for cells in lines:
        while 0 < start < len(cells) and _is_inside(cells, start):
            start -= 1
        while 0 < end < len(cells) and _is_inside(cells, end):
            end += 1
    return start, end


def _is_inside(cells: list[_Cell], place: int) -> bool:
    """True when a cut before a cell would go through a wide character, or part a letter from its mark."""
    owner = place - 1
    while owner > 0 and not cells[owner][0]:
        owner -= 1
    return not cells[place][0] or len(cells[owner][0]) > 1
