"""Every request of a batch with its outcome, from the row index of its files."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import FileProblem, InputLost, ServiceError
from batchdeck.models.batch import Usage
from batchdeck.models.lines import Outcome
from batchdeck.models.progress import Progress
from batchdeck.models.requests import (
    Answer,
    OpenedRequest,
    RequestFilter,
    RequestPage,
    RequestTotals,
)

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch, BatchRecord
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.files import FileKind, Files
    from batchdeck.store.database import History
    from batchdeck.store.request_views import RequestView, Span
    from batchdeck.store.rows import IndexedFile

__all__ = ["BatchResults", "OpenedRequest", "RequestFilter", "RequestPage", "RequestTotals", "Results"]

_EVERY_ROW = RequestFilter()
_FIRST_SPANS = 200
"""Rows a search looks through at first, so that a near match is found at once."""
_SPANS = 2_000
_VIEW_VERSION = 1
"""Rises when the join is made in another way, so that old ones are not used any more."""


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
            paths = self._paths()
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

        Lower-case text is found in any case. Past the last row the search goes on at the first.

        Args:
            text: What to look for.
            start: The position to begin at; it is looked at, too.
            backwards: Look towards the first row.

        Raises:
            FileProblem: a file went away.
            Interrupted: told to stop.
        """
        from batchdeck.services.row_search import Needles, RowReader, first_match

        if not text:
            return None
        needles = Needles(text)
        rows = self._view.rows
        start = max(0, min(start, rows - 1))
        stretches = [(0, start + 1), (start + 1, rows)] if backwards else [(start, rows), (0, start)]
        input_file = self.files.input.id if self.files.input is not None else None
        done = 0

        def look(reader: RowReader, spans: list[Span]) -> int | None:
            return first_match(reader, input_file, spans, needles, should_stop)

        with await asyncio.to_thread(RowReader(self._paths()).__enter__) as reader:
            limit = _FIRST_SPANS
            for begin, end in stretches:
                while begin < end:
                    spans = await self._history.requests.spans(
                        self._view, filter, begin, end, limit=limit, backwards=backwards
                    )
                    limit = _SPANS
                    if not spans:
                        break
                    match = await asyncio.to_thread(look, reader, spans)
                    if match is not None:
                        return match
                    if backwards:
                        end = spans[-1].position
                    else:
                        begin = spans[-1].position + 1
                    done += len(spans)
                    if on_progress is not None:
                        on_progress(Progress(f"searching {self.record.id}", done, rows, "rows"))
        return None

    def _all_files(self) -> list[IndexedFile]:
        return [*([self.files.input] if self.files.input is not None else []), *self.files.results]

    def _paths(self) -> dict[int, Path]:
        return {file.id: Path(file.path) for file in self._all_files()}


