"""Operations that were cut off and that a new create of the same bytes continues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchdeck.models.batch import GROUP_KEY, PART_KEY
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.services.job import Job
from batchdeck.services.sending import is_watching

if TYPE_CHECKING:
    from batchdeck.models.operation import Operation
    from batchdeck.services.journal import Journal

MAKERS = frozenset({OperationKind.CREATE, OperationKind.RETRY})
"""Kinds of operation that make a batch."""
_NOTHING_SENT = frozenset({OperationState.INTENT, OperationState.UPLOADING, OperationState.UPLOADED})
_LOOK_BACK = 1_000
"""Operations among which the parts of a split file are looked for."""


class OpenOperations:
    """Finds operations that a new create of the same bytes continues."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def unsettled_of(self, job: Job) -> list[Operation]:
        """Unsettled operations of the same bytes and endpoint that no task of this process works on."""
        return [
            operation
            for operation in await self._journal.unsettled()
            if _is_about(operation, job) and not self._journal.is_held(operation.id)
        ]

    async def of_jobs(self, jobs: Sequence[Job]) -> dict[int, Operation]:
        """For each job the oldest operation to continue, by the first byte of its part."""
        found: dict[int, Operation] = {}
        for job in jobs:
            for operation in await self.unsettled_of(job):
                found.setdefault(job.start, operation)
        return found

    async def of_group(self, jobs: Sequence[Job]) -> dict[int, Operation]:
        """The operations of an earlier split of the same file, made or open, by the first byte of the part.

        Empty when none of them is open: then the file is sent anew.
        """
        open_ones = await self.of_jobs(jobs)
        groups = {Job.of(operation.payload).group for operation in open_ones.values()} - {""}
        if not groups:
            return {}
        group = sorted(groups)[0]
        found: dict[int, Operation] = {}
        for operation in await self._journal.recent(limit=_LOOK_BACK):
            if operation.kind not in MAKERS:
                continue
            job = Job.of(operation.payload)
            is_useful = operation.state is OperationState.DONE or not operation.state.is_settled
            if job.group == group and is_useful:
                found.setdefault(job.start, operation)
        return found

    async def resume(self, operation: Operation | None, job: Job) -> Operation | None:
        """Take over an earlier operation for a job, or None when it cannot be had.

        Before anything was sent for it, it takes on what is asked for now; a DONE one is given back as it is.
        """
        if operation is None or operation.state is OperationState.DONE:
            return operation
        taken = await self._journal.take(operation.id)
        if taken is None:
            return None
        old = Job.of(taken.payload)
        nothing_sent = taken.state in _NOTHING_SENT or (
            taken.state is OperationState.WAITING and not is_watching(taken)
        )
        changes: dict[str, object] = {}
        if nothing_sent:
            own = dict(old.metadata) if old.retries else _grouping(old)
            changes = {
                "path": job.path,
                "name": job.name,
                "start": job.start,
                "end": job.end,
                "is_temporary": job.is_temporary,
                "window": job.window,
                "metadata": {**job.metadata, **own},
                "output_expires_after": job.output_expires_after,
            }
        changes["wait_for_room"] = job.wait_for_room or old.wait_for_room
        return await self._journal.step(
            taken, taken.state, note="taken up again by a create of the same file", payload=changes
        )


def _is_about(operation: Operation, job: Job) -> bool:
    payload = operation.payload
    return (
        operation.kind in MAKERS
        and payload.get("sha256") == job.sha256
        and payload.get("endpoint") == job.endpoint
    )


def _grouping(job: Job) -> dict[str, str]:
    """The pairs that tie the parts of a split file together."""
    return {key: job.metadata[key] for key in (GROUP_KEY, PART_KEY) if key in job.metadata}
