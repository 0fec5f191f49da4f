"""One batch from the inside: overview, failures, results, lineage, and a request beside its answer."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from batchdeck.actions import BY_ID
from batchdeck.models.batch import BatchStatus
from batchdeck.ui.screens.batch import BatchScreen
from batchdeck.ui.screens.request import RequestScreen
from batchdeck.ui.screens.retry import RetryScreen
from batchdeck.ui.widgets.check_list import CheckList
from batchdeck.ui.widgets.path_input import PathInput
from batchdeck.ui.widgets.request_list import RequestList
from batchdeck.ui.widgets.results_tab import ResultsTab
from batchdeck.ui.widgets.text_view import TextView
from tests.ui.work_support import HOSTILE, Stage, request, stage

SIZES = [(120, 40), (80, 24), (50, 15), (20, 5)]
LINES = [
    *(request(f"ok-{n:03}", f"[[say:answer number {n}]]") for n in range(60)),
    *(request(f"rate-{n}", "[[once:rate]]") for n in range(4)),
    *(request(f"long-{n}", "[[context]]") for n in range(3)),
    request("gone", "[[missing]]"),
    request(HOSTILE, f"{HOSTILE} [[policy]]"),
]
BROKEN = [*(request(f"t-{n}") for n in range(8)), b'{"custom_id": "' + HOSTILE[:20].encode() + b'" torn\n']


@asynccontextmanager
async def batch_stage(
    folder: Path, tab: str, *, lines: Sequence[bytes] = LINES, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[Stage, BatchScreen]]:
    async with stage(folder, size=size) as deck:
        batch_id = await deck.batch(lines, {"name": HOSTILE, "note": HOSTILE})
        screen = BatchScreen(batch_id, tab)
        await deck.show(screen)
        await loaded(deck, screen, tab)
        yield deck, screen


async def loaded(deck: Stage, screen: BatchScreen, tab: str) -> None:
    """Wait until a tab is shown with what it is about."""
    await deck.until(lambda: screen.active_tab == tab and screen._tabs[tab].is_loaded)


def clean(deck: Stage) -> bool:
    return "\x1b" not in deck.text() and "\x07" not in deck.text()


@pytest.mark.anyio
async def test_every_tab_shows_at_every_size_and_hostile_text_is_text(tmp_path: Path) -> None:
    async with batch_stage(tmp_path, "overview") as (deck, screen):
        for size in SIZES:
            await deck.resize(size)
            for key, tab in (("1", "overview"), ("2", "failures"), ("3", "results"), ("4", "lineage")):
                await deck.press(key)
                await loaded(deck, screen, tab)
                assert clean(deck), tab
                await deck.press("j", "G", "ctrl+u", "g")
                if size[0] >= 80:
                    assert "[@click=app.quit]x[/] [/nope]" in deck.text(), tab
        await deck.press("escape")
        assert not isinstance(deck.app.screen, BatchScreen)


@pytest.mark.anyio
async def test_the_overview_holds_times_files_counts_usage_and_cost(tmp_path: Path) -> None:
    async with batch_stage(tmp_path, "overview") as (deck, screen):
        record = await deck.services.browse.batch(screen.batch_id)
        assert record is not None
        for words in ("completed", "finalizing", "gpt-4o-mini", "USAGE AND COST", "batch price", "METADATA"):
            assert words in deck.text()
        assert str(record.batch.output_file_id) in deck.text()


@pytest.mark.anyio
async def test_a_refused_file_shows_its_errors_with_their_lines(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        path = deck.write("good.jsonl", [request(f"t-{n}") for n in range(9)])
        plan = await deck.services.submit.plan(
            path, metadata={"sandbox_mood": "fail_validation:invalid_json_line"}
        )
        created = await anext(aiter(deck.services.submit.create(plan)))
        batch_id = await deck.let_end(created.batch.id)
        assert await deck.status(batch_id) is BatchStatus.FAILED
        record = await deck.services.browse.batch(batch_id)
        assert record is not None
        (error, *_) = record.batch.errors
        assert error.line is not None
        custom_id = json.loads(path.read_bytes().splitlines()[error.line - 1])["custom_id"]
        for tab, size in (("overview", SIZES[0]), ("overview", SIZES[1]), ("failures", SIZES[1])):
            await deck.resize(size)
            screen = BatchScreen(batch_id, tab)
            await deck.show(screen)
            await loaded(deck, screen, tab)
            await deck.sees("invalid_json_line")
            assert f"line {error.line}" in deck.text()
            assert f'"{custom_id}"' in deck.text()


@pytest.mark.anyio
async def test_failures_are_grouped_opened_and_come_back(tmp_path: Path) -> None:
    async with batch_stage(tmp_path, "failures", size=(80, 24)) as (deck, screen):
        for words in ("rate_limit_exceeded", "context_length_exceeded", "missing", "9 of 69 requests"):
            assert words in deck.text()
        await deck.press("j", "enter")
        await deck.sees("long-1")
        assert "3 requests" in deck.text()
        assert "ok-000" not in deck.text()
        await deck.press("j", "enter")
        await deck.until(lambda: isinstance(deck.app.screen, RequestScreen))
        await deck.sees('"long-1"')
        await deck.press("n")
        await deck.sees('"long-2"')
        await deck.press("escape")
        assert screen.query_one("#failures-requests", RequestList).cursor == 2
        await deck.press("escape")
        await deck.sees("rate_limit_exceeded")
        await deck.press("escape")
        assert not isinstance(deck.app.screen, BatchScreen)


@pytest.mark.anyio
async def test_a_group_is_retried_exported_and_its_ids_are_copied(tmp_path: Path) -> None:
    async with batch_stage(tmp_path, "failures") as (deck, _):
        await deck.press("r")
        await deck.until(lambda: isinstance(deck.app.screen, RetryScreen))
        await deck.sees("Sends 4 requests")
        codes = deck.app.screen.query_one("#retry-codes", CheckList)
        assert codes.ticked == {"rate_limit_exceeded"}
        await deck.press("escape")

        await deck.press("y")
        await deck.until(lambda: deck.app.clipboard)
        assert deck.app.clipboard == "rate-0\nrate-1\nrate-2\nrate-3"

        for name, kind in (("group.jsonl", "jsonl"), ("group.csv", "csv")):
            await deck.press("e")
            await deck.sees("Export 4 requests")
            deck.app.screen.query_one(PathInput).value = str(tmp_path / name)
            await deck.press("y")
            await deck.until(lambda: not deck.app.works)
            text = (tmp_path / name).read_text(encoding="utf-8-sig")
            rows = list(csv.DictReader(text.splitlines())) if kind == "csv" else text.splitlines()
            assert len(rows) == 4
        (tmp_path / "group.csv").write_text("mine")
        await deck.press("e")
        await deck.sees("Export 4 requests")
        deck.app.screen.query_one(PathInput).value = str(tmp_path / "group.csv")
        await deck.press("y")
        await deck.sees("Overwrite it?")
        await deck.press("enter")
        await deck.until(lambda: not deck.app.works)
        assert (tmp_path / "group.csv").read_text() == "mine"


@pytest.mark.anyio
async def test_results_stand_in_input_order_and_are_filtered_by_outcome(tmp_path: Path) -> None:
    async with batch_stage(tmp_path, "results", size=(80, 24)) as (deck, screen):
        await deck.sees("ok-003")
        assert "all 69" in deck.text()
        assert deck.text().index("ok-000") < deck.text().index("ok-001")
        await deck.press("G")
        await deck.sees("rate-3")
        assert screen.query_one(RequestList).cursor == 68
        await deck.press("l", "l")
        await deck.sees("failed 8")
        await deck.until(lambda: "rate-0" in deck.text() and "ok-000" not in deck.text())
        assert screen.query_one(RequestList).count == 8
        await deck.press("h", "h")
        await deck.sees("ok-000")


@pytest.mark.anyio
async def test_search_finds_ids_and_texts_forwards_and_back(tmp_path: Path) -> None:
    async with batch_stage(tmp_path, "results", size=(80, 24)) as (deck, screen):
        requests = screen.query_one(RequestList)
        await deck.press("slash")
        await deck.enter("ok-02")
        await deck.press("enter")
        await deck.until(lambda: requests.cursor == 20)
        await deck.press("n")
        await deck.until(lambda: requests.cursor == 21)
        await deck.press("N", "N")
        await deck.until(lambda: requests.cursor in (20, 29))
        await deck.press("slash")
        await deck.enter("")
        search = screen.query_one("#results-search", Input)
        search.value = "answer number 47"
        await deck.press("enter")
        await deck.until(lambda: requests.cursor == 47)
        await deck.press("slash")
        search.value = HOSTILE + "nowhere"
        await deck.press("enter")
        await deck.sees("Nothing holds")
        assert clean(deck)
        await deck.press("escape")
        assert isinstance(deck.app.screen, BatchScreen)
        assert screen.query_one(ResultsTab).search_text == ""


@pytest.mark.anyio
async def test_a_request_stands_beside_its_answer_or_above_it(tmp_path: Path) -> None:
    async with batch_stage(tmp_path, "results") as (deck, _):
        await deck.until(lambda: deck.app.screen.query_one(RequestList).request_at(0))
        await deck.press("enter")
        await deck.until(lambda: isinstance(deck.app.screen, RequestScreen))
        screen = deck.app.screen
        answer = screen.query_one("#answer-text", TextView)
        question = screen.query_one("#request-text", TextView)
        await deck.until(lambda: answer.count and question.count)
        assert "answer number 0" in answer.shown_text
        assert json.loads(question.shown_text) == json.loads(LINES[0])
        for size in SIZES:
            await deck.resize(size)
            assert (question.region.y == answer.region.y) is (size[0] >= 90)
            assert clean(deck)
        await deck.resize(SIZES[1])

        rows = answer.count
        await deck.press("minus")
        assert answer.count < rows
        await deck.press("plus")
        assert answer.count == rows
        await deck.press("space")
        assert answer.count == 1
        await deck.press("space")
        assert answer.count == rows

        await deck.press("t")
        await deck.until(lambda: "body.choices[0].message.content" in answer.shown_text)
        await deck.press("y")
        assert deck.app.clipboard == answer.shown_text
        await deck.press("tab", "Y")
        assert deck.app.clipboard == "ok-000"
        await deck.press("n")
        await deck.until(lambda: "answer number 1" in answer.shown_text)
        await deck.press("N")
        await deck.until(lambda: "answer number 0" in answer.shown_text)
        await deck.press("N")
        await deck.until(lambda: any("no further" in each.message for each in deck.app._notifications))
        await deck.press("escape")
        assert isinstance(deck.app.screen, BatchScreen)


@pytest.mark.anyio
async def test_a_hostile_request_is_shown_as_text(tmp_path: Path) -> None:
    async with batch_stage(tmp_path, "results", size=(80, 24)) as (deck, screen):
        await deck.press("G")
        await deck.until(lambda: screen.query_one(RequestList).request_at(68))
        await deck.press("enter")
        await deck.sees("[@click=app.quit]x[/] [/nope]")
        assert clean(deck)
        await deck.press("t")
        await deck.sees("body.model  gpt-4o-mini")
        assert clean(deck)


@pytest.mark.anyio
async def test_lineage_adds_up_and_opens_retries_and_merges(tmp_path: Path) -> None:
    async with batch_stage(tmp_path, "lineage", size=(80, 24)) as (deck, screen):
        assert "60 of 69 requests answered" in deck.text()
        plan = await deck.services.retry.plan(screen.batch_id)
        created = await deck.services.retry.send(plan, codes={"rate_limit_exceeded"})
        child = await deck.let_end(created.batch.id)
        await deck.press("R")
        await deck.sees("64 of 69 requests answered")
        assert "+4" in deck.text()
        assert "5 still open" in deck.text()
        await deck.press("j", "enter")
        await deck.until(lambda: isinstance(deck.app.screen, BatchScreen) and deck.app.screen is not screen)
        await deck.sees(child)
        await deck.press("escape")

        await deck.press("r")
        await deck.until(lambda: isinstance(deck.app.screen, RetryScreen))
        await deck.sees("Sends 1 request ")
        await deck.press("escape", "d")
        await deck.sees("join to table")
        await deck.press("y")
        await deck.until(lambda: not deck.app.works)
        (merged,) = (tmp_path / "downloads").glob("*_merged.jsonl")
        rows = [json.loads(line) for line in merged.read_text().splitlines()]
        assert len(rows) == 69
        assert sum(row["outcome"] == "ok" for row in rows) == 64


@pytest.mark.anyio
async def test_the_help_of_a_tab_names_the_keys_that_work_there(tmp_path: Path) -> None:
    async with batch_stage(tmp_path, "failures") as (deck, screen):
        ids = screen.all_action_ids
        assert "failures.export" in ids
        assert "batch.retry" not in ids, "the tab's own r goes before the screen's"
        keys = [key for action_id in ids for key in BY_ID[action_id].keys]
        assert len(keys) == len(set(keys))
        bound = {active.binding.id for active in screen.active_bindings.values()}
        assert set(ids) <= bound | {"program.quit"}
        await deck.press("question_mark")
        await deck.sees("Write the requests of the group")


@pytest.mark.anyio
async def test_a_batch_that_changes_is_read_again(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(80, 24)) as deck:
        path = deck.write("t.jsonl", LINES[:5])
        plan = await deck.services.submit.plan(path)
        created = await anext(aiter(deck.services.submit.create(plan)))
        screen = BatchScreen(created.batch.id, "results")
        await deck.show(screen)
        await loaded(deck, screen, "results")
        await deck.sees("pending 5")
        for _ in range(100):
            deck.sandbox.advance_clock(3_600)
            deck.app.refresh_now()
            await deck.settle()
            if "completed" in deck.text():
                break
        await deck.sees("completed")
        await deck.sees("ok 5")
