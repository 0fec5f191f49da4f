"""The list of batches: one page, drawn row by row, with cursor and marks kept by batch id."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from textual import events
from textual.message import Message
from textual.strip import Strip

from batchdeck.models.batch import BatchRecord
from batchdeck.models.query import BatchSort, SortKey
from batchdeck.ui import text
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.widgets.columns import MARK_WIDTH, PlacedColumn, RowContext, place_columns
from batchdeck.ui.widgets.painted import Line, Painted, Piece

_CURSOR_FOCUSED = "on $primary 32%"
_CURSOR_BLURRED = "on $primary 16%"
_CURSOR_PLAIN = "reverse"
"""Where there is no colour to show the cursor."""
_TITLES = "$text-muted"
_SORTED_TITLE = "bold"
_MARK = "$text-accent bold"
_EMPTY = "$text-muted"
_HEADER_ROWS = 1


class _Drawn(NamedTuple):
    """A row as it was last drawn, with what it was drawn from."""

    record: BatchRecord
    context: RowContext | None
    shape: tuple[int, bool, bool]
    """Width, whether the cursor is on it, whether it is marked."""
    pieces: list[Piece]
    strip: Strip


class BatchTable(Painted, can_focus=True):
    """Draws what it is told and says what was clicked; it neither reads nor turns pages itself."""

    DEFAULT_CSS = """
    BatchTable {
        width: 1fr;
        height: 1fr;
        background: $background;
        color: $text;
    }
    """

    class Pressed(Message):
        """A row was clicked."""

        def __init__(self, batch_id: str) -> None:
            super().__init__()
            self.batch_id = batch_id

    class Opened(Pressed):
        """A row was clicked twice."""

    class SortPressed(Message):
        """A column's title was clicked."""

        def __init__(self, key: SortKey) -> None:
            super().__init__()
            self.key = key

    class Scrolled(Message):
        """The wheel was turned."""

        def __init__(self, rows: int) -> None:
            super().__init__()
            self.rows = rows
            """Down when positive."""

    class PageSizeChanged(Message):
        """Another number of rows fits."""

        def __init__(self, page_size: int) -> None:
            super().__init__()
            self.page_size = page_size

        def can_replace(self, message: Message) -> bool:
            """Only the newest matters."""
            return isinstance(message, BatchTable.PageSizeChanged)

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._rows: Sequence[BatchRecord] = ()
        self._cursor_id: str | None = None
        self._marks: Collection[str] = ()
        self._sort = BatchSort()
        self._row_context: RowContext | None = None
        self._empty: Sequence[Line] = ()
        self._columns: list[PlacedColumn] = []
        self._placed_for = 0
        self._drawn: dict[str, _Drawn] = {}
        self._page_size = 0

    @property
    def page_size(self) -> int:
        """Rows that fit, at least 1."""
        return max(1, self.size.height - _HEADER_ROWS)

    @property
    def rows(self) -> Sequence[BatchRecord]:
        """The batches on this page."""
        return self._rows

    @property
    def cursor_id(self) -> str | None:
        """The batch under the cursor, or None on an empty page."""
        return self._cursor_id

    def show(
        self,
        rows: Sequence[BatchRecord],
        *,
        cursor_id: str | None,
        marks: Collection[str],
        sort: BatchSort,
        context: RowContext,
        empty: Sequence[Line] = (),
    ) -> None:
        """Show a page.

        Args:
            rows: As many batches as were read; those that fit are shown.
            cursor_id: The batch under the cursor.
            marks: Ids of marked batches, on this page or not.
            sort: For the sign beside a title.
            context: The time and the signs.
            empty: What stands there instead when there are no rows.
        """
        self._rows = rows
        self._cursor_id = cursor_id
        self._marks = marks
        self._sort = sort
        self._row_context = context
        self._empty = empty
        self.redraw()

    def move_cursor(self, batch_id: str | None) -> None:
        """Put the cursor on another row of the page."""
        self._cursor_id = batch_id
        self.redraw()

    def notify_style_update(self) -> None:
        """Theme or focus changed."""
        super().notify_style_update()
        self._drawn = {}

    def on_resize(self, _: events.Resize) -> None:
        """Say so when another number of rows fits."""
        self._built_for = None
        if self.page_size != self._page_size:
            self._page_size = self.page_size
            self.post_message(self.PageSizeChanged(self.page_size))

    def on_click(self, event: events.Click) -> None:
        """Titles sort, rows are chosen, twice opens."""
        event.stop()
        if event.y < _HEADER_ROWS:
            for placed in self._columns:
                if placed.x <= event.x < placed.x + placed.width + 1:
                    self.post_message(self.SortPressed(placed.column.key))
                    return
            return
        place = event.y - _HEADER_ROWS
        if place < len(self._rows[: self.page_size]):
            batch_id = self._rows[place].id
            self.post_message(self.Opened(batch_id) if event.chain == 2 else self.Pressed(batch_id))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self.post_message(self.Scrolled(3))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self.post_message(self.Scrolled(-3))

    def build(self, width: int) -> list[Strip]:
        """The titles, and a line for each row that fits."""
        if self._row_context is None:
            return []
        if width != self._placed_for:
            self._columns = place_columns(width)
            self._placed_for = width
        strips = [self._titles(width)]
        fresh: dict[str, _Drawn] = {}
        for record in self._rows[: self.page_size]:
            drawn = fresh[record.id] = self._draw(record, width)
            strips.append(drawn.strip)
        self._drawn = fresh
        if not self._rows:
            strips.append(self.strip_of((), width))
            strips.extend(
                self.strip_of(
                    [(" " * MARK_WIDTH, ""), *((piece, style or _EMPTY) for piece, style in line)], width
                )
                for line in self._empty
            )
        return strips

    def _draw(self, record: BatchRecord, width: int) -> _Drawn:
        """A row, taken as it was drawn before where nothing it depends on is different."""
        is_cursor = record.id == self._cursor_id
        shape = (width, is_cursor, record.id in self._marks)
        known = self._drawn.get(record.id)
        if known is not None and known.record is record and known.context is self._row_context:
            if known.shape == shape:
                return known
            pieces = known.pieces
            if known.shape[2] != shape[2] or known.shape[0] != width:
                pieces = self._pieces(record)
        else:
            pieces = self._pieces(record)
        if known is not None and known.pieces == pieces and known.shape == shape:
            strip = known.strip
        else:
            is_plain = is_cursor and self.app.native_ansi_color
            line = [(piece, "") for piece, _ in pieces] if is_plain else pieces
            strip = self.strip_of(line, width, self._cursor_style() if is_cursor else "")
        return _Drawn(record, self._row_context, shape, pieces, strip)

    def _cursor_style(self) -> str:
        if self.app.native_ansi_color:
            return _CURSOR_PLAIN
        return _CURSOR_FOCUSED if self.has_focus else _CURSOR_BLURRED

    def _titles(self, width: int) -> Strip:
        pieces: list[Piece] = [(" " * MARK_WIDTH, "")]
        for placed in self._columns:
            column = placed.column
            title, style = column.title, _TITLES
            if column.key is self._sort.key:
                sign = self._glyphs.descending if self._sort.descending else self._glyphs.ascending
                title, style = (f"{sign}{title}" if column.is_right else f"{title}{sign}"), _SORTED_TITLE
                if len(title) > placed.width:
                    title = f"{sign}{column.title[: placed.width - 1]}"
            fitted = text.fit_right(title, placed.width) if column.is_right else text.fit(title, placed.width)
            pieces.append((fitted, style))
            pieces.append((" ", ""))
        return self.strip_of(pieces, width)

    def _pieces(self, record: BatchRecord) -> list[Piece]:
        if self._row_context is None:
            return []
        pieces: list[Piece] = [
            (self._glyphs.mark if record.id in self._marks else " ", _MARK),
            (" ", ""),
        ]
        for placed in self._columns:
            if placed.width > 0:
                pieces.append(placed.column.cell(record, self._row_context, placed.width))
                pieces.append((" ", ""))
        return pieces
