"""Files of a batch, brought here from the deck; and what can be copied of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Button

from batchdeck.models.batch import Batch, BatchRecord, BatchStatus
from batchdeck.services.clock import SystemClock
from batchdeck.ui.copying import copy_text
from batchdeck.ui.screens.copy import CopyScreen, SaveScreen
from batchdeck.ui.screens.download import DownloadScreen
from batchdeck.ui.screens.exists import ExistsScreen
from batchdeck.ui.terminal import MAX_CLIPBOARD_BYTES
from batchdeck.ui.widgets.check_list import CheckList
from batchdeck.ui.widgets.path_input import PathInput
from tests.ui.work_support import HOSTILE, Stage, request, stage

LINES = [request("ok-1"), request("ok-2", "[[say:" + "hello" + "]]"), request("no-1", "[[context]]")]


async def download(deck: Stage, *batch_ids: str, keys: tuple[str, ...] = ("y",)) -> DownloadScreen:
    screen = DownloadScreen(batch_ids)
    await deck.show(screen)
    await deck.press(*keys)
    return screen


async def done(deck: Stage) -> None:
    await deck.until(lambda: not deck.app.works)


@pytest.mark.anyio
@pytest.mark.parametrize("size", [(80, 24), (20, 5)])
async def test_output_and_errors_are_brought_and_told_one_by_one(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with stage(tmp_path, size=size) as deck:
        batch_id = await deck.batch(LINES)
        await download(deck, batch_id)
        await done(deck)
        output = tmp_path / "downloads" / f"{batch_id}_output.jsonl"
        errors = tmp_path / "downloads" / f"{batch_id}_errors.jsonl"
        assert len(output.read_bytes().splitlines()) == 2
        assert len(errors.read_bytes().splitlines()) == 1
        if size[0] >= 80:
            await deck.sees("2 rows")
            assert "1 row, " in deck.text()
        await deck.press("escape")
        assert not isinstance(deck.app.screen, DownloadScreen)


@pytest.mark.anyio
async def test_the_same_files_again_are_recognised(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        batch_id = await deck.batch(LINES)
        await download(deck, batch_id)
        await done(deck)
        await deck.press("escape")
        await download(deck, batch_id)
        await done(deck)
        await deck.sees("was there already")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("key", "kept", "elsewhere"), [("enter", True, False), ("y", False, False), ("o", True, True)]
)
async def test_another_file_of_that_name_is_asked_about(
    tmp_path: Path, key: str, kept: bool, elsewhere: bool
) -> None:
    async with stage(tmp_path) as deck:
        batch_id = await deck.batch(LINES)
        target = tmp_path / "downloads" / f"{batch_id}_output.jsonl"
        target.parent.mkdir()
        target.write_text("mine\n")
        screen = await download(deck, batch_id)
        await deck.until(lambda: isinstance(deck.app.screen, ExistsScreen))
        focused = deck.app.focused
        assert isinstance(focused, Button)
        assert focused.id == "no"
        await deck.press(key)
        await done(deck)
        assert deck.app.screen is screen
        assert (target.read_text() == "mine\n") is kept
        assert (tmp_path / "downloads" / batch_id / target.name).exists() is elsewhere


@pytest.mark.anyio
async def test_hidden_it_goes_on_and_overwrites_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        batch_id = await deck.batch(LINES)
        target = tmp_path / "downloads" / f"{batch_id}_output.jsonl"
        target.parent.mkdir()
        target.write_text("mine\n")
        deck.app.push_screen(DownloadScreen([batch_id]))
        await deck.press("y", "escape")
        if isinstance(deck.app.screen, ExistsScreen):
            await deck.press("escape", "escape")
        await done(deck)
        assert target.read_text() == "mine\n"
        assert (tmp_path / "downloads" / f"{batch_id}_errors.jsonl").exists()


@pytest.mark.anyio
async def test_a_table_needs_its_template_before_anything_is_merged(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(80, 24)) as deck:
        batch_id = await deck.batch(LINES)
        screen = DownloadScreen([batch_id], kinds=("merged",))
        await deck.show(screen)
        screen.query_one("#download-join", PathInput).value = str(tmp_path / "table.csv")
        await deck.press("y")
        await deck.sees("how its rows are called")
        assert not deck.app.works


@pytest.mark.anyio
async def test_nothing_ticked_is_nothing_to_say_yes_to(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        screen = DownloadScreen(["batch_x"])
        await deck.show(screen)
        await deck.press("j", "space", "j", "space")
        assert screen.query_one(CheckList).ticked == frozenset()
        await deck.press("y")
        assert not deck.app.works


def record_of(**fields: object) -> BatchRecord:
    batch = Batch(
        id="batch_1",
        status=BatchStatus.COMPLETED,
        raw_status="completed",
        output_file_id="file-out",
        metadata={"note": HOSTILE},
    )
    return BatchRecord(batch, name=HOSTILE, profile="test", seen_at=SystemClock().now())


@pytest.mark.anyio
async def test_what_is_under_the_cursor_is_copied(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(50, 15)) as deck:
        await deck.show(CopyScreen(record_of()))
        assert "\x1b" not in deck.text()
        await deck.press("enter")
        await deck.until(lambda: not isinstance(deck.app.screen, CopyScreen))
        assert deck.app.clipboard == "batch_1"
        await deck.show(CopyScreen(record_of()))
        await deck.press("j", "y")
        await deck.until(lambda: not isinstance(deck.app.screen, CopyScreen))
        assert deck.app.clipboard == HOSTILE
        await deck.show(CopyScreen(record_of()))
        await deck.press("n")
        await deck.until(lambda: not isinstance(deck.app.screen, CopyScreen))


@pytest.mark.anyio
async def test_what_is_too_long_for_a_terminal_goes_to_a_file_that_was_not_there(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        long = "x" * (MAX_CLIPBOARD_BYTES + 1)
        (tmp_path / "mine.txt").write_text("mine")
        for name in ("mine.txt", "new.txt"):
            copy_text(deck.app, long, "the answer")
            await deck.until(lambda: isinstance(deck.app.screen, SaveScreen))
            deck.app.screen.query_one(PathInput).value = str(tmp_path / name)
            await deck.press("y")
            await done(deck)
        assert (tmp_path / "mine.txt").read_text() == "mine"
        assert (tmp_path / "new.txt").read_text() == long
        assert deck.app.clipboard != long
