"""The Batch API through the official SDK: calls in, models and errors of our own out."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from batchdeck.api import failures, normalize, transfer
from batchdeck.api.base import FileStream
from batchdeck.api.connection import Connection, RevealsKey, check_base_url, is_sendable_key
from batchdeck.api.failures import Call
from batchdeck.errors import (
    KeyRefused,
    LostAnswer,
    NoKey,
    NotFound,
    RateLimited,
    ServerFailed,
    ServiceError,
    Unreachable,
)
from batchdeck.models.batch import Batch
from batchdeck.models.remote import BatchPage, CallResult, NewBatch, RemoteFile

if TYPE_CHECKING:
    import httpx2

READ_ATTEMPTS = 3
"""How often a reading call is tried."""
LONGEST_WAIT = 10.0
"""Seconds. A service that asks for a longer wait is not tried again here: the caller is told."""
BIG_ANSWER = 256 * 1024
"""Bytes from which an answer is parsed in a thread."""
MAX_FILE_PAGES = 20
"""Pages of the file list that are looked through for a name."""

_T = TypeVar("_T")


class OpenAIBatchApi:
    """`BatchApi` over the official AsyncOpenAI. Nothing is imported or connected until the first call."""

    def __init__(
        self,
        base_url: str,
        key: RevealsKey | None,
        organization: str | None = None,
        project: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        transport: object | None = None,
        timeout: float = 60.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Takes what identifies the account.

        Args:
            base_url: With or without a slash at its end.
            key: None raises NoKey at the first call.
            headers: More request headers, sent to this service alone.
            transport: An httpx2 transport instead of the network: the sandbox in the process.
            timeout: Longest wait for an answer, or between two chunks of one, in seconds.
            sleep: How to wait between two tries.

        Raises:
            ConfigError: the base URL or a header cannot be used.
        """
        check_base_url(base_url)
        self._base_url = base_url
        self._key = key
        self._sleep = sleep
        self._is_built = False
        self._building = asyncio.Lock()
        self._connection: Connection | None = None
        if key is not None:
            self._connection = Connection(
                base_url,
                key,
                organization=organization,
                project=project,
                headers=headers or {},
                transport=transport,
                timeout=timeout,
            )

    async def warm_up(self) -> None:
        """Import the SDK in a thread and make the clients, so that the first call need not. No network.

        Without a key it does nothing.
        """
        if self._key is not None:
            await self._ready(self._call("preparing"))

    async def close(self) -> None:
        """Close the connections; a later call raises."""
        connection, self._connection = self._connection, None
        if connection is not None and self._is_built:
            await connection.close()

    # --- batches ------------------------------------------------------------

    async def list_batches(self, *, after: str | None = None, limit: int = 100) -> BatchPage:
        """One page of batches, newest first."""
        call = self._call("listing batches")
        connection = await self._ready(call)
        cursor: dict[str, Any] = {"after": after} if after else {}

        async def ask() -> httpx2.Response:
            raw = await connection.reading.batches.with_raw_response.list(limit=limit, **cursor)
            return raw.http_response

        response = await self._read(call, ask)
        page = normalize.batch_page(await self._json(call, response), limit=limit)
        if page is None:
            raise failures.not_the_api(call, response.status_code, response.headers, "no list of batches")
        return page

    async def get_batch(self, batch_id: str) -> Batch:
        """One batch as it is now."""
        call = self._call(f"asking for batch {batch_id}", f"batch {batch_id}")
        connection = await self._ready(call)

        async def ask() -> httpx2.Response:
            return (await connection.reading.batches.with_raw_response.retrieve(batch_id)).http_response

        response = await self._read(call, ask)
        return self._batch(call, response, await self._json(call, response))

    async def create_batch(self, new: NewBatch) -> CallResult:
        """Make a batch. Sent once."""
        call = self._call(f"creating a batch of {new.input_file_id}", creates=True)
        connection = await self._ready(call)
        options: dict[str, Any] = {}
        if new.metadata:
            options["metadata"] = dict(new.metadata)
        if new.output_expires_after is not None:
            options["output_expires_after"] = {"anchor": "created_at", "seconds": new.output_expires_after}

        async def send() -> httpx2.Response:
            window: Any = new.completion_window
            endpoint: Any = new.endpoint
            raw = await connection.sending.batches.with_raw_response.create(
                input_file_id=new.input_file_id, endpoint=endpoint, completion_window=window, **options
            )
            return raw.http_response

        return await self._changed(call, send)

    async def cancel_batch(self, batch_id: str) -> CallResult:
        """Ask for a batch to be cancelled. Sent once."""
        call = self._call(f"cancelling batch {batch_id}", f"batch {batch_id}", creates=True)
        connection = await self._ready(call)

        async def send() -> httpx2.Response:
            return (await connection.sending.batches.with_raw_response.cancel(batch_id)).http_response

        return await self._changed(call, send)

    # --- files --------------------------------------------------------------

    async def upload_file(
        self, name: str, body: BinaryIO, *, on_bytes: Callable[[int], None] | None = None
    ) -> RemoteFile:
        """Upload an input with purpose `batch`, streamed from where `body` stands to its end. Sent once.

        Raises:
            FileProblem: `body` cannot be read or became shorter.
        """
        call = self._call(f"uploading {name}", creates=True)
        connection = await self._ready(call)
        length = await asyncio.to_thread(transfer.remaining_bytes, body)
        form = transfer.MultipartUpload(name, body, length, on_bytes)

        async def send() -> httpx2.Response:
            # The SDK's own multipart reads the file in the event loop, and from its first byte.
            http = connection.sending_http
            request = http.build_request(
                "POST",
                connection.sending.base_url.join("files"),
                headers={**connection.plain_headers(), **form.headers},
                content=form.chunks(),
                timeout=connection.upload_timeout(),
            )
            return await http.send(request)

        response = await self._attempt(call, send)
        if not response.is_success:
            raise failures.from_answer(call, response.status_code, response.headers, response.content)
        return self._file(call, response, await self._json(call, response))

    async def find_files(self, name: str) -> list[RemoteFile]:
        """Input files at the service whose file name is exactly `name`, newest first."""
        call = self._call(f"looking for an uploaded {name}")
        connection = await self._ready(call)
        seen: set[str] = set()
        found: list[RemoteFile] = []
        cursor: dict[str, Any] = {}

        async def ask() -> httpx2.Response:
            raw = await connection.reading.files.with_raw_response.list(
                purpose="batch", order="desc", **cursor
            )
            return raw.http_response

        for _ in range(MAX_FILE_PAGES):
            response = await self._read(call, ask)
            answer = await self._json(call, response)
            entries = normalize.entries(answer)
            if entries is None:
                raise failures.not_the_api(call, response.status_code, response.headers, "no list of files")
            fresh = [file for file in map(normalize.remote_file, entries) if file and file.id not in seen]
            seen.update(file.id for file in fresh)
            found.extend(file for file in fresh if file.filename == name)
            if not fresh or not normalize.has_more(answer, count=0, limit=1):
                break
            cursor = {"after": fresh[-1].id}
        return sorted(
            found, key=lambda file: file.created_at.timestamp() if file.created_at else 0.0, reverse=True
        )

    async def get_file(self, file_id: str) -> RemoteFile:
        """A file object."""
        call = self._call(f"asking for file {file_id}", f"file {file_id}")
        connection = await self._ready(call)

        async def ask() -> httpx2.Response:
            return (await connection.reading.files.with_raw_response.retrieve(file_id)).http_response

        response = await self._read(call, ask)
        return self._file(call, response, await self._json(call, response))

    @asynccontextmanager
    async def stream_file(self, file_id: str, *, start: int = 0) -> AsyncIterator[FileStream]:
        """The content of a file from byte `start` on, where the service can; else from its first."""
        call = self._call(f"downloading file {file_id}", f"file {file_id}")
        response = await self._open(call, file_id, start)
        try:
            stream: FileStream
            if response.status_code == 206:
                stream = transfer.Download(response, call, start)
            elif response.status_code == 416:
                stream = transfer.Nothing(start, failures.request_id(response.headers))
            else:
                stream = transfer.Download(response, call, 0)
            yield stream
        finally:
            await response.aclose()

    async def _open(self, call: Call, file_id: str, start: int) -> httpx2.Response:
        """An open answer: 206 from `start`, 416 when nothing is left from there, else 200 from byte 0."""
        connection = await self._ready(call)
        headers = {"Accept": "application/octet-stream, */*", "Accept-Encoding": "identity"}
        if start > 0:
            headers["Range"] = f"bytes={start}-"

        async def ask() -> httpx2.Response:
            # Entered by hand: the caller closes the answer it is given.
            opening = connection.reading.files.with_streaming_response.content(file_id, extra_headers=headers)
            return (await opening.__aenter__()).http_response

        try:
            response = await self._read(call, ask)
        except ServiceError as error:
            if error.status != 416 or start == 0:
                raise
            response = None
            if error.__cause__ is not None:
                refused = getattr(error.__cause__, "response", None)
                if refused is not None and transfer.range_total(refused.headers) == start:
                    return refused  # type: ignore[no-any-return]
        if response is not None:
            is_whole = response.status_code != 206
            is_as_asked = start > 0 and transfer.range_start(response.headers) == start
            if is_whole or (is_as_asked and not transfer.is_encoded(response.headers)):
                return response
            await response.aclose()
        if start == 0:
            raise failures.not_the_api(call, 206, {}, "a part of the file without being asked for one")
        return await self._open(call, file_id, 0)

    # --- one call -----------------------------------------------------------

    def _call(self, doing: str, thing: str = "", *, creates: bool = False) -> Call:
        return Call(
            doing=failures.clean(doing, 160),
            base_url=self._base_url,
            thing=failures.clean(thing, 120),
            creates=creates,
        )

    async def _ready(self, call: Call) -> Connection:
        """The connection, built on first use."""
        if self._key is None:
            raise NoKey(
                f"{call.begun} failed: no API key was found; nothing was sent.",
                hint="Set OPENAI_API_KEY, or api_key_env or api_key_command in the config file.",
            )
        if self._connection is None:
            raise Unreachable(f"{call.begun} failed: the connection was closed; nothing was sent.")
        if not self._is_built:
            if not is_sendable_key(self._key.reveal()):
                raise KeyRefused(
                    f"{call.begun} failed: the API key holds characters that no key has; nothing was sent.",
                    hint="Look for a line break, a space or a quotation mark in it.",
                )
            async with self._building:
                if not self._is_built:
                    await asyncio.to_thread(self._connection.build)
                    self._is_built = True
        return self._connection

    async def _attempt(self, call: Call, send: Callable[[], Awaitable[_T]]) -> _T:
        try:
            return await send()
        except ValueError as error:
            # The SDK refuses ids that would change the path, before anything is sent.
            raise NotFound(f"{call.begun} failed: that is not an id; nothing was sent.") from error
        except Exception as error:
            if not transfer.is_transport_error(error):
                raise
            raise failures.from_exception(call, error) from error

    async def _read(self, call: Call, ask: Callable[[], Awaitable[_T]]) -> _T:
        """A reading call, tried again after what passes: the SDK would also do so on 409, and for minutes."""
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                return await self._attempt(call, ask)
            except (Unreachable, LostAnswer, ServerFailed, RateLimited) as error:
                wait = error.retry_after
                if attempt == READ_ATTEMPTS or (wait is not None and wait > LONGEST_WAIT):
                    raise
                if wait is None:
                    # A kept connection that the service had closed needs no wait.
                    is_stale = isinstance(error, LostAnswer) and attempt == 1
                    wait = 0.0 if is_stale else 0.5 * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311
                if wait > 0:
                    await self._sleep(wait)
        raise AssertionError("unreachable")

    async def _changed(self, call: Call, send: Callable[[], Awaitable[httpx2.Response]]) -> CallResult:
        response = await self._attempt(call, send)
        made = self._batch(call, response, await self._json(call, response))
        return CallResult(made, request_id=failures.request_id(response.headers))

    async def _json(self, call: Call, response: httpx2.Response) -> object:
        body = response.content
        try:
            if len(body) >= BIG_ANSWER:
                return await asyncio.to_thread(json.loads, body)
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            what = "a web page" if body.lstrip()[:1] == b"<" else ""
            what = what or ("nothing" if not body.strip() else "broken JSON" if body[:1] in b"{[" else "")
            raise failures.not_the_api(call, response.status_code, response.headers, what) from error

    def _batch(self, call: Call, response: httpx2.Response, answer: object) -> Batch:
        made = normalize.batch(answer) if isinstance(answer, Mapping) else None
        if made is None:
            raise failures.not_the_api(call, response.status_code, response.headers, "no batch")
        return made

    def _file(self, call: Call, response: httpx2.Response, answer: object) -> RemoteFile:
        request_id = failures.request_id(response.headers)
        made = normalize.remote_file(answer, request_id=request_id) if isinstance(answer, Mapping) else None
        if made is None:
            raise failures.not_the_api(call, response.status_code, response.headers, "no file")
        return made


__all__ = ["OpenAIBatchApi"]
