"""Every request of a batch with its outcome, in the input's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from batchdeck.errors import BatchdeckError, Interrupted
from batchdeck.models.requests import RequestFilter, RequestPage
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.copying import copy_text
from batchdeck.ui.reading import Reading
from batchdeck.ui.widgets.batch_tab import BatchTab
from batchdeck.ui.widgets.line_view import LineView
from batchdeck.ui.widgets.outcome_bar import OutcomeBar
from batchdeck.ui.widgets.request_list import PAGE, RequestList

if TYPE_CHECKING:
    from batchdeck.services.results import BatchResults


class ResultsTab(BatchTab):
    """Outcomes at the top, the requests under them, a search line at the bottom while it is used."""

    NAME = "results"
    ACTION_IDS: ClassVar[tuple[str, ...]] = (
        "results.open",
        "results.search",
        "results.next_match",
        "results.previous_match",
        "results.next_outcome",
        "results.previous_outcome",
        "results.copy",
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(*ACTION_IDS)
    DEFAULT_CSS = """
    ResultsTab #results-search { height: 1; border: none; padding: 0 1; background: $panel; }
    ResultsTab #results-note { height: auto; max-height: 3; color: $text-warning; padding: 0 1; }
    ResultsTab #results-found { height: 1; color: $text-muted; padding: 0 1; }
    """

    @dataclass
    class Opened(Message, bubble=False):
        """The requests can be shown."""

        results: BatchResults

    @dataclass
    class PageRead(Message, bubble=False):
        """Some rows were read."""

        page: RequestPage
        filter: RequestFilter

    @dataclass
    class Searched(Message, bubble=False):
        """A search ended."""

        place: int | None
        """Where the match stands among the rows shown, or None when nothing matches."""
        problem: str | None = None

    def __init__(self, batch_id: str) -> None:
        super().__init__(batch_id)
        self._results: BatchResults | None = None
        self._filter = RequestFilter()
        self._search = ""
        self._searching: Reading | None = None

    def compose_view(self) -> list[Widget]:
        """Outcomes, requests, search."""
        search = Input(placeholder="custom_id or text", id="results-search", compact=True)
        found = Static(id="results-found", markup=False)
        search.display = found.display = False
        return [
            OutcomeBar(self.deck.glyphs, id="results-outcomes"),
            Static(id="results-note", markup=False),
            RequestList(self.deck.glyphs, id="results-list"),
            found,
            search,
        ]

    @property
    def requests(self) -> RequestList:
        """The requests."""
        return self.query_one("#results-list", RequestList)

    @property
    def focus_target(self) -> Widget | None:
        """The list."""
        return self.requests

    @property
    def search_text(self) -> str:
        """What was last searched for."""
        return self._search

    async def load(self, reading: Reading) -> None:
        """Fetch and index what is not here yet."""
        results = await self.deck.services.results.open(
            self.batch_id, on_progress=reading.on_progress, should_stop=reading.should_stop
        )
        self.post_message(self.Opened(results))

    @on(Opened)
    def _show_results(self, event: Opened) -> None:
        self._results = event.results
        totals = event.results.totals
        if not totals.rows:
            self.show_state(
                event.results.input_problem
                or "There is nothing to show: neither requests nor results are known."
            )
            return
        self.query_one(OutcomeBar).show(totals.rows, totals.outcomes)
        note = self.query_one("#results-note", Static)
        note.display = event.results.input_problem is not None
        note.update(text.content(event.results.input_problem or ""))
        self.show_view()
        self._show_filtered(totals.rows)

    def _show_filtered(self, count: int) -> None:
        self.requests.clear(count)
        self._found("")

    @on(RequestList.Wanted)
    def _read_page(self, event: RequestList.Wanted) -> None:
        event.stop()
        results, shown = self._results, self._filter
        if results is None:
            return

        async def read() -> None:
            page = await results.page(event.page * PAGE, PAGE, shown)
            self.post_message(self.PageRead(page, shown))

        self.after_reading(read, f"page-{event.page}")

    @on(PageRead)
    def _show_page(self, event: PageRead) -> None:
        if event.filter == self._filter:
            self.requests.put(event.page)

    @on(OutcomeBar.Chosen)
    def _show_outcome(self, event: OutcomeBar.Chosen) -> None:
        event.stop()
        totals = self._results.totals if self._results is not None else None
        if totals is None:
            return
        if event.outcome is None:
            self._filter = RequestFilter()
            self._show_filtered(totals.rows)
        else:
            self._filter = RequestFilter(outcomes=frozenset({event.outcome}))
            self._show_filtered(totals.outcomes.get(event.outcome, 0))
        self.requests.focus()

    def do_results_next_outcome(self) -> None:
        """Show only the next outcome."""
        self.query_one(OutcomeBar).step(1)

    def do_results_previous_outcome(self) -> None:
        """Show only the outcome before."""
        self.query_one(OutcomeBar).step(-1)

    def do_results_open(self) -> None:
        """Show the request under the cursor with its answer."""
        row = self.requests.request_at(self.requests.cursor)
        if row is None or self._results is None:
            return
        from batchdeck.ui.screens.request import RequestScreen

        screen = RequestScreen(
            self._results, row.position, self.requests.cursor, filter=self._filter, search=self._search
        )
        self.app.push_screen(screen, self._came_back)

    def _came_back(self, place: int | None) -> None:
        """The cursor goes to the request that was looked at last."""
        if place is not None:
            self.requests.cursor = place

    @on(LineView.Chosen)
    def _open_chosen(self, event: LineView.Chosen) -> None:
        event.stop()
        self.do_results_open()

    def do_results_copy(self) -> None:
        """Copy the custom_id under the cursor."""
        row = self.requests.request_at(self.requests.cursor)
        if row is not None and row.custom_id is not None:
            copy_text(self.deck, row.custom_id, "the custom_id")

    def do_results_search(self) -> None:
        """Open the search line."""
        search = self.query_one("#results-search", Input)
        search.display = True
        search.value = self._search
        search.focus()

    def close_search(self) -> bool:
        """Close the search line and stop a search; False when there was neither."""
        search = self.query_one("#results-search", Input)
        if self._searching is not None:
            self._searching.stop()
            self._searching = None
            self._found("Search stopped.")
            return True
        if search.display:
            search.display = False
            self.requests.focus()
            return True
        if self._search:
            self._search = ""
            self.requests.highlight("")
            self._found("")
            return True
        return False

    @on(Input.Submitted, "#results-search")
    def _search_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._search = event.value.strip()
        self.query_one("#results-search").display = False
        self.requests.focus()
        self.requests.highlight(self._search)
        if self._search:
            self._find(backwards=False, skip=False)
        else:
            self._found("")

    def do_results_next_match(self) -> None:
        """Go to the next match."""
        self._find(backwards=False, skip=True)

    def do_results_previous_match(self) -> None:
        """Go to the match before."""
        self._find(backwards=True, skip=True)

    def _find(self, *, backwards: bool, skip: bool) -> None:
        results, shown, search = self._results, self._filter, self._search
        if results is None:
            return
        if not search:
            self.do_results_search()
            return
        row = self.requests.request_at(self.requests.cursor)
        start = (row.position if row is not None else 0) + ((-1 if backwards else 1) if skip else 0)
        if self._searching is not None:
            self._searching.stop()
        reading = self._searching = Reading(self)
        self._found(f"Searching {search}")

        async def read() -> None:
            try:
                position = await results.find(
                    search,
                    start=start,
                    backwards=backwards,
                    filter=shown,
                    on_progress=reading.on_progress,
                    should_stop=reading.should_stop,
                )
                place = None if position is None else await results.locate(position, shown)
            except Interrupted:
                return
            except BatchdeckError as error:
                self.post_message(self.Searched(None, error.line))
            else:
                self.post_message(self.Searched(place))

        self.after_reading(read, "search")

    @on(Reading.Progressed)
    def _show_search_progress(self, event: Reading.Progressed) -> None:
        if event.reading is self._searching and event.progress.total:
            share = words.percent(event.progress.done / event.progress.total)
            self._found(f"Searching {self._search}: {share}. Esc stops.")

    @on(Searched)
    def _show_match(self, event: Searched) -> None:
        self._searching = None
        if event.problem is not None:
            self._found(event.problem)
        elif event.place is None:
            self._found(f"Nothing holds {self._search}.")
        else:
            self.requests.cursor = event.place
            self._found(
                f"{self._search}: n goes to the next match, N to the one before, esc ends the search."
            )

    def _found(self, sentence: str) -> None:
        found = self.query_one("#results-found", Static)
        found.display = bool(sentence)
        found.update(text.line(sentence))
