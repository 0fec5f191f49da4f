"""What the keys on batches do, and what they say when they cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batchdeck.errors import Refused
from batchdeck.models.batch import BatchStatus
from batchdeck.ui.screens.batch import BatchScreen
from batchdeck.ui.screens.confirm import ConfirmScreen
from batchdeck.ui.screens.copy import CopyScreen
from batchdeck.ui.screens.create import CreateScreen
from batchdeck.ui.screens.download import DownloadScreen
from batchdeck.ui.screens.retry import RetryScreen
from batchdeck.ui.widgets.key_bar import KeyBar
from tests.fakes.batches import make_batch
from tests.ui.deck_support import PROFILE, Deck, ages, deck

pytestmark = pytest.mark.anyio
RUNNING = make_batch("runs", BatchStatus.IN_PROGRESS, age=1, counts=(100, 40, 2))
ALSO = make_batch("also", BatchStatus.VALIDATING, age=2, counts=(0, 0, 0))
ENDED = make_batch("ended", age=3, output_file_id="file-out")


async def opens(d: Deck, key: str, screen: type) -> None:
    await d.press(key)
    await d.until(lambda: isinstance(d.app.screen, screen))


@pytest.mark.parametrize(("key", "tab"), [("enter", "overview"), ("f", "failures"), ("o", "results")])
async def test_a_batch_opens_on_a_tab(tmp_path: Path, key: str, tab: str) -> None:
    async with deck(tmp_path, [ENDED]) as d:
        await opens(d, key, BatchScreen)
        screen = d.app.screen
        assert isinstance(screen, BatchScreen)
        assert screen.batch_id == "batch_ended"
        assert screen.active_tab == tab


async def test_create_opens(tmp_path: Path) -> None:
    async with deck(tmp_path, [ENDED]) as d:
        await opens(d, "c", CreateScreen)


async def test_download_and_retry_take_the_marked_batches_in_the_order_of_the_list(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(4)) as d:
        await d.press("j", "j", "space", "k", "space")
        await opens(d, "d", DownloadScreen)
        screen = d.app.screen
        assert isinstance(screen, DownloadScreen)
        assert list(screen.batch_ids) == ["batch_001", "batch_002"]
        await d.press("escape")
        await opens(d, "r", RetryScreen)
        retry = d.app.screen
        assert isinstance(retry, RetryScreen)
        assert list(retry.batch_ids) == ["batch_001", "batch_002"]


async def test_copying_an_id_and_the_ids_of_the_marked(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        await d.press("y")
        assert d.app.clipboard == "batch_000"
        await d.press("a", "y")
        assert d.app.clipboard == "batch_000\nbatch_001\nbatch_002"


async def test_choosing_what_to_copy(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        await opens(d, "Y", CopyScreen)


async def test_cancel_asks_first_and_names_the_batch(tmp_path: Path) -> None:
    async with deck(tmp_path, [RUNNING, ENDED]) as d:
        await opens(d, "x", ConfirmScreen)
        assert "Cancel 1 batch?" in d.text()
        assert "batch_runs" in d.text()
        await d.press("x", "n")
        assert [call.method for call in d.api.calls if call.method == "cancel_batch"] == []


async def test_cancel_of_the_marked_sends_one_call_each_and_tells_one_outcome_each(tmp_path: Path) -> None:
    async with deck(tmp_path, [RUNNING, ALSO, ENDED]) as d:
        await d.press("a")
        await opens(d, "x", ConfirmScreen)
        await d.press("y")
        await d.until(lambda: not d.app.works and d.toasts())
        cancelled = [call.arguments["batch_id"] for call in d.api.calls if call.method == "cancel_batch"]
        assert sorted(cancelled) == ["batch_also", "batch_runs"]
        told = "\n".join(d.toasts())
        assert "batch_also" in told
        assert "batch_runs" in told
        await d.until(lambda: all("cancel" in str(row.batch.status) for row in d.listing.rows[:2]))


async def test_a_refused_cancel_is_told_in_one_sentence(tmp_path: Path) -> None:
    async with deck(tmp_path, [RUNNING]) as d:
        d.api.crash("cancel_batch", Refused("The service refused to cancel batch_runs."))
        await opens(d, "x", ConfirmScreen)
        await d.press("y")
        await d.until(lambda: not d.app.works and d.toasts())
        assert any("refused to cancel" in toast for toast in d.toasts())


@pytest.mark.parametrize(
    ("batch", "key", "reason"),
    [
        (ENDED, "x", "The batch has ended: it is completed."),
        (replace(RUNNING, status=BatchStatus.CANCELLING), "x", "The batch is being cancelled already."),
        (RUNNING, "r", "The batch still runs"),
    ],
)
async def test_an_action_that_cannot_run_says_why(tmp_path: Path, batch, key, reason) -> None:  # type: ignore[no-untyped-def]
    async with deck(tmp_path, [batch]) as d:
        await d.press(key)
        assert any(reason in toast for toast in d.toasts())
        assert d.app.screen is d.main


@pytest.mark.parametrize("key", ["c", "x", "r"])
async def test_read_only_refuses_what_spends(tmp_path: Path, key: str) -> None:
    async with deck(tmp_path, [RUNNING], profile=replace(PROFILE, read_only=True)) as d:
        await d.press(key)
        assert any("read-only" in toast for toast in d.toasts())
        assert d.app.screen is d.main
        assert "READ-ONLY" in d.status


async def test_the_key_bar_dims_what_cannot_run_and_a_click_does_what_the_key_does(tmp_path: Path) -> None:
    async with deck(tmp_path, [ENDED, RUNNING]) as d:
        line = d.lines()[-1]
        assert "x Cancel" in line
        place = line.index("x Cancel")
        [before] = d.strips()[-1].crop(place, place + 1)
        await d.press("j")
        [after] = d.strips()[-1].crop(place, place + 1)
        assert before.style != after.style
        await d.pilot.click(KeyBar, offset=(line.index("? Help"), 0))
        await d.until(lambda: len(d.app.screen_stack) == 2)


async def test_without_batches_every_key_on_one_says_so(tmp_path: Path) -> None:
    async with deck(tmp_path) as d:
        assert "No batches yet." in d.text()
        assert "c  create one" in d.text()
        for key in ("enter", "x", "d", "r", "f", "o", "y", "Y"):
            await d.press(key)
        assert d.app.screen is d.main
        assert set(d.toasts()) == {"No batch is chosen."}