class Results:
    """Indexes a batch's files when they are first asked for."""

    def __init__(self, context: Context, files: Files) -> None:
        self._context = context
        self._files = files
        self._locks: dict[str, asyncio.Lock] = {}

    async def open(
        self,
        batch_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> BatchResults:
        """Fetch what is not here yet, index what is not indexed yet, and hand out the requests.

        A batch that has not ended shows its requests as pending; one without an input left shows its result
        rows.

        Raises:
            NotFound: no such batch.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: a file could not be fetched or read.
        """
        from batchdeck.jsonl.result import unanswered

        async with self._locks.setdefault(batch_id, asyncio.Lock()):
            files = await self._indexed(batch_id, True, on_progress, should_stop)
            history, status = self._context.history, files.record.batch.status
            nothing = unanswered(None, status)
            used = [file.id if file is not None else 0 for file in (files.input, files.output, files.errors)]
            signature = "|".join(map(str, (_VIEW_VERSION, *used, "active" if status.is_active else status)))
            view = await history.requests.find(self._context.account_id, batch_id, signature)
            if view is None:
                if on_progress is not None:
                    on_progress(Progress(f"joining the answers of {batch_id}"))
                view = await history.requests.build(
                    self._context.account_id,
                    batch_id,
                    signature,
                    input_file=files.input.id if files.input else None,
                    output_file=files.output.id if files.output else None,
                    error_file=files.errors.id if files.errors else None,
                    nothing=(nothing.outcome, nothing.code, nothing.retryable),
                    at=self._context.clock.now(),
                )
            else:
                await history.rows.touch([file for file in used if file], self._context.clock.now())
            totals = await self._totals(files, view, nothing.message)
            return BatchResults(history, files, view, totals)

    async def indexed(
        self,
        batch_id: str,
        *,
        needs_input: bool,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> IndexedFiles:
        """The batch's files, fetched and indexed; the input only where it is needed.

        Raises:
            NotFound: no such batch.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: a file could not be fetched or read.
        """
        async with self._locks.setdefault(batch_id, asyncio.Lock()):
            return await self._indexed(batch_id, needs_input, on_progress, should_stop)

    async def record(self, batch_id: str) -> BatchRecord:
        """A batch from the history, else from the service.

        Raises:
            NotFound: neither knows it.
            ServiceError: the service could not be asked.
        """
        context = self._context
        record = await context.history.batches.get(context.account_id, batch_id)
        if record is None:
            await context.note_batches([await context.api.get_batch(batch_id)])
            record = await context.history.batches.get(context.account_id, batch_id)
            if record is None:
                raise FileProblem(f"The history does not hold {batch_id} although it was just stored.")
        return record

    async def _indexed(
        self,
        batch_id: str,
        needs_input: bool,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> IndexedFiles:
        record = await self.record(batch_id)
        batch = record.batch
        files = IndexedFiles(record, None, None, None, None)
        if needs_input:
            try:
                found = await self._index(batch, "input", on_progress, should_stop)
                problem = None if found is not None else "The service names no input file for this batch."
                files = replace(files, input=found, input_problem=problem)
            except (InputLost, ServiceError) as error:
                files = replace(files, input_problem=error.sentence)
        return replace(
            files,
            output=await self._index(batch, "output", on_progress, should_stop),
            errors=await self._index(batch, "errors", on_progress, should_stop),
        )

    async def _index(
        self,
        batch: Batch,
        kind: FileKind,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> IndexedFile | None:
        from batchdeck.services.row_indexing import indexed_file

        file_id = {
            "input": batch.input_file_id,
            "output": batch.output_file_id,
            "errors": batch.error_file_id,
        }[kind]
        if not file_id:
            return None
        path = await self._files.local(batch, kind, on_progress=on_progress, should_stop=should_stop)
        if path is None:
            return None
        return await indexed_file(
            self._context, file_id, kind, path, on_progress=on_progress, should_stop=should_stop
        )

    async def _totals(self, files: IndexedFiles, view: RequestView, missing_words: str) -> RequestTotals:
        groups = await self._context.history.requests.groups(view)
        outcomes: Counter[Outcome] = Counter()
        for group in groups:
            outcomes[group.outcome] += group.count
        failed = [
            replace(group, message=group.message or missing_words)
            if group.outcome is Outcome.MISSING
            else group
            for group in groups
            if group.outcome is not Outcome.OK
        ]
        failed.sort(key=lambda group: (-group.count, group.code, group.outcome, not group.retryable))
        by_outcome: Mapping[Outcome, int] = dict(outcomes)
        return RequestTotals(
            requests=view.requests,
            rows=view.rows,
            outcomes=by_outcome,
            groups=tuple(failed),
            torn_lines=sum(file.torn for file in files.results),
            repeated_ids=view.repeated_ids,
            unknown_rows=view.unknown_rows,
            nameless_rows=sum(file.nameless for file in files.results),
            nameless_requests=files.input.nameless if files.input is not None else 0,
            output_rows=files.output.rows if files.output is not None else 0,
            error_rows=files.errors.rows if files.errors is not None else 0,
        )


def _require_unchanged(file: IndexedFile) -> None:
    """Refuse to read by offset from a file that is not the one that was indexed."""
    from batchdeck.jsonl.read import file_stat

    found = file_stat(Path(file.path))
    if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns):
        raise FileProblem(f"{file.path} changed since it was indexed.", hint="Open the results again.")
