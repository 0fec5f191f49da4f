"""Send one create, and after an unclear end look before sending again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdeck.errors import (
    BadAnswer,
    HistoryError,
    Interrupted,
    OutOfRoom,
    ServiceError,
    Unreachable,
    UnsettledOperation,
)
from batchdeck.models.batch import BatchStatus
from batchdeck.models.operation import OperationState
from batchdeck.services.job import Job
from batchdeck.services.pulse import Pulse
from batchdeck.services.wording import bare, retold

if TYPE_CHECKING:
    from datetime import datetime

    from batchdeck.models.batch import Batch
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.models.remote import CallResult
    from batchdeck.services.context import Context
    from batchdeck.services.journal import Journal
    from batchdeck.services.search import BatchSearch, Found

MAX_SENDS = 3
"""How often a create is sent in one run: once, and twice more after a search found nothing."""
NO_ROOM_CODE = "token_limit_exceeded"
"""The one validation code that sending the same file again later can help."""
_GO_ON = "Create it again or run `batchdeck reconcile` to go on; the uploaded file is used again."
_LOOK_AGAIN = "Run `batchdeck reconcile` when the service can be reached; it looks before it sends anything."


def is_out_of_room(batch: Batch) -> bool:
    """True when a batch failed validation only because the queue was full."""
    return batch.status is BatchStatus.FAILED and any(error.code == NO_ROOM_CODE for error in batch.errors)


@dataclass(frozen=True, slots=True)
class Made:
    """A batch that is there, and how that came to be known."""

    operation: Operation
    batch: Batch
    settled: bool
    """True when it was found in the list."""
    words: str = ""


class Sending:
    """Takes operations whose input is at the service to their batch."""

    def __init__(self, context: Context, journal: Journal, search: BatchSearch) -> None:
        self._context = context
        self._journal = journal
        self._search = search

    async def send(
        self,
        operation: Operation,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Made | None:
        """Make the batch of an operation that is UPLOADED, SENDING or WAITING.

        Returns:
            The batch, written down; or None when there is no room for it and it waits.

        Raises:
            Interrupted: told to stop before anything was sent; the operation is ABANDONED.
            ServiceError: refused for certain; the operation has FAILED.
            UnsettledOperation: not known, or not possible now; the operation stays open.
        """
        sends, wait = 0, 0.5
        if operation.state is OperationState.WAITING and is_watching(operation):
            return await self._watch(operation)
        while True:
            if operation.state is OperationState.SENDING:
                made = await self.look(operation, on_progress=on_progress)
                if made is not None:
                    return made
                if sends >= MAX_SENDS:
                    raise await self._give_up(operation, sends)
            await self._stop_before_sending(operation, should_stop)
            job = Job.of(operation.payload)
            note = f"creating a batch of {operation.input_file_id}"
            note += f", sent again ({sends + 1})" if sends else ""
            operation = await self._journal.step(operation, OperationState.SENDING, note=note)
            sends += 1
            Pulse(on_progress, f"creating the batch of {job.name}", unit="")(0, at_once=True)
            try:
                result = await self._create(operation, job)
            except Unreachable as error:
                operation = await self._no_connection(operation, error, wait)
                sends, wait = sends - 1, wait * 2
                continue
            except OutOfRoom as error:
                await self._no_room(operation, job, error)
                return None
            except ServiceError as error:
                if not error.unclear:
                    told = retold(error, f"no batch was created of {job.name}")
                    await self._journal.step(
                        operation,
                        OperationState.FAILED,
                        note="refused",
                        request_id=error.request_id,
                        error=told.sentence,
                    )
                    raise told from error
                operation = await self._journal.step(
                    operation,
                    OperationState.SENDING,
                    note="the answer is unclear: looking whether the batch was made",
                    request_id=error.request_id,
                    error=error.sentence,
                )
                continue
            return await self._write_down(operation, result.batch, result.request_id, settled=False, words="")

    async def look(self, operation: Operation, *, on_progress: OnProgress | None = None) -> Made | None:
        """Search for the batch of an operation that is SENDING; nothing is sent.

        Returns:
            The batch, written down; or None when it is certain that there is none.

        Raises:
            UnsettledOperation: the list could not be read as far as needed.
        """
        found = await self._search.patient(operation, sent_at(operation), on_progress=on_progress)
        if found.batches:
            return await self._found(operation, found)
        if found.is_complete:
            return None
        job = Job.of(operation.payload)
        sentence = (
            f"It is not known whether the batch of {job.name} was made: the create was sent, but {found.why};"
            f" nothing more was sent. Its file is {operation.input_file_id}, its operation {operation.id}."
        )
        await self._journal.step(operation, OperationState.SENDING, note=found.why, error=sentence)
        raise UnsettledOperation(sentence, operation_id=operation.id, hint=_LOOK_AGAIN)

    async def _create(self, operation: Operation, job: Job) -> CallResult:
        file_id = operation.input_file_id or ""
        result = await self._context.api.create_batch(job.new_batch(operation.id, file_id))
        if result.batch.input_file_id not in (None, file_id):
            raise BadAnswer(
                f"Creating a batch of {file_id} was answered with a batch of another file",
                request_id=result.request_id,
            )
        return result

    async def _found(self, operation: Operation, found: Found) -> Made:
        words = ""
        first, *others = found.batches
        if others:
            names = ", ".join(batch.id for batch in others)
            words = (
                f"The service holds {len(found.batches)} batches of this operation: {first.id} and {names}."
                " Nothing more was sent; cancel what is too many."
            )
        return await self._write_down(operation, first, None, settled=True, words=words)

    async def _write_down(
        self, operation: Operation, batch: Batch, request_id: str | None, *, settled: bool, words: str
    ) -> Made:
        """Note the batch in the journal; one that may yet fail for want of room is watched."""
        job = Job.of(operation.payload)
        note = f"created as {batch.id}" + (" (found in the list)" if settled else "")
        state = OperationState.DONE
        if job.wait_for_room and (batch.status is BatchStatus.VALIDATING or is_out_of_room(batch)):
            state = OperationState.WAITING
            note += "; waiting to see whether there is room for it"
        try:
            operation = await self._journal.step(
                operation,
                state,
                note=" ".join(part for part in (note, words) if part),
                request_id=request_id,
                batch_id=batch.id,
            )
        except HistoryError as error:
            raise UnsettledOperation(
                f"The batch of {job.name} was made: it is {batch.id}. It could not be written down.",
                operation_id=operation.id,
                hint="Do not create it again; 'batchdeck reconcile' finds it once the disk has room.",
            ) from error
        return Made(operation, batch, settled, words)

    async def _watch(self, operation: Operation) -> Made | None:
        """See whether a batch that was made found room; None while that is open, or when it did not."""
        batch = await self._context.api.get_batch(operation.batch_id or "")
        await self._context.note_batches([batch])
        if is_out_of_room(batch):
            job = Job.of(operation.payload)
            await self._journal.step(
                operation,
                OperationState.WAITING,
                note=f"{batch.id} failed for want of room; waiting for room",
                payload={"spent": [*job.spent, batch.id], "room_tries": job.room_tries + 1},
            )
            return None
        if batch.status is BatchStatus.VALIDATING:
            return None
        operation = await self._journal.step(
            operation, OperationState.DONE, note=f"{batch.id} found room ({batch.raw_status})"
        )
        return Made(operation, batch, settled=False)

    async def _no_room(self, operation: Operation, job: Job, error: OutOfRoom) -> None:
        """A refusal for want of room: wait when that was asked for, else fail."""
        can_wait = error.code == NO_ROOM_CODE or NO_ROOM_CODE in error.sentence
        if job.wait_for_room and can_wait:
            await self._journal.step(
                operation,
                OperationState.WAITING,
                note="no room in the service's queue; waiting for room",
                request_id=error.request_id,
                error=error.sentence,
                payload={"room_tries": job.room_tries + 1},
            )
            return
        hint = "Send it again when earlier batches have ended, or with --wait-for-room." if can_wait else None
        told = retold(error, f"no batch was created of {job.name}", hint=hint)
        await self._journal.step(
            operation,
            OperationState.FAILED,
            note="refused",
            request_id=error.request_id,
            error=told.sentence,
        )
        raise told from error

    async def _stop_before_sending(self, operation: Operation, should_stop: ShouldStop | None) -> None:
        """The last moment to stop: once a create was on its way, stopping could only hide what it made."""
        if operation.state is OperationState.SENDING or should_stop is None or not should_stop():
            return
        job = Job.of(operation.payload)
        await self._journal.step(operation, OperationState.ABANDONED, note="stopped; no batch was created")
        raise Interrupted(f"Stopped before the batch of {job.name} was created; no batch was created.")

    async def _no_connection(self, operation: Operation, error: Unreachable, wait: float) -> Operation:
        """Nothing was sent: wait a moment, or leave it open when the profile's patience is over."""
        if wait > self._context.profile.settle_seconds / 2:
            sentence = (
                f"{bare(error)}; no batch was created. The file is at the service as"
                f" {operation.input_file_id}."
            )
            await self._journal.step(
                operation, OperationState.UPLOADED, note="no connection; nothing was sent", error=sentence
            )
            raise UnsettledOperation(sentence, operation_id=operation.id, hint=_GO_ON) from error
        operation = await self._journal.step(
            operation, OperationState.UPLOADED, note="no connection; nothing was sent"
        )
        await self._context.clock.sleep(wait)
        return operation

    async def _give_up(self, operation: Operation, sends: int) -> UnsettledOperation:
        job = Job.of(operation.payload)
        sentence = (
            f"The create of {job.name} was sent {sends} times without a clear answer, and the service lists"
            " no batch of it; nothing more was sent."
        )
        await self._journal.step(operation, OperationState.SENDING, error=sentence)
        return UnsettledOperation(sentence, operation_id=operation.id, hint=_LOOK_AGAIN)


def sent_at(operation: Operation) -> datetime:
    """When the create was last sent, or the operation's last change."""
    for step in reversed(operation.steps):
        if step.state is OperationState.SENDING and step.note.startswith("creating"):
            return step.at
    return operation.updated_at


def is_watching(operation: Operation) -> bool:
    """True when an operation made a batch of which it is not known yet whether there is room for it."""
    return operation.batch_id is not None and operation.batch_id not in Job.of(operation.payload).spent
