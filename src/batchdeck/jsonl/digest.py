"""SHA-256 of a file while it is being read for something else."""

from __future__ import annotations

import hashlib
import queue
import threading
from types import TracebackType
from typing import Self

_CHUNKS_AHEAD = 32
_INLINE_CHUNKS = 8
"""Chunks hashed on the reader's own thread first: most files are not worth a thread."""


class Hasher:
    """Computes SHA-256 on its own thread, which runs beside the reader because hashing lets go of the GIL.

    Used in a `with`; `add` may wait when the thread is far behind.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._chunks: queue.Queue[bytes | None] = queue.Queue(_CHUNKS_AHEAD)
        self._thread: threading.Thread | None = None
        self._added = 0
        self.bytes = 0
        """Added so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._chunks.put(None)
            self._thread.join()

    def add(self, chunk: bytes) -> None:
        """Take in the next bytes."""
        self.bytes += len(chunk)
        self._added += 1
        if self._added <= _INLINE_CHUNKS:
            self._digest.update(chunk)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sha256", daemon=True)
            self._thread.start()
        self._chunks.put(chunk)

    def hexdigest(self) -> str:
        """Return the digest; only after the `with` was left."""
        return self._digest.hexdigest()

    def _run(self) -> None:
        while (chunk := self._chunks.get()) is not None:
            self._digest.update(chunk)
