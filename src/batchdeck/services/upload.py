"""Bring an input to the service, once where that can be known; nothing is paid by an upload."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from batchdeck.errors import (
    BadAnswer,
    FileProblem,
    Interrupted,
    RateLimited,
    Refused,
    ServiceError,
    Unreachable,
    UnsettledOperation,
)
from batchdeck.models.operation import OperationState
from batchdeck.services.digest import digest_file
from batchdeck.services.disk import file_problem, plain_size
from batchdeck.services.gzcopy import CopyDamaged, expand
from batchdeck.services.job import Job
from batchdeck.services.names import upload_name
from batchdeck.services.pulse import Pulse
from batchdeck.services.search import PASSING
from batchdeck.services.sentbytes import SentBytes
from batchdeck.services.wording import bare, retold

if TYPE_CHECKING:
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.models.remote import RemoteFile
    from batchdeck.services.context import Context
    from batchdeck.services.inputs import Inputs
    from batchdeck.services.journal import Journal

MAX_UPLOADS = 3
"""How often an input is uploaded in one run when it cannot be known to have arrived."""


_LOOK_BACK = 50
"""Operations among which an upload that can be used again is looked for."""


class Upload:
    """Uploads the input of an operation and finds uploads whose answer was lost."""

    def __init__(self, context: Context, journal: Journal, inputs: Inputs, *, plain_dir: Path) -> None:
        self._context = context
        self._journal = journal
        self._inputs = inputs
        self._plain_dir = plain_dir

    async def bring(
        self,
        operation: Operation,
        *,
        continued: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Operation:
        """Get the input to the service; a finished upload of this operation is found and not repeated.

        Args:
            continued: True for an operation of an earlier run, whose file may be another one by now.

        Returns:
            The operation, UPLOADED.

        Raises:
            FileProblem: the input is gone or not what it was; the operation has FAILED.
            ServiceError: refused or never reached; the operation has FAILED, no batch was created.
            Interrupted: told to stop; the operation is ABANDONED.
            UnsettledOperation: it could not be found out whether an upload arrived; no batch was created.
        """
        job = Job.of(operation.payload)
        name = upload_name(job.upload_stem, operation.id)
        if operation.state is OperationState.UPLOADING:
            found = await self._find(operation, job, name, None)
            if found is not None:
                return await self._arrived(operation, found, "found among the service's files")
        attempt = 0
        while True:
            attempt += 1
            operation = await self._journal.step(
                operation, OperationState.UPLOADING, note=f"uploading {job.bytes:,} bytes as {name}"
            )
            try:
                source = await self._source(job, continued)
                remote = await self._send(source, job, name, on_progress, should_stop)
            except Interrupted as stop:
                await self._journal.step(
                    operation, OperationState.ABANDONED, note="stopped; no batch was created"
                )
                raise Interrupted(f"Stopped while {job.name} was uploaded; no batch was created.") from stop
            except FileProblem as problem:
                await self._fail(operation, problem.sentence)
                raise
            except ServiceError as error:
                found = None
                if error.unclear:
                    found = await self._find(operation, job, name, error)
                if found is not None:
                    return await self._arrived(operation, found, "the answer was lost; found among the files")
                passes = error.unclear or isinstance(error, Unreachable | RateLimited)
                if not passes or attempt >= MAX_UPLOADS or (error.retry_after or 0) > 60:
                    raise await self._failed(operation, error) from error
                await self._context.clock.sleep(max(error.retry_after or 0.0, 0.5 * 2 ** (attempt - 1)))
                continue
            if remote.bytes is None or remote.bytes == job.bytes:
                return await self._arrived(operation, remote, "")
            if attempt >= MAX_UPLOADS:
                refusal = Refused(
                    f"{job.bytes:,} bytes of {job.name} were sent, but the service says {remote.bytes:,} came"
                )
                raise await self._failed(operation, refusal)

    async def earlier(self, job: Job) -> RemoteFile | None:
        """The finished upload of the same bytes by an operation that made no batch, if it is still there."""
        for operation in await self._journal.recent(limit=_LOOK_BACK):
            is_unused = (
                operation.state in (OperationState.FAILED, OperationState.ABANDONED)
                and operation.batch_id is None
                and operation.payload.get("sha256") == job.sha256
            )
            if not is_unused or operation.input_file_id is None:
                continue
            try:
                remote = await self._context.api.get_file(operation.input_file_id)
            except ServiceError:
                return None
            if remote.bytes == job.bytes:
                return remote
        return None

    async def _send(
        self,
        source: tuple[Path, int, int],
        job: Job,
        name: str,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> RemoteFile:
        path, start, end = source
        pulse = Pulse(on_progress, f"uploading {job.name}", job.bytes)
        try:
            with await asyncio.to_thread(path.open, "rb") as file:
                body = SentBytes(file, start, end, should_stop)
                pulse(0, at_once=True)
                remote = await self._context.api.upload_file(name, cast(BinaryIO, body), on_bytes=pulse)
        except OSError as error:
            raise file_problem(error, path, doing="read") from error
        if body.digest.bytes != job.bytes or body.digest.sha256 != job.sha256:
            raise FileProblem(
                f"{job.path} changed while it was uploaded; no batch was created.", hint="Check it again."
            )
        return remote

    async def _source(self, job: Job, continued: bool) -> tuple[Path, int, int]:
        """Where the input's bytes are: the file itself, else the kept copy."""
        path = Path(job.path)
        size = await asyncio.to_thread(plain_size, path)
        is_there = size is not None and size >= job.end
        if is_there and continued and job.kept is not None:
            is_there = await asyncio.to_thread(_holds, path, job)
        if is_there:
            return path, job.start, job.end
        if job.kept is not None:
            plain = self._plain_dir / f"{job.sha256}.jsonl"
            with suppress(CopyDamaged):
                await asyncio.to_thread(expand, Path(job.kept), plain, sha256=job.sha256)
                return plain, 0, job.bytes
        what = "is not there any more" if size is None else "is not the file any more that was checked"
        raise FileProblem(
            f"{job.path} {what}, and no copy of it was kept; no batch was created.",
            hint="Create it again from the file.",
        )

    async def _find(
        self, operation: Operation, job: Job, name: str, lost: ServiceError | None
    ) -> RemoteFile | None:
        """A finished upload of this operation among the service's files, or None."""
        clock = self._context.clock
        deadline = clock.monotonic() + self._context.profile.settle_seconds
        wait = 0.5
        while True:
            try:
                files = await self._context.api.find_files(name)
            except PASSING as error:
                if isinstance(error, BadAnswer) and isinstance(lost, BadAnswer):
                    return None
                left = deadline - clock.monotonic()
                if left < 0.01:
                    sentence = (
                        f"It is not known whether the upload of {job.name} arrived ({bare(error)});"
                        " no batch was created."
                    )
                    await self._journal.step(operation, OperationState.UPLOADING, error=sentence)
                    raise UnsettledOperation(
                        sentence,
                        operation_id=operation.id,
                        hint="Create it again or run `batchdeck reconcile` to go on.",
                    ) from error
                await clock.sleep(min(max(wait, error.retry_after or 0.0), max(left, 0.1)))
                wait *= 2
                continue
            except ServiceError:
                return None  # a service that does not list files: uploading again costs nothing
            return next((file for file in files if file.bytes == job.bytes), None)

    async def _arrived(self, operation: Operation, remote: RemoteFile, how: str) -> Operation:
        created = remote.created_at.timestamp() if remote.created_at else None
        note = f"uploaded as {remote.id}" + (f" ({how})" if how else "")
        operation = await self._journal.step(
            operation,
            OperationState.UPLOADED,
            note=note,
            request_id=remote.request_id,
            input_file_id=remote.id,
            payload={"file_created_at": created},
        )
        await self._inputs.remember(remote.id, operation.payload)
        return operation

    async def _failed(self, operation: Operation, error: ServiceError) -> ServiceError:
        """Write a failure down; the error to raise says that nothing was created."""
        told = retold(error, f"no batch was created of {Job.of(operation.payload).name}")
        await self._fail(operation, told.sentence, error.request_id)
        return told

    async def _fail(self, operation: Operation, sentence: str, request_id: str | None = None) -> None:
        await self._journal.step(
            operation, OperationState.FAILED, note="refused", request_id=request_id, error=sentence
        )


def _holds(path: Path, job: Job) -> bool:
    """True when a file still holds the bytes of a job."""
    try:
        return digest_file(path, start=job.start, end=job.end).sha256 == job.sha256
    except FileProblem:
        return False
