"""What a create would send, found out without sending anything."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import FileProblem, InvalidInput, UsageError
from batchdeck.models.batch import GROUP_KEY, PART_KEY
from batchdeck.models.lines import Part
from batchdeck.services.digest import digest_file
from batchdeck.services.metadata import check_pairs
from batchdeck.services.open_operations import MAKERS

if TYPE_CHECKING:
    from batchdeck.models.lines import CheckReport
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.journal import Journal

MIN_OUTPUT_EXPIRY = 3_600
MAX_OUTPUT_EXPIRY = 2_592_000
"""Seconds, as the service allows them."""


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """One batch that a plan would make."""

    part: Part
    """Which bytes of the file make its input."""
    sha256: str
    """Of exactly those bytes."""
    metadata: Mapping[str, str]
    """All pairs but `batchdeck_op`, which the operation adds."""
    title: str
    """The file's name, with the part's place when there are several."""

    @property
    def requests(self) -> int:
        """Number of requests."""
        return self.part.requests

    @property
    def bytes(self) -> int:
        """Length of its input."""
        return self.part.bytes


@dataclass(frozen=True, slots=True)
class CreatePlan:
    """What a create would send; making one sends nothing."""

    path: Path
    report: CheckReport
    endpoint: str
    window: str
    metadata: Mapping[str, str]
    """The user's own pairs."""
    output_expires_after: int | None
    """Seconds, or None."""
    batches: tuple[PlannedBatch, ...]
    warnings: tuple[str, ...] = ()
    """Sentences worth reading before sending."""
    continues: tuple[str, ...] = ()
    """Ids of unsettled operations of the same file that creating finishes instead of starting others."""

    @property
    def requests(self) -> int:
        """Requests of all batches together."""
        return sum(batch.requests for batch in self.batches)


