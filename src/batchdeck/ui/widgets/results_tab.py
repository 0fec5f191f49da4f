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
from batchdeck.models.requests import RequestFilter
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.copying import copy_text
from batchdeck.ui.reading import Reading
from batchdeck.ui.widgets.line_view import LineView
from batchdeck.ui.widgets.outcome_bar import OutcomeBar
from batchdeck.ui.widgets.request_list import RequestList
from batchdeck.ui.widgets.requests_tab import RequestsTab

if TYPE_CHECKING:
    from batchdeck.services.results import BatchResults


class ResultsTab(RequestsTab):
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
    class Searched(Message, bubble=False):
        """A search ended."""

        place: int | None
        """Where the match stands among the rows shown, or None when nothing matches."""
        problem: str | None = None

    def __init__(self, batch_id: str) -> None:
        super().__init__(batch_id)
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
    def focus_target(self) -> Widget | None:
        """The list."""
        return self.requests

    async def load(self, reading: Reading) -> None:
        """Fetch and index what is not here yet."""
        results = await self.deck.services.results.open(
            self.batch_id, on_progress=reading.on_progress, should_stop=reading.should_stop
        )
        self.post_message(self.Opened(results))

    @on(Opened)
    def _show_results(self, event: Opened) -> None:
        self.results = event.results
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
        self._list(RequestFilter(), totals.rows)

    def _list(self, shown: RequestFilter, count: int) -> None:
        self.list_requests(shown, count)
        self._found("")

    @on(OutcomeBar.Chosen)
    def _show_outcome(self, event: OutcomeBar.Chosen) -> None:
        event.stop()
        totals = self.results.totals if self.results is not None else None
        if totals is None:
            return
        if event.outcome is None:
            self._list(RequestFilter(), totals.rows)
        else:
            shown = RequestFilter(outcomes=frozenset({event.outcome}))
            self._list(shown, totals.outcomes.get(event.outcome, 0))
        self.requests.focus()

    def do_results_next_outcome(self) -> None:
        """Show only the next outcome."""
        self.query_one(OutcomeBar).step(1)

    def do_results_previous_outcome(self) -> None:
        """Show only the outcome before."""
        self.query_one(OutcomeBar).step(-1)

    def do_results_open(self) -> None:
        """Show the request under the cursor with its answer."""
        self.open_request()

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
        search.value = self.search_text
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
        if self.search_text:
            self.search_text = ""
            self.requests.highlight("")
            self._found("")
            return True
        return False

    @on(Input.Submitted, "#results-search")
    def _search_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.search_text = event.value.strip()
        self.query_one("#results-search").display = False
        self.requests.focus()
        self.requests.highlight(self.search_text)
        if self.search_text:
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
        results, shown, search = self.results, self.shown_filter, self.search_text
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
            self._found(f"Searching {self.search_text}: {share}. Esc stops.")

    @on(Searched)
    def _show_match(self, event: Searched) -> None:
        self._searching = None
        if event.problem is not None:
            self._found(event.problem)
        elif event.place is None:
            self._found(f"Nothing holds {self.search_text}.")
        else:
            self.requests.cursor = event.place
            self._found(
                f"{self.search_text}: n goes to the next match, N to the one before, esc ends the search."
            )

    def _found(self, sentence: str) -> None:
        found = self.query_one("#results-found", Static)
        found.display = bool(sentence)
        found.update(text.line(sentence))
