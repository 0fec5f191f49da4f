"""Batches that wait for room in the service's queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from batchdeck.errors import ServiceError, UnsettledOperation, UsageError
from batchdeck.models.batch import RETRY_KEY
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.models.progress import Progress
from batchdeck.services.job import Job
from batchdeck.services.metadata import carried, window_of
from batchdeck.services.open_operations import MAKERS
from batchdeck.services.pulse import stop_when_told
from batchdeck.services.search import PASSING
from batchdeck.services.sending import NO_ROOM_CODE, is_out_of_room, is_watching

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.creation import Created, Creation

__all__ = ["NO_ROOM_CODE", "Room", "is_out_of_room", "is_watching"]

_FIRST_WAIT = 30.0
_LONGEST_WAIT = 600.0
"""Seconds between two tries when no batch ends."""
_LOOK_EVERY = 10.0
"""Seconds between two looks at the batches that hold the queue."""


class Room:
    """Sends waiting operations when earlier batches end, oldest first in each model's queue."""

    def __init__(self, context: Context, creation: Creation) -> None:
        self._context = context
        self._creation = creation
        self._holding: dict[str, frozenset[str]] = {}
        """Active batches when an operation was last tried, by the operation's id."""

    async def waiting(self) -> list[Operation]:
        """Operations that wait for room, oldest first."""
        return [
            operation
            for operation in await self._creation.journal.unsettled()
            if operation.state is OperationState.WAITING
        ]

    async def next_try_at(self) -> datetime | None:
        """When a waiting operation is next tried though no batch ends, UTC; None when none waits."""
        times = [_due_at(operation) for operation in await self.waiting() if not is_watching(operation)]
        return min(times, default=None)

    async def tick(
        self,
        *,
        only: Collection[str] | None = None,
        on_progress: OnProgress | None = None,
    ) -> list[Created]:
        """Try what is due now, judged by the history as the last refresh left it; never waits.

        Args:
            only: Ids of the operations to look after; all when None.

        Returns:
            The batches that found room.

        Raises:
            ServiceError, UnsettledOperation: as for `Creation.carry_on`, but for what passes by itself.
        """
        if self._context.profile.read_only:
            return []
        active = frozenset(
            record.id for record in await self._context.history.batches.active(self._context.account_id)
        )
        now = self._context.clock.now()
        found: list[Created] = []
        full: set[tuple[str, ...]] = set()
        for operation in await self.waiting():
            models = Job.of(operation.payload).models
            watches = is_watching(operation)
            if not watches and (models in full or not self._is_due(operation, active, now)):
                full.add(models)
                continue
            if only is not None and operation.id not in only:
                continue
            taken = await self._creation.journal.take(operation.id)
            if taken is None:
                continue
            self._holding[operation.id] = active
            try:
                created = await self._creation.carry_on(taken, continued=True, on_progress=on_progress)
            except PASSING:
                break
            if created is None or not (await self._creation.journal.get(operation.id)).state.is_settled:
                full.add(models)
            else:
                self._holding.pop(operation.id, None)
                found.append(created)
        return found

    async def run(
        self,
        *,
        only: Collection[str] | None = None,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> AsyncIterator[Created]:
        """Wait until no operation waits any more, telling each batch that found room.

        Args:
            only: Ids of the operations to wait for; all when None.

        Raises:
            Interrupted: told to stop; what waits stays in the journal.
            ServiceError, UnsettledOperation: as for `tick`.
        """
        pause = 1.0
        while True:
            waiting = [op for op in await self.waiting() if only is None or op.id in only]
            if not waiting:
                return
            for created in await self.tick(only=only, on_progress=on_progress):
                yield created
                pause = 1.0
            if on_progress is not None:
                on_progress(Progress("waiting for room in the service's queue", 0, len(waiting), "batches"))
            stop_when_told(
                should_stop,
                f"Stopped waiting for room; {len(waiting)} wait in the journal and go on with"
                " `batchdeck reconcile` or in the deck.",
            )
            await self._context.clock.sleep(pause)
            pause = min(pause * 2, _LOOK_EVERY)
            await self._refresh()

    async def bring(
        self,
        operation: Operation,
        *,
        continued: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Created:
        """Bring a held operation to its batch, and wait for room if it was begun to do so.

        Raises:
            FileProblem, Interrupted, ServiceError, UnsettledOperation: as for `Creation.carry_on`.
        """
        created = await self._creation.carry_on(
            operation, continued=continued, on_progress=on_progress, should_stop=should_stop
        )
        if (await self._creation.journal.get(operation.id)).state is OperationState.WAITING:
            created = None
            async for found in self.run(
                only={operation.id}, on_progress=on_progress, should_stop=should_stop
            ):
                created = found
        if created is None:
            raise UnsettledOperation(
                f"{operation.title} waited for room in the service's queue; another process took it over.",
                operation_id=operation.id,
                hint="The activity list tells what became of it.",
            )
        return created

    async def send_again(
        self,
        batch_id: str,
        *,
        wait_for_room: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Created:
        """Make a new batch of the same uploaded file as one that failed for want of room.

        Raises:
            UsageError: the batch did not fail for want of room, or its file was sent again already.
            ReadOnly, ServiceError, UnsettledOperation: as for `Submit.create`.
        """
        context = self._context
        context.refuse_when_read_only(f"sending {batch_id} again")
        batch = await context.api.get_batch(batch_id)
        await context.note_batches([batch])
        if not is_out_of_room(batch) or not batch.input_file_id:
            raise UsageError(f"Batch {batch_id} did not fail for want of room; nothing was sent.")
        for record in await context.history.batches.by_input(context.account_id, batch.input_file_id):
            if record.id != batch_id and not is_out_of_room(record.batch):
                raise UsageError(f"The file of {batch_id} was sent again already, as {record.id}.")
        operation, continued = await self._again(batch, batch.input_file_id, wait_for_room)
        return await self.bring(
            operation, continued=continued, on_progress=on_progress, should_stop=should_stop
        )

    async def _again(self, batch: Batch, file_id: str, wait_for_room: bool) -> tuple[Operation, bool]:
        """The operation that sends a batch's file again: one that was cut off, else a new one."""
        journal = self._creation.journal
        for operation in await journal.unsettled():
            if operation.input_file_id == file_id and operation.kind in MAKERS:
                taken = await journal.take(operation.id)
                if taken is None:
                    raise UsageError(f"Another process sends the file of {batch.id} again right now.")
                changes = {"wait_for_room": wait_for_room or Job.of(taken.payload).wait_for_room}
                return await journal.step(taken, taken.state, payload=changes), True
        known = await self._context.history.inputs.of_file(self._context.account_id, file_id)
        made = [op for op in await journal.of_batch(batch.id) if op.kind in MAKERS]
        old = Job.of(made[0].payload) if made else None
        size = known.bytes if known else 0
        job = Job(
            path=old.path if old else (known.original_path if known else ""),
            name=known.name if known else batch.id,
            start=old.start if old else 0,
            end=old.end if old else size,
            sha256=known.sha256 if known else f"of {file_id}",
            requests=known.requests if known else batch.counts.total,
            endpoint=batch.endpoint or (old.endpoint if old else ""),
            window=old.window if old else window_of(batch, self._context.profile.completion_window),
            metadata=carried(batch.metadata, {RETRY_KEY: batch.id}),
            output_expires_after=old.output_expires_after if old else None,
            models=old.models if old else (),
            retries=(batch.id,),
            wait_for_room=wait_for_room,
        )
        begun = await journal.begin(OperationKind.RETRY, f"{job.name} again", job.payload())
        return (
            await journal.step(
                begun, OperationState.INTENT, note=f"{file_id} is sent again", input_file_id=file_id
            ),
            False,
        )

    async def _refresh(self) -> None:
        """Learn which of the active batches have ended."""
        try:
            page = await self._context.api.list_batches(limit=100)
            await self._context.note_batches(page.batches)
            listed = {batch.id for batch in page.batches}
            for record in await self._context.history.batches.active(self._context.account_id):
                if record.id not in listed:
                    await self._context.note_batches([await self._context.api.get_batch(record.id)])
        except ServiceError as error:
            await self._context.clock.sleep(min(error.retry_after or 0.0, _LONGEST_WAIT))

    def _is_due(self, operation: Operation, active: frozenset[str], now: datetime) -> bool:
        """True when a batch that was active at the last try has ended, or it was long ago."""
        before = self._holding.get(operation.id)
        return now >= _due_at(operation) or (before is not None and bool(before - active))


def _due_at(operation: Operation) -> datetime:
    """When an operation is tried again though no batch ends."""
    tries = max(1, Job.of(operation.payload).room_tries)
    wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(tries - 1, 10))
    return operation.updated_at + timedelta(seconds=wait)
