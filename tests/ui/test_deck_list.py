"""The list: pages, cursor, order, marks; each key of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from textual import events

from batchdeck.models.batch import BatchStatus
from batchdeck.models.query import BatchSort, SortKey
from tests.fakes.batches import NOON, make_batch
from tests.ui.deck_support import ages, deck

pytestmark = pytest.mark.anyio
SIZES = [(120, 40), (80, 24), (40, 12)]


@pytest.mark.parametrize("size", SIZES)
async def test_the_page_fits_the_window_and_says_where_it_is(tmp_path: Path, size: tuple[int, int]) -> None:
    async with deck(tmp_path, ages(95), size=size) as d:
        rows = d.table.size.height - 1
        assert d.listing.page_size == rows
        assert d.shown == [f"batch_{number:03d}" for number in range(rows)]
        last = [line for line in d.lines() if f"batch_{rows - 1:03d}" in line or "batch" in line]
        assert last
        pages = -(-95 // rows)
        assert f"1/{pages}" in d.status or f"page 1 of {pages}" in d.status


async def test_down_and_up_move_and_turn_the_page_past_its_ends(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(95), size=(80, 24)) as d:
        size = d.listing.page_size
        await d.press("j", "down", "k")
        assert d.listing.cursor_id == "batch_001"
        await d.press(*["j"] * (size - 1))
        assert d.listing.cursor_id == f"batch_{size:03d}"
        assert d.listing.offset == size
        assert d.listing.cursor_row == 0
        await d.press("up")
        assert d.listing.cursor_id == f"batch_{size - 1:03d}"
        assert d.listing.offset == 0


async def test_up_on_the_first_row_and_down_on_the_last_stay(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        await d.press("k")
        assert d.listing.cursor_id == "batch_000"
        await d.press("j", "j", "j", "j")
        assert d.listing.cursor_id == "batch_002"


async def test_brackets_and_page_keys_turn_pages(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(50), size=(80, 24)) as d:
        size = d.listing.page_size
        await d.press("right_square_bracket")
        assert d.shown[0] == f"batch_{size:03d}"
        await d.press("pagedown")
        assert d.shown[0] == f"batch_{2 * size:03d}"
        await d.press("left_square_bracket")
        assert d.shown[0] == f"batch_{size:03d}"
        await d.press("pageup")
        assert d.shown[0] == "batch_000"
        await d.press(*["pagedown"] * 9)
        assert d.listing.cursor_id == "batch_049"
        await d.press(*["pageup"] * 9)
        assert d.listing.cursor_id == "batch_000"


async def test_g_goes_to_the_end_of_the_page_then_of_the_list(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(50), size=(80, 24)) as d:
        size = d.listing.page_size
        await d.press("G")
        assert d.listing.cursor_id == f"batch_{size - 1:03d}"
        await d.press("G")
        assert d.listing.cursor_id == "batch_049"
        await d.press("g")
        assert d.listing.cursor_row == 0
        await d.press("g")
        assert d.listing.cursor_id == "batch_000"


async def test_half_pages_cross_the_end_of_a_page(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(50), size=(80, 24)) as d:
        half = d.listing.page_size // 2
        for _ in range(5):
            await d.press("ctrl+d")
        assert d.listing.cursor_id == f"batch_{5 * half:03d}"
        for _ in range(5):
            await d.press("ctrl+u")
        assert d.listing.cursor_id == "batch_000"


async def test_new_batches_come_in_at_the_top_and_the_cursor_stays(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(50), size=(80, 24)) as d:
        await d.press("j", "j", "space")
        d.api.batches.insert(0, make_batch("new", created_at=NOON))
        await d.refreshed()
        await d.until(lambda: "batch_new" in d.shown)
        assert d.shown[0] == "batch_new"
        assert d.listing.cursor_id == "batch_002"
        assert d.listing.marks == {"batch_002"}


async def test_a_later_page_stays_on_its_batches(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(50), size=(80, 24)) as d:
        await d.press("right_square_bracket", "j")
        before, cursor = d.shown, d.listing.cursor_id
        for number in range(3):
            d.api.batches.insert(0, make_batch(f"new{number}", created_at=NOON + timedelta(seconds=number)))
        await d.refreshed()
        await d.until(lambda: d.listing.total == 53)
        assert d.shown == before
        assert d.listing.cursor_id == cursor
        assert "rows 13" in d.status or f"{d.listing.offset + 1}" in d.status
        await d.press("left_square_bracket")
        assert d.listing.offset == d.listing.page_size + 3 - d.listing.page_size


async def test_the_cursor_at_the_foot_of_page_one_is_followed(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(50), size=(80, 24)) as d:
        await d.press("G")
        cursor = d.listing.cursor_id
        d.api.batches.insert(0, make_batch("new", created_at=NOON))
        await d.refreshed()
        await d.until(lambda: d.listing.total == 51)
        assert d.listing.cursor_id == cursor
        assert cursor in d.shown


async def test_s_sorts_by_the_next_column_and_reverse_turns_it(tmp_path: Path) -> None:
    batches = [make_batch(name, age=place, metadata={"name": name}) for place, name in enumerate("bac")]
    async with deck(tmp_path, batches) as d:
        await d.press("s", "s")
        assert d.listing.sort == BatchSort(SortKey.NAME, descending=False)
        assert d.shown == ["batch_a", "batch_b", "batch_c"]
        assert "Name▲" in d.text()
        await d.press("S")
        assert d.shown == ["batch_c", "batch_b", "batch_a"]
        assert "sort name ▼" in d.status


async def test_a_click_on_a_title_sorts_and_again_reverses(tmp_path: Path) -> None:
    counts = {"few": (5, 5, 0), "many": (500, 500, 0), "some": (50, 50, 0)}
    batches = [make_batch(name, age=place, counts=each) for place, (name, each) in enumerate(counts.items())]
    async with deck(tmp_path, batches) as d:
        x = d.lines()[d.table.region.y].index("Reqs")
        await d.pilot.click(d.table, offset=(x + 1, 0))
        await d.pilot.pause()
        assert d.shown == ["batch_many", "batch_some", "batch_few"]
        await d.pilot.click(d.table, offset=(x + 1, 0))
        await d.pilot.pause()
        assert d.shown == ["batch_few", "batch_some", "batch_many"]


async def test_a_click_chooses_a_row_and_two_open_it(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(5)) as d:
        await d.pilot.click(d.table, offset=(10, 3))
        await d.pilot.pause()
        assert d.listing.cursor_id == "batch_002"
        await d.pilot.click(d.table, offset=(10, 4), times=2)
        await d.until(lambda: len(d.app.screen_stack) == 2)
        assert d.listing.cursor_id == "batch_003"


async def test_the_wheel_moves_the_cursor(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(9)) as d:
        await d.pilot._post_mouse_events([events.MouseScrollDown], d.table)
        await d.pilot.pause()
        assert d.listing.cursor_id == "batch_003"


async def test_space_marks_and_unmarks(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(5)) as d:
        await d.press("space", "j", "space")
        assert d.listing.marks == {"batch_000", "batch_001"}
        assert "2 marked" in d.status
        row = d.lines()[d.table.region.y + 1]
        assert row.startswith("▌")
        await d.press("space")
        assert d.listing.marks == {"batch_000"}


async def test_a_range_is_marked_from_the_last_mark_over_pages(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(60), size=(80, 24)) as d:
        await d.press("j", "space")
        await d.press("right_square_bracket", "j")
        here = d.listing.offset + d.listing.cursor_row
        await d.press("ctrl+@")
        assert d.listing.marks == {f"batch_{number:03d}" for number in range(1, here + 1)}


async def test_mark_all_marks_what_the_filter_shows_or_none(tmp_path: Path) -> None:
    batches = [*ages(30), make_batch("bad", BatchStatus.FAILED, age=9_999, counts=(0, 0, 0))]
    async with deck(tmp_path, batches) as d:
        await d.press("slash", *"status:failed", "enter")
        await d.until(lambda: d.shown == ["batch_bad"])
        await d.press("a")
        assert d.listing.marks == {"batch_bad"}
        await d.press("escape")
        await d.press("a")
        assert len(d.listing.marks) == 31
        await d.press("a")
        assert d.listing.marks == set()


async def test_escape_takes_the_marks_off_when_there_is_no_filter(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(5)) as d:
        await d.press("a", "escape")
        assert d.listing.marks == set()
