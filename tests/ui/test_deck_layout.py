"""What fits where, and that no size breaks anything."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from rich.cells import cell_len

from batchdeck.models.batch import BatchStatus
from batchdeck.ui.widgets.batch_table import BatchTable
from tests.fakes.batches import make_batch
from tests.ui.deck_support import Deck, ages, deck

pytestmark = pytest.mark.anyio
BATCHES = [
    make_batch("cjk", age=1, metadata={"name": "日本語のバッチ処理、とても長い名前なので切られます"}),
    make_batch("emoji", age=2, metadata={"name": "👩‍💻👩‍💻 🏳️‍🌈 e\u0301e\u0301 ❤️"}),
    make_batch("long" + "x" * 200, age=3, model="m" * 90, endpoint="/v1/" + "e" * 80),
    make_batch(
        "bare", BatchStatus.UNKNOWN, age=4, counts=(0, 0, 0), raw_status="scheduling", model="", endpoint=""
    ),
    *ages(60),
]


def whole(d: Deck) -> None:
    """Every row of the screen is exactly as wide as the screen."""
    width, height = d.app.size
    strips = d.strips()
    assert len(strips) == height
    for strip in strips:
        assert sum(cell_len(segment.text) for segment in strip) == width


@pytest.mark.parametrize(
    ("size", "has_panes", "beside"),
    [((120, 40), True, True), ((100, 30), True, True), ((80, 24), True, False), ((59, 24), False, False)],
)
async def test_the_panes_stand_beside_below_or_not_at_all(
    tmp_path: Path, size: tuple[int, int], has_panes: bool, beside: bool
) -> None:
    async with deck(tmp_path, BATCHES, size=size) as d:
        whole(d)
        panes, table = d.main.query_one("#panes"), d.main.query_one(BatchTable)
        assert panes.display is has_panes
        if has_panes:
            assert (panes.region.x >= table.region.right) is beside
            assert (panes.region.y >= table.region.bottom) is not beside
            assert "STATUS" in d.text()
            assert "REQUESTS" in d.text()


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (50, 15), (20, 5), (3, 1), (250, 70)])
async def test_no_size_breaks_a_row(tmp_path: Path, size: tuple[int, int]) -> None:
    async with deck(tmp_path, BATCHES, size=size) as d:
        whole(d)
        await d.press("j", "j", "j", "G", "right_square_bracket", "tab", "escape")
        await d.press("slash", *"long", "enter")
        whole(d)


async def test_wide_characters_keep_the_columns_straight(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        place = d.lines()[d.table.region.y].index("Reqs")
        for strip in d.strips()[d.table.region.y + 1 : d.table.region.y + 4]:
            assert strip.crop(place, place + 4).text.strip().isdigit()


async def test_an_unknown_state_is_shown_in_the_service_s_own_word(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        assert "? scheduling" in d.text()


async def test_the_page_follows_the_window_and_the_cursor_stays(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(90), size=(80, 24)) as d:
        await d.press("right_square_bracket", "j", "j")
        cursor = d.listing.cursor_id
        for size in ((80, 40), (120, 20), (50, 10), (120, 40)):
            await d.pilot.resize_terminal(*size)
            await d.until(lambda: d.listing.page_size == max(1, d.table.size.height - 1))
            assert d.listing.cursor_id == cursor
            assert cursor in d.shown
            whole(d)


async def test_a_storm_of_sizes_ends_in_order(tmp_path: Path) -> None:
    chance = random.Random(7)
    async with deck(tmp_path, BATCHES) as d:
        for _ in range(40):
            await d.pilot.resize_terminal(chance.randint(1, 160), chance.randint(1, 50))
        await d.pilot.resize_terminal(120, 40)
        await d.until(lambda: d.table.size == (82, 37) and d.listing.page_size == 36)
        whole(d)


async def test_ascii_glyphs_keep_to_ascii(tmp_path: Path) -> None:
    batches = [batch for batch in BATCHES if "cjk" not in batch.id and "emoji" not in batch.id]
    async with deck(tmp_path, batches, settings={"ascii": True}) as d:
        await d.press("space", "s")
        assert d.text().isascii()
        assert "+ completed" in d.text()


async def test_without_colour_nothing_is_coloured_and_the_cursor_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with deck(tmp_path, ages(5)) as d:
        colours = {
            colour.name
            for strip in d.strips()
            for segment in strip
            if segment.style
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None
        }
        assert colours <= {"default"}
        row = d.strips()[d.table.region.y + 1]
        assert any(segment.style and segment.style.reverse for segment in row)
        assert "✓ completed" in d.text()


@pytest.mark.parametrize("theme", ["light", "dark", "ansi", "nord", "ansi-light"])
async def test_every_theme_draws(tmp_path: Path, theme: str) -> None:
    async with deck(tmp_path, BATCHES, settings={"theme": theme}) as d:
        whole(d)
        assert d.app.theme.endswith(theme) or theme == "ansi"
