"""Progress told seldom enough to cost nothing."""

from __future__ import annotations

import time

from batchdeck.models.progress import OnProgress, Progress, Unit

INTERVAL_SECONDS = 0.1


class Ticker:
    """Passes progress on at most ten times a second, and the end always."""

    def __init__(self, on_progress: OnProgress | None, stage: str, total: int | None, unit: Unit) -> None:
        self._on_progress = on_progress
        self._stage = stage
        self._total = total
        self._unit = unit
        self._next = 0.0

    def at(self, done: int) -> None:
        """Tell how far it is, unless that was told a moment ago."""
        if self._on_progress is None:
            return
        now = time.monotonic()
        if now >= self._next:
            self._next = now + INTERVAL_SECONDS
            self._on_progress(Progress(self._stage, done, self._total, self._unit))

    def end(self, done: int) -> None:
        """Tell the end."""
        if self._on_progress is not None:
            self._on_progress(Progress(self._stage, done, self._total or done, self._unit))
