"""Status line, header, keys and columns: what they say in how many cells."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rich.cells import cell_len

from batchdeck.models.batch import BatchStatus
from batchdeck.models.query import SortKey
from batchdeck.ui.glyphs import ASCII, UNICODE
from batchdeck.ui.widgets.columns import place_columns
from batchdeck.ui.widgets.header import header_line
from batchdeck.ui.widgets.key_bar import KeyHint, fitting
from batchdeck.ui.widgets.painted import Line
from batchdeck.ui.widgets.progress import bar_cells, sparkline
from batchdeck.ui.widgets.status_line import StatusFacts, status_line
from tests.fakes.batches import NOON

FACTS = StatusFacts(
    profile="work",
    is_read_only=True,
    data_at=NOON - timedelta(seconds=3),
    now=NOON,
    next_in=7.0,
    page=2,
    pages=5,
    first_row=34,
    last_row=66,
    total=150,
    filter="status:failed",
    sort="age ▼",
    marked=2,
    unsettled=1,
)


def words(line: Line) -> str:
    return "".join(piece for piece, _ in line)


def test_the_status_line_says_all_of_it() -> None:
    shown = words(status_line(FACTS, 200, UNICODE))
    for fact in (
        "work READ-ONLY",
        "3s old",
        "next in  7s",
        f"page 2 of 5, rows 34{UNICODE.dash}66 of 150",
        "filter status:failed",
        "sort age ▼",
        "2 marked",
        "1 unsettled operation",
    ):
        assert fact in shown


@pytest.mark.parametrize("width", [120, 100, 80, 60, 40])
def test_the_status_line_fits_and_keeps_what_matters(width: int) -> None:
    shown = words(status_line(FACTS, width, UNICODE))
    assert cell_len(shown) <= width
    assert "work" in shown
    assert "unsettled" in shown
    assert "2 marked" in shown


def test_paused_and_offline_are_said_and_nothing_counts_down() -> None:
    paused = words(status_line(FACTS._replace(is_paused=True, now=None, next_in=None), 200, UNICODE))
    assert "PAUSED" in paused
    assert "next" not in paused
    assert "as of 11:59:57" in paused
    offline = words(status_line(FACTS._replace(is_offline=True, offline_since=NOON), 200, UNICODE))
    assert "OFFLINE since 12:00" in offline
    assert "3s old" in offline


def test_without_a_tick_times_of_day_stand_in() -> None:
    facts = FACTS._replace(now=None, next_at=NOON + timedelta(seconds=60))
    assert "as of 11:59:57, next 12:01:00" in words(status_line(facts, 200, UNICODE))


def test_the_line_keeps_its_length_while_it_counts() -> None:
    lengths = {
        len(words(status_line(FACTS._replace(now=NOON + timedelta(seconds=s), next_in=10 - s), 200, UNICODE)))
        for s in range(10)
    }
    assert len(lengths) == 1


@pytest.mark.parametrize("width", [200, 120, 80, 50, 20])
def test_the_header_fits_with_as_many_words_as_there_is_room_for(width: int) -> None:
    counts = {BatchStatus.IN_PROGRESS: 3, BatchStatus.COMPLETED: 1_250, BatchStatus.FAILED: 4}
    shown = words(header_line(counts, width, UNICODE))
    assert cell_len(shown) <= width or width < 30
    assert "1,250" in shown
    assert ("in progress" in shown) == (width >= 70)


def test_columns_go_from_the_right() -> None:
    order = [
        SortKey.STATE,
        SortKey.NAME,
        SortKey.REQUESTS,
        SortKey.DONE,
        SortKey.FAILED,
        SortKey.MODEL,
        SortKey.ENDPOINT,
        SortKey.CREATED,
        SortKey.COST,
    ]
    seen = set()
    for width in range(20, 140):
        placed = place_columns(width)
        keys = [each.column.key for each in placed]
        assert keys == order[: len(keys)]
        assert placed[-1].x + placed[-1].width <= width
        seen.add(len(keys))
    assert seen == set(range(2, 10))


def test_the_help_key_is_the_last_to_go() -> None:
    hints = [KeyHint(name, "k", name) for name in ("batch.open", "list.filter", "view.help", "program.quit")]
    assert [hint.action_id for hint in fitting(hints, 14)] == ["view.help"]
    assert fitting(hints, 200) == hints


def test_a_bar_is_full_only_when_all_is_done_and_failures_are_seen() -> None:
    assert bar_cells(999, 0, 1000, 10) == (9, 0)
    assert bar_cells(1000, 0, 1000, 10) == (10, 0)
    assert bar_cells(999, 1, 1000, 10) == (9, 1)
    assert bar_cells(1, 0, 1000, 10) == (1, 0)
    assert bar_cells(0, 0, 0, 10) == (0, 0)


def test_a_sparkline_has_a_cell_a_value_and_none_for_nothing() -> None:
    assert sparkline([0, 1, 2, 4], 10, UNICODE) == "▁▃▅█"
    assert sparkline([0, 0], 10, UNICODE) == ""
    assert sparkline([0, 1, 2, 4], 2, ASCII)[-1] == "#"
