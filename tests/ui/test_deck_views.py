"""Help, palette, panes, activity, quitting, the user's own keys."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.command import CommandPalette

from batchdeck.actions import ACTIONS
from batchdeck.models.batch import BatchStatus
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.ui.bindings import shown_key
from batchdeck.ui.screens.activity import ActivityScreen, OperationList
from batchdeck.ui.screens.batch import BatchScreen
from batchdeck.ui.screens.confirm import ConfirmScreen
from batchdeck.ui.screens.help import HelpScreen, reachable
from batchdeck.ui.screens.panes import PanesScreen
from batchdeck.ui.widgets.batch_detail import StatusPane
from batchdeck.ui.widgets.progress import RequestsPane
from batchdeck.ui.work import Work
from tests.fakes.batches import make_batch
from tests.ui.deck_support import Deck, ages, deck

pytestmark = pytest.mark.anyio


async def test_the_help_names_every_action_of_the_list_with_its_keys(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        found = {action.id: keys for action, keys, _ in reachable(d.main)}
        assert set(found) == {action.id for action in ACTIONS}
        for action in ACTIONS:
            assert shown_key(action.keys[0]) in found[action.id]
        await d.press("question_mark")
        assert isinstance(d.app.screen, HelpScreen)
        assert "The list of batches" in d.text()
        await d.press("G")
        assert "validating" in d.text()
        await d.press("escape")
        assert len(d.app.screen_stack) == 1


async def test_the_help_says_why_a_key_does_nothing_now(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        reasons = {action.id: reason for action, _, reason in reachable(d.main)}
        assert reasons["batch.cancel"] == "The batch has ended: it is completed."
        assert reasons["batch.download"] is None


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_the_palette_finds_and_does_an_action(tmp_path: Path, key: str) -> None:
    async with deck(tmp_path, ages(3)) as d:
        await d.press(key)
        await d.until(lambda: isinstance(d.app.screen, CommandPalette))
        await d.sees("Filter the list.")
        await d.press(*"mark all")
        await d.sees("Mark all  (a)")
        await d.press("enter")
        await d.until(lambda: len(d.listing.marks) == 3)


async def test_the_palette_changes_the_theme(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        await d.press("colon")
        await d.until(lambda: isinstance(d.app.screen, CommandPalette))
        await d.press(*"batchdeck-light")
        await d.sees("Theme: batchdeck-light")
        await d.press("enter")
        await d.until(lambda: d.app.theme == "batchdeck-light")


async def test_tab_goes_round_list_and_panes_and_they_scroll(tmp_path: Path) -> None:
    batch = make_batch("long", metadata={f"key{place:02d}": "value" for place in range(16)})
    async with deck(tmp_path, [batch, *ages(3)], size=(80, 24)) as d:
        assert d.table.has_focus
        await d.press("tab")
        assert d.main.query_one(StatusPane).has_focus
        assert "more" in d.text()
        await d.press("G")
        assert "key15" in d.text()
        assert "STATUS" in d.text()
        assert d.listing.cursor_id == "batch_long"
        await d.press("tab")
        assert d.main.query_one(RequestsPane).has_focus
        await d.press("tab")
        assert d.table.has_focus


async def test_where_there_is_no_room_the_panes_are_a_screen(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3), size=(50, 15)) as d:
        assert "STATUS" not in d.text()
        await d.press("tab")
        await d.until(lambda: isinstance(d.app.screen, PanesScreen))
        await d.sees("batch_000")
        await d.press("escape")
        assert d.app.screen is d.main


async def test_the_panes_follow_the_cursor(tmp_path: Path) -> None:
    batches = [
        make_batch("one", age=1, metadata={"team": "search"}),
        make_batch("two", BatchStatus.IN_PROGRESS, age=2, counts=(200, 50, 10)),
    ]
    async with deck(tmp_path, batches) as d:
        assert "search" in d.text()
        await d.press("j")
        await d.sees("30%")
        assert "search" not in d.text()
        assert "waiting" in d.text()


async def begin(d: Deck, kind: OperationKind, title: str, state: OperationState) -> str:
    operations = d.history.operations
    operation = await operations.begin(d.account_id, kind, title, {})
    await operations.step(
        operation.id, state, note="POST /v1/batches", request_id="req_1", batch_id="batch_000"
    )
    await operations.release(operation.id)
    return operation.id


async def test_activity_shows_operations_with_their_steps(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        await begin(d, OperationKind.CANCEL, "batch_000", OperationState.DONE)
        await begin(d, OperationKind.CREATE, "tickets.jsonl", OperationState.SENDING)
        await d.press("L")
        assert isinstance(d.app.screen, ActivityScreen)
        await d.sees("tickets.jsonl")
        assert "unsettled" in d.text()
        await d.sees("request req_1")
        assert [each.title for each in d.app.screen.query_one(OperationList).operations] == [
            "tickets.jsonl",
            "batch_000",
        ]
        await d.press("j", "enter")
        await d.until(lambda: isinstance(d.app.screen, BatchScreen))


async def test_an_unsettled_operation_stands_on_the_status_line_and_can_be_given_up(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        operation_id = await begin(d, OperationKind.CANCEL, "batch_000", OperationState.SENDING)
        d.main.read_totals()
        await d.until(lambda: "1 unsettled" in d.status)
        await d.press("L")
        await d.sees("batch_000")
        await d.press("x")
        await d.until(lambda: isinstance(d.app.screen, ConfirmScreen))
        await d.press("y")
        await d.until(lambda: not d.app.works)
        operation = await d.history.operations.get(operation_id)
        assert operation is not None
        assert operation.state is OperationState.ABANDONED
        await d.press("escape")
        await d.until(lambda: "unsettled" not in d.status)


async def test_activity_says_why_a_settled_operation_cannot_be_sent_again(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        await begin(d, OperationKind.CREATE, "tickets.jsonl", OperationState.DONE)
        await d.press("L")
        await d.sees("tickets.jsonl")
        await d.press("r", "f")
        assert "There is nothing to settle: it is done." in d.toasts()
        assert "Every operation is settled." in d.toasts()


async def test_quit_ends_at_once_when_nothing_runs(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        await d.press("q")
        await d.until(lambda: not d.app.is_running)
        assert d.app.return_code == 0


async def test_quit_asks_while_work_runs_and_shows_how_far_it_is(tmp_path: Path) -> None:
    from batchdeck.models.progress import Progress

    async with deck(tmp_path, ages(3)) as d:
        go_on = asyncio.Event()

        async def work(told: Work) -> str:
            told.on_progress(Progress("fetching the results", 30, 100, "rows"))
            await go_on.wait()
            return "Fetched."

        d.app.start_work("Downloading 1 batch", work)
        await d.sees("fetching the results")
        assert "30 of 100 rows" in d.text()
        await d.press("q")
        await d.until(lambda: isinstance(d.app.screen, ConfirmScreen))
        await d.press("n")
        assert d.app.is_running
        go_on.set()
        await d.until(lambda: "Fetched." in d.toasts())
        assert not d.main.query_one("Notices").display


async def test_an_error_in_work_is_told_and_the_deck_goes_on(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:

        async def work(told: Work) -> None:
            raise ValueError("a [bold]bad[/bold] value \x1b[31m")

        d.app.start_work("Trying", work)
        await d.until(lambda: d.toasts())
        assert "ValueError: a [bold]bad[/bold] value" in d.toasts()[0]
        assert "\x1b" not in d.toasts()[0]
        assert d.app.is_running


async def test_the_user_s_own_keys_take_the_place_of_ours(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3), settings={"keys": {"move.down": ("n",), "mark.toggle": ("v",)}}) as d:
        await d.press("n", "v", "j", "space")
        assert d.listing.cursor_id == "batch_001"
        assert d.listing.marks == {"batch_001"}
        await d.press("question_mark")
        assert any(line.split()[1:3] == ["n", "Move"] for line in d.lines() if "next row" in line)
