"""Batches that wait for room in the service's queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from batchdeck.errors import ServiceError
from batchdeck.models.operation import OperationState
from batchdeck.models.progress import Progress
from batchdeck.services.job import Job
from batchdeck.services.pulse import stop_when_told
from batchdeck.services.search import PASSING
from batchdeck.services.sending import NO_ROOM_CODE, is_out_of_room, is_watching

if TYPE_CHECKING:
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
            if created is None:
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

    async def until_in(
        self,
        operation_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Created | None:
        """Wait until one operation has found room; None when another process took it over."""
        async for created in self.run(only={operation_id}, on_progress=on_progress, should_stop=should_stop):
            return created
        return None

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
