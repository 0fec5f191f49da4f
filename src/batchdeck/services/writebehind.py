"""Write what comes in while more comes in."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.services.partfile import PartFile

MAX_BLOCKS = 8
"""Blocks that may wait to be written."""
SYNC_BYTES = 32 << 20
"""Bytes after which the disk is asked to take what was written, so that little is left for the end."""


class WriteBehind:
    """Writes blocks in order in a thread of its own, behind the one who brings them.

    Used in one task. Whoever begins it must `finish` it.
    """

    def __init__(self, part: PartFile) -> None:
        self._part = part
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._pending: deque[asyncio.Future[None]] = deque()
        self._syncing: asyncio.Future[None] | None = None
        self._unsynced = 0

    async def put(self, block: list[bytes], size: int) -> None:
        """Hand a block over; waits while too many are on their way.

        Raises:
            FileProblem: an earlier one could not be written; nothing of the part is left.
        """
        loop = asyncio.get_running_loop()
        self._pending.append(loop.run_in_executor(self._thread, self._part.write, block))
        self._unsynced += size
        if self._unsynced >= SYNC_BYTES and (self._syncing is None or self._syncing.done()):
            if self._syncing is not None:
                self._syncing.result()
            self._unsynced = 0
            self._syncing = loop.run_in_executor(None, self._part.sync)
        while len(self._pending) > MAX_BLOCKS or (self._pending and self._pending[0].done()):
            await asyncio.shield(self._pending[0])
            self._pending.popleft()

    async def finish(self) -> None:
        """Wait until everything handed over is written.

        Raises:
            FileProblem: something could not be; nothing of the part is left.
        """
        try:
            waiting = [*self._pending, *([self._syncing] if self._syncing is not None else [])]
            if waiting:
                await asyncio.wait(waiting)
            for done in waiting:
                if not done.cancelled():
                    done.result()
        finally:
            self._thread.shutdown(wait=False)
