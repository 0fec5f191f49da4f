"""Which of the failed requests to send again."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchdeck.ui.screens.retry import RetryScreen
from batchdeck.ui.widgets.check_list import CheckList
from tests.ui.work_support import HOSTILE, Stage, request, stage

LINES = [
    *(request(f"ok-{n}") for n in range(4)),
    *(request(f"rate-{n}", "[[once:rate]]") for n in range(3)),
    *(request(f"long-{n}", "[[context]]") for n in range(2)),
    request("gone-1", "[[missing]]"),
    request(HOSTILE, "[[fail:400:odd_code]]"),
]


async def open_dialog(deck: Stage, *batch_ids: str, codes: frozenset[str] | None = None) -> RetryScreen:
    screen = RetryScreen(batch_ids, codes=codes)
    await deck.show(screen)
    await deck.until(lambda: not screen.query_one("#retry-progress").display)
    return screen


async def sent_lines(deck: Stage, parent: str) -> list[bytes]:
    """The input of the one batch that retries another."""
    (child,) = [each for each in await deck.batches() if each != parent]
    record = await deck.services.browse.batch(child)
    assert record is not None
    assert record.batch.retry_of == parent
    kept = await deck.services.inputs.find(record.batch)
    return kept.path.read_bytes().splitlines(keepends=True)


def ticked(screen: RetryScreen) -> frozenset[str]:
    return screen.query_one("#retry-codes", CheckList).ticked


@pytest.mark.anyio
async def test_retryable_codes_are_ticked_and_exactly_they_are_sent(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(80, 24)) as deck:
        parent = await deck.batch(LINES, {"name": HOSTILE})
        screen = await open_dialog(deck, parent)
        assert ticked(screen) == {"rate_limit_exceeded", "missing"}
        assert "7 of 11 requests have no" in deck.text()
        assert "context_length_exceeded" in deck.text()
        assert "Sends 4 requests in 1 new batch" in deck.text()
        assert "\x1b" not in deck.text()

        await deck.press("r", "r")
        assert deck.app.screen is screen, "the key that opened the dialog does nothing in it"
        await deck.press("y")
        await deck.until(lambda: not deck.app.works)
        assert await sent_lines(deck, parent) == [*LINES[4:7], LINES[9]]


@pytest.mark.anyio
async def test_a_tick_more_sends_more_and_none_sends_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        parent = await deck.batch(LINES)
        screen = await open_dialog(deck, parent)
        await deck.press("j", "space")
        assert ticked(screen) == {"missing"}
        assert "Sends 1 request in 1 new batch" in deck.text()
        await deck.press("j", "enter")
        assert ticked(screen) == frozenset()
        assert "Nothing is ticked" in deck.text()
        await deck.press("y")
        assert deck.app.screen is screen
        assert not deck.app.works
        await deck.press("escape")
        assert await deck.batches() == [parent]


@pytest.mark.anyio
async def test_a_group_can_be_what_is_ticked(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        parent = await deck.batch(LINES)
        screen = await open_dialog(deck, parent, codes=frozenset({"context_length_exceeded"}))
        assert ticked(screen) == {"context_length_exceeded"}
        assert "Sends 2 requests" in deck.text()
        await deck.press("y")
        await deck.until(lambda: not deck.app.works)
        assert await sent_lines(deck, parent) == LINES[7:9]


@pytest.mark.anyio
async def test_a_batch_that_found_no_room_is_sent_again_whole(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(80, 24)) as deck:
        path = deck.write("t.jsonl", LINES)
        plan = await deck.services.submit.plan(path, metadata={"sandbox_mood": "token_limit"})
        parent = (await anext(aiter(deck.services.submit.create(plan)))).batch
        await deck.let_end(parent.id)
        screen = await open_dialog(deck, parent.id)
        assert "no room in the queue" in deck.text()
        assert "Sends 11 requests in 1 new batch" in deck.text()
        assert not screen.query_one("#retry-codes", CheckList).display
        await deck.press("y")
        await deck.until(lambda: not deck.app.works)
        records = await deck.services.browse.batches(await deck.batches())
        assert {record.batch.input_file_id for record in records} == {parent.input_file_id}
        assert len(records) == 2


@pytest.mark.anyio
async def test_what_a_later_retry_answered_is_left_out(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        parent = await deck.batch(LINES)
        plan = await deck.services.retry.plan(parent)
        created = await deck.services.retry.send(plan, codes={"rate_limit_exceeded"})
        await deck.let_end(created.batch.id)
        screen = await open_dialog(deck, parent)
        assert ticked(screen) == {"missing"}
        assert "rate_limit_exceeded" not in deck.text()
        assert "Sends 1 request" in deck.text()


@pytest.mark.anyio
@pytest.mark.parametrize(("as_one", "batches"), [(False, 2), (True, 1)])
async def test_several_batches_become_one_each_or_one_for_all(
    tmp_path: Path, as_one: bool, batches: int
) -> None:
    async with stage(tmp_path) as deck:
        parents = [
            await deck.batch([request(f"a-{n}", "[[once:rate]]") for n in range(2)], name="a.jsonl"),
            await deck.batch([request(f"b-{n}", "[[once:rate]]") for n in range(3)], name="b.jsonl"),
        ]
        screen = await open_dialog(deck, *parents)
        assert "Sends 5 requests in 2 new batches" in deck.text()
        if as_one:
            screen.query_one("#retry-options", CheckList).focus()
            await deck.press("space")
            assert "Sends 5 requests in 1 new batch" in deck.text()
        await deck.press("y")
        await deck.until(lambda: not deck.app.works)
        assert len(await deck.batches()) == 2 + batches


@pytest.mark.anyio
async def test_a_batch_with_nothing_to_send_says_so(tmp_path: Path) -> None:
    async with stage(tmp_path, size=(50, 15)) as deck:
        parent = await deck.batch([request("fine")])
        screen = await open_dialog(deck, parent)
        assert "Sends" not in deck.text()
        assert not screen.can_say_yes
        await deck.press("y", "n")
        assert await deck.batches() == [parent]


@pytest.mark.anyio
async def test_looking_can_be_stopped(tmp_path: Path) -> None:
    async with stage(tmp_path) as deck:
        parent = await deck.batch(LINES)
        deck.app.push_screen(RetryScreen([parent]))
        await deck.press("escape")
        await deck.until(lambda: not isinstance(deck.app.screen, RetryScreen))
        assert await deck.batches() == [parent]
