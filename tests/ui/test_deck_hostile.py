"""Text that somebody else wrote, in every field, on every view of the deck."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batchdeck.errors import ServerFailed
from batchdeck.models.batch import BatchStatus, ValidationError
from batchdeck.models.operation import OperationKind, OperationState
from tests.fakes.batches import make_batch
from tests.ui.deck_support import HOSTILE, PROFILE, Deck, deck

pytestmark = pytest.mark.anyio
SIZES = [(120, 40), (80, 24), (40, 12)]
EVIL = make_batch(
    HOSTILE,
    BatchStatus.FAILED,
    counts=(10, 3, 2),
    raw_status=HOSTILE,
    endpoint=HOSTILE,
    model=HOSTILE,
    input_file_id=HOSTILE,
    output_file_id=HOSTILE,
    error_file_id=HOSTILE,
    metadata={HOSTILE: HOSTILE, "name": HOSTILE, "retry_of": HOSTILE, "batchdeck_part": HOSTILE},
    errors=(ValidationError(HOSTILE, HOSTILE, 3, HOSTILE),),
)
UNKNOWN = replace(
    EVIL, id="batch_unknown", status=BatchStatus.UNKNOWN, raw_status=HOSTILE, errors=(), metadata={}
)


def harmless(d: Deck) -> None:
    """Nothing of it acts: no control on screen, no action in any style, the app still there."""
    assert d.app.is_running
    for strip in d.strips():
        for segment in strip:
            assert not [each for each in segment.text if ord(each) < 32 or 127 <= ord(each) < 160]
            assert segment.style is None or "@click" not in segment.style.meta


@pytest.mark.parametrize("size", SIZES)
async def test_it_is_text_in_the_list_and_in_the_panes(tmp_path: Path, size: tuple[int, int]) -> None:
    async with deck(tmp_path, [EVIL, UNKNOWN], size=size) as d:
        harmless(d)
        assert "[@click=app.quit]" in d.text()
        await d.press("tab")
        harmless(d)
        await d.press(*["j"] * 30)
        harmless(d)
        await d.press("escape", "j")
        harmless(d)


async def test_clicks_on_it_run_nothing(tmp_path: Path) -> None:
    async with deck(tmp_path, [EVIL, UNKNOWN]) as d:
        for y in range(1, 36, 3):
            await d.pilot.click(offset=(30, y))
            await d.pilot.click(offset=(100, y))
        await d.pilot.pause()
        assert d.app.is_running


async def test_it_is_text_in_dialogs_toasts_help_and_copies(tmp_path: Path) -> None:
    running = replace(EVIL, status=BatchStatus.IN_PROGRESS, errors=())
    async with deck(tmp_path, [running]) as d:
        await d.press("x")
        harmless(d)
        assert "[@click=app.quit]" in d.text()
        await d.press("n", "y")
        assert d.app.clipboard == running.id
        harmless(d)
        await d.press("question_mark")
        harmless(d)
        await d.press("escape", "colon")
        harmless(d)


async def test_it_is_text_in_errors(tmp_path: Path) -> None:
    async with deck(tmp_path, [EVIL]) as d:
        d.api.crash("list_batches", ServerFailed(f"The service failed: {HOSTILE}", hint=HOSTILE))
        await d.refreshed()
        await d.sees("The service failed: [@click")
        harmless(d)
        d.app.report(RuntimeError(HOSTILE), title=HOSTILE)
        await d.until(lambda: d.toasts())
        harmless(d)


async def test_it_is_text_in_the_activity(tmp_path: Path) -> None:
    async with deck(tmp_path, [EVIL]) as d:
        operations = d.history.operations
        operation = await operations.begin(d.account_id, OperationKind.CREATE, HOSTILE, {})
        await operations.step(
            operation.id,
            OperationState.FAILED,
            note=HOSTILE,
            request_id=HOSTILE,
            batch_id=HOSTILE,
            error=HOSTILE,
        )
        await d.press("L")
        await d.sees("[@click")
        harmless(d)


async def test_it_is_text_in_a_filter_and_in_profiles(tmp_path: Path) -> None:
    profile = replace(PROFILE, name="[/nope]", base_url=f"http://{HOSTILE}")
    async with deck(tmp_path, [EVIL], profile=profile) as d:
        await d.press("P")
        harmless(d)
        await d.press("escape", "slash", *"[/nope] [@click=app.quit]x", "enter")
        harmless(d)
        assert "[/nope]" in d.status


async def test_markup_in_a_title_of_work_is_text(tmp_path: Path) -> None:
    import asyncio

    async with deck(tmp_path, [EVIL]) as d:
        end = asyncio.Event()

        async def work(told: object) -> str:
            await end.wait()
            return HOSTILE

        d.app.start_work(HOSTILE, work)
        await d.sees("[@click=app.quit]x[/] [/nope]")
        harmless(d)
        end.set()
        await d.until(lambda: d.toasts())
        harmless(d)
