"""Long work that the user started: never cancelled by anything but the user or the end of the app."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.models.progress import Progress


class WorkState(StrEnum):
    """How far work has come."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class Work:
    """One piece of work, handed to the coroutine that does it.

    `on_progress` and `should_stop` are what the services and `jsonl` functions take; both may be called
    from any thread.
    """

    def __init__(self, title: str, tell: Callable[[Work], None], *, can_stop: bool = True) -> None:
        self.title = title
        """What is being done, for a person: `Downloading 3 batches`. May hold remote text."""
        self.can_stop = can_stop
        """False where stopping would leave it unknown whether something was sent."""
        self.state = WorkState.RUNNING
        self.progress: Progress | None = None
        self.outcome: str | None = None
        """What to tell the user once it is done, or None."""
        self.error: BaseException | None = None
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._is_stopping = False
        self._is_telling = False

    @property
    def is_stopping(self) -> bool:
        """True when the user asked it to stop and it has not ended yet."""
        return self._is_stopping and self.state is WorkState.RUNNING

    def on_progress(self, progress: Progress) -> None:
        """Note how far the work has come and have it shown soon."""
        self.progress = progress
        if not self._is_telling:
            self._is_telling = True
            self._loop.call_soon_threadsafe(self._told)

    def _told(self) -> None:
        self._is_telling = False
        if self.state is WorkState.RUNNING:
            self._tell(self)

    def stop(self) -> None:
        """Ask the work to stop at its next safe place."""
        if self.can_stop:
            self._is_stopping = True
            self._tell(self)

    def should_stop(self) -> bool:
        """True once the user asked for it."""
        return self._is_stopping


Factory = Callable[[Work], Awaitable[str | None]]
"""Does the work; returns a sentence for the user or None; raises a BatchdeckError when it failed."""
