"""From a file on disk to a batch, by keys."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from batchdeck.models.account import Limits
from batchdeck.sandbox.faults import FaultRule
from batchdeck.ui.screens.confirm import ConfirmScreen
from batchdeck.ui.screens.create import CreateScreen
from batchdeck.ui.widgets.create_options import span_of
from batchdeck.ui.widgets.problem_list import ProblemList
from tests.ui.work_support import HOSTILE, Stage, request, stage

TEMPLATE = 'model = "gpt-4o-mini"\nuser = "{comment}"\ncustom_id = "comment-{id}"\nmax_tokens = 5\n'


@asynccontextmanager
async def create_stage(
    folder: Path, *, size: tuple[int, int] = (120, 40), limits: Limits | None = None
) -> AsyncIterator[tuple[Stage, CreateScreen]]:
    async with stage(folder, size=size, limits=limits) as deck:
        screen = CreateScreen()
        await deck.show(screen)
        yield deck, screen


async def confirm(deck: Stage, key: str) -> None:
    await deck.press("ctrl+s")
    await deck.until(lambda: isinstance(deck.app.screen, ConfirmScreen))
    await deck.press("ctrl+s", "ctrl+s", key)


@pytest.mark.anyio
async def test_a_file_is_completed_checked_and_sent_once(tmp_path: Path) -> None:
    async with create_stage(tmp_path) as (deck, _):
        path = deck.write("tickets-2026.jsonl", [request(f"t-{n}") for n in range(30)])
        await deck.enter(str(path)[:-9])
        await deck.press("tab")
        await deck.sees("tickets-2026.jsonl")
        await deck.press("enter")
        await deck.sees("Ready")
        for words in ("30 in ", "/v1/chat/completions", "gpt-4o-mini", "four bytes"):
            assert words in deck.text()

        await deck.press("tab")
        await deck.enter("team")
        await deck.press("tab")
        await deck.enter("search")
        await confirm(deck, "n")
        assert await deck.batches() == []

        await confirm(deck, "y")
        await deck.sees("Created batch_")
        await deck.press("ctrl+s", "y")
        await deck.settle()
        (batch_id,) = await deck.batches()
        record = await deck.services.browse.batch(batch_id)
        assert record is not None
        assert record.batch.metadata["team"] == "search"


@pytest.mark.anyio
async def test_problems_stand_by_line_with_the_lines_own_text(tmp_path: Path) -> None:
    async with create_stage(tmp_path) as (deck, screen):
        lines = [request(f"t-{n}") for n in range(20)]
        lines[6] = json.dumps({"custom_id": HOSTILE}).encode() + b"\n"
        lines[11] = HOSTILE.encode() + b"\n"
        path = deck.write("bad.jsonl", lines)
        screen.form.set_path(path)
        await deck.press("enter")
        problems = screen.query_one(ProblemList)
        await deck.until(lambda: problems.count)
        places = [problem.line for problem in problems._problems]
        assert {7, 12} <= set(places)
        problems.cursor = places.index(12)
        for size in ((120, 40), (80, 24), (50, 15), (20, 5)):
            await deck.resize(size)
            if size[1] > 20:
                assert "line 12" in deck.text()
                assert "[@click=app.quit]x[/] [/nope]" in deck.text()
            assert "\x1b" not in deck.text() and "\x07" not in deck.text()
        await deck.press("ctrl+s")
        assert deck.app.screen is screen
        assert await deck.batches() == []


@pytest.mark.anyio
async def test_a_file_over_the_limits_is_split_after_a_question(tmp_path: Path) -> None:
    async with create_stage(tmp_path, limits=Limits(max_requests=10)) as (deck, screen):
        screen.form.set_path(deck.write("big.jsonl", [request(f"t-{n}") for n in range(25)]))
        await deck.press("enter")
        await deck.sees("it takes 3 batches")
        await confirm(deck, "y")
        await deck.sees("Created batch_")
        ids = await deck.batches()
        assert len(ids) == 3
        records = await deck.services.browse.batches(ids)
        assert len({record.batch.group_id for record in records}) == 1


@pytest.mark.anyio
async def test_a_table_is_previewed_built_checked_and_sent(tmp_path: Path) -> None:
    async with create_stage(tmp_path, size=(80, 24)) as (deck, screen):
        table = tmp_path / "comments.csv"
        table.write_text("id,comment\n" + "".join(f'{n},"say ""{n}"""\n' for n in range(12)))
        (tmp_path / "label.toml").write_text(TEMPLATE)
        screen.form.set_path(table)
        await deck.press("enter")
        await deck.sees("This is a table")
        await deck.enter(str(tmp_path / "label.toml"))
        await deck.press("enter")
        await deck.sees('"custom_id": "comment-0"')
        await deck.press("ctrl+s")
        await deck.sees("Ready")
        built = tmp_path / "comments.requests.jsonl"
        assert len(built.read_bytes().splitlines()) == 12
        await confirm(deck, "y")
        await deck.sees("Created batch_")
        assert len(await deck.batches()) == 1


