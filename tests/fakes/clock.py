"""A clock that moves only when told to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock whose sleepers wake at once, having moved the time on."""

    def __init__(self, start: datetime = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)) -> None:
        self.time = start
        self.slept: list[float] = []
        """Every wait that was asked for, in seconds."""

    def now(self) -> datetime:
        """The time of day, UTC."""
        return self.time

    def monotonic(self) -> float:
        """Seconds since 1970."""
        return self.time.timestamp()

    def advance(self, seconds: float) -> None:
        """Move the time on."""
        self.time += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        """Note the wait, move the time on, and let others run."""
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)
