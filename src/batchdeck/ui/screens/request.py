"""One request and its answer, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from batchdeck.errors import BatchdeckError
from batchdeck.models.requests import OpenedRequest, RequestFilter
from batchdeck.services.readable import ReadableLine, plain, pretty
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.copying import copy_text
from batchdeck.ui.outcomes import OUTCOME_STYLES, outcome_glyph
from batchdeck.ui.screens.of_account import AccountScreen
from batchdeck.ui.widgets.key_bar import KeyBar
from batchdeck.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from batchdeck.services.results import BatchResults

SIDE_BY_SIDE = 90
"""Columns from which request and answer stand beside each other."""
_BREAKPOINTS = [(0, "-stacked"), (SIDE_BY_SIDE, "-beside")]
_HEIGHTS = [(0, "-short"), (20, "-tall")]


class RequestScreen(AccountScreen[int]):
    """Request at the left, answer at the right; under each other when it is narrow.

    Dismissed with the place of the request that was looked at last.

    Args:
        results: The requests of the batch.
        position: Which one to show.
        place: Where it stands among the rows that the filter shows.
        filter: What `n` and `N` go through.
        search: What they go to, or empty for the next row.
    """

    CSS_PATH = "../styles/request.tcss"
    HELP_TITLE: ClassVar[str] = "Request and answer"
    ACTION_IDS: ClassVar[tuple[str, ...]] = (
        "view.back",
        "view.next_pane",
        "request.plain",
        "request.next",
        "request.previous",
        "request.copy",
        "request.copy_id",
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(*ACTION_IDS)
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    VERTICAL_BREAKPOINTS = _HEIGHTS

    @dataclass
    class Opened(Message, bubble=False):
        """A request was read."""

        opened: OpenedRequest
        place: int
        sides: tuple[Sequence[ReadableLine], Sequence[ReadableLine]]

    @dataclass
    class NotOpened(Message, bubble=False):
        """It could not be read, or there is no further one."""

        words: str

    def __init__(
        self,
        results: BatchResults,
        position: int,
        place: int,
        *,
        filter: RequestFilter,
        search: str = "",
    ) -> None:
        super().__init__()
        self._results = results
        self._filter = filter
        self._search = search
        self._position = position
        self._place = place
        self._wanted_place = place
        self._opened: OpenedRequest | None = None
        self._is_plain = False

    @property
    def all_action_ids(self) -> tuple[str, ...]:
        """The screen's, and those of a pane."""
        return (*super().all_action_ids, *TextView.ACTION_IDS)

    def compose(self) -> ComposeResult:
        """A head line and the two panes."""
        yield Static(id="request-head", markup=False)
        with Container(id="request-sides"):
            for name, title in (("request", "Request"), ("answer", "Answer")):
                with Vertical(id=f"{name}-side", classes="request-side") as side:
                    side.border_title = Content(title)
                    yield TextView(id=f"{name}-text")
        yield KeyBar()

    def on_mount(self) -> None:
        """Read the request."""
        self.set_class(self.deck.is_ascii, "-ascii")
        self.query_one("#answer-text").focus()
        self._open(self._position, self._place)

    def _open(self, position: int, place: int) -> None:
        async def read() -> None:
            try:
                await self._read_and_tell(position, place)
            except BatchdeckError as error:
                self.post_message(self.NotOpened(error.line))

        self.read(read(), "request-open")

    async def _read_and_tell(self, position: int, place: int) -> None:
        opened = await self._results.open(position)
        sides = await asyncio.to_thread(_sides, opened, self._is_plain)
        self.post_message(self.Opened(opened, place, sides))

    @on(Opened)
    def _show(self, event: Opened) -> None:
        self._opened, self._place, self._wanted_place = event.opened, event.place, event.place
        row = event.opened.row
        self._position = row.position
        self.query_one("#request-head", Static).update(self._head(event.opened))
        for name, lines in zip(("request", "answer"), event.sides, strict=True):
            self.query_one(f"#{name}-text", TextView).show(lines)
        answers = event.opened.answers
        self.query_one("#answer-side").border_title = Content(
            "Answer" if len(answers) < 2 else f"{len(answers)} answers, the one that counts first"
        )

    def _head(self, opened: OpenedRequest) -> Content:
        row = opened.row
        facts = [f"line {words.count(row.line)}"] if row.line is not None else []
        if row.status_code is not None:
            facts.append(f"HTTP {row.status_code}")
        if row.code:
            facts.append(row.code)
        if row.message:
            facts.append(row.message)
        glyph = outcome_glyph(row.outcome, self.deck.glyphs)
        return Content.assemble(
            (f"{glyph} {row.outcome.value}  ", f"bold {OUTCOME_STYLES[row.outcome]}"),
            text.line(row.custom_id if row.custom_id is not None else "(no custom_id)", "bold"),
            text.line("  " + f" {self.deck.glyphs.separator} ".join(facts), "$text-muted"),
        )

    @on(NotOpened)
    def _say(self, event: NotOpened) -> None:
        self._wanted_place = self._place
        self.notify(text.clean(event.words), severity="warning", markup=False)

    def do_view_back(self) -> None:
        """Back to the list."""
        self.dismiss(self._place)

    def do_view_next_pane(self) -> None:
        """To the other pane."""
        self.focus_next(TextView)

    def do_request_plain(self) -> None:
        """Texts instead of JSON, or JSON again."""
        self._is_plain = not self._is_plain
        self._open(self._position, self._place)

    def do_request_copy(self) -> None:
        """Copy what the pane shows."""
        pane = (
            self.focused if isinstance(self.focused, TextView) else self.query_one("#answer-text", TextView)
        )
        copy_text(self.deck, pane.shown_text, "the answer" if pane.id == "answer-text" else "the request")

    def do_request_copy_id(self) -> None:
        """Copy the custom_id."""
        if self._opened is not None and self._opened.row.custom_id is not None:
            copy_text(self.deck, self._opened.row.custom_id, "the custom_id")

    def do_request_next(self) -> None:
        """To the next request or match."""
        self._go(1)

    def do_request_previous(self) -> None:
        """To the request or match before."""
        self._go(-1)

    def _go(self, step: int) -> None:
        results, shown, search = self._results, self._filter, self._search
        place = self._wanted_place = self._wanted_place + step
        position = self._position

        async def read() -> None:
            try:
                if search:
                    found = await results.find(
                        search, start=position + step, backwards=step < 0, filter=shown
                    )
                    where = None if found is None else (found, await results.locate(found, shown))
                else:
                    page = await results.page(place, 1, shown) if place >= 0 else None
                    where = (page.rows[0].position, place) if page is not None and page.rows else None
                if where is None:
                    self.post_message(self.NotOpened("There is no further request."))
                else:
                    await self._read_and_tell(*where)
            except BatchdeckError as error:
                self.post_message(self.NotOpened(error.line))

        self.read(read(), "request-open")


def _sides(opened: OpenedRequest, is_plain: bool) -> tuple[Sequence[ReadableLine], Sequence[ReadableLine]]:
    """Request and answers as lines; runs in a thread."""
    readable = plain if is_plain else pretty
    request = (
        readable(opened.request)
        if opened.request is not None
        else pretty("No request is known for this row.")
    )
    answers: list[ReadableLine] = []
    for answer in opened.answers:
        lines = readable(answer.body)
        shift = len(answers)
        answers.extend(
            ReadableLine(line.depth, line.pieces, line.last + shift, line.members) for line in lines
        )
    return request, answers or pretty("No answer is in the files.")
