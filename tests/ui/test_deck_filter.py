"""The filter bar."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from batchdeck.models.batch import BatchStatus
from batchdeck.ui.widgets.filter_bar import FilterBar
from tests.fakes.batches import make_batch
from tests.ui.deck_support import Deck, ages, deck

pytestmark = pytest.mark.anyio
BATCHES = [
    *ages(20),
    make_batch("bad", BatchStatus.FAILED, age=9_000, counts=(0, 0, 0)),
    make_batch("old", BatchStatus.EXPIRED, age=9_999, metadata={"team": "search"}),
]


def bar(d: Deck) -> FilterBar:
    return d.main.query_one(FilterBar)


async def test_what_is_typed_is_applied_without_enter(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        await d.press("slash", *"status:failed,expired")
        await d.until(lambda: d.shown == ["batch_bad", "batch_old"])
        assert isinstance(d.app.focused, Input)
        assert "filter status:failed,expired" in d.status


async def test_enter_applies_at_once_and_gives_the_keys_back(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        await d.press("slash", *"meta.team:search", "enter")
        assert d.shown == ["batch_old"]
        assert d.app.focused is d.table
        assert bar(d).display
        assert "meta.team:search" in d.text()


async def test_escape_clears_from_the_bar_and_from_the_list(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        await d.press("slash", *"bad", "enter")
        assert d.shown == ["batch_bad"]
        await d.press("escape")
        assert d.listing.total == 22
        assert not bar(d).display
        await d.press("slash", *"bad", "enter", "slash", "escape")
        assert d.listing.total == 22
        assert d.app.focused is d.table


async def test_a_wrong_term_is_marked_where_it_stands_and_the_rows_stay(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        await d.press("slash", *"status:failed", "enter")
        await d.press("slash", *" requests:many", "enter")
        assert d.shown == ["batch_bad"]
        assert d.listing.filter.text == "status:failed"
        lines = d.lines()
        typed = next(place for place, line in enumerate(lines) if "requests:many" in line)
        start = lines[typed].index("many") if "^^^^ " in lines[typed + 1] else lines[typed].index("requests")
        assert lines[typed + 1][start] == "^"
        assert "expected a number" in d.text()
        await d.press(*["backspace"] * 4, *">=0", "enter")
        assert "expected" not in d.text()
        assert d.shown == ["batch_bad"]


async def test_nothing_found_says_so_and_how_to_go_on(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        await d.press("slash", *"nosuchword", "enter")
        assert "Nothing matches nosuchword" in d.text()
        assert "esc  clear it" in d.text()
        await d.press("x")
        assert "No batch is chosen." in d.toasts()


async def test_the_cursor_stays_on_its_batch_through_a_filter(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        await d.press("G", "G", "k")
        assert d.listing.cursor_id == "batch_bad"
        await d.press("slash", *"status:failed,expired", "enter")
        assert d.listing.cursor_id == "batch_bad"
        await d.press("escape")
        assert d.listing.cursor_id == "batch_bad"


async def test_down_leaves_the_bar_with_the_filter_on(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        await d.press("slash", *"bad", "enter", "slash", "down")
        assert d.app.focused is d.table
        assert d.shown == ["batch_bad"]


async def test_the_cursor_of_the_input_does_not_blink(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        await d.press("slash")
        assert d.main.query_one(Input).cursor_blink is False
