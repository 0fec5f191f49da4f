"""Rows drawn one by one: as many as there are, at the cost of those on screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.widgets.action_node import ActionNode

Piece = tuple[str, str]
"""Clean text, and its style in theme variables (`$text-error bold`); empty for the list's own."""
MUTED = "$text-muted"
ACCENT = "$text-accent"
GOOD = "$text-success"
WARN = "$text-warning"
BAD = "$text-error"
STRONG = "bold"
MATCH = "$text-warning on $warning-muted bold"
"""Of what a search found; kept under the cursor, too."""
REVERSED = Style(reverse=True)
"""Where the theme has no colours of its own to tell the cursor by."""


class LineView(ActionNode, ScrollView, can_focus=True):
    """A list with a cursor whose rows are asked for only when they are drawn.

    Subclasses say how many rows there are (`set_count`) and what each holds (`row`).
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-view--cursor"}
    DEFAULT_CSS = """
    LineView {
        background: $surface;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        & > .line-view--cursor {
            background: $block-cursor-blurred-background;
            color: $block-cursor-blurred-foreground;
            text-style: $block-cursor-blurred-text-style;
        }
        &:focus > .line-view--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
    }
    """
    HAS_BLURRED_CURSOR: ClassVar[bool] = True
    """False where the cursor is of no interest while the list has not the focus."""
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(
        "move.down",
        "move.up",
        "move.first",
        "move.last",
        "move.half_down",
        "move.half_up",
        "page.next",
        "page.previous",
    )

    cursor = reactive(0)
    """Place of the row under the cursor, from 0."""

    @dataclass
    class Moved(Message):
        """The cursor went to another row."""

        view: LineView
        index: int

        @property
        def control(self) -> LineView:
            """The list."""
            return self.view

        def can_replace(self, message: Message) -> bool:
            """Only where the cursor is now matters."""
            return isinstance(message, LineView.Moved) and message.view is self.view

    @dataclass
    class Chosen(Message):
        """`enter` or a click on the cursor's row."""

        view: LineView
        index: int

        @property
        def control(self) -> LineView:
            """The list."""
            return self.view

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        self._styles_known: dict[tuple[str, bool], RichStyle] = {}
        super().__init__(id=id, classes=classes)
        self._count = 0

    @property
    def count(self) -> int:
        """Number of rows."""
        return self._count

    def set_count(self, count: int) -> None:
        """There are this many rows now; the cursor stays where it can."""
        self._count = count
        self.virtual_size = Size(self.scrollable_content_region.width, count)
        self.cursor = self.validate_cursor(self.cursor)
        self.refresh()

    def row(self, index: int, width: int) -> Sequence[Piece]:
        """What stands in a row, left to right."""
        raise NotImplementedError

    def choose(self) -> None:
        """What `enter` does."""
        if self._count:
            self.post_message(self.Chosen(self, self.cursor))

    @property
    def page_size(self) -> int:
        """Rows that are seen at once, at least 1."""
        return max(1, self.scrollable_content_region.height)

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, self._count - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Draw the two rows that changed, scroll if need be, and say so."""
        self.refresh_lines(old)
        self.refresh_lines(new)
        self.show_cursor()
        self.post_message(self.Moved(self, new))

    def show_cursor(self) -> None:
        """Scroll so that the cursor's row is seen."""
        top, height = round(self.scroll_y), self.page_size
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True, immediate=True)

    def render_line(self, y: int) -> Strip:
        """One row as it stands on screen."""
        width = self.scrollable_content_region.width
        index = self.scroll_offset.y + y
        if width <= 0:
            return Strip.blank(0)
        if index >= self._count:
            return Strip.blank(width, self._style("", is_cursor=False))
        is_cursor = index == self.cursor and (self.has_focus or self.HAS_BLURRED_CURSOR)
        segments = [
            Segment(text, self._style(name, is_cursor=is_cursor))
            for text, name in self.row(index, width)
            if text
        ]
        return Strip(segments).adjust_cell_length(width, self._style("", is_cursor=is_cursor))

    def _style(self, name: str, *, is_cursor: bool) -> RichStyle:
        """A piece's style; under the cursor only matches keep their own, for the rest must stay readable."""
        if is_cursor and self.has_focus and name != MATCH:
            name = ""
        cached = self._styles_known.get((name, is_cursor))
        if cached is None:
            style = self.get_visual_style("line-view--cursor") if is_cursor else self.visual_style
            if is_cursor and self.has_focus and self.app.native_ansi_color:
                style += REVERSED
            cached = (style + Style.parse(name) if name else style).rich_style
            self._styles_known[name, is_cursor] = cached
        return cached

    def notify_style_update(self) -> None:
        """The theme or the focus changed: no style is what it was."""
        super().notify_style_update()
        self._styles_known.clear()

    def on_resize(self, _: events.Resize) -> None:
        """The width of a row is the width of the view."""
        self.virtual_size = Size(self.scrollable_content_region.width, self._count)
        self.show_cursor()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a double click opens."""
        index = self.scroll_offset.y + event.get_content_offset_capture(self).y
        if 0 <= index < self._count:
            self.clicked(index)
            if event.chain > 1:
                self.choose()

    def clicked(self, index: int) -> None:
        """A click fell on a row."""
        self.cursor = index

    def do_move_down(self) -> None:
        """One row down."""
        self.cursor += 1

    def do_move_up(self) -> None:
        """One row up."""
        self.cursor -= 1

    def do_move_first(self) -> None:
        """To the first row."""
        self.cursor = 0

    def do_move_last(self) -> None:
        """To the last row."""
        self.cursor = self._count - 1

    def do_move_half_down(self) -> None:
        """Half a page down."""
        self.cursor += max(1, self.page_size // 2)

    def do_move_half_up(self) -> None:
        """Half a page up."""
        self.cursor -= max(1, self.page_size // 2)

    def do_page_next(self) -> None:
        """A page down."""
        self.cursor += self.page_size

    def do_page_previous(self) -> None:
        """A page up."""
        self.cursor -= self.page_size


def standing_out(widget: Widget, name: str) -> RichStyle:
    """A component's style that must be told apart without colour, too."""
    style = widget.get_visual_style(name)
    return (style + REVERSED if widget.app.native_ansi_color else style).rich_style
