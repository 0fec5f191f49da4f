"""Carry one journaled create from wherever it stands to exactly one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import BatchdeckError, HistoryError, Interrupted
from batchdeck.models.operation import OperationState
from batchdeck.services.job import Job
from batchdeck.services.search import BatchSearch
from batchdeck.services.sending import Made, Sending
from batchdeck.services.upload import Upload

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.operation import Operation, OperationKind
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.inputs import Inputs
    from batchdeck.services.journal import Journal


@dataclass(frozen=True, slots=True)
class Created:
    """A batch that an operation made, once."""

    batch: Batch
    operation_id: str
    input_file_id: str
    file: str
    """The request file as the user named it."""
    requests: int
    settled: bool = False
    """True when the answer was lost and the batch was found in the service's list."""
    continued: bool = False
    """True when an operation that was cut off earlier was finished instead of starting another."""
    words: str = ""
    """What a person should know beyond that it was made; often empty."""
    by_code: Mapping[str, int] = field(default_factory=dict)
    """Of a retry: failure code to number of requests sent again."""


class Creation:
    """Uploads and creates, one operation at a time, each step journaled."""

    def __init__(self, context: Context, journal: Journal, inputs: Inputs, *, outbox_dir: Path) -> None:
        self.context = context
        self.journal = journal
        self._inputs = inputs
        self._outbox_dir = outbox_dir
        self._upload = Upload(context, journal, inputs, plain_dir=outbox_dir / "plain")
        self._sending = Sending(context, journal, BatchSearch(context, journal))

    async def begin(self, kind: OperationKind, title: str, job: Job) -> Operation:
        """Write down a new operation; a refused one's upload of the same bytes is used again."""
        operation = await self.journal.begin(kind, title, job.payload())
        earlier = await self._upload.earlier(job)
        if earlier is None:
            return operation
        created = earlier.created_at.timestamp() if earlier.created_at else None
        return await self.journal.step(
            operation,
            OperationState.INTENT,
            note=f"the upload {earlier.id} of an operation that made no batch is used again",
            input_file_id=earlier.id,
            payload={"file_created_at": created},
        )

    async def carry_on(
        self,
        operation: Operation,
        *,
        continued: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Created | None:
        """Bring an operation that this process holds to its batch, and let go of it.

        Args:
            continued: True for an operation of an earlier run.

        Returns:
            The batch, or None when it waits for room now.

        Raises:
            FileProblem, Interrupted: nothing was created; the operation is settled.
            ServiceError: refused for certain, nothing was created; the operation has FAILED.
            UnsettledOperation: it is not known whether a batch was made, or nothing could be sent yet;
                the operation stays open.
        """
        async with self.journal.hold(operation):
            if operation.state in (OperationState.INTENT, OperationState.UPLOADING):
                operation = await self._bring(operation, continued, on_progress, should_stop)
            made = await self._sending.send(operation, on_progress=on_progress, should_stop=should_stop)
            if made is None:
                return None
            return await self._note(made, continued)

    async def look(self, operation: Operation, *, on_progress: OnProgress | None = None) -> Created | None:
        """Search for the batch of a held operation that is SENDING, send nothing, and let go of it.

        Returns:
            The batch, or None when it is certain that there is none; the operation stays open then.

        Raises:
            UnsettledOperation: the list could not be read as far as needed.
        """
        async with self.journal.hold(operation):
            made = await self._sending.look(operation, on_progress=on_progress)
            return None if made is None else await self._note(made, True)

    async def clear_away(self, job: Job) -> None:
        """Take a file away that was written here only to be sent."""
        if job.is_temporary and Path(job.path).parent == self._outbox_dir:
            with suppress(OSError):
                await asyncio.to_thread(Path(job.path).unlink, missing_ok=True)

    async def _bring(
        self,
        operation: Operation,
        continued: bool,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> Operation:
        """Keep a copy of the input, then get it to the service."""
        if operation.input_file_id is not None:
            return await self.journal.step(
                operation,
                OperationState.UPLOADED,
                note=f"{operation.input_file_id} is there already",
            )
        job = Job.of(operation.payload)
        if operation.state is OperationState.INTENT and job.kept is None and not continued:
            operation = await self._keep(operation, job, on_progress, should_stop)
        return await self._upload.bring(
            operation, continued=continued, on_progress=on_progress, should_stop=should_stop
        )

    async def _keep(
        self,
        operation: Operation,
        job: Job,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> Operation:
        try:
            kept = await self._inputs.keep(
                Path(job.path),
                start=job.start,
                end=job.end,
                sha256=job.sha256,
                on_progress=on_progress,
                should_stop=should_stop,
            )
        except Interrupted:
            await self.journal.step(operation, OperationState.ABANDONED, note="stopped; nothing was sent")
            raise
        except BatchdeckError as error:
            await self.journal.step(operation, OperationState.FAILED, error=error.sentence)
            raise
        if kept is None:
            return operation
        return await self.journal.step(
            operation,
            OperationState.INTENT,
            note="kept a copy of the input",
            payload={"kept": str(kept)},
        )

    async def _note(self, made: Made, continued: bool) -> Created:
        """Put a made batch into the history under its file's name, and clear away what is not needed."""
        operation, job = made.operation, Job.of(made.operation.payload)
        file_id = operation.input_file_id or ""
        words = made.words
        try:
            await self.context.note_batches([made.batch])
            await self.context.history.batches.set_input_name(self.context.account_id, file_id, job.name)
        except HistoryError as error:
            # The batch is made and journaled: this must not look like a create that failed.
            words = " ".join(
                filter(None, (words, f"The list of batches is not up to date: {error.sentence}"))
            )
        if operation.state is OperationState.DONE:
            await self.clear_away(job)
        return Created(
            batch=made.batch,
            operation_id=operation.id,
            input_file_id=file_id,
            file=job.path,
            requests=job.requests,
            settled=made.settled,
            continued=continued,
            words=words,
            by_code=dict(job.by_code),
        )
