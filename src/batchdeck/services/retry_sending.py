"""Write what a retry sends again, and send it, unless a retry that was cut off already did."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import NothingToRetry, UnsettledOperation, UsageError
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.services.disk import make_private_folder, path_text
from batchdeck.services.job import Job
from batchdeck.services.joint_retry import endpoint_in
from batchdeck.services.metadata import window_of
from batchdeck.services.names import safe_stem, shown_name
from batchdeck.services.open_operations import MAKERS, OpenOperations
from batchdeck.services.sending import is_watching

if TYPE_CHECKING:
    from batchdeck.jsonl.retry_set import WrittenRetry
    from batchdeck.models.batch import Batch
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.creation import Created, Creation
    from batchdeck.services.retry_plan import RetryPlan
    from batchdeck.services.room import Room


class RetrySending:
    """Makes the new file of a retry and takes it to its batch."""

    def __init__(self, context: Context, creation: Creation, room: Room, *, outbox_dir: Path) -> None:
        self._context = context
        self._creation = creation
        self._journal = creation.journal
        self._room = room
        self._outbox_dir = outbox_dir
        self._open = OpenOperations(creation.journal)

    async def earlier(self, batch_id: str) -> list[Operation]:
        """Unsettled operations that send requests of a batch again."""
        return [
            operation
            for operation in await self._journal.unsettled()
            if operation.kind in MAKERS and batch_id in Job.of(operation.payload).retries
        ]

    async def write(
        self,
        plan: RetryPlan,
        codes: Collection[str] | None,
        include_all: bool,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> WrittenRetry:
        """The chosen requests as a new file, byte for byte."""
        from batchdeck.jsonl.retry_set import write_retry

        if plan.input_path is None or plan.retry_set is None:
            raise NothingToRetry(
                f"Batch {plan.batch.id} failed for want of room; it is sent again by itself."
            )
        return await asyncio.to_thread(
            write_retry,
            plan.input_path,
            plan.retry_set,
            self.new_file(plan.batch),
            codes=codes,
            include_all=include_all,
            on_progress=on_progress,
            should_stop=should_stop,
        )

    def new_file(self, batch: Batch) -> Path:
        make_private_folder(self._outbox_dir)
        return self._outbox_dir / f"{safe_stem(batch.id)}-retry-{secrets.token_hex(4)}.jsonl"

    async def send(
        self,
        plans: Sequence[RetryPlan],
        written: WrittenRetry,
        metadata: Mapping[str, str],
        wait_for_room: bool,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> Created:
        batch = plans[0].batch
        path = Path(written.path)
        job = Job(
            path=path_text(path),
            name=await self._name(plans),
            start=0,
            end=written.bytes,
            sha256=written.sha256,
            requests=written.requests,
            endpoint=batch.endpoint or await asyncio.to_thread(endpoint_in, path),
            window=window_of(batch, self._context.profile.completion_window),
            metadata=dict(metadata),
            models=(batch.model,) if batch.model else (),
            retries=tuple(plan.batch.id for plan in plans),
            by_code=dict(written.by_code),
            is_temporary=True,
            wait_for_room=wait_for_room,
        )
        try:
            earlier = await self._resume_or_supersede(job)
            operation = earlier or await self._creation.begin(OperationKind.RETRY, job.name, job)
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        created = await self._room.bring(
            operation, continued=earlier is not None, on_progress=on_progress, should_stop=should_stop
        )
        if earlier is not None:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return created

    async def _resume_or_supersede(self, job: Job) -> Operation | None:
        """An earlier retry of the same requests to go on with; others of these batches are given up.

        Only what certainly made no batch is given up.
        """
        resumed: Operation | None = None
        for batch_id in job.retries:
            for operation in await self.earlier(batch_id):
                if resumed is not None and operation.id == resumed.id:
                    continue
                if operation.state is OperationState.WAITING and is_watching(operation):
                    continue
                same = Job.of(operation.payload)
                if resumed is None and (same.sha256, same.endpoint) == (job.sha256, job.endpoint):
                    resumed = await self._open.resume(operation, job)
                    if resumed is not None:
                        continue
                await self._supersede(operation, batch_id)
        return resumed

    async def _supersede(self, operation: Operation, batch_id: str) -> None:
        taken = await self._journal.take(operation.id)
        if taken is None:
            raise UsageError(f"Another process retries {batch_id} right now; nothing was sent.")
        if taken.state is OperationState.SENDING:
            made = await self._creation.look(taken)
            if made is not None:
                raise UnsettledOperation(
                    f"An earlier retry of {batch_id} was made, as {made.batch.id}; nothing was sent.",
                    operation_id=taken.id,
                    hint="Retry again: what it holds is left out then.",
                )
        await self._journal.step(
            taken, OperationState.ABANDONED, note="another retry of the same batch took its place"
        )
        await self._creation.clear_away(Job.of(taken.payload))

    async def _name(self, plans: Sequence[RetryPlan]) -> str:
        """What the new file is called: after the input it comes from."""
        batch = plans[0].batch
        record = await self._context.history.batches.get(self._context.account_id, batch.id)
        known = record.input_name if record is not None else None
        stem = Path(shown_name(known)).stem if known else batch.id
        stem = stem.removesuffix("-retry")
        more = f"-and-{len(plans) - 1}-more" if len(plans) > 1 else ""
        return f"{stem}{more}-retry.jsonl"
