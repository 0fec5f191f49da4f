"""A Batch API that lives in memory, does what a test scripts, and dies where a test says."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from batchdeck.errors import Conflict, LostAnswer, NotFound
from batchdeck.models.batch import Batch, BatchStatus, RequestCounts
from batchdeck.models.remote import BatchPage, CallResult, NewBatch, RemoteFile

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


class Killed(BaseException):
    """Stands for kill -9: no `except Exception` of the program may stop it."""


@dataclass
class Call:
    """One call as it arrived."""

    method: str
    arguments: dict[str, Any]


@dataclass
class Crash:
    """One scripted failure."""

    method: str
    error: BaseException
    after: bool
    """True: the service does what was asked, and only the answer is lost."""
    skip: int
    """How many calls of the method pass before it strikes."""
    times: int
    """How often it strikes."""
    only_id: str | None


@dataclass
class FakeStream:
    """The body of a file while it is fetched."""

    body: bytes
    start: int
    length: int | None
    request_id: str | None
    chunk_bytes: int
    cut_at: int | None
    error: BaseException | None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in chunks, ending early where the script says."""
        end = len(self.body) if self.cut_at is None else min(self.cut_at, len(self.body))
        for begin in range(0, end, self.chunk_bytes):
            yield self.body[begin : min(begin + self.chunk_bytes, end)]
        if end < len(self.body):
            raise self.error or LostAnswer("The connection broke while the file was fetched.")


