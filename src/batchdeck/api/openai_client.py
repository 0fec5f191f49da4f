"""The Batch API through the official SDK: calls in, models and errors of our own out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from batchdeck.api import failures, normalize, transfer
from batchdeck.api.base import FileStream
from batchdeck.api.call import Call, clean
from batchdeck.api.calls import Calls
from batchdeck.api.connection import Connection, RevealsKey, check_base_url
from batchdeck.models.batch import Batch
from batchdeck.models.remote import BatchPage, CallResult, NewBatch, RemoteFile

if TYPE_CHECKING:
    import httpx2

MAX_FILE_PAGES = 20
"""Pages of the file list that are looked through for a name."""


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
        self._has_key = key is not None
        connection = None
        if key is not None:
            connection = Connection(
                base_url,
                key,
                organization=organization,
                project=project,
                headers=headers or {},
                transport=transport,
                timeout=timeout,
            )
        self._calls = Calls(connection, key, sleep)

    async def warm_up(self) -> None:
        """Import the SDK in a thread and make the clients, so that the first call need not. No network.

        Without a key it does nothing.
        """
        if self._has_key:
            await self._calls.ready(self._call("preparing"))

    async def close(self) -> None:
        """Close the connections; a later call raises."""
        await self._calls.close()

    # --- batches ------------------------------------------------------------

    async def list_batches(self, *, after: str | None = None, limit: int = 100) -> BatchPage:
        """One page of batches, newest first."""
        call = self._call("listing batches")
        connection = await self._calls.ready(call)
        cursor: dict[str, Any] = {"after": after} if after else {}

        async def ask() -> httpx2.Response:
            raw = await connection.reading.batches.with_raw_response.list(limit=limit, **cursor)
            return raw.http_response

        response = await self._calls.read(call, ask)
        page = normalize.batch_page(await self._calls.json(call, response), limit=limit)
        if page is None:
            raise failures.not_the_api(call, response.status_code, response.headers, "no list of batches")
        return page

    async def get_batch(self, batch_id: str) -> Batch:
        """One batch as it is now."""
        call = self._call(f"asking for batch {batch_id}", f"batch {batch_id}")
        connection = await self._calls.ready(call)

        async def ask() -> httpx2.Response:
            return (await connection.reading.batches.with_raw_response.retrieve(batch_id)).http_response

        response = await self._calls.read(call, ask)
        return self._batch(call, response, await self._calls.json(call, response))

    async def create_batch(self, new: NewBatch) -> CallResult:
        """Make a batch. Sent once."""
        call = self._call(f"creating a batch of {new.input_file_id}", creates=True)
        connection = await self._calls.ready(call)
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
        connection = await self._calls.ready(call)

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
        connection = await self._calls.ready(call)
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

        response = await self._calls.once(call, send)
        if not response.is_success:
            raise failures.from_answer(call, response.status_code, response.headers, response.content)
        return self._file(call, response, await self._calls.json(call, response))

    async def find_files(self, name: str) -> list[RemoteFile]:
        """Input files at the service whose file name is exactly `name`, newest first."""
        call = self._call(f"looking for an uploaded {name}")
        connection = await self._calls.ready(call)
        seen: set[str] = set()
        found: list[RemoteFile] = []
        cursor: dict[str, Any] = {}

        async def ask() -> httpx2.Response:
            raw = await connection.reading.files.with_raw_response.list(
                purpose="batch", order="desc", **cursor
            )
            return raw.http_response

        for _ in range(MAX_FILE_PAGES):
            response = await self._calls.read(call, ask)
            answer = await self._calls.json(call, response)
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
        connection = await self._calls.ready(call)

        async def ask() -> httpx2.Response:
            return (await connection.reading.files.with_raw_response.retrieve(file_id)).http_response

        response = await self._calls.read(call, ask)
        return self._file(call, response, await self._calls.json(call, response))

    @asynccontextmanager
    async def stream_file(self, file_id: str, *, start: int = 0) -> AsyncIterator[FileStream]:
        """The content of a file from byte `start` on, where the service can; else from its first."""
        call = self._call(f"downloading file {file_id}", f"file {file_id}")
        response = await self._open(call, file_id, start)
        stream = transfer.as_asked(response, call, start)
        if stream is None:
            # Another part than the one asked for, or the service's file is shorter: begin anew.
            await response.aclose()
            response = await self._open(call, file_id, 0)
            stream = transfer.as_asked(response, call, 0)
        try:
            if stream is None:
                raise failures.not_the_api(call, response.status_code, response.headers, "a part of the file")
            yield stream
        finally:
            await response.aclose()

    async def _open(self, call: Call, file_id: str, start: int) -> httpx2.Response:
        """An answer whose body is not read yet; 416 is one too, when a part was asked for."""
        import openai

        connection = await self._calls.ready(call)
        headers = {"Accept": "application/octet-stream, */*", "Accept-Encoding": "identity"}
        if start > 0:
            headers["Range"] = f"bytes={start}-"

        async def ask() -> httpx2.Response:
            opening = connection.reading.files.with_streaming_response.content(file_id, extra_headers=headers)
            try:
                # Entered by hand: `stream_file` closes the answer.
                return (await opening.__aenter__()).http_response
            except openai.APIStatusError as refusal:
                if refusal.status_code == 416 and start > 0:
                    return refusal.response
                raise

        return await self._calls.read(call, ask)

    # --- what the calls share ----------------------------------------------

    def _call(self, doing: str, thing: str = "", *, creates: bool = False) -> Call:
        return Call(
            doing=clean(doing, 160),
            base_url=self._base_url,
            thing=clean(thing, 120),
            creates=creates,
        )

    async def _changed(self, call: Call, send: Callable[[], Awaitable[httpx2.Response]]) -> CallResult:
        response = await self._calls.once(call, send)
        made = self._batch(call, response, await self._calls.json(call, response))
        return CallResult(made, request_id=failures.request_id(response.headers))

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
