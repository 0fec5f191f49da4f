"""Keys that arrive together act as if they had come one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from batchdeck.models.batch import BatchStatus
from tests.fakes.batches import make_batch
from tests.ui.deck_support import Deck, ages, deck

pytestmark = pytest.mark.anyio
BATCHES = [*ages(20), make_batch("next", BatchStatus.IN_PROGRESS, age=9_000, metadata={"team": "taxonomy"})]


def burst(d: Deck, *keys: str | events.Paste) -> None:
    """Hand the app keys as a driver does that reads them all at once."""
    driver = d.app._driver
    assert driver is not None
    for key in keys:
        if isinstance(key, str):
            event: events.Event = events.Key(key, "/" if key == "slash" else key if len(key) == 1 else None)
        else:
            event = key
        event.set_sender(d.app)
        driver.send_message(event)


async def test_what_follows_the_slash_is_a_filter_and_no_command(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        burst(d, "slash", *"taxonomy")
        await d.until(lambda: isinstance(d.app.focused, Input) and d.app.focused.value == "taxonomy")
        await d.until(lambda: d.shown == ["batch_next"])
        assert d.app.screen is d.main
        assert not [call for call in d.api.calls if "cancel" in str(call)]


async def test_a_command_after_enter_is_of_the_list_it_made(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        burst(d, "slash", *"taxonomy", "enter", "x")
        await d.until(lambda: d.app.screen is not d.main)
        await d.sees("batch_next")
        assert d.listing.filter.text == "taxonomy"


async def test_the_key_after_a_dialog_is_for_what_lies_under_it(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        burst(d, "question_mark", "escape", "j", "j")
        await d.until(lambda: d.listing.cursor_id == "batch_002")
        assert d.app.screen is d.main


async def test_a_paste_right_after_the_slash_is_the_filter(tmp_path: Path) -> None:
    async with deck(tmp_path, BATCHES) as d:
        burst(d, "slash", events.Paste("team"), "s")
        await d.until(lambda: isinstance(d.app.focused, Input) and d.app.focused.value == "teams")
