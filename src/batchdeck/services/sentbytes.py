"""What an upload reads: a run of bytes of a file, hashed on its way out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from batchdeck.errors import Interrupted
from batchdeck.services.digest import Digest

if TYPE_CHECKING:
    from batchdeck.models.progress import ShouldStop


class SentBytes(io.RawIOBase):
    """A run of bytes of a file as a file of its own, hashed as it is read.

    It has no file descriptor of its own to ask, so whoever sends it sees only the run.
    """

    def __init__(self, file: BinaryIO, start: int, end: int, should_stop: ShouldStop | None) -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._length = end - start
        self._place = 0
        self._should_stop = should_stop
        self.digest = Digest()
        """Of what was read from the first byte on without a gap."""
        file.seek(start)

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move; going back to the first byte begins a new digest."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._length}[whence]
        self._place = max(0, base + offset)
        self._file.seek(self._start + self._place)
        return self._place

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes.

        Raises:
            Interrupted: told to stop.
        """
        if self._should_stop is not None and self._should_stop():
            raise Interrupted("Stopped while uploading; no batch was created.")
        left = max(0, self._length - self._place)
        data = self._file.read(left if size < 0 else min(size, left))
        if self._place == 0:
            self.digest = Digest()
        if self._place == self.digest.bytes:
            self.digest.feed(data)
        self._place += len(data)
        return data

    def readall(self) -> bytes:
        """All that is left."""
        return self.read()

    def readinto(self, buffer: object, /) -> int:
        """The next bytes, into a buffer."""
        view = memoryview(cast(bytearray, buffer)).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
