"""Where the list stands: page, cursor, marks, filter and order, kept by batch id. Pure."""

from __future__ import annotations

from typing import NamedTuple

from batchdeck.models.batch import BatchRecord
from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort, SortKey, Window
from batchdeck.ui.widgets.columns import first_direction

FIRST, LAST = 0, -1
"""Rows of a page for the cursor to go to."""


class Wanted(NamedTuple):
    """What to read next.

    The page begins at `anchor_id` where that is still in the list, else at `offset`.
    """

    filter: BatchFilter
    sort: BatchSort
    limit: int
    offset: int = 0
    anchor_id: str | None = None
    cursor_id: str | None = None
    """The batch for the cursor; looked for beyond the page when `follow` is set."""
    cursor_row: int = FIRST
    """Row for the cursor when its batch is not on the page."""
    follow: bool = False
    """True when the page is to go where the cursor's batch is."""


class ListState:
    """The page that is shown."""

    def __init__(
        self, filter: BatchFilter | None = None, sort: BatchSort | None = None, page_size: int = 1
    ) -> None:
        self.filter = filter or BatchFilter()
        self.sort = sort or BatchSort()
        self.page_size = page_size
        self.offset = 0
        """Place of the first row among all that match, from 0."""
        self.total = 0
        self.rows: tuple[BatchRecord, ...] = ()
        """The rows of the page and, where they were read, some below it."""
        self.cursor_id: str | None = None
        self.marks: set[str] = set()
        self.last_mark: str | None = None
        """Where a range begins."""

    @property
    def page_rows(self) -> tuple[BatchRecord, ...]:
        """The rows that are seen."""
        return self.rows[: self.page_size]

    @property
    def cursor_row(self) -> int:
        """Row of the cursor on the page, from 0."""
        for row, record in enumerate(self.page_rows):
            if record.id == self.cursor_id:
                return row
        return 0

    @property
    def cursor(self) -> BatchRecord | None:
        """The batch under the cursor."""
        rows = self.page_rows
        return rows[self.cursor_row] if rows else None

    @property
    def page(self) -> int:
        """Number of the page, from 1."""
        return -(-self.offset // self.page_size) + 1

    @property
    def pages(self) -> int:
        """How many pages there are with this one where it stands, at least 1."""
        after = max(0, self.total - self.offset)
        return max(1, -(-self.offset // self.page_size) + -(-after // self.page_size))

    @property
    def has_next(self) -> bool:
        """True when there are rows below the page."""
        return self.offset + self.page_size < self.total

    @property
    def has_previous(self) -> bool:
        """True when there are rows above the page."""
        return self.offset > 0

    def take(self, wanted: Wanted, window: Window) -> None:
        """Show what was read."""
        self.filter, self.sort = wanted.filter, wanted.sort
        self.rows, self.offset, self.total = window.rows, window.offset, window.total
        shown = self.page_rows
        if not shown:
            self.cursor_id = None
        elif wanted.cursor_id is None or all(record.id != wanted.cursor_id for record in shown):
            row = len(shown) - 1 if wanted.cursor_row == LAST else min(wanted.cursor_row, len(shown) - 1)
            self.cursor_id = shown[max(0, row)].id
        else:
            self.cursor_id = wanted.cursor_id

    # --- what to read -------------------------------------------------------

    def _wanted(
        self,
        offset: int,
        *,
        anchor_id: str | None = None,
        cursor_id: str | None = None,
        cursor_row: int = FIRST,
        follow: bool = False,
    ) -> Wanted:
        return Wanted(
            self.filter, self.sort, self.page_size, max(0, offset), anchor_id, cursor_id, cursor_row, follow
        )

    def same(self) -> Wanted:
        """This page again: on its batches, or at the top where it stands at the top."""
        rows = self.page_rows
        anchor = rows[0].id if rows and self.offset > 0 else None
        return self._wanted(
            self.offset, anchor_id=anchor, cursor_id=self.cursor_id, cursor_row=self.cursor_row, follow=True
        )

    def at(self, place: int) -> Wanted:
        """The page with a place among all that match, the cursor there, turned no further than needed."""
        place = max(0, min(place, self.total - 1))
        offset = self.offset
        while place >= offset + self.page_size:
            offset += self.page_size
        while place < offset:
            offset -= self.page_size
        offset = max(0, offset)
        return self._wanted(offset, cursor_row=place - offset)

    def next_page(self, row: int = FIRST) -> Wanted | None:
        """The next page, or None on the last."""
        return self._wanted(self.offset + self.page_size, cursor_row=row) if self.has_next else None

    def previous_page(self, row: int = FIRST) -> Wanted | None:
        """The page before, or None on the first."""
        if not self.has_previous:
            return None
        offset = max(0, self.offset - self.page_size)
        if row == LAST:
            row = self.offset - offset - 1
        return self._wanted(offset, cursor_row=row)

    def last_page(self) -> Wanted:
        """The page with the last row, the cursor on it."""
        last = max(0, self.total - 1)
        return self._wanted(last - last % self.page_size, cursor_row=LAST)

    def first_page(self) -> Wanted:
        """The page with the first row, the cursor on it."""
        return self._wanted(0)

    def filtered(self, filter: BatchFilter) -> Wanted:
        """Another filter: from the top, the cursor staying on its batch where that still shows."""
        return Wanted(filter, self.sort, self.page_size, cursor_id=self.cursor_id, follow=True)

    def sorted_by(self, sort: BatchSort) -> Wanted:
        """Another order: from the top, where it is seen what the order brings up."""
        return Wanted(self.filter, sort, self.page_size)

    def next_sort(self) -> BatchSort:
        """The order by the next column."""
        keys = list(SortKey)
        key = keys[(keys.index(self.sort.key) + 1) % len(keys)]
        return BatchSort(key, first_direction(key))

    def sort_by(self, key: SortKey) -> BatchSort:
        """The order a click on a title asks for: by it, or the other way round."""
        if key is self.sort.key:
            return BatchSort(key, not self.sort.descending)
        return BatchSort(key, first_direction(key))
