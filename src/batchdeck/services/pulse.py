"""Progress told often enough to be seen and seldom enough to cost nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from batchdeck.errors import Interrupted
from batchdeck.models.progress import Progress

if TYPE_CHECKING:
    from batchdeck.models.progress import OnProgress, ShouldStop, Unit

_SECONDS = 0.1


class Pulse:
    """Tells of one stage of long work at most ten times a second.

    Args:
        stage: A present participle and its object.
        total: The whole, or None when it is not known.
    """

    def __init__(
        self, on_progress: OnProgress | None, stage: str, total: int | None = None, unit: Unit = "bytes"
    ) -> None:
        self._on_progress = on_progress
        self._stage = stage
        self._total = total
        self._unit: Unit = unit
        self._last = 0.0

    def __call__(self, done: int, *, at_once: bool = False) -> None:
        """Tell how much is done; `at_once` tells it whatever the time."""
        if self._on_progress is None:
            return
        now = time.monotonic()
        if at_once or now - self._last >= _SECONDS or (self._total is not None and done >= self._total):
            self._last = now
            self._on_progress(Progress(self._stage, done, self._total, self._unit))


def stop_when_told(should_stop: ShouldStop | None, sentence: str) -> None:
    """Raise when the user wants the work to stop.

    Raises:
        Interrupted: with `sentence`.
    """
    if should_stop is not None and should_stop():
        raise Interrupted(sentence)