class Planner:
    """Makes plans of creates."""

    def __init__(self, context: Context, journal: Journal) -> None:
        self._context = context
        self._journal = journal

    async def check(
        self,
        path: Path,
        *,
        endpoint: str | None,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> CheckReport:
        """Judge a request file by the profile's limits, in a thread."""
        from batchdeck.jsonl.check import check_file

        return await asyncio.to_thread(
            check_file,
            path,
            self._context.profile.limits,
            endpoint=endpoint,
            on_progress=on_progress,
            should_stop=should_stop,
        )

    async def plan(
        self,
        path: Path,
        *,
        endpoint: str | None,
        window: str | None,
        metadata: Mapping[str, str],
        output_expires_after: int | None,
        split: bool,
        report: CheckReport | None,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> CreatePlan:
        """A plan, or the reason why there is none; see `Submit.plan`."""
        path = await asyncio.to_thread(path.absolute)
        check_expiry(output_expires_after)
        if report is None:
            report = await self.check(
                path, endpoint=endpoint, on_progress=on_progress, should_stop=should_stop
            )
        splits = split and not report.is_valid and report.is_valid_when_split
        check_pairs(metadata, own=3 if splits else 1)
        if not report.is_valid and not splits:
            raise refusal(report)
        parts = report.parts if splits or report.parts else (Part(0, report.bytes, report.requests, 1),)
        hashes = await asyncio.to_thread(_hashes, path, report, parts, on_progress, should_stop)
        group = uuid.uuid4().hex if splits else ""
        batches = tuple(
            _planned(path, part, sha256, metadata, group, place, len(parts))
            for place, (part, sha256) in enumerate(zip(parts, hashes, strict=True), 1)
        )
        chosen = endpoint or report.endpoint
        warnings, continues = await self._earlier(path, report, chosen, batches)
        return CreatePlan(
            path=path,
            report=report,
            endpoint=chosen,
            window=window or self._context.profile.completion_window,
            metadata=dict(metadata),
            output_expires_after=output_expires_after,
            batches=batches,
            warnings=tuple(warnings),
            continues=tuple(continues),
        )

    async def _earlier(
        self, path: Path, report: CheckReport, endpoint: str, batches: tuple[PlannedBatch, ...]
    ) -> tuple[list[str], list[str]]:
        """What was already done with the same bytes."""
        warnings: list[str] = []
        if report.warning_count:
            warnings.append(f"{report.warning_count:,} lines of {path.name} have warnings.")
        hashes = {batch.sha256 for batch in batches}
        continues: list[str] = []
        for operation in await self._journal.unsettled():
            is_same = (
                operation.kind in MAKERS
                and operation.payload.get("sha256") in hashes
                and operation.payload.get("endpoint") == endpoint
            )
            if not is_same:
                continue
            if await self._is_being_sent(operation):
                warnings.append(
                    f"{path.name} is being sent right now; creating it makes another batch of it."
                )
            else:
                continues.append(operation.id)
        if continues:
            warnings.append(
                f"An earlier create of {path.name} was cut off; it is finished instead of starting another."
            )
            return warnings, continues
        account_id, history = self._context.account_id, self._context.history
        made: list[str] = []
        for sha256 in hashes:
            for known in await history.inputs.of_sha256(account_id, sha256):
                records = await history.batches.by_input(account_id, known.input_file_id)
                made.extend(record.id for record in records)
        if made:
            more = f" and {len(made) - 1} more" if len(made) > 1 else ""
            warnings.append(
                f"{path.name} was sent before, as {made[0]}{more}; sending it again is paid again."
            )
        return warnings, continues

    async def _is_being_sent(self, operation: Operation) -> bool:
        """True when a living process works on an operation."""
        taken = await self._journal.take(operation.id)
        if taken is None:
            return True
        async with self._journal.hold(taken):
            return False


def check_expiry(seconds: int | None) -> None:
    """Refuse an output expiry that the service would refuse.

    Raises:
        UsageError: it is out of bounds.
    """
    if seconds is not None and not MIN_OUTPUT_EXPIRY <= seconds <= MAX_OUTPUT_EXPIRY:
        raise UsageError(
            f"The output can expire after {MIN_OUTPUT_EXPIRY:,} to {MAX_OUTPUT_EXPIRY:,} seconds,"
            f" not {seconds:,}; nothing was sent."
        )


def refusal(report: CheckReport) -> InvalidInput:
    """The error for a file that is not sent."""
    name = Path(report.path).name
    first = next((problem for problem in report.problems if problem.is_error), None)
    where = f"line {first.line}: " if first is not None and first.line else ""
    what = f" ({where}{first.message.rstrip('.')})" if first is not None else ""
    many = f"{report.error_count:,} errors" if report.error_count != 1 else "an error"
    hint = f"`batchdeck check {name}` lists them." if report.error_count != 1 else None
    if report.is_valid_when_split:
        hint = f"With --split it becomes {len(report.parts)} batches."
    return InvalidInput(f"{name} has {many}{what}; nothing was sent.", hint=hint)


def _planned(
    path: Path,
    part: Part,
    sha256: str,
    metadata: Mapping[str, str],
    group: str,
    place: int,
    count: int,
) -> PlannedBatch:
    pairs = dict(metadata)
    title = path.name
    if group:
        pairs |= {GROUP_KEY: group, PART_KEY: f"{place}/{count}"}
        title = f"{path.name} {place}/{count}"
    return PlannedBatch(part, sha256, pairs, title)


def _hashes(
    path: Path,
    report: CheckReport,
    parts: tuple[Part, ...],
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> list[str]:
    """The SHA-256 of each part, once the file is sure to be the one that was checked."""
    try:
        found = path.stat()
    except OSError:
        found = None
    if found is None or found.st_size != report.bytes or found.st_mtime_ns != report.mtime_ns:
        raise FileProblem(
            f"{path} has changed since it was checked; nothing was sent.", hint="Check it again."
        )
    if len(parts) == 1 and (parts[0].start, parts[0].end) == (0, report.bytes):
        return [report.sha256]
    return [
        digest_file(
            path, start=part.start, end=part.end, on_progress=on_progress, should_stop=should_stop
        ).sha256
        for part in parts
    ]
