"""When to ask the service again: pure, without a clock of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

IDLE_FIRST_SECONDS = 60.0
"""Wait when no batch can change any more."""
IDLE_MAX_SECONDS = 300.0
BACK_OFF_MAX_SECONDS = 300.0
RETRY_AFTER_MAX_SECONDS = 3_600.0
"""A service that asks for a longer pause than this is asked again after it."""
UNFOCUSED_FACTOR = 3.0
UNFOCUSED_MIN_SECONDS = 30.0
OLD_SECONDS = 2 * 86_400.0
"""A batch older than this ought to have ended; it is asked about rarely."""
OLD_SHARE = 1 / 200
"""An old batch is asked about after this share of its age."""
OLD_MAX_SECONDS = 6 * 3_600.0


@dataclass(slots=True)
class Schedule:
    """How long to wait before the next refresh."""

    refresh_seconds: float = 10.0
    """Between two refreshes while a batch is active."""
    chance: Callable[[], float] = random.random
    """Gives a number from 0.0 up to 1.0; spreads the waits of several clients after a failure."""
    _idle_rounds: int = 0

    def next_delay(
        self,
        *,
        active: bool,
        failures: int = 0,
        retry_after: float | None = None,
        paused: bool = False,
        focused: bool = True,
    ) -> float | None:
        """Seconds to wait from the end of the last refresh, or None when there is none to come.

        Args:
            active: True when a batch can still change.
            failures: Refreshes that failed in a row, the last one among them.
            retry_after: Seconds the service asked to wait.
            paused: True when the user stopped asking.
            focused: False when nobody is looking at the terminal.
        """
        if paused:
            return None
        if active or failures:
            self._idle_rounds = 0
        if failures:
            return self._after_failure(failures, retry_after)
        if active:
            delay = self.refresh_seconds
            if not focused:
                delay = max(delay * UNFOCUSED_FACTOR, UNFOCUSED_MIN_SECONDS)
        else:
            delay = min(IDLE_FIRST_SECONDS * 1.5**self._idle_rounds, IDLE_MAX_SECONDS)
            delay = max(delay, self.refresh_seconds)
            if not focused:
                delay = max(delay, IDLE_MAX_SECONDS)
            self._idle_rounds = min(self._idle_rounds + 1, 10)
        if retry_after is not None:
            delay = max(delay, min(retry_after, RETRY_AFTER_MAX_SECONDS))
        return delay

    def wake(self) -> None:
        """Begin with the short idle wait again: the user did something."""
        self._idle_rounds = 0

    def _after_failure(self, failures: int, retry_after: float | None) -> float:
        ceiling = min(self.refresh_seconds * 2.0 ** min(failures - 1, 16), BACK_OFF_MAX_SECONDS)
        ceiling = max(ceiling, min(self.refresh_seconds, BACK_OFF_MAX_SECONDS))
        delay = ceiling * (0.75 + 0.25 * self.chance())
        if retry_after is not None:
            asked = max(0.0, min(retry_after, RETRY_AFTER_MAX_SECONDS))
            # Never sooner than asked; the spread comes on top.
            delay = max(delay, asked + min(asked, 10.0) * 0.1 * self.chance())
        return delay


def seconds_between_looks(age_seconds: float) -> float:
    """How long to leave an active batch alone that page one no longer lists.

    Args:
        age_seconds: Seconds since the batch was created.

    Returns:
        0.0 for a batch that may still end any moment, growing with its age for one that hangs.
    """
    if age_seconds < OLD_SECONDS:
        return 0.0
    return min(age_seconds * OLD_SHARE, OLD_MAX_SECONDS)
