"""One file with one row for every request, over all runs of a lineage."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from batchdeck.errors import InputLost, NotFound
from batchdeck.services.disk import write_whole
from batchdeck.services.lineage import members_of, roots_of
from batchdeck.services.names import safe_stem

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch, BatchStatus
    from batchdeck.models.lines import MergeSummary
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.files import FileKind, Files


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged file that stands whole under its name."""

    path: Path
    summary: MergeSummary
    batch_ids: tuple[str, ...]
    """The batches whose files went in, oldest first."""
    notes: tuple[str, ...] = ()
    """What a person should know: a batch that has not ended, an input that is lost."""


class Merge:
    """Merges a batch's answers with those of its retries and of the other parts of a split file."""

    def __init__(self, context: Context, files: Files) -> None:
        self._context = context
        self._files = files

    async def merged(
        self,
        batch_id: str,
        folder: Path,
        *,
        format: Literal["jsonl", "csv"] = "jsonl",
        raw: bool = False,
        join: tuple[Path, str] | None = None,
        force: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Merged:
        """Write `<batch id>_merged.jsonl` or `.csv` into a folder.

        Args:
            batch_id: Any batch of the lineage or of the split group.
            folder: Where the file goes.
            raw: In a CSV, do not make cells safe for spreadsheets.
            join: A table, and a template such as `comment-{id}` that gives a row's custom_id.
            force: Replace another file of that name; the same content is left as it is.

        Raises:
            NotFound: no such batch.
            TargetExists: another file stands there, and not `force`.
            InvalidInput: the table or the template does not fit.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: it could not be fetched or written.
        """
        context = self._context
        record = await context.history.batches.get(context.account_id, batch_id)
        if record is None:
            await context.note_batches([await context.api.get_batch(batch_id)])
        roots = await roots_of(context, batch_id)
        members = await members_of(context, self._files, roots)
        notes = [
            f"{batch.id} has not ended: its requests without an answer are pending."
            for batch in members
            if batch.status.is_active
        ]
        inputs = await self._inputs(roots, notes, on_progress, should_stop)
        runs = [await self._run(batch, notes, on_progress, should_stop) for batch in members]
        target = folder / f"{safe_stem(batch_id)}_merged.{format}"

        def work() -> MergeSummary:
            from batchdeck.jsonl.merge import Join, RunFiles, merge

            return write_whole(
                lambda out: merge(
                    inputs,
                    [RunFiles(*run) for run in runs],
                    out,
                    format=format,
                    raw=raw,
                    join=Join(*join) if join else None,
                    on_progress=on_progress,
                    should_stop=should_stop,
                ),
                target,
                replace=force,
            )

        summary = await asyncio.to_thread(work)
        return Merged(target, summary, tuple(batch.id for batch in members), (*notes, *summary.notes))

    async def _inputs(
        self,
        roots: list[Batch],
        notes: list[str],
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> list[Path] | None:
        """The request files, or None when one of them is lost."""
        paths = []
        for root in roots:
            try:
                path = await self._files.local(
                    root, "input", on_progress=on_progress, should_stop=should_stop
                )
            except InputLost as lost:
                notes.append(
                    f"{lost.sentence} The rows are in the order of the results, and none is missing."
                )
                return None
            if path is not None:
                paths.append(path)
        return paths or None

    async def _run(
        self,
        batch: Batch,
        notes: list[str],
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> tuple[str, BatchStatus, tuple[Path, ...], Path | None]:
        """A batch and its files, whichever are there."""
        results: list[Path] = []
        own_input: Path | None = None
        try:
            if batch.status.is_active:
                own_input = await self._files.local(
                    batch, "input", on_progress=on_progress, should_stop=should_stop
                )
            else:
                for kind in _RESULTS:
                    path = await self._files.local(
                        batch, kind, on_progress=on_progress, should_stop=should_stop
                    )
                    if path is not None:
                        results.append(path)
        except (NotFound, InputLost) as gone:
            notes.append(f"{batch.id}: {gone.sentence}")
        return batch.id, batch.status, tuple(results), own_input


_RESULTS: tuple[FileKind, ...] = ("output", "errors")
