"""SHA-256 of a file while it is being read for something else."""

from __future__ import annotations

import hashlib
import queue
import threading
from types import TracebackType
from typing import Self

_CHUNKS_AHEAD = 8
_INLINE_CHUNKS = 2
"""Chunks hashed on the reader's own thread first: most files are not worth a thread."""


class Hasher:
    """Computes SHA-256, of all but small files on a thread of its own: hashing lets go of the GIL.

    Used in a `with`; `add` may wait when the thread is far behind.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._worker: _Worker | None = None
        self._added = 0
        self.bytes = 0
        """Added so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._worker is not None:
            self._worker.chunks.put(None)
            self._worker.join()

    def add(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        self.bytes += len(chunk)
        self._added += 1
        if self._added <= _INLINE_CHUNKS:
            self._digest.update(chunk)
            return
        if self._worker is None:
            self._worker = _Worker(self._digest)
            self._worker.start()
        self._worker.chunks.put(chunk)

    def hexdigest(self) -> str:
        """Return the digest; only after the `with` was left."""
        return self._digest.hexdigest()


class _Worker(threading.Thread):
    """Hashes the chunks put into its queue until None comes."""

    def __init__(self, digest: hashlib._Hash) -> None:
        super().__init__(name="sha256", daemon=True)
        self.chunks: queue.Queue[bytes | None] = queue.Queue(_CHUNKS_AHEAD)
        self._digest = digest

    def run(self) -> None:
        """Hash until the end is put in."""
        while (chunk := self.chunks.get()) is not None:
            self._digest.update(chunk)
