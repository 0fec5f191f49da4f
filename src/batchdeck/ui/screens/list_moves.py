"""Moving in the list: rows, pages, ends."""

from __future__ import annotations

from batchdeck.ui.list_state import ListState, Wanted
from batchdeck.ui.screens.base import ActionScreen

MOVE_ACTIONS = (
    "move.down",
    "move.up",
    "move.first",
    "move.last",
    "move.half_down",
    "move.half_up",
    "page.next",
    "page.previous",
)


class ListMoves(ActionScreen[None]):
    """The movements of a paged list."""

    listing: ListState
    """Where the list stands."""

    async def read_page(self, wanted: Wanted) -> None:
        """Read a page of the history and show it."""
        raise NotImplementedError

    def put_cursor(self, batch_id: str) -> None:
        """Put the cursor on a batch of the page."""
        raise NotImplementedError

    async def move_by(self, rows: int) -> None:
        """Move the cursor; past the last or first row the page turns."""
        state = self.listing
        shown = state.page_rows
        row = state.cursor_row + rows
        if 0 <= row < len(shown):
            self.put_cursor(shown[row].id)
        elif (rows > 0 and state.has_next) or (rows < 0 and state.has_previous):
            await self.read_page(state.at(state.offset + row))
        elif shown:
            self.put_cursor(shown[-1 if rows > 0 else 0].id)

    async def do_move_down(self) -> None:
        """One row down."""
        await self.move_by(1)

    async def do_move_up(self) -> None:
        """One row up."""
        await self.move_by(-1)

    async def do_move_half_down(self) -> None:
        """Half a page down."""
        await self.move_by(max(1, self.listing.page_size // 2))

    async def do_move_half_up(self) -> None:
        """Half a page up."""
        await self.move_by(-max(1, self.listing.page_size // 2))

    async def do_move_first(self) -> None:
        """To the page's first row, and from there to the first of all."""
        shown = self.listing.page_rows
        if self.listing.cursor_row > 0 and shown:
            self.put_cursor(shown[0].id)
        elif self.listing.has_previous:
            await self.read_page(self.listing.first_page())

    async def do_move_last(self) -> None:
        """To the page's last row, and from there to the last of all."""
        shown = self.listing.page_rows
        if shown and self.listing.cursor_row < len(shown) - 1:
            self.put_cursor(shown[-1].id)
        elif self.listing.has_next:
            await self.read_page(self.listing.last_page())

    async def do_page_next(self) -> None:
        """The next page, or on the last its last row."""
        wanted = self.listing.next_page()
        if wanted is not None:
            await self.read_page(wanted)
        elif self.listing.page_rows:
            self.put_cursor(self.listing.page_rows[-1].id)

    async def do_page_previous(self) -> None:
        """The page before, or on the first its first row."""
        wanted = self.listing.previous_page()
        if wanted is not None:
            await self.read_page(wanted)
        elif self.listing.page_rows:
            self.put_cursor(self.listing.page_rows[0].id)
