"""Reading a multipart upload piece by piece, with the file going to disk as it comes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

_NAME = re.compile(r'(?:^|;)\s*name="([^"]*)"', re.IGNORECASE)
_FILENAME = re.compile(r'(?:^|;)\s*filename="([^"]*)"', re.IGNORECASE)
_MOST_HEADER = 16_384
_MOST_FIELD = 65_536


class BadMultipart(ValueError):
    """The body is not what a multipart body looks like."""


class TooLarge(Exception):
    """The file is larger than it may be."""


class MultipartUpload:
    """The parts of one body: small fields in memory, the file at `path`."""

    def __init__(self, boundary: bytes, path: Path, max_bytes: int) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.size = 0
        self.path = path
        self._delimiter = b"\r\n--" + boundary
        self._max_bytes = max_bytes
        # The first boundary has no line end before it; the delimiter is found all the same.
        self._held = bytearray(b"\r\n")
        self._file: BinaryIO | None = None
        self._part: str | None = None
        self._is_file = False
        self._value = bytearray()
        self._state = "preamble"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if kind is not None:
            self.path.unlink(missing_ok=True)

    async def read(self, stream: AsyncIterator[bytes]) -> None:
        """Take in the whole body.

        Raises:
            BadMultipart: it is malformed or ends too early.
            TooLarge: the file is over the limit; the rest was not read.
        """
        async for chunk in stream:
            self._held += chunk
            while self._state != "end" and self._step():
                pass
        if self._state != "end":
            raise BadMultipart("the body ended before its last part did")

    def _step(self) -> bool:
        """Use what is held; False when more is needed."""
        if self._state in ("preamble", "body"):
            return self._until_delimiter()
        if self._state == "after":
            if len(self._held) < 2:
                return False
            self._state = "end" if self._held.startswith(b"--") else "headers"
            return True
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            if len(self._held) > _MOST_HEADER:
                raise BadMultipart("a part's headers are too long")
            return False
        self._begin_part(bytes(self._held[:end]))
        del self._held[: end + 4]
        self._state = "body"
        return True

    def _until_delimiter(self) -> bool:
        place = self._held.find(self._delimiter)
        keep = len(self._delimiter) - 1
        end = place if place >= 0 else max(0, len(self._held) - keep)
        if end and self._state == "body":
            self._take(memoryview(self._held)[:end])
        if place < 0:
            del self._held[:end]
            return False
        if self._state == "body":
            self._end_part()
        del self._held[: place + len(self._delimiter)]
        self._state = "after"
        return True

    def _begin_part(self, raw: bytes) -> None:
        self._part, self._is_file = None, False
        for line in raw.decode("utf-8", "replace").split("\r\n"):
            header, _, value = line.partition(":")
            if header.strip().lower() != "content-disposition":
                continue
            name, filename = _NAME.search(value), _FILENAME.search(value)
            self._part = name.group(1) if name else None
            if filename is not None and self._part == "file":
                self.filename = filename.group(1).replace("%22", '"')
                self._is_file = True
                self._file = self.path.open("wb", buffering=1 << 18)
        if self._part is None:
            raise BadMultipart("a part has no name")

    def _take(self, piece: memoryview) -> None:
        try:
            if self._is_file and self._file is not None:
                self.size += len(piece)
                if self.size > self._max_bytes:
                    raise TooLarge
                self._file.write(piece)
            elif len(self._value) + len(piece) > _MOST_FIELD:
                raise BadMultipart(f"the field '{self._part}' is too long")
            else:
                self._value += piece
        finally:
            piece.release()

    def _end_part(self) -> None:
        if self._is_file and self._file is not None:
            self._file.close()
            self._file = None
        elif self._part is not None:
            self.fields[self._part] = self._value.decode("utf-8", "replace")
        self._value.clear()