@pytest.mark.anyio
async def test_rows_that_do_not_fit_the_template_are_named(tmp_path: Path) -> None:
    async with create_stage(tmp_path) as (deck, screen):
        (tmp_path / "twice.csv").write_text("id,comment\n1,a\n1,b\n")
        (tmp_path / "label.toml").write_text(TEMPLATE)
        screen.form.set_path(tmp_path / "twice.csv")
        await deck.press("enter")
        await deck.sees("This is a table")
        await deck.enter(str(tmp_path / "label.toml"))
        await deck.press("ctrl+s")
        await deck.sees("row ")
        assert not (tmp_path / "twice.requests.jsonl").exists()


@pytest.mark.anyio
async def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    async with create_stage(tmp_path) as (deck, screen):
        screen.form.set_path(tmp_path / "none.jsonl")
        await deck.press("enter")
        await deck.sees("none.jsonl")
        await deck.sees("no such file")
        await deck.press("escape")
        await deck.until(lambda: not isinstance(deck.app.screen, CreateScreen))


@pytest.mark.anyio
async def test_another_path_forgets_what_was_checked(tmp_path: Path) -> None:
    async with create_stage(tmp_path) as (deck, screen):
        screen.form.set_path(deck.write("a.jsonl", [request("t-1")]))
        await deck.press("enter")
        await deck.sees("Ready")
        await deck.enter("x")
        await deck.press("ctrl+s")
        assert deck.app.screen is screen
        assert "Ready" not in deck.text()


@pytest.mark.anyio
async def test_a_wrong_option_is_told_and_nothing_asked(tmp_path: Path) -> None:
    async with create_stage(tmp_path) as (deck, screen):
        screen.form.set_path(deck.write("a.jsonl", [request("t-1")]))
        await deck.press("enter")
        await deck.sees("Ready")
        screen.query_one("#create-expiry").focus()
        await deck.settle()
        await deck.enter("soon")
        await deck.press("ctrl+s")
        await deck.sees("soon is no span of time")
        assert deck.app.screen is screen


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("", None), ("  ", None), ("7d", 604_800), ("12H", 43_200), ("90m", 5_400), ("3600", 3_600)],
)
def test_spans_of_time(typed: str, seconds: int | None) -> None:
    assert span_of(typed) == seconds


@pytest.mark.parametrize("typed", ["59m", "31d", "x", "d", "-1d", "1.5h", "\N{SUPERSCRIPT TWO}d"])
def test_what_is_no_span_or_too_short_or_long(typed: str) -> None:
    with pytest.raises(ValueError, match=r"span|hour"):
        span_of(typed)


@pytest.mark.anyio
async def test_sending_can_be_stopped_until_the_create_is_on_its_way(tmp_path: Path) -> None:
    async with create_stage(tmp_path, size=(80, 24)) as (deck, screen):
        path = deck.write("a.jsonl", [request(f"t-{n}") for n in range(3)])

        async def send() -> None:
            screen.form.set_path(path)
            screen.query_one("#create-path").focus()
            await deck.settle()
            await deck.press("enter")
            await deck.sees("Ready")
            await confirm(deck, "y")

        deck.sandbox.faults.add(FaultRule("delay", "POST", "/v1/files", seconds=0.5))
        await send()
        await deck.sees("s stops it")
        await deck.press("s")
        await deck.sees("no batch was created")
        assert await deck.batches() == []

        deck.sandbox.faults.add(FaultRule("delay", "POST", "/v1/batches", seconds=1.0))
        await send()
        await deck.sees("it cannot be stopped any more")
        await deck.press("s")
        await deck.sees("The create is on its way")
        await deck.sees("Created batch_")
        assert len(await deck.batches()) == 1


@pytest.mark.anyio
async def test_a_lost_answer_makes_one_batch_and_is_told(tmp_path: Path) -> None:
    async with create_stage(tmp_path) as (deck, screen):
        screen.form.set_path(deck.write("a.jsonl", [request("t-1")]))
        await deck.press("enter")
        await deck.sees("Ready")
        deck.sandbox.faults.add(FaultRule("status_after", "POST", "/v1/batches", status=500))
        await confirm(deck, "y")
        await deck.sees("Created batch_")
        assert deck.sandbox.stats()["batches"] == 1


@pytest.mark.anyio
async def test_read_only_creates_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, read_only=True) as deck:
        await deck.show(CreateScreen(deck.write("a.jsonl", [request("t-1")])))
        await deck.sees("Ready")
        await deck.press("ctrl+s")
        await deck.sees("read-only")
        assert isinstance(deck.app.screen, CreateScreen)
        assert deck.sandbox.stats()["batches"] == 0
