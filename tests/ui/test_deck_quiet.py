"""What is drawn again and what is imported: counted, not timed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual._compositor import ChopsUpdate, CompositorUpdate
from textual.screen import Screen

from batchdeck.models.batch import BatchStatus, RequestCounts
from batchdeck.ui.app import BatchdeckApp
from batchdeck.ui.terminal import ExactUpdate
from tests.fakes.batches import make_batch
from tests.ui.deck_support import Deck, ages, deck

pytestmark = pytest.mark.anyio


class Ink:
    """Everything the deck would write to a terminal from now on."""

    def __init__(self, d: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
        self.updates: list[str] = []
        shown = BatchdeckApp._display

        def display(app: BatchdeckApp, screen: Screen[Any], renderable: Any) -> None:
            if isinstance(renderable, CompositorUpdate) and not app._batch_count:
                exact = ExactUpdate(renderable) if isinstance(renderable, ChopsUpdate) else renderable
                self.updates.append(exact.render_segments(app.console))
            shown(app, screen, renderable)

        monkeypatch.setattr(BatchdeckApp, "_display", display)

    @property
    def size(self) -> int:
        return sum(len(update) for update in self.updates)


async def test_a_refresh_that_brings_nothing_new_draws_nothing_but_the_status_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deck(tmp_path, ages(60)) as d:
        ink = Ink(d, monkeypatch)
        await d.refreshed()
        await d.pilot.pause(0.1)
        assert ink.size == 0


async def test_twenty_batches_that_move_cost_a_few_bytes_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving = [
        make_batch(f"{place:02d}", BatchStatus.IN_PROGRESS, age=place, counts=(1000, 100, 0))
        for place in range(20)
    ]
    async with deck(tmp_path, moving) as d:
        ink = Ink(d, monkeypatch)
        d.api.batches = [replace(each, counts=RequestCounts(1000, 250, 0)) for each in moving]
        await d.refreshed()
        await d.until(lambda: d.text().count("25%") >= 20)
        assert 0 < ink.size < 4_000


async def test_a_tick_draws_two_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with deck(tmp_path, [make_batch("runs", BatchStatus.IN_PROGRESS, counts=(10, 1, 0))]) as d:
        assert d.main._is_ticking
        d.main._ticker.pause()
        await d.pilot.pause(0.1)
        ink = Ink(d, monkeypatch)
        d.clock.advance(1)
        d.main.show_status()
        await d.until(lambda: ink.updates)
        assert ink.size < 200


async def test_moving_the_cursor_draws_two_rows_and_the_panes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deck(tmp_path, ages(60)) as d:
        ink = Ink(d, monkeypatch)
        await d.press("j")
        await d.until(lambda: ink.updates)
        assert ink.size < 6_000


def test_the_main_screen_imports_neither_the_sdk_nor_pydantic() -> None:
    script = (
        "import sys, batchdeck.ui.app, batchdeck.ui.screens.main\n"
        "heavy = {'openai', 'pydantic', 'pydantic_core', 'httpx2', 'starlette', 'genai_prices', 'uvicorn'}\n"
        "heavy |= {'batchdeck.services.sync', 'batchdeck.models.lines', 'batchdeck.ui.widgets.filter_bar'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
