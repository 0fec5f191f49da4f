"""Why requests of a batch failed, in groups."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from batchdeck.errors import InputLost, ServiceError
from batchdeck.models.lines import FailureGroup, FailureReport, Outcome
from batchdeck.models.requests import RequestFilter
from batchdeck.services.failure_notes import notes_on

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.models.requests import RequestPage
    from batchdeck.services.batch_results import BatchResults
    from batchdeck.services.context import Context
    from batchdeck.services.results import Results

__all__ = ["Exported", "FailureGroup", "FailureReport", "Failures", "RefusedLine"]

_LINE_CHARACTERS = 2_000
"""Of a refused line that are shown."""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """One reason why the service refused a whole file."""

    code: str
    message: str
    line: int | None
    """Line of the input, from 1, or None when it is about the whole file."""
    text: str | None
    """The line itself, at most 2,000 characters, or None when the input is lost or has no such line."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A group written to a file."""

    path: Path
    rows: int
    bytes: int


class Failures:
    """Groups what failed."""

    def __init__(self, context: Context, results: Results) -> None:
        self._context = context
        self._results = results

    async def report(
        self,
        batch_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> FailureReport:
        """What the batch's files say, grouped by failure code, largest first.

        Raises:
            NotFound: no such batch.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: a file could not be fetched or read.
        """
        from batchdeck.jsonl.result import why

        results = await self._results.open(batch_id, on_progress=on_progress, should_stop=should_stop)
        totals = results.totals
        groups = tuple(
            FailureGroup(
                code=group.code,
                outcome=group.outcome,
                count=group.count,
                retryable=group.retryable,
                why=why(group.outcome, group.status_code, group.code, retryable=group.retryable),
                message=group.message,
                custom_ids=group.custom_ids,
                share=group.count / totals.requests if totals.requests else 0.0,
            )
            for group in totals.groups
            if group.outcome is not Outcome.PENDING
        )
        return FailureReport(
            batch_id=batch_id,
            requests=totals.requests,
            ok=totals.outcomes.get(Outcome.OK, 0),
            groups=groups,
            notes=tuple(notes_on(results.record.batch, totals, results.input_problem)),
            torn_lines=totals.torn_lines,
            repeated_ids=totals.repeated_ids,
            unknown_ids=totals.unknown_rows,
        )

    async def refused_lines(
        self,
        batch_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> tuple[RefusedLine, ...]:
        """For a batch that failed validation: its errors, each with its own line from the input.

        Raises:
            NotFound: no such batch.
        """
        batch = (await self._results.record(batch_id)).batch
        wanted = {error.line for error in batch.errors if error.line is not None}
        texts = await self._lines(batch, wanted, on_progress, should_stop) if wanted else {}
        return tuple(
            RefusedLine(
                code=error.code,
                message=error.message,
                line=error.line,
                text=texts.get(error.line) if error.line is not None else None,
            )
            for error in batch.errors
        )

    async def members(self, batch_id: str, group: FailureGroup, offset: int, limit: int) -> RequestPage:
        """Some requests of a group, in the input's order.

        Raises:
            NotFound, ServiceError, IncompleteDownload, FileProblem: as for `report`.
        """
        results = await self._results.open(batch_id)
        return await results.page(offset, limit, members_of(group))

    async def custom_ids(self, batch_id: str, groups: Collection[FailureGroup]) -> list[str]:
        """All custom_ids of some groups, in the input's order.

        Raises:
            NotFound, ServiceError, IncompleteDownload, FileProblem: as for `report`.
        """
        results = await self._results.open(batch_id)
        rows = await results.rows_at(await _positions(results, groups))
        return [row.custom_id for row in rows if row.custom_id is not None]

    async def export(
        self,
        batch_id: str,
        groups: Collection[FailureGroup],
        to: Path,
        *,
        format: Literal["jsonl", "csv"] = "jsonl",
        force: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Exported:
        """Write the requests of some groups with why they failed.

        JSONL rows hold custom_id, outcome, code, status_code, message, request and answer; CSV rows all but
        the last two.

        Args:
            to: The file to write; it appears whole or not at all.
            force: Replace a file of that name.

        Raises:
            TargetExists: a file of that name stands there, and not `force`.
            FileProblem, Interrupted: it could not be written.
        """
        from batchdeck.services.disk import write_whole
        from batchdeck.services.failure_export import write_rows

        results = await self._results.open(batch_id, on_progress=on_progress, should_stop=should_stop)
        positions = await _positions(results, groups)
        rows = await results.rows_at(positions)
        spans = await results.spans_at(positions) if format == "jsonl" else None

        def work() -> int:
            return write_whole(
                lambda out: write_rows(out, rows, spans, results, on_progress, should_stop),
                to,
                replace=force,
            )

        return Exported(to, len(rows), await asyncio.to_thread(work))

    async def _lines(
        self,
        batch: Batch,
        wanted: set[int],
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> dict[int, str]:
        """The text of some lines of the input; empty where no copy of it can be had."""
        try:
            path = await self._results.local_input(batch, on_progress=on_progress, should_stop=should_stop)
        except (InputLost, ServiceError):
            return {}
        if path is None:
            return {}
        return await asyncio.to_thread(_read_lines, path, wanted, should_stop)


def members_of(group: FailureGroup) -> RequestFilter:
    """The filter that shows exactly the requests of a group."""
    return RequestFilter(
        outcomes=frozenset({group.outcome}),
        code=group.code,
        retryable=group.retryable,
        requests_only=True,
    )


async def _positions(results: BatchResults, groups: Iterable[FailureGroup]) -> Sequence[int]:
    found: set[int] = set()
    for group in groups:
        found.update(await results.positions(members_of(group)))
    return sorted(found)


def _read_lines(path: Path, wanted: set[int], should_stop: ShouldStop | None) -> dict[int, str]:
    from batchdeck.jsonl.read import read_blocks

    found: dict[int, str] = {}
    last = max(wanted)
    for number, _, lines, skipped in read_blocks(path, should_stop=should_stop):
        for line in range(number, number + len(lines)):
            if line in wanted:
                raw = lines[line - number].removesuffix(b"\r")
                found[line] = raw[: 4 * _LINE_CHARACTERS].decode("utf-8", "replace")[:_LINE_CHARACTERS]
        if number + max(len(lines), 1 if skipped else 0) > last:
            break
    return found
