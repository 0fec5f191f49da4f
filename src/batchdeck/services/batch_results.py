"""The requests of one batch: pages, single ones, search."""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import FileProblem
from batchdeck.models.batch import Usage
from batchdeck.models.lines import Outcome
from batchdeck.models.progress import Progress
from batchdeck.models.requests import (
    Answer,
    OpenedRequest,
    RequestFilter,
    RequestPage,
    RequestRow,
    RequestTotals,
)

if TYPE_CHECKING:
    from batchdeck.models.batch import BatchRecord
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.store.database import History
    from batchdeck.store.request_views import RequestView, Span
    from batchdeck.store.rows import IndexedFile

_EVERY_ROW = RequestFilter()
_NEAR_ROWS = 300
"""Rows next to the start that a search looks through one by one before it reads whole files."""
_KEPT_SEARCHES = 8
"""Texts whose hits are remembered."""


@dataclass(frozen=True, slots=True)
class IndexedFiles:
    """The indexed local files of one batch."""

    record: BatchRecord
    input: IndexedFile | None
    output: IndexedFile | None
    errors: IndexedFile | None
    input_problem: str | None
    """Why there is no input, or None."""

    @property
    def results(self) -> list[IndexedFile]:
        """Output and error file, whichever exist."""
        return [file for file in (self.output, self.errors) if file is not None]

    @property
    def usage(self) -> dict[str, Usage]:
        """Tokens summed over the result rows, by model."""
        sums: dict[str, list[int]] = {}
        for file in self.results:
            for model, tokens in json.loads(file.usage).items():
                known = sums.setdefault(model, [0, 0, 0])
                sums[model] = [a + b for a, b in zip(known, tokens, strict=True)]
        return {model: Usage(*tokens) for model, tokens in sums.items()}


