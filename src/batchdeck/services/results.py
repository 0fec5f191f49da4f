"""Every request of a batch with its outcome, from the row index of its files."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from batchdeck.errors import FileProblem, InputLost, ServiceError
from batchdeck.models.lines import Outcome
from batchdeck.models.progress import Progress
from batchdeck.models.requests import OpenedRequest, RequestFilter, RequestPage, RequestTotals
from batchdeck.services.batch_results import BatchResults, IndexedFiles

if TYPE_CHECKING:
    from pathlib import Path

    from batchdeck.models.batch import Batch, BatchRecord
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.files import FileKind, Files
    from batchdeck.store.request_views import RequestView
    from batchdeck.store.rows import IndexedFile

__all__ = [
    "BatchResults",
    "IndexedFiles",
    "OpenedRequest",
    "RequestFilter",
    "RequestPage",
    "RequestTotals",
    "Results",
]

_VIEW_VERSION = 1
"""Rises when the join is made in another way, so that old ones are not used any more."""


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

    async def local_input(
        self,
        batch: Batch,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Path | None:
        """A local copy of a batch's input, or None when the service names none.

        Raises:
            InputLost: no copy is left.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: it could not be fetched.
        """
        if not batch.input_file_id:
            return None
        return await self._files.local(batch, "input", on_progress=on_progress, should_stop=should_stop)

    async def indexed_input(
        self,
        batch: Batch,
        *,
        only_local: bool,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> IndexedFile | None:
        """The index of a batch's input, or None when there is none.

        Args:
            only_local: Do not fetch it from the service; None is returned instead.

        Raises:
            InputLost: no copy is left.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: it could not be fetched or read.
        """
        from batchdeck.services.row_indexing import indexed_file

        if only_local and await self._files.cached(batch, "input") is None:
            return None
        path = await self.local_input(batch, on_progress=on_progress, should_stop=should_stop)
        if path is None or not batch.input_file_id:
            return None
        async with self._locks.setdefault(batch.id, asyncio.Lock()):
            return await indexed_file(
                self._context,
                batch.input_file_id,
                "input",
                path,
                on_progress=on_progress,
                should_stop=should_stop,
            )

    @property
    def local_files(self) -> Files:
        """Where the files come from."""
        return self._files

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
