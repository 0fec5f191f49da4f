"""The question before something that costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Button

from batchdeck.models.batch import BatchStatus
from batchdeck.ui.messages import BatchesChanged
from batchdeck.ui.screens.confirm import ConfirmScreen
from tests.ui.work_support import HOSTILE, request, stage

ANSWERS = {
    "y": True,
    "n": False,
    "escape": False,
    "enter": False,
    "right enter": True,
    "tab enter": True,
    "right left enter": False,
    "x x d r space n": False,
}
SIZES = [(120, 40), (80, 24), (50, 15), (20, 5), (4, 2)]


@pytest.mark.anyio
async def test_it_is_answered_by_y_or_by_moving_to_the_button(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(80, 24)) as deck:
        for keys, answer in ANSWERS.items():
            answers: list[bool | None] = []
            deck.app.push_screen(ConfirmScreen("Cancel?", [HOSTILE], "Cancel it"), answers.append)
            await deck.settle()
            await deck.press(*keys.split())
            await deck.until(answers.__len__)
            assert answers == [answer], keys


@pytest.mark.anyio
async def test_the_safe_button_has_the_focus_whatever_the_size(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        for size in SIZES:
            await deck.resize(size)
            await deck.show(ConfirmScreen("Cancel?", [HOSTILE] * 30, "Cancel it"))
            focused = deck.app.focused
            assert isinstance(focused, Button)
            assert focused.id == "no"
            if size[0] >= 50:
                assert "[@click=app.quit]x[/] [/nope]" in deck.text()
            assert "\x1b" not in deck.text() and "\x07" not in deck.text()
            await deck.press("n")


@pytest.mark.anyio
async def test_the_key_that_asks_to_cancel_does_not_confirm_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        path = deck.write("tickets.jsonl", [request(f"t-{n}") for n in range(5)])
        plan = await deck.services.submit.plan(path, metadata={"name": HOSTILE, "sandbox_mood": "hang"})
        batch_id = (await anext(aiter(deck.services.submit.create(plan)))).batch.id
        deck.app.tell(BatchesChanged())
        await deck.until(lambda: "validating" in deck.text() or "in progress" in deck.text())
        await deck.press("x")
        await deck.until(lambda: isinstance(deck.app.screen, ConfirmScreen))
        await deck.press("x", "x", "enter")
        await deck.until(lambda: not isinstance(deck.app.screen, ConfirmScreen))
        assert not deck.app.works
        await deck.services.sync.refresh()
        assert await deck.status(batch_id) in (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS)

        await deck.press("x")
        await deck.until(lambda: isinstance(deck.app.screen, ConfirmScreen))
        assert batch_id in deck.text()
        await deck.press("y")
        await deck.until(lambda: not deck.app.works)
        await deck.services.sync.refresh()
        assert await deck.status(batch_id) in (BatchStatus.CANCELLING, BatchStatus.CANCELLED)
