"""How fast a batch goes and whether it will make it: pure, from samples of its counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from batchdeck.models.batch import Batch, BatchStatus, CountSample

WINDOW_SECONDS = 1_800.0
"""The rate is taken over the samples of the last half hour."""
MIN_SPAN_SECONDS = 20.0
"""Samples that lie closer together than this say nothing about a rate."""
STALL_SECONDS = 600.0
"""Without a new answer for this long a batch is said to stand still."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What can honestly be said of a batch's speed."""

    done: int
    """Requests completed or failed."""
    total: int
    rate: float | None
    """Requests a second over the last half hour, or None when it is not known."""
    time_left: timedelta | None
    """Until every request is answered, or None when it is not known."""
    expires_in: timedelta | None
    """Until the service gives up on the rest, None where it does not say or the batch ended."""
    will_expire: bool
    """True when at this rate the batch will not be through before it expires."""
    answered_by_expiry: int | None
    """Requests that will have been answered when it expires, at this rate; None unless `will_expire`."""
    note: str
    """One sentence to show in place of a number that would be a lie; empty when there is none."""
    sparkline: tuple[float, ...]
    """Answers per equal span of time, oldest first, for drawing."""


def pace_of(batch: Batch, samples: Sequence[CountSample], now: datetime, *, points: int = 30) -> Pace:
    """Say how fast a batch goes.

    Args:
        batch: The batch as it is known.
        samples: Its counts over time, oldest first.
        now: The time of day, UTC.
        points: Length of the sparkline.
    """
    counts = batch.counts
    done = counts.completed + counts.failed
    expires_in = None
    if batch.status.is_active and batch.expires_at is not None:
        expires_in = batch.expires_at - now
    rate = _rate(samples, now) if batch.status is BatchStatus.IN_PROGRESS else None
    time_left = None
    if rate is not None and rate > 0 and counts.waiting > 0:
        time_left = timedelta(seconds=min(counts.waiting / rate, 365 * 86_400.0))
    will_expire = False
    answered_by_expiry = None
    if expires_in is not None and expires_in > timedelta(0) and rate is not None and counts.waiting > 0:
        will_expire = time_left is None or time_left > expires_in
        if will_expire:
            answered_by_expiry = min(counts.total, done + int(rate * expires_in.total_seconds()))
    return Pace(
        done=done,
        total=counts.total,
        rate=rate,
        time_left=time_left,
        expires_in=expires_in,
        will_expire=will_expire,
        answered_by_expiry=answered_by_expiry,
        note=_note(batch, samples, now, rate, expires_in),
        sparkline=_sparkline(samples, points),
    )


def _answered(sample: CountSample) -> int:
    return sample.counts.completed + sample.counts.failed


def _rate(samples: Sequence[CountSample], now: datetime) -> float | None:
    """Answers a second from the first sample of the window until now; counts that fall start anew."""
    recent = [sample for sample in samples if (now - sample.at).total_seconds() <= WINDOW_SECONDS]
    before = [sample for sample in samples if (now - sample.at).total_seconds() > WINDOW_SECONDS]
    if before:
        # A sample is kept only when counts change: the last one before the window still held at its start.
        start = now - timedelta(seconds=WINDOW_SECONDS)
        recent.insert(0, CountSample(start, before[-1].counts))
    for place in range(len(recent) - 1, 0, -1):
        if _answered(recent[place]) < _answered(recent[place - 1]):
            recent = recent[place:]
            break
    if not recent:
        return None
    span = (now - recent[0].at).total_seconds()
    if span < MIN_SPAN_SECONDS:
        return None
    gained = _answered(recent[-1]) - _answered(recent[0])
    if gained == 0 and span < STALL_SECONDS:
        return None
    return gained / span


def _note(
    batch: Batch,
    samples: Sequence[CountSample],
    now: datetime,
    rate: float | None,
    expires_in: timedelta | None,
) -> str:
    counts = batch.counts
    match batch.status:
        case BatchStatus.VALIDATING:
            return "The service checks the file; it counts nothing yet."
        case BatchStatus.FINALIZING:
            if counts.total and counts.waiting == 0:
                return (
                    "Every request is answered; the service writes the files and does not say for how long."
                )
            return "The service writes the files and does not say for how long."
        case BatchStatus.CANCELLING:
            return "The service lets running requests finish; that takes up to ten minutes."
        case BatchStatus.UNKNOWN:
            return "The service gives a status that is not documented."
        case BatchStatus.IN_PROGRESS:
            pass
        case _:
            return ""
    if expires_in is not None and expires_in <= timedelta(0):
        return "Its time is over, but the service still works on it."
    if counts.total == 0:
        return "The service does not say how many requests there are."
    if counts.waiting == 0:
        return "Every request is answered; the service has not closed the batch yet."
    if rate == 0:
        since = samples[-1].at if samples else now
        return f"No new answer since {_words(now - since)}."
    if rate is None:
        return "Too little seen yet to tell the rate."
    return ""


def _words(span: timedelta) -> str:
    minutes = max(1, int(span.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} minute{'s' if minutes != 1 else ''}"
    return f"{minutes // 60} hours"


def _sparkline(samples: Sequence[CountSample], points: int) -> tuple[float, ...]:
    """Answers gained in each of `points` equal spans between the first and the last sample."""
    if len(samples) < 2 or points < 1:
        return ()
    first, last = samples[0].at.timestamp(), samples[-1].at.timestamp()
    if last <= first:
        return ()
    step = (last - first) / points
    gained = [0.0] * points
    for earlier, later in pairwise(samples):
        gain = max(0, _answered(later) - _answered(earlier))
        begin, end = earlier.at.timestamp() - first, later.at.timestamp() - first
        if gain == 0 or end <= begin:
            continue
        place = min(int(begin / step), points - 1)
        while place < points and place * step < end:
            overlap = min(end, (place + 1) * step) - max(begin, place * step)
            gained[place] += gain * max(0.0, overlap) / (end - begin)
            place += 1
    return tuple(gained)
