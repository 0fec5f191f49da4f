"""Rate, time left and expiry from samples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdeck.models.batch import Batch, BatchStatus, CountSample, RequestCounts
from batchdeck.services.pace import pace_of

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def _batch(status: BatchStatus = BatchStatus.IN_PROGRESS, **fields: object) -> Batch:
    counts = fields.pop("counts", RequestCounts(1_000, 400, 0))
    assert isinstance(counts, RequestCounts)
    expires_at = fields.pop("expires_at", None)
    assert expires_at is None or isinstance(expires_at, datetime)
    return Batch("b", status, str(status), counts=counts, expires_at=expires_at)


def _samples(*points: tuple[float, int]) -> list[CountSample]:
    """From (seconds ago, completed)."""
    return [CountSample(NOW - timedelta(seconds=ago), RequestCounts(1_000, done, 0)) for ago, done in points]


def test_the_rate_is_answers_over_seconds_and_gives_the_time_left() -> None:
    pace = pace_of(_batch(), _samples((100, 200), (50, 300), (0, 400)), NOW)
    assert pace.rate == pytest.approx(2.0)
    assert pace.time_left == timedelta(seconds=300)
    assert pace.note == ""


def test_failed_requests_count_as_answered() -> None:
    samples = [
        CountSample(NOW - timedelta(seconds=100), RequestCounts(1_000, 0, 0)),
        CountSample(NOW, RequestCounts(1_000, 50, 50)),
    ]
    pace = pace_of(_batch(counts=RequestCounts(1_000, 50, 50)), samples, NOW)
    assert pace.rate == pytest.approx(1.0)
    assert pace.done == 100


def test_two_samples_within_seconds_give_no_rate() -> None:
    pace = pace_of(_batch(), _samples((5, 0), (0, 400)), NOW)
    assert pace.rate is None
    assert pace.time_left is None
    assert "Too little" in pace.note


def test_only_the_last_half_hour_counts() -> None:
    pace = pace_of(_batch(), _samples((20_000, 0), (10_000, 390), (900, 395), (0, 400)), NOW)
    assert pace.rate == pytest.approx(10 / 1_800)


def test_a_batch_that_stands_still_says_so_and_gives_no_time() -> None:
    pace = pace_of(_batch(), _samples((9_000, 200), (7_300, 400)), NOW)
    assert pace.rate == 0
    assert pace.time_left is None
    assert pace.note == "No new answer since 2 hours."


def test_counts_that_fall_back_start_the_rate_anew() -> None:
    pace = pace_of(_batch(), _samples((1_000, 900), (100, 100), (0, 400)), NOW)
    assert pace.rate == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (BatchStatus.VALIDATING, "counts nothing yet"),
        (BatchStatus.FINALIZING, "does not say for how long"),
        (BatchStatus.CANCELLING, "running requests finish"),
        (BatchStatus.UNKNOWN, "not documented"),
    ],
)
def test_no_time_is_invented_for_a_state_that_has_none(status: BatchStatus, words: str) -> None:
    batch = _batch(status, counts=RequestCounts(1_000, 1_000, 0), expires_at=NOW + timedelta(hours=1))
    pace = pace_of(batch, _samples((100, 200), (0, 1_000)), NOW)
    assert pace.rate is None
    assert pace.time_left is None
    assert not pace.will_expire
    assert words in pace.note


def test_all_answered_but_not_closed_is_said() -> None:
    pace = pace_of(_batch(counts=RequestCounts(10, 8, 2)), _samples((100, 0), (0, 10)), NOW)
    assert pace.time_left is None
    assert "has not closed" in pace.note


def test_expiry_is_warned_about_when_the_rate_will_not_make_it() -> None:
    samples = _samples((100, 390), (0, 400))
    late = pace_of(_batch(expires_at=NOW + timedelta(seconds=1_000)), samples, NOW)
    assert late.will_expire
    assert late.answered_by_expiry == 500
    in_time = pace_of(_batch(expires_at=NOW + timedelta(seconds=6_001)), samples, NOW)
    assert not in_time.will_expire
    assert in_time.answered_by_expiry is None


def test_a_stalled_batch_with_an_expiry_will_expire() -> None:
    pace = pace_of(_batch(expires_at=NOW + timedelta(hours=1)), _samples((900, 400)), NOW)
    assert pace.will_expire
    assert pace.answered_by_expiry == 400


def test_past_expiry_is_told_and_not_counted_against_a_service_without_expiry() -> None:
    pace = pace_of(_batch(expires_at=NOW - timedelta(hours=1)), _samples((100, 300), (0, 400)), NOW)
    assert not pace.will_expire
    assert "still works on it" in pace.note
    assert pace.time_left == timedelta(seconds=600)


def test_an_ended_batch_has_neither_rate_nor_expiry() -> None:
    pace = pace_of(_batch(BatchStatus.COMPLETED, expires_at=NOW), _samples((100, 0), (0, 1_000)), NOW)
    assert (pace.rate, pace.time_left, pace.expires_in, pace.note) == (None, None, None, "")


def test_without_samples_nothing_is_claimed() -> None:
    pace = pace_of(_batch(counts=RequestCounts()), [], NOW)
    assert pace.rate is None
    assert pace.sparkline == ()
    assert "does not say how many" in pace.note


def test_the_sparkline_spreads_gains_over_time() -> None:
    pace = pace_of(_batch(), _samples((40, 0), (20, 100), (10, 100), (0, 400)), NOW, points=4)
    assert pace.sparkline == pytest.approx((50, 50, 0, 300))


@given(
    st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 10_000), st.integers(0, 10_000)), max_size=30),
    st.integers(0, 60),
)
def test_any_samples_give_finite_numbers(points: list[tuple[int, int, int]], width: int) -> None:
    samples = sorted(
        (
            CountSample(NOW - timedelta(seconds=ago), RequestCounts(10_000, completed, failed))
            for ago, completed, failed in points
        ),
        key=lambda sample: sample.at,
    )
    pace = pace_of(_batch(expires_at=NOW + timedelta(hours=1)), samples, NOW, points=width)
    assert pace.rate is None or pace.rate >= 0
    assert pace.time_left is None or pace.time_left > timedelta(0)
    assert len(pace.sparkline) in (0, width)
    total_gain = sum(
        max(
            0,
            later.counts.completed + later.counts.failed - earlier.counts.completed - earlier.counts.failed,
        )
        for earlier, later in pairwise(samples)
        if later.at > earlier.at
    )
    if pace.sparkline:
        assert sum(pace.sparkline) == pytest.approx(total_gain)
