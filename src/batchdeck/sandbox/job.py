"""One batch of the sandbox: what it is, and how far its work has come at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from batchdeck.sandbox.moods import BatchMood
from batchdeck.sandbox.order import WorkOrder
from batchdeck.sandbox.results import Census, Requests, Results
from batchdeck.sandbox.rows import Spent
from batchdeck.sandbox.scan import Scan

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that a batch spends in its states."""

    validating: float = 2.0
    base: float = 6.0
    """Work of the smallest batch."""
    per_root: float = 0.6
    """More work for each square root of the number of requests."""
    finalizing: float = 2.0
    cancelling: float = 3.0
    speed: float = 1.0
    """Divides all of them."""

    def work(self, requests: int) -> float:
        """Seconds of work for so many requests."""
        return (self.base + self.per_root * math.sqrt(requests)) / self.speed


@dataclass(slots=True)
class Job:
    """One batch. Times are epoch seconds; a planned time is told only once it has passed."""

    id: str
    endpoint: str
    input_file_id: str
    created_at: float
    window: str = "24h"
    metadata: Mapping[str, str] = field(default_factory=dict)
    mood: BatchMood = field(default_factory=lambda: BatchMood({}))
    expires_at: float = 0.0
    output_expires_after: int | None = None
    status: str = "validating"
    in_progress_at: float | None = None
    finalizing_at: float | None = None
    completed_at: float | None = None
    failed_at: float | None = None
    expired_at: float | None = None
    cancelling_at: float | None = None
    cancelled_at: float | None = None
    validate_seconds: float = 2.0
    work_seconds: float = 6.0
    reach: float = 1.0
    """The share of the requests that the work will come to."""
    model: str | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    requests: Requests | None = None
    order: WorkOrder | None = None
    census: Census = field(default_factory=Census)
    done: int = 0
    """Requests worked off, once the work has stopped."""
    is_expiring: bool = False
    estimated_tokens: int = 0
    spent: Spent | None = None
    """Tokens of the whole work, once known."""
    output_file_id: str | None = None
    error_file_id: str | None = None
    scan: Future[Scan] | None = None
    prepared: Requests | None = None
    """Requests known beforehand, instead of a scan."""
    finalize_seconds: float | None = None
    cancel_seconds: float | None = None
    results: Future[Results] | None = None
    counts_override: tuple[int, int, int] | None = None
    """Told instead of the counts, for a batch whose counts do not agree with its files."""
    tells_usage: bool = True

    @property
    def total(self) -> int:
        """Requests, or 0 until validation has counted them."""
        return self.requests.count if self.requests is not None else 0

    @property
    def has_ended(self) -> bool:
        """True when nothing will change any more."""
        return self.status in ENDED

    def start_work(self, at: float, requests: Requests, work_seconds: float) -> None:
        """Validation is over: the requests are known and the work begins."""
        self.requests = requests
        self.order = WorkOrder(requests.count, sum(self.id.encode()))
        self.census = Census.of(requests, self.order)
        self.in_progress_at = at
        self.work_seconds = work_seconds
        self.status = "in_progress"

    def done_at(self, now: float) -> int:
        """Requests worked off at a time while the work goes on; it comes in waves, and never back."""
        if self.in_progress_at is None:
            return 0
        if self.status != "in_progress":
            return self.done
        # A difference of epoch seconds is not exact: at the end it may be a little less than the work.
        x = 1.0
        if now < self.in_progress_at + self.work_seconds:
            x = max(0.0, (now - self.in_progress_at) / self.work_seconds)
            x -= 0.7 * math.sin(6 * math.pi * x) / (6 * math.pi)
        if "hang" in self.mood:
            x = min(x, self.mood.number("hang", 40.0) / 100)
        return min(self.total, int(self.total * self.reach * x + 1e-9))

    def counts_at(self, now: float) -> tuple[int, int, int]:
        """Total, completed and failed as the service tells them."""
        if self.counts_override is not None:
            return self.counts_override
        if self.requests is None:
            return 0, 0, 0
        completed, failed = self.census.counts(self.done_at(now))
        if "all_completed" in self.mood:
            return self.total, completed + failed, 0
        return self.total, completed, failed

    def last_moment(self, *, no_expiry: bool = False) -> tuple[float, bool]:
        """When the work stops, and whether it is the window that stops it."""
        begun = self.in_progress_at or self.created_at
        natural = begun + self.work_seconds
        if "hang" in self.mood:
            natural = math.inf
        if self.reach < 1.0:
            return min(natural, self.expires_at), True
        if self.expires_at < natural and not no_expiry:
            return self.expires_at, True
        return natural, bool(self.census.unrun)
