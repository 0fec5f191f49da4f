"""A retry is complete and exact, and never pays for an answer that is there or under way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batchdeck.errors import (
    InputLost,
    NotFound,
    NothingToRetry,
    ReadOnly,
    Unreachable,
    UnsettledOperation,
    UsageError,
)
from batchdeck.models.batch import ALSO_KEY, OPERATION_KEY, RETRY_KEY, Batch, BatchStatus, ValidationError
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.services.creation import Created
from tests.fakes import Killed
from tests.services.money import World, ended, failed_row, lines, ok_row, request_line

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _sent(world: World, created: Created) -> list[str]:
    """The lines of the file a batch was made of."""
    return world.api.contents[created.input_file_id].decode().splitlines()


def _answer(world: World, batch: Batch, ok: list[str], failed: list[str]) -> None:
    """Let a batch end with these answers."""
    number = len(world.api.files)
    output = world.api.add_file(f"file-out{number}", lines([ok_row(key) for key in ok])) if ok else None
    errors = (
        world.api.add_file(f"file-err{number}", lines([failed_row(key) for key in failed]))
        if failed
        else None
    )
    world.api.change(batch.id, status=BatchStatus.COMPLETED, output_file_id=output, error_file_id=errors)


async def test_what_failed_is_sent_again_byte_for_byte_in_order(world: World) -> None:
    batch = ended(
        world,
        ["a", "b", "c", "d", "e"],
        [ok_row("d"), ok_row("b")],
        [failed_row("e"), failed_row("a", 400, "invalid_request_error")],
        metadata={"team": "search", OPERATION_KEY: "x" * 32},
    )
    async with world.process() as process:
        plan = await process.retry.plan(batch.id)
        assert dict(plan.chosen()) == {"server_error": 1, "missing": 1}
        assert plan.default_codes == ("missing", "server_error")
        assert any("invalid_request_error" in sentence for sentence in plan.left_out)
        created = await process.retry.send(plan)
        [operation] = await process.operations()
    assert _sent(world, created) == [request_line("c"), request_line("e")]
    made = created.batch.metadata
    assert made[RETRY_KEY] == batch.id
    assert made["team"] == "search"
    assert made[OPERATION_KEY] == operation.id
    assert operation.kind is OperationKind.RETRY
    assert dict(created.by_code) == {"missing": 1, "server_error": 1}
    assert created.requests == 2
    assert not list((world.data / "outbox").glob("*.jsonl"))


async def test_chosen_codes_and_all(world: World) -> None:
    rows = [failed_row("a"), failed_row("b", 400, "bad"), failed_row("c", 429, "rate_limit_exceeded")]
    batch = ended(world, ["a", "b", "c"], [], rows)
    async with world.process() as process:
        plan = await process.retry.plan(batch.id)
        assert dict(plan.chosen({"bad"})) == {"bad": 1}
        assert sum(plan.chosen(include_all=True).values()) == 3
        only = await process.retry.send(plan, codes={"bad"})
    assert _sent(world, only) == [request_line("b")]


async def test_an_active_batch_cannot_be_retried(world: World) -> None:
    batch = world.api.add(status=BatchStatus.IN_PROGRESS)
    async with world.process() as process:
        with pytest.raises(UsageError, match="in_progress"):
            await process.retry.plan(batch.id)
        with pytest.raises(NotFound):
            await process.retry.plan("batch_unknown")


async def test_nothing_to_retry_says_so(world: World) -> None:
    batch = ended(world, ["a"], [ok_row("a")], [])
    hopeless = ended(world, ["a"], [], [failed_row("a", 400, "bad")])
    async with world.process() as process:
        with pytest.raises(NothingToRetry):
            await process.retry.plan(batch.id)
        plan = await process.retry.plan(hopeless.id)
        with pytest.raises(NothingToRetry):
            await process.retry.send(plan)
    assert world.api.count("create_batch") == 0


async def test_a_refused_input_cannot_be_retried_but_one_without_room_can(world: World) -> None:
    bad = world.api.add(
        status=BatchStatus.FAILED, errors=(ValidationError("invalid_json_line", "Line 3 is no JSON.", 3),)
    )
    path = world.write("tickets.jsonl", ["a", "b"])
    async with world.process() as process:
        with pytest.raises(NothingToRetry, match="line 3"):
            await process.retry.plan(bad.id)
        [created] = await process.create(path)
        world.api.change(
            created.batch.id,
            status=BatchStatus.FAILED,
            errors=(ValidationError("token_limit_exceeded", "Full."),),
        )
        plan = await process.retry.plan(created.batch.id)
        assert plan.same_file
        assert dict(plan.chosen()) == {"token_limit_exceeded": 2}
        again = await process.retry.send(plan)
    assert again.input_file_id == created.input_file_id
    assert world.api.count("upload_file") == 1


async def test_partial_results_of_an_expired_batch_are_kept_and_the_rest_is_sent(world: World) -> None:
    batch = ended(world, ["a", "b", "c"], [ok_row("b")], [], status=BatchStatus.EXPIRED)
    async with world.process() as process:
        created = await process.retry.send(await process.retry.plan(batch.id))
    assert _sent(world, created) == [request_line("a"), request_line("c")]


async def test_what_a_later_retry_answered_or_still_holds_is_not_sent_again(world: World) -> None:
    root = ended(world, ["a", "b", "c", "d"], [ok_row("a")], [failed_row(key) for key in "bcd"])
    async with world.process() as process:
        first = await process.retry.send(await process.retry.plan(root.id))
        with pytest.raises(NothingToRetry, match="3 requests under way"):
            await process.retry.plan(root.id)
        _answer(world, first.batch, ["b"], ["c", "d"])
        plan = await process.retry.plan(root.id)
        assert plan.answered_later == 1
        assert dict(plan.chosen()) == {"server_error": 2}
        second = await process.retry.send(plan)
        assert _sent(world, second) == [request_line("c"), request_line("d")]
        _answer(world, second.batch, ["c"], ["d"])
        third = await process.retry.plan(first.batch.id)
        assert dict(third.chosen()) == {"server_error": 1}
        assert third.answered_later == 1
        fourth = await process.retry.send(third)
        assert _sent(world, fourth) == [request_line("d")]
        _answer(world, fourth.batch, ["d"], [])
        for batch_id in (root.id, first.batch.id, second.batch.id):
            with pytest.raises(NothingToRetry):
                await process.retry.plan(batch_id)


async def test_a_retry_is_known_though_the_service_drops_metadata(world: World) -> None:
    world.api.drops_metadata = True
    root = ended(world, ["a", "b"], [], [failed_row("a"), failed_row("b")])
    async with world.process() as process:
        first = await process.retry.send(await process.retry.plan(root.id))
        with pytest.raises(NothingToRetry, match="under way"):
            await process.retry.plan(root.id)
        _answer(world, first.batch, ["a"], ["b"])
        plan = await process.retry.plan(root.id)
    assert plan.answered_later == 1
    assert sum(plan.chosen().values()) == 1


async def test_a_retry_whose_results_are_gone_is_not_paid_again(world: World) -> None:
    root = ended(world, ["a", "b", "c"], [], [failed_row(key) for key in "abc"])
    async with world.process() as process:
        child = await process.retry.send(await process.retry.plan(root.id), codes={"server_error"})
        _answer(world, child.batch, ["a", "b", "c"], [])
        del world.api.files[world.api.batches[0].output_file_id or ""]
        with pytest.raises(NothingToRetry, match="may have answered"):
            await process.retry.plan(root.id)


async def test_a_lost_input_of_a_foreign_batch_is_told(world: World) -> None:
    batch = ended(world, ["a"], [], [failed_row("a")])
    del world.api.files[batch.input_file_id or ""]
    async with world.process() as process:
        with pytest.raises(InputLost):
            await process.retry.plan(batch.id)


async def test_repeated_ids_are_answered_as_often_as_they_stand_there(world: World) -> None:
    batch = ended(world, ["a", "a", "b"], [ok_row("a"), ok_row("b")], [])
    async with world.process() as process:
        created = await process.retry.send(await process.retry.plan(batch.id))
    assert _sent(world, created) == [request_line("a")]


async def test_sixteen_pairs_are_not_exceeded(world: World) -> None:
    pairs = {f"k{number:02}": "v" for number in range(16)}
    batch = ended(world, ["a"], [], [failed_row("a")], metadata=pairs)
    async with world.process() as process:
        created = await process.retry.send(await process.retry.plan(batch.id))
    assert len(created.batch.metadata) == 16
    assert {RETRY_KEY, OPERATION_KEY} <= set(created.batch.metadata)


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "not arrived"])
@pytest.mark.parametrize("how", ["reconcile", "retry"])
async def test_a_killed_retry_is_one_batch_in_the_end(world: World, arrived: bool, how: str) -> None:
    root = ended(world, ["a", "b"], [], [failed_row("a"), failed_row("b")])
    world.api.crash("create_batch", Killed(), after=arrived)
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.retry.send(await process.retry.plan(root.id))
    world.clock.advance(60)
    async with world.process() as process:
        if how == "reconcile":
            await process.settle.reconcile(finish=True)
        elif arrived:
            with pytest.raises(NothingToRetry, match="under way"):
                await process.retry.plan(root.id)
        else:
            await process.retry.send(await process.retry.plan(root.id))
        operations = await process.operations()
    assert len(world.api.batches) == 2
    assert {operation.state for operation in operations} == {OperationState.DONE}


async def test_an_open_retry_of_other_requests_is_given_up_when_it_surely_made_nothing(world: World) -> None:
    root = ended(world, ["a", "b"], [], [failed_row("a"), failed_row("b", 429, "rate_limit_exceeded")])
    async with world.process() as process:
        world.api.crash("upload_file", Killed())
        with pytest.raises(Killed):
            await process.retry.send(await process.retry.plan(root.id), codes={"server_error"})
        created = await process.retry.send(await process.retry.plan(root.id))
        states = sorted(operation.state for operation in await process.operations())
        assert await process.settle.reconcile(finish=True) == []
    assert _sent(world, created) == [request_line("a"), request_line("b")]
    assert states == [OperationState.ABANDONED, OperationState.DONE]
    assert len(world.api.batches) == 2


async def test_an_open_retry_that_may_have_made_a_batch_stands_in_the_way(world: World) -> None:
    root = ended(world, ["a", "b"], [], [failed_row("a"), failed_row("b", 429, "rate_limit_exceeded")])
    async with world.process() as process:
        plan = await process.retry.plan(root.id)
        world.api.crash("create_batch", Killed(), after=True)
        with pytest.raises(Killed):
            await process.retry.send(plan, codes={"server_error"})
        world.api.crash("list_batches", Unreachable("No connection."), times=100)
        with pytest.raises(UnsettledOperation):
            await process.retry.send(plan)
        with pytest.raises(UnsettledOperation):
            await process.retry.plan(root.id)
    assert world.api.count("create_batch") == 1


async def test_several_batches_become_one(world: World) -> None:
    one = ended(world, ["a1", "a2"], [ok_row("a1")], [failed_row("a2")], metadata={"team": "x", "run": "1"})
    two = ended(world, ["b1", "b2"], [ok_row("b1")], [failed_row("b2")], metadata={"team": "x", "run": "2"})
    async with world.process() as process:
        plans = [await process.retry.plan(batch.id) for batch in (one, two)]
        created = await process.retry.send_as_one(plans)
        assert _sent(world, created) == [request_line("a2"), request_line("b2")]
        for batch in (one, two):
            with pytest.raises(NothingToRetry, match="under way"):
                await process.retry.plan(batch.id)
        _answer(world, created.batch, ["a2"], ["b2"])
        with pytest.raises(NothingToRetry):
            await process.retry.plan(one.id)
        assert dict((await process.retry.plan(two.id)).chosen()) == {"server_error": 1}
    assert created.batch.metadata[RETRY_KEY] == one.id
    assert created.batch.metadata[ALSO_KEY] == two.id
    assert created.batch.metadata["team"] == "x"
    assert "run" not in created.batch.metadata


async def test_batches_that_do_not_go_together_are_refused(world: World) -> None:
    one = ended(world, ["a", "b"], [ok_row("a")], [failed_row("b")])
    same_id = ended(world, ["c", "b"], [ok_row("b")], [failed_row("c")])
    other_model = ended(world, ["x"], [], [failed_row("x")])
    world.api.change(other_model.id, model="gpt-4o")
    async with world.process() as process:

        async def together(*batches: Batch) -> None:
            plans = [await process.retry.plan(batch.id) for batch in batches]
            await process.retry.send_as_one(plans)

        with pytest.raises(UsageError, match="'b' stands in the inputs of two"):
            await together(one, same_id)
        with pytest.raises(UsageError, match="differ in model"):
            await together(one, other_model)
    assert world.api.count("create_batch") == 0
    assert not list((world.data / "outbox").glob("*.jsonl"))


async def test_a_read_only_profile_plans_but_does_not_send(world: World) -> None:
    world.profile = replace(world.profile, read_only=True)
    batch = ended(world, ["a"], [], [failed_row("a")])
    async with world.process() as process:
        plan = await process.retry.plan(batch.id)
        with pytest.raises(ReadOnly):
            await process.retry.send(plan)
        with pytest.raises(ReadOnly):
            await process.retry.send_as_one([plan])
    assert world.api.count("create_batch") == 0
