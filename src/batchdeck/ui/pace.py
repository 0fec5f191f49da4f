"""How fast long work goes and how long it will take, from its own progress."""

from __future__ import annotations

from collections import deque

from batchdeck.models.progress import Progress
from batchdeck.ui import format as words

_SPAN = 5.0
"""Seconds over which the rate is measured."""


class Pace:
    """Remembers the last few seconds of progress of one stage."""

    def __init__(self) -> None:
        self._stage = ""
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, progress: Progress, at: float) -> None:
        """Take in one step; another stage starts anew.

        Args:
            at: Seconds of a clock that never goes back.
        """
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._seen.clear()
        self._seen.append((at, progress.done))
        while len(self._seen) > 2 and at - self._seen[0][0] > _SPAN:
            self._seen.popleft()

    @property
    def per_second(self) -> float | None:
        """Units a second, or None before there is enough to tell."""
        if len(self._seen) < 2:
            return None
        (start, before), (end, now) = self._seen[0], self._seen[-1]
        return (now - before) / (end - start) if end > start and now > before else None

    def words(self, progress: Progress) -> str:
        """Done, total, rate and time left: `12.0 MB of 190 MB, 3.1 MB/s, 57s left`."""
        is_bytes = progress.unit == "bytes"
        amount = words.size if is_bytes else words.count
        parts = [amount(progress.done)]
        if progress.total is not None:
            parts[0] += f" of {amount(progress.total)}"
        if progress.unit and not is_bytes:
            parts[0] += f" {progress.unit}"
        rate = self.per_second
        if rate is not None and progress.unit in ("bytes", "rows", "requests"):
            parts.append(f"{words.size(int(rate))}/s" if is_bytes else f"{rate:,.0f}/s")
            if progress.total is not None and progress.total > progress.done:
                parts.append(f"{words.duration((progress.total - progress.done) / rate)} left")
        return ", ".join(parts)
