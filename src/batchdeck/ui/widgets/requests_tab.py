"""What the tabs that list requests have in common: rows in pages, and a request beside its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message

from batchdeck.models.requests import RequestFilter, RequestPage
from batchdeck.ui.widgets.batch_tab import BatchTab
from batchdeck.ui.widgets.request_list import PAGE, RequestList

if TYPE_CHECKING:
    from batchdeck.services.results import BatchResults


class RequestsTab(BatchTab):
    """A tab with one list of requests, some or all of the batch's."""

    @dataclass
    class PageRead(Message, bubble=False):
        """Some rows were read."""

        page: RequestPage
        filter: RequestFilter

    def __init__(self, batch_id: str) -> None:
        super().__init__(batch_id)
        self.results: BatchResults | None = None
        """The requests, once they are read."""
        self.shown_filter = RequestFilter()
        """Which of them the list shows."""
        self.search_text = ""
        """What was last searched for, or empty."""

    @property
    def requests(self) -> RequestList:
        """The list."""
        return self.query_one(RequestList)

    def list_requests(self, shown: RequestFilter, count: int) -> None:
        """Show those that match, from the first.

        Args:
            shown: Which.
            count: How many they are.
        """
        self.shown_filter = shown
        last_line = self.results.totals.rows if self.results is not None else count
        self.requests.clear(count, last_line=last_line)

    @on(RequestList.Wanted)
    def _read_page(self, event: RequestList.Wanted) -> None:
        event.stop()
        results, shown = self.results, self.shown_filter
        if results is None:
            return

        async def read() -> None:
            self.post_message(self.PageRead(await results.page(event.page * PAGE, PAGE, shown), shown))

        self.after_reading(read, f"page-{event.page}")

    @on(PageRead)
    def _show_page(self, event: PageRead) -> None:
        if event.filter == self.shown_filter:
            self.requests.put(event.page)

    def open_request(self) -> None:
        """Show the request under the cursor with its answer."""
        row = self.requests.request_at(self.requests.cursor)
        if row is None or self.results is None:
            return
        from batchdeck.ui.screens.request import RequestScreen

        screen = RequestScreen(
            self.results,
            row.position,
            self.requests.cursor,
            filter=self.shown_filter,
            search=self.search_text,
        )
        self.app.push_screen(screen, self._came_back)

    def _came_back(self, place: int | None) -> None:
        """The cursor goes to the request that was looked at last."""
        if place is not None:
            self.requests.cursor = place
