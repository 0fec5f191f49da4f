"""Choosing what the list shows and what is marked: filter, order, marks, refresh, panes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.css.query import NoMatches

from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort
from batchdeck.ui.screens.list_moves import ListMoves
from batchdeck.ui.widgets.batch_table import BatchTable

if TYPE_CHECKING:
    from batchdeck.ui.widgets.filter_bar import FilterBar

CHOICE_ACTIONS = (
    "list.filter",
    "list.sort",
    "list.reverse",
    "mark.toggle",
    "mark.range",
    "mark.all",
    "list.refresh",
    "list.pause",
    "view.next_pane",
    "view.back",
)


class ListChoices(ListMoves):
    """Filter, order, marks, and what the service is asked."""

    def show_list(self) -> None:
        """Show the page as it is known."""
        raise NotImplementedError

    def show_status(self) -> None:
        """Show the status line."""
        raise NotImplementedError

    def filter_changed(self) -> None:
        """Another filter is shown."""
        raise NotImplementedError

    # --- filter and order ---------------------------------------------------

    async def do_list_filter(self) -> None:
        """Show the filter bar and give it the keys."""
        bar = self._filter_bar()
        if bar is None:
            from batchdeck.ui.widgets.filter_bar import FilterBar

            bar = FilterBar()
            await self.query_one("#left").mount(bar, before=0)
        bar.open(self.listing.filter.text)

    async def do_view_back(self) -> None:
        """Clear the filter; with none, take the marks off."""
        bar = self._filter_bar()
        if not self.listing.filter.is_empty or (bar is not None and bar.display):
            await self.clear_filter()
        elif self.listing.marks:
            self.listing.marks.clear()
            self.show_list()
            self.show_status()

    async def clear_filter(self) -> None:
        """Show all batches again."""
        bar = self._filter_bar()
        if bar is not None:
            bar.close()
        self.query_one(BatchTable).focus()
        if not self.listing.filter.is_empty:
            await self.apply_filter(BatchFilter())

    async def apply_filter(self, filter: BatchFilter) -> None:
        """Show what a filter lets through."""
        await self.read_page(self.listing.filtered(filter))
        self.filter_changed()

    def _filter_bar(self) -> FilterBar | None:
        try:
            found = self.query_one("FilterBar")
        except NoMatches:
            return None
        from batchdeck.ui.widgets.filter_bar import FilterBar

        return found if isinstance(found, FilterBar) else None

    async def on_filter_bar_applied(self, message: FilterBar.Applied) -> None:
        """The filter bar holds another filter."""
        message.stop()
        await self.apply_filter(message.filter)

    async def on_filter_bar_left(self, message: FilterBar.Left) -> None:
        """The keys go back to the list."""
        message.stop()
        bar = self._filter_bar()
        if message.clear or (self.listing.filter.is_empty and bar is not None and not bar.value):
            await self.clear_filter()
        self.query_one(BatchTable).focus()

    async def do_list_sort(self) -> None:
        """The order by the next column."""
        await self.read_page(self.listing.sorted_by(self.listing.next_sort()))

    async def do_list_reverse(self) -> None:
        """The other way round."""
        sort = self.listing.sort
        await self.read_page(self.listing.sorted_by(BatchSort(sort.key, not sort.descending)))

    @on(BatchTable.SortPressed)
    async def _title_pressed(self, message: BatchTable.SortPressed) -> None:
        await self.read_page(self.listing.sorted_by(self.listing.sort_by(message.key)))

    # --- marks --------------------------------------------------------------

    def do_mark_toggle(self) -> None:
        """Mark the batch under the cursor, or take its mark off."""
        batch_id = self.listing.cursor_id
        if batch_id is None:
            return
        self.listing.marks.symmetric_difference_update({batch_id})
        self.listing.last_mark = batch_id if batch_id in self.listing.marks else None
        self._show_marks()

    async def do_mark_range(self) -> None:
        """Mark everything from the last mark to the cursor."""
        state = self.listing
        if state.cursor_id is None:
            return
        ids = await self.deck.services.browse.ids(state.filter, state.sort)
        places = {batch_id: place for place, batch_id in enumerate(ids)}
        here = places.get(state.cursor_id)
        if here is None:
            return
        there = places.get(state.last_mark or state.cursor_id, here)
        state.marks.update(ids[min(here, there) : max(here, there) + 1])
        state.last_mark = state.cursor_id
        self._show_marks()

    async def do_mark_all(self) -> None:
        """Mark all that the filter shows; when all of it is marked, none."""
        state = self.listing
        ids = set(await self.deck.services.browse.ids(state.filter, state.sort))
        if ids <= state.marks:
            state.marks.difference_update(ids)
        else:
            state.marks.update(ids)
        state.last_mark = None
        self._show_marks()

    def _show_marks(self) -> None:
        self.show_list()
        self.show_status()
        self.refresh_bindings()

    # --- the service --------------------------------------------------------

    def do_list_refresh(self) -> None:
        """Ask the service now."""
        self.deck.refresh_now()

    def do_list_pause(self) -> None:
        """Stop asking, or go on."""
        poller = self.deck.poller
        if poller is None:
            self.notify("There is no connection to pause.", severity="warning")
            return
        poller.set_paused(not poller.is_paused)

    # --- panes --------------------------------------------------------------

    def do_view_next_pane(self) -> None:
        """The next pane; where there is no room for them, the panes as a screen."""
        if self.query_one("#panes").display:
            self.focus_next("BatchTable, Pane")
            return
        record = self.listing.cursor
        if record is None:
            self.notify("No batch is chosen.", severity="warning")
            return
        from batchdeck.ui.screens.panes import PanesScreen

        self.app.push_screen(PanesScreen(record.id))
