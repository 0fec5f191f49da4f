"""From a request file to batches: plan and send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import BatchdeckError, FileProblem, UnsettledOperation
from batchdeck.models.batch import GROUP_KEY, PART_KEY
from batchdeck.models.operation import Operation, OperationKind, OperationState
from batchdeck.services.creation import Created
from batchdeck.services.disk import path_text
from batchdeck.services.job import Job
from batchdeck.services.open_operations import OpenOperations
from batchdeck.services.planning import CreatePlan, PlannedBatch, Planner

if TYPE_CHECKING:
    from batchdeck.models.lines import CheckReport
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.creation import Creation
    from batchdeck.services.room import Room

__all__ = ["CreatePlan", "Created", "PlannedBatch", "Submit"]


class Submit:
    """Creates batches from files, each exactly once."""

    def __init__(self, context: Context, creation: Creation, room: Room) -> None:
        self._context = context
        self._creation = creation
        self._journal = creation.journal
        self._room = room
        self._planner = Planner(context, creation.journal)
        self._open = OpenOperations(creation.journal)

    async def check(
        self,
        path: Path,
        *,
        endpoint: str | None = None,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> CheckReport:
        """Judge a request file by the profile's limits, in a thread; nothing is sent.

        Raises:
            FileProblem: it cannot be read.
            Interrupted: told to stop.
        """
        return await self._planner.check(
            path, endpoint=endpoint, on_progress=on_progress, should_stop=should_stop
        )

    async def plan(
        self,
        path: Path,
        *,
        endpoint: str | None = None,
        window: str | None = None,
        metadata: Mapping[str, str] | None = None,
        output_expires_after: int | None = None,
        split: bool = False,
        report: CheckReport | None = None,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> CreatePlan:
        """Say what a create would send; nothing is sent.

        Args:
            endpoint: What the file's requests must say; taken from the file when None.
            window: Completion window; the profile's when None.
            metadata: The user's pairs.
            output_expires_after: Seconds, 3,600 to 2,592,000.
            split: Make several batches of a file that is over the limits.
            report: A fresh check of the same file, so that it is not read again.

        Raises:
            UsageError: a value is out of bounds.
            InvalidInput: the file's requests would not be accepted.
            FileProblem: the file cannot be read, or changed since `report`.
            Interrupted: told to stop.
        """
        return await self._planner.plan(
            path,
            endpoint=endpoint,
            window=window,
            metadata=metadata or {},
            output_expires_after=output_expires_after,
            split=split,
            report=report,
            on_progress=on_progress,
            should_stop=should_stop,
        )

    async def create(
        self,
        plan: CreatePlan,
        *,
        wait_for_room: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> AsyncIterator[Created]:
        """Upload and create, one batch after the other, each journaled and made once.

        Every batch of the plan is in the journal before the first is sent, so that whoever comes after a
        kill knows what is still to do. `should_stop` is heeded until a create is on its way; the batches
        already made stay made.

        Args:
            wait_for_room: When the queue is full, wait in the journal and go when there is room.

        Raises:
            ReadOnly, FileProblem, Interrupted: nothing was made for the batch in hand.
            ServiceError: refused for certain; nothing was made.
            UnsettledOperation: it is not known whether a batch was made; the journal holds it.
        """
        self._context.refuse_when_read_only("creating a batch")
        jobs = [_job(plan, planned, wait_for_room) for planned in plan.batches]
        begun: list[tuple[Operation, bool]] = []
        try:
            await self._begin(plan, jobs, begun)
            while begun:
                operation, continued = begun.pop(0)
                if operation.state is OperationState.DONE:
                    yield await self._made_before(operation)
                    continue
                yield await self._room.bring(
                    operation, continued=continued, on_progress=on_progress, should_stop=should_stop
                )
        except UnsettledOperation:
            raise
        except BatchdeckError:
            await self._abandon(begun)
            raise
        finally:
            for operation, _ in begun:
                async with self._journal.hold(operation):
                    pass

    async def _begin(self, plan: CreatePlan, jobs: list[Job], begun: list[tuple[Operation, bool]]) -> None:
        """Add an operation for each batch to `begun`: one that was cut off earlier, else a new one."""
        size = await asyncio.to_thread(lambda: plan.path.stat().st_size if plan.path.is_file() else -1)
        if size != plan.report.bytes:
            raise FileProblem(
                f"{plan.path} has changed since it was checked; nothing was sent.", hint="Check it again."
            )
        earlier = await self._open.of_group(jobs) if len(jobs) > 1 else await self._open.of_jobs(jobs)
        for planned, job in zip(plan.batches, jobs, strict=True):
            operation = await self._open.resume(earlier.get(job.start), job)
            if operation is not None:
                begun.append((operation, True))
                continue
            group = next((Job.of(old.payload).group for old in earlier.values()), job.group)
            fresh = job.in_group(group)
            operation = await self._creation.begin(OperationKind.CREATE, planned.title, fresh)
            begun.append((operation, False))

    async def _made_before(self, operation: Operation) -> Created:
        """A part of a split file that an earlier run made."""
        batch_id = operation.batch_id or ""
        record = await self._context.history.batches.get(self._context.account_id, batch_id)
        batch = record.batch if record else await self._context.api.get_batch(batch_id)
        job = Job.of(operation.payload)
        return Created(
            batch=batch,
            operation_id=operation.id,
            input_file_id=operation.input_file_id or "",
            file=job.path,
            requests=job.requests,
            continued=True,
            words=f"{operation.title} was made before, as {batch.id}.",
        )

    async def _abandon(self, begun: list[tuple[Operation, bool]]) -> None:
        """Give up what was begun only as part of a whole that was stopped or refused."""
        for operation, _ in begun:
            if operation.state is OperationState.INTENT:
                await self._journal.step(
                    operation,
                    OperationState.ABANDONED,
                    note="the part before it was stopped or refused; nothing was sent",
                )


def _job(plan: CreatePlan, planned: PlannedBatch, wait_for_room: bool) -> Job:
    return Job(
        path=path_text(plan.path),
        name=plan.path.name,
        part=planned.metadata.get(PART_KEY, ""),
        start=planned.part.start,
        end=planned.part.end,
        sha256=planned.sha256,
        requests=planned.requests,
        endpoint=plan.endpoint,
        window=plan.window,
        metadata=dict(planned.metadata),
        output_expires_after=plan.output_expires_after,
        file_sha256=plan.report.sha256,
        group=planned.metadata.get(GROUP_KEY, ""),
        models=tuple(sorted(plan.report.models)),
        wait_for_room=wait_for_room,
    )
