"""Ask for a batch to be cancelled, and tell how it really stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdeck.errors import Conflict, Refused, ServiceError, UnsettledOperation
from batchdeck.models.batch import BatchStatus
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.services.search import PASSING
from batchdeck.services.wording import bare, retold

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.operation import Operation
    from batchdeck.services.context import Context
    from batchdeck.services.journal import Journal

MAX_SENDS = 2


@dataclass(frozen=True, slots=True)
class Cancelled:
    """How a batch stands after a cancel."""

    batch: Batch
    sent: bool
    """False when it had already ended and nothing was sent."""
    words: str
    """One sentence for a person."""


class Cancel:
    """Cancels batches, each call journaled."""

    def __init__(self, context: Context, journal: Journal) -> None:
        self._context = context
        self._journal = journal

    async def cancel(self, batch_id: str) -> Cancelled:
        """Ask for a batch to be cancelled; a batch that has ended is only looked at.

        Raises:
            ReadOnly: forbidden; nothing was sent.
            NotFound: the service does not know it.
            ServiceError: refused or out of reach.
            UnsettledOperation: it is not known whether the call arrived.
        """
        self._context.refuse_when_read_only(f"cancelling {batch_id}")
        batch = await self._look(batch_id)
        if batch.status.is_terminal:
            return Cancelled(
                batch, False, f"Batch {batch_id} had already ended: {batch.raw_status}. Nothing was sent."
            )
        if batch.status is BatchStatus.CANCELLING:
            return Cancelled(batch, False, f"Batch {batch_id} is being cancelled already. Nothing was sent.")
        operation = await self._journal.begin(OperationKind.CANCEL, batch_id, {}, batch_id=batch_id)
        async with self._journal.hold(operation):
            return await self._send(operation, batch_id)

    async def see(self, operation: Operation) -> Cancelled | None:
        """Find out whether a held cancel that was cut off took effect; nothing is sent.

        Returns:
            How the batch stands, written down; or None when the cancel did not take effect.

        Raises:
            ServiceError: the service could not be asked.
        """
        batch = await self._look(operation.batch_id or "")
        if not _is_ending(batch):
            return None
        words = f"Batch {batch.id} is {batch.raw_status}."
        await self._journal.step(operation, OperationState.DONE, note=words)
        return Cancelled(batch, True, words)

    async def _send(self, operation: Operation, batch_id: str) -> Cancelled:
        sends = 0
        while True:
            operation = await self._journal.step(
                operation, OperationState.SENDING, note=f"cancelling {batch_id}"
            )
            sends += 1
            try:
                result = await self._context.api.cancel_batch(batch_id)
            except (Conflict, Refused) as error:
                return await self._refused(operation, batch_id, error)
            except ServiceError as error:
                if not error.unclear:
                    await self._journal.step(
                        operation,
                        OperationState.FAILED,
                        note="refused",
                        request_id=error.request_id,
                        error=error.sentence,
                    )
                    raise
                seen = await self._after_unclear(operation, batch_id, error)
                if seen is not None:
                    return seen
                if sends >= MAX_SENDS:
                    sentence = f"{bare(error)}; batch {batch_id} goes on as if it was not cancelled."
                    await self._journal.step(operation, OperationState.FAILED, error=sentence)
                    raise retold(error, f"batch {batch_id} goes on as if it was not cancelled") from error
                continue
            await self._context.note_batches([result.batch])
            words = f"Batch {batch_id} is {result.batch.raw_status}."
            await self._journal.step(operation, OperationState.DONE, note=words, request_id=result.request_id)
            return Cancelled(result.batch, True, words)

    async def _refused(self, operation: Operation, batch_id: str, error: ServiceError) -> Cancelled:
        """The batch was not in a state to be cancelled: see in which it is."""
        batch = await self._look(batch_id)
        if not _is_ending(batch):
            await self._journal.step(
                operation,
                OperationState.FAILED,
                note="refused",
                request_id=error.request_id,
                error=error.sentence,
            )
            raise error
        words = f"Batch {batch_id} could not be cancelled any more: it is {batch.raw_status}."
        await self._journal.step(operation, OperationState.DONE, note=words, request_id=error.request_id)
        return Cancelled(batch, True, words)

    async def _after_unclear(
        self, operation: Operation, batch_id: str, error: ServiceError
    ) -> Cancelled | None:
        """Look until the batch is seen to end or the profile's patience is over; None when it goes on."""
        clock = self._context.clock
        deadline = clock.monotonic() + self._context.profile.settle_seconds
        wait = 0.5
        while True:
            failure: ServiceError | None = None
            try:
                batch = await self._look(batch_id)
            except PASSING as trouble:
                failure = trouble
            else:
                if _is_ending(batch):
                    words = f"Batch {batch_id} is {batch.raw_status}."
                    await self._journal.step(operation, OperationState.DONE, note=words)
                    return Cancelled(batch, True, words)
            left = deadline - clock.monotonic()
            if left < 0.01 and failure is None:
                return None
            if left < 0.01:
                sentence = f"It is not known whether {batch_id} is being cancelled: {bare(error)}."
                await self._journal.step(operation, OperationState.SENDING, error=sentence)
                raise UnsettledOperation(
                    sentence,
                    operation_id=operation.id,
                    hint="Look at the batch when the service can be reached; cancelling again does no harm.",
                ) from failure
            await clock.sleep(min(wait, left))
            wait *= 2

    async def _look(self, batch_id: str) -> Batch:
        batch = await self._context.api.get_batch(batch_id)
        await self._context.note_batches([batch])
        return batch


def _is_ending(batch: Batch) -> bool:
    return batch.status.is_terminal or batch.status is BatchStatus.CANCELLING