class BatchResults:
    """The requests of one batch, ready to be paged, searched and opened."""

    def __init__(
        self, history: History, files: IndexedFiles, view: RequestView, totals: RequestTotals
    ) -> None:
        self._history = history
        self._view = view
        self.files = files
        """The files they are from."""
        self.record = files.record
        """The batch."""
        self.totals = totals
        """Counts over all of it."""
        self._offsets: dict[int, tuple[Sequence[int], Sequence[int], Sequence[int]]] = {}
        self._hits: dict[str, list[int]] = {}
        self.input_problem = files.input_problem
        """Why only result rows can be shown and no requests, or None when the input is there."""

    async def page(self, offset: int, limit: int, filter: RequestFilter = _EVERY_ROW) -> RequestPage:
        """Some rows, in the input's order; result rows that answer no request come last."""
        return await self._history.requests.page(self._view, filter, max(0, offset), max(0, limit))

    async def locate(self, position: int, filter: RequestFilter = _EVERY_ROW) -> int:
        """How many rows that match come before a position: its place in the pages."""
        return await self._history.requests.count_before(self._view, filter, position)

    async def custom_ids(self, filter: RequestFilter = _EVERY_ROW) -> list[str]:
        """The custom_ids of all rows that match, in order."""
        return await self._history.requests.custom_ids(self._view, filter)

    async def positions(self, filter: RequestFilter = _EVERY_ROW) -> Sequence[int]:
        """The positions of all rows that match, in order."""
        return await self._history.requests.positions(self._view, filter)

    async def rows_at(self, positions: Sequence[int]) -> list[RequestRow]:
        """The rows at some positions, in order."""
        return await self._history.requests.rows(self._view, positions)

    async def spans_at(self, positions: Sequence[int]) -> list[Span]:
        """Where requests and answers at some positions lie in the files, in order."""
        return await self._history.requests.spans(self._view, positions)

    async def open(self, position: int) -> OpenedRequest:
        """One request with its answers, read from the files by offset.

        Raises:
            FileProblem: there is no such row, or a file changed or went away; open the results again.
        """
        found = await self._history.requests.places(self._view, position)
        if found is None:
            raise FileProblem(f"{self.record.id} has no row {position}.", hint="Open the results again.")
        row, request, answers = found
        wanted = [place for place in (request, *answers) if place is not None]

        def read() -> list[bytes]:
            from batchdeck.jsonl.read import read_row

            used = {place.file for place in wanted}
            for file in self._all_files():
                if file.id in used:
                    _require_unchanged(file)
            paths = self.paths()
            return [read_row(paths[place.file], place.offset, place.length) for place in wanted]

        bodies = await asyncio.to_thread(read)
        kinds = {file.id: file.kind for file in self._all_files()}
        whole = [
            Answer(
                kind=kinds[place.file],
                line=place.line,
                outcome=place.outcome or Outcome.OK,
                code=place.code,
                status_code=place.status_code,
                body=body,
            )
            for place, body in zip(wanted, bodies, strict=True)
            if place is not request
        ]
        return OpenedRequest(row, bodies[0] if request is not None else None, tuple(whole))

    async def find(
        self,
        text: str,
        *,
        start: int,
        backwards: bool = False,
        filter: RequestFilter = _EVERY_ROW,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> int | None:
        """The position of the next row whose custom_id, request or answer holds a text, or None.

        Lower-case text is found in any case. A whole custom_id leads to its request, even where other rows
        hold it as text. Past the last row the search goes on at the first.

        Args:
            text: What to look for.
            start: The position to begin at; it is looked at, too.
            backwards: Look towards the first row.

        Raises:
            FileProblem: a file went away.
            Interrupted: told to stop.
        """
        if not text:
            return None
        positions = await self._history.requests.positions(self._view, filter)
        if not positions:
            return None
        hits = self._hits.get(text)
        if hits is None:
            near = await self._find_near(text, positions, start, backwards, should_stop)
            if near is not None:
                return near
            hits = await self._history.requests.with_id(self._view, text)
            if not hits:
                hits = await self._all_hits(text, on_progress, should_stop)
        if not filter.is_empty:
            wanted = set(positions)
            hits = [position for position in hits if position in wanted]
        if not hits:
            return None
        place = bisect_right(hits, start) - 1 if backwards else bisect_left(hits, start)
        return hits[place % len(hits)]

    async def _find_near(
        self,
        text: str,
        positions: Sequence[int],
        start: int,
        backwards: bool,
        should_stop: ShouldStop | None,
    ) -> int | None:
        """Look through the rows next to the start, where a frequent text is found at once."""
        from batchdeck.services.row_search import Needles, RowReader, first_match

        if backwards:
            end = bisect_right(positions, start)
            some = positions[max(0, end - _NEAR_ROWS) : end]
        else:
            begin = bisect_left(positions, start)
            some = positions[begin : begin + _NEAR_ROWS]
        spans = await self._history.requests.spans(self._view, some)
        input_file = self.files.input.id if self.files.input is not None else None

        def look() -> int | None:
            with RowReader(self.paths()) as reader:
                ordered = spans[::-1] if backwards else spans
                return first_match(reader, input_file, ordered, Needles(text), should_stop)

        return await asyncio.to_thread(look)

    async def _all_hits(
        self, text: str, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> list[int]:
        """The positions of all rows with a text, from one pass over the files; the last searches are kept."""
        from batchdeck.services.row_search import Needles, RowReader

        needles = Needles(text)
        found: set[int] = set()
        for done, file in enumerate(self._all_files()):
            if on_progress is not None:
                on_progress(Progress(f"searching {self.record.id}", done, len(self._all_files())))
            if file.id not in self._offsets:
                self._offsets[file.id] = await self._history.requests.offsets(self._view, file.id)
            offsets, lengths, positions = self._offsets[file.id]

            def look(
                file: IndexedFile = file, offsets: Sequence[int] = offsets, lengths: Sequence[int] = lengths
            ) -> set[int]:
                _require_unchanged(file)
                with RowReader({file.id: Path(file.path)}) as reader:
                    return reader.rows_with(file.id, needles, offsets, lengths, should_stop)

            found |= {positions[row] for row in await asyncio.to_thread(look)}
        while len(self._hits) >= _KEPT_SEARCHES:
            del self._hits[next(iter(self._hits))]
        self._hits[text] = sorted(found)
        return self._hits[text]

    def _all_files(self) -> list[IndexedFile]:
        return [*([self.files.input] if self.files.input is not None else []), *self.files.results]

    def paths(self) -> dict[int, Path]:
        """The local files by the number that spans name them by."""
        return {file.id: Path(file.path) for file in self._all_files()}


def _require_unchanged(file: IndexedFile) -> None:
    """Refuse to read by offset from a file that is not the one that was indexed."""
    from batchdeck.jsonl.read import file_stat

    found = file_stat(Path(file.path))
    if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns):
        raise FileProblem(f"{file.path} changed since it was indexed.", hint="Open the results again.")
