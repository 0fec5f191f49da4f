"""Numbers and times as words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdeck.ui import format

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (9_999, "9,999"), (10_000, "10k"), (12_345, "12.3k"), (123_456, "123k"), (1_200_000, "1.2M")],
)
def test_short_counts(number: int, words: str) -> None:
    assert format.short_count(number) == words


@given(st.integers(0, 10**11))
def test_short_counts_are_short(number: int) -> None:
    assert len(format.short_count(number)) <= 6


@given(st.floats(0, 1))
def test_percent_is_full_only_when_all_is_done(share: float) -> None:
    words = format.percent(share)
    assert (words == "100%") == (share >= 1)
    assert (words == "0%") == (share <= 0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (45, "45s"),
        (200, "3m 20s"),
        (7_500, "2h 05m"),
        (273_600, "3d 4h"),
        (-5, "0s"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert format.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (45, "45s"), (720, "12m"), (18_000, "5h"), (172_800, "2d"), (30 * 86_400, "4w")],
)
def test_ages(seconds: float, words: str) -> None:
    assert format.age(NOW - timedelta(seconds=seconds), NOW) == words
    assert format.age(None, NOW) == "-"


@given(st.integers(0, 10**9))
def test_ages_take_at_most_four_cells(seconds: int) -> None:
    assert len(format.age(NOW - timedelta(seconds=seconds), NOW)) <= 4


def test_moments_have_one_width() -> None:
    for then in (NOW, NOW - timedelta(days=3), NOW - timedelta(days=800), NOW + timedelta(hours=20)):
        assert len(format.moment(then, NOW)) == 12


def test_sizes_and_money_and_rates() -> None:
    assert format.size(812) == "812 B"
    assert format.size(190_000_000) == "190 MB"
    assert format.money(None) == "-"
    assert format.money(0.0042) == "$0.0042"
    assert format.money(1234.5) == "$1,234" or format.money(1234.5) == "$1,235"
    assert format.rate(12) == "12/s"
    assert format.rate(0.5) == "30/min"
    assert format.rate(0.001) == "3.6/h"


def test_plurals() -> None:
    assert format.plural(1, "batch") == "1 batch"
    assert format.plural(2, "batch") == "2 batches"
    assert format.plural(1_500, "request") == "1,500 requests"
