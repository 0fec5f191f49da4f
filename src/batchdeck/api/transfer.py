"""Bodies of files on their way up and down."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, BinaryIO

from batchdeck.api import failures
from batchdeck.api.base import FileStream
from batchdeck.api.call import Call
from batchdeck.errors import FileProblem, LostAnswer

if TYPE_CHECKING:
    import httpx2

UPLOAD_CHUNK = 256 * 1024
"""Bytes read from the file at a time."""
DOWNLOAD_CHUNK = 256 * 1024
"""Bytes gathered before they are handed on."""

_CONTENT_RANGE = re.compile(r"^\s*bytes\s+(\d+)-(\d+)/(\d+|\*)\s*$", re.IGNORECASE)
_QUOTED = {'"': "%22", "\\": "%5C"} | {chr(code): f"%{code:02X}" for code in (*range(32), 127)}


class MultipartUpload:
    """A multipart form with one file, streamed; its length is known before it is sent."""

    def __init__(
        self, name: str, body: BinaryIO, length: int, on_bytes: Callable[[int], None] | None
    ) -> None:
        """Takes `length` bytes of `body` from where it stands.

        Args:
            on_bytes: Told the bytes of the file sent so far.
        """
        boundary = f"batchdeck-{secrets.token_hex(16)}"
        quoted = "".join(_QUOTED.get(character, character) for character in name)
        self._head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        ).encode("utf-8", "replace")
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._name = name
        self._body = body
        self._length = length
        self._on_bytes = on_bytes
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + length + len(self._tail)),
        }
        """What the request must say of this body."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """The whole form; the file is read in a thread.

        Raises:
            FileProblem: the file cannot be read or became shorter.
        """
        yield self._head
        sent = 0
        while sent < self._length:
            try:
                chunk = await asyncio.to_thread(self._body.read, min(UPLOAD_CHUNK, self._length - sent))
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise FileProblem(
                    f"Uploading {self._name} stopped: the file cannot be read ({why}); no batch was made."
                ) from error
            if not chunk:
                raise FileProblem(
                    f"Uploading {self._name} stopped: the file became shorter meanwhile; no batch was made."
                )
            yield chunk
            sent += len(chunk)
            if self._on_bytes is not None:
                self._on_bytes(sent)
        yield self._tail


def remaining_bytes(body: BinaryIO) -> int:
    """Bytes from where a file stands to its end; it is left standing there."""
    position = body.tell()
    end = body.seek(0, os.SEEK_END)
    body.seek(position)
    return max(0, end - position)


class Download:
    """A file's content as one answer brings it."""

    def __init__(self, response: httpx2.Response, call: Call, start: int) -> None:
        """Takes an open answer whose body begins at byte `start` of the file."""
        self._response = response
        self._call = call
        self._start = start
        headers = response.headers
        announced = headers.get("content-length", "")
        self._length = int(announced) if announced.isdigit() and not is_encoded(headers) else None
        self._request_id = failures.request_id(headers)

    @property
    def start(self) -> int:
        """The byte the body starts at."""
        return self._start

    @property
    def length(self) -> int | None:
        """Bytes of this body as announced, or None when not announced or compressed on the way."""
        return self._length

    @property
    def request_id(self) -> str | None:
        """The service's x-request-id, or None."""
        return self._request_id

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in chunks of `DOWNLOAD_CHUNK` bytes or a little more; the last may be shorter.

        Raises:
            LostAnswer: the connection broke, or the body ended before `length` bytes.
        """
        source = self._response.aiter_bytes()
        received = 0
        gathered: list[bytes] = []
        waiting = 0
        try:
            while True:
                try:
                    piece = await anext(source, None)
                except Exception as error:
                    if not is_transport_error(error):
                        raise
                    raise failures.from_exception(self._call, error) from error
                if piece is None:
                    break
                gathered.append(piece)
                waiting += len(piece)
                if waiting >= DOWNLOAD_CHUNK:
                    received += waiting
                    yield b"".join(gathered)
                    gathered.clear()
                    waiting = 0
            if waiting:
                received += waiting
                yield b"".join(gathered)
        finally:
            await source.aclose()
        if self._length is not None and received != self._length:
            raise LostAnswer(
                f"{self._call.begun} failed: {received:,} of {self._length:,} bytes came.",
                request_id=self._request_id,
            )


class Nothing:
    """The rest of a file that is already whole."""

    def __init__(self, start: int, request_id: str | None) -> None:
        """Takes the byte after the file's last."""
        self.start = start
        self.length = 0
        self.request_id = request_id

    async def chunks(self) -> AsyncIterator[bytes]:
        """No chunk at all."""
        nothing: tuple[bytes, ...] = ()
        for chunk in nothing:
            yield chunk


def as_asked(response: httpx2.Response, call: Call, start: int) -> FileStream | None:
    """The body of an open answer, or None when it is not what a call for bytes from `start` on wanted."""
    headers = response.headers
    if response.status_code == 206:
        is_right_part = start > 0 and range_start(headers) == start and not is_encoded(headers)
        return Download(response, call, start) if is_right_part else None
    if response.status_code == 416:
        return Nothing(start, failures.request_id(headers)) if range_total(headers) == start else None
    return Download(response, call, 0)


def is_encoded(headers: Mapping[str, str]) -> bool:
    """True when the body is compressed on the way, so that its length is not the file's."""
    return headers.get("content-encoding", "").strip().lower() not in ("", "identity")


def range_start(headers: Mapping[str, str]) -> int | None:
    """The first byte that a 206 answer says it brings, or None when it does not say."""
    found = _CONTENT_RANGE.match(headers.get("content-range", ""))
    return int(found.group(1)) if found else None


def range_total(headers: Mapping[str, str]) -> int | None:
    """The file's whole length that a 416 answer tells (`bytes */123`), or None."""
    unit, _, total = headers.get("content-range", "").strip().partition("/")
    return int(total) if unit.lower().startswith("bytes") and total.isdigit() else None


def is_transport_error(error: BaseException) -> bool:
    """True for what the SDK or its transport raises when a call fails. Imports openai."""
    import httpx2
    import openai

    return isinstance(
        error, openai.OpenAIError | httpx2.HTTPError | httpx2.InvalidURL | httpx2.StreamError | OSError
    )