@dataclass
class FakeBatchApi:
    """A scripted service; the newest batch is the first of `batches`."""

    now: Callable[[], datetime] = lambda: START
    batches: list[Batch] = field(default_factory=list)
    files: dict[str, RemoteFile] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    crashes: list[Crash] = field(default_factory=list)
    closed: bool = False

    ignores_after: bool = False
    """Every list call is answered with the first page."""
    ignores_limit: int | None = None
    """Page length the service uses whatever it is asked for."""
    unknown_after_is_first_page: bool = False
    """An unknown `after` is answered with page one, not 404."""
    claims_more: bool = False
    """`has_more` is true on every page, even an empty one."""
    lists_nothing: bool = False
    """The list is empty although batches can be got one by one."""
    unlisted: set[str] = field(default_factory=set)
    """Batches that can be got but are not listed."""
    list_calls_until_new_batches_show: int = 0
    """How many list calls a created batch stays unlisted for."""
    drops_metadata: bool = False
    """Created batches come without their metadata."""
    ignores_range: bool = False
    """A stream asked for from the middle starts at 0 all the same."""
    announces_length: bool = True
    """Streams tell how long they are."""
    chunk_bytes: int = 65_536
    cut_at: int | None = None
    """The next stream breaks after so many bytes, once."""

    _hidden: dict[str, int] = field(default_factory=dict)
    _serial: int = 0

    # --- scripting ----------------------------------------------------------

    def add(
        self,
        batch_id: str | None = None,
        *,
        status: BatchStatus = BatchStatus.COMPLETED,
        created_at: datetime | None = None,
        total: int = 10,
        completed: int | None = None,
        failed: int = 0,
        **fields: Any,
    ) -> Batch:
        """Put a batch at the top of the list; each is a minute newer than the one before it."""
        self._serial += 1
        if created_at is None:
            newest = self.batches[0].created_at if self.batches else None
            created_at = (newest or self.now() - timedelta(days=1)) + timedelta(minutes=1)
        done = (total - failed if status is BatchStatus.COMPLETED else 0) if completed is None else completed
        batch = Batch(
            id=batch_id or f"batch_{self._serial:06d}",
            status=status,
            raw_status=fields.pop("raw_status", str(status)),
            endpoint=fields.pop("endpoint", "/v1/chat/completions"),
            completion_window=fields.pop("completion_window", "24h"),
            counts=RequestCounts(total, done, failed),
            created_at=created_at,
            **fields,
        )
        self.batches.insert(0, batch)
        return batch

    def add_many(self, count: int, **fields: Any) -> list[Batch]:
        """Put batches at the top of the list; the newest comes first in the answer."""
        return [self.add(**fields) for _ in range(count)][::-1]

    def add_file(self, file_id: str, content: bytes, *, filename: str = "", purpose: str = "batch") -> str:
        """Put a file at the service."""
        self.files[file_id] = RemoteFile(
            id=file_id,
            bytes=len(content),
            filename=filename or f"{file_id}.jsonl",
            purpose=purpose,
            created_at=self.now(),
        )
        self.contents[file_id] = content
        return file_id

    def change(self, batch_id: str, **changes: Any) -> Batch:
        """Change fields of a batch; a new status sets the raw one, too."""
        place = self._place(batch_id)
        if "status" in changes:
            changes.setdefault("raw_status", str(changes["status"]))
        self.batches[place] = replace(self.batches[place], **changes)
        return self.batches[place]

    def remove(self, batch_id: str) -> None:
        """Forget a batch: it is neither listed nor found."""
        del self.batches[self._place(batch_id)]

    def crash(
        self,
        method: str,
        error: BaseException,
        *,
        after: bool = False,
        skip: int = 0,
        times: int = 1,
        only_id: str | None = None,
    ) -> None:
        """Let a call fail.

        Args:
            method: Name of the API method.
            error: What it raises.
            after: True to do the work first and lose only the answer.
            skip: Calls that pass before it strikes.
            times: How often it strikes.
            only_id: Strike only calls about this batch or file.
        """
        self.crashes.append(Crash(method, error, after, skip, times, only_id))

    def count(self, method: str) -> int:
        """How many calls of a method arrived."""
        return sum(1 for call in self.calls if call.method == method)

    def forget_calls(self) -> None:
        """Count from zero again."""
        self.calls.clear()

    # --- the API ------------------------------------------------------------

    async def list_batches(self, *, after: str | None = None, limit: int = 100) -> BatchPage:
        """One page of batches, newest first."""
        with self._call("list_batches", after=after, limit=limit):
            for batch_id in list(self._hidden):
                self._hidden[batch_id] -= 1
                if self._hidden[batch_id] < 0:
                    del self._hidden[batch_id]
            listed = [
                batch
                for batch in self.batches
                if batch.id not in self._hidden and batch.id not in self.unlisted and not self.lists_nothing
            ]
            start = 0
            if after is not None and not self.ignores_after:
                places = [place for place, batch in enumerate(listed) if batch.id == after]
                if not places and not self.unknown_after_is_first_page:
                    raise NotFound(f"No batch found with id '{after}'.", status=404)
                start = places[0] + 1 if places else 0
            end = start + (self.ignores_limit or limit)
            has_more = self.claims_more or end < len(listed)
            return BatchPage(tuple(listed[start:end]), has_more)

    async def get_batch(self, batch_id: str) -> Batch:
        """One batch as it is now."""
        with self._call("get_batch", batch_id=batch_id):
            return self.batches[self._place(batch_id)]

    async def create_batch(self, new: NewBatch) -> CallResult:
        """Make a batch that is validating."""
        with self._call("create_batch", new=new):
            if new.input_file_id not in self.files:
                raise NotFound(f"No such file: {new.input_file_id}", status=404)
            batch = self.add(
                status=BatchStatus.VALIDATING,
                created_at=self.now(),
                total=0,
                endpoint=new.endpoint,
                completion_window=new.completion_window,
                input_file_id=new.input_file_id,
                metadata={} if self.drops_metadata else dict(new.metadata),
            )
            if self.list_calls_until_new_batches_show:
                self._hidden[batch.id] = self.list_calls_until_new_batches_show
            return CallResult(batch, request_id=f"req_{len(self.calls)}")

    async def cancel_batch(self, batch_id: str) -> CallResult:
        """Begin to cancel a batch; 409 for one that has ended."""
        with self._call("cancel_batch", batch_id=batch_id):
            batch = self.batches[self._place(batch_id)]
            if batch.status.is_terminal:
                raise Conflict(f"Cannot cancel a batch with status '{batch.raw_status}'.", status=409)
            changed = self.change(batch_id, status=BatchStatus.CANCELLING, cancelling_at=self.now())
            return CallResult(changed, request_id=f"req_{len(self.calls)}")

    async def upload_file(
        self, name: str, body: BinaryIO, *, on_bytes: Callable[[int], None] | None = None
    ) -> RemoteFile:
        """Take an input file."""
        with self._call("upload_file", name=name):
            content = bytearray()
            while chunk := body.read(self.chunk_bytes):
                content += chunk
                if on_bytes is not None:
                    on_bytes(len(content))
            digest = hashlib.sha256(content).hexdigest()[:8]
            file_id = f"file-{len(self.files) + 1:04d}-{digest}"
            self.add_file(file_id, bytes(content), filename=name)
            return replace(self.files[file_id], request_id=f"req_{len(self.calls)}")

    async def find_files(self, name: str) -> list[RemoteFile]:
        """Files of exactly that name, newest first."""
        with self._call("find_files", name=name):
            return [file for file in reversed(self.files.values()) if file.filename == name]

    async def get_file(self, file_id: str) -> RemoteFile:
        """A file object."""
        with self._call("get_file", file_id=file_id):
            if file_id not in self.files:
                raise NotFound(f"No such File object: {file_id}", status=404)
            return self.files[file_id]

    @asynccontextmanager
    async def stream_file(self, file_id: str, *, start: int = 0) -> AsyncIterator[FakeStream]:
        """The content of a file from byte `start` on."""
        with self._call("stream_file", file_id=file_id, start=start):
            if file_id not in self.contents:
                raise NotFound(f"No such File object: {file_id}", status=404)
            begin = 0 if self.ignores_range else start
            body = self.contents[file_id][begin:]
            cut_at, self.cut_at = self.cut_at, None
            stream = FakeStream(
                body=body,
                start=begin,
                length=len(body) if self.announces_length else None,
                request_id=f"req_{len(self.calls)}",
                chunk_bytes=self.chunk_bytes,
                cut_at=cut_at,
                error=None,
            )
        yield stream

    async def close(self) -> None:
        """Note that it was closed."""
        self.closed = True

    # --- inside -------------------------------------------------------------

    def _place(self, batch_id: str) -> int:
        for place, batch in enumerate(self.batches):
            if batch.id == batch_id:
                return place
        raise NotFound(f"No batch found with id '{batch_id}'.", status=404)

    def _call(self, method: str, **arguments: Any) -> _Struck:
        self.calls.append(Call(method, arguments))
        subject = next((value for value in arguments.values() if isinstance(value, str)), None)
        for crash in list(self._matching(method, subject)):
            if crash.skip > 0:
                crash.skip -= 1
                continue
            crash.times -= 1
            if crash.times <= 0:
                self.crashes.remove(crash)
            if not crash.after:
                raise crash.error
            return _Struck(crash.error)
        return _Struck(None)

    def _matching(self, method: str, subject: str | None) -> Iterator[Crash]:
        for crash in self.crashes:
            if crash.method == method and crash.only_id in (None, subject):
                yield crash


@dataclass
class _Struck:
    """Raises its error once the work inside is done."""

    error: BaseException | None

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is None and self.error is not None:
            raise self.error
