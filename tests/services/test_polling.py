"""When the service is asked again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdeck.services.polling import (
    BACK_OFF_MAX_SECONDS,
    IDLE_MAX_SECONDS,
    RETRY_AFTER_MAX_SECONDS,
    Schedule,
    seconds_between_looks,
)


def test_an_active_batch_is_asked_about_at_the_profiles_pace() -> None:
    schedule = Schedule(refresh_seconds=7.0)
    assert [schedule.next_delay(active=True) for _ in range(3)] == [7.0, 7.0, 7.0]


def test_with_nothing_active_the_waits_grow_to_five_minutes() -> None:
    schedule = Schedule(refresh_seconds=10.0)
    waits = [schedule.next_delay(active=False) for _ in range(8)]
    assert waits[0] == 60.0
    assert waits == sorted(waits, key=lambda wait: wait or 0.0)
    assert waits[-1] == IDLE_MAX_SECONDS
    assert schedule.next_delay(active=True) == 10.0
    assert schedule.next_delay(active=False) == 60.0


def test_waking_begins_with_the_short_idle_wait_again() -> None:
    schedule = Schedule()
    for _ in range(6):
        schedule.next_delay(active=False)
    schedule.wake()
    assert schedule.next_delay(active=False) == 60.0


def test_idle_never_asks_more_often_than_active() -> None:
    assert Schedule(refresh_seconds=120.0).next_delay(active=False) == 120.0


def test_paused_asks_no_more() -> None:
    assert Schedule().next_delay(active=True, paused=True) is None
    assert Schedule().next_delay(active=True, failures=3, paused=True) is None


def test_failures_back_off_twice_as_long_each_time_up_to_a_limit() -> None:
    schedule = Schedule(refresh_seconds=10.0, chance=lambda: 1.0)
    waits = [schedule.next_delay(active=True, failures=failures) for failures in range(1, 9)]
    assert waits == [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]


def test_the_spread_is_at_most_a_quarter() -> None:
    low = Schedule(refresh_seconds=10.0, chance=lambda: 0.0)
    assert low.next_delay(active=True, failures=3) == 30.0
    spread = {Schedule(refresh_seconds=10.0).next_delay(active=True, failures=3) for _ in range(50)}
    assert len(spread) > 10


@pytest.mark.parametrize("failures", [0, 1, 4])
def test_retry_after_is_never_undercut(failures: int) -> None:
    schedule = Schedule(refresh_seconds=10.0, chance=lambda: 0.0)
    delay = schedule.next_delay(active=True, failures=failures, retry_after=97.0)
    assert delay is not None
    assert delay >= 97.0


def test_a_senseless_retry_after_does_not_stop_the_deck_for_a_day() -> None:
    delay = Schedule(chance=lambda: 1.0).next_delay(active=True, failures=1, retry_after=86_400.0)
    assert delay is not None
    assert delay <= RETRY_AFTER_MAX_SECONDS + 1.0


def test_out_of_focus_is_slower() -> None:
    schedule = Schedule(refresh_seconds=5.0)
    assert schedule.next_delay(active=True, focused=False) == 30.0
    assert Schedule(refresh_seconds=20.0).next_delay(active=True, focused=False) == 60.0
    assert Schedule().next_delay(active=False, focused=False) == IDLE_MAX_SECONDS


@given(
    refresh=st.floats(0.2, 600.0),
    failures=st.integers(0, 10_000),
    retry_after=st.none() | st.floats(-10.0, 1e9),
    active=st.booleans(),
    focused=st.booleans(),
)
def test_every_delay_is_positive_and_bounded(
    refresh: float, failures: int, retry_after: float | None, active: bool, focused: bool
) -> None:
    schedule = Schedule(refresh_seconds=refresh)
    delay = schedule.next_delay(active=active, failures=failures, retry_after=retry_after, focused=focused)
    assert delay is not None
    assert 0.0 < delay <= max(RETRY_AFTER_MAX_SECONDS + 1.0, BACK_OFF_MAX_SECONDS, refresh * 3)


def test_a_hanging_batch_is_asked_about_ever_more_rarely() -> None:
    day = 86_400.0
    assert seconds_between_looks(0.0) == 0.0
    assert seconds_between_looks(1.9 * day) == 0.0
    assert 600.0 < seconds_between_looks(2.1 * day) < seconds_between_looks(20 * day)
    assert seconds_between_looks(5_000 * day) == 6 * 3_600.0
