"""Killed at any step, the next process finds out what happened, and makes exactly one batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchdeck.errors import LostAnswer, ReadOnly, Unreachable, UnsettledOperation, UsageError
from batchdeck.models.batch import BatchStatus
from batchdeck.models.operation import OperationState
from tests.fakes import Killed
from tests.services.money import Process, World

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _die_in_step(process: Process, at: int) -> None:
    """Let the process die right before it writes its n-th step, or right after when negative."""
    original = process.journal.step
    count = 0

    async def step(*arguments: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if count == at:
            raise Killed
        done = await original(*arguments, **named)
        if count == -at:
            raise Killed
        return done

    process.journal.step = step  # type: ignore[method-assign]


def _kill_upload_before(world: World, process: Process) -> None:
    world.api.crash("upload_file", Killed())


def _kill_upload_after(world: World, process: Process) -> None:
    world.api.crash("upload_file", Killed(), after=True)


def _kill_create_before(world: World, process: Process) -> None:
    world.api.crash("create_batch", Killed())


def _kill_create_after(world: World, process: Process) -> None:
    world.api.crash("create_batch", Killed(), after=True)


def _kill_search(world: World, process: Process) -> None:
    world.api.crash("create_batch", LostAnswer("The connection broke."), after=True)
    world.api.crash("list_batches", Killed())


def _kill_step(at: int) -> Callable[[World, Process], None]:
    return lambda world, process: _die_in_step(process, at)


CRASHES = {
    "before keeping the input": _kill_step(1),
    "after keeping the input": _kill_step(-1),
    "before the upload is noted": _kill_step(2),
    "after the upload is noted": _kill_step(-2),
    "in the upload, not arrived": _kill_upload_before,
    "in the upload, arrived": _kill_upload_after,
    "before the upload's end is noted": _kill_step(3),
    "after the upload's end is noted": _kill_step(-3),
    "before the create is noted": _kill_step(4),
    "after the create is noted": _kill_step(-4),
    "in the create, not arrived": _kill_create_before,
    "in the create, arrived": _kill_create_after,
    "before the answer is noted": _kill_step(5),
    "after the answer is noted": _kill_step(-5),
    "in the search": _kill_search,
}


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES)
@pytest.mark.parametrize("drops_metadata", [False, True], ids=["kept", "dropped"])
@pytest.mark.parametrize("how", ["reconcile", "create", "original gone"])
async def test_exactly_one_batch_after_a_kill(
    world: World, crash: Callable[[World, Process], None], drops_metadata: bool, how: str
) -> None:
    world.api.drops_metadata = drops_metadata
    path = world.write("tickets.jsonl", ["a", "b"])
    content = path.read_bytes()
    async with world.process() as process:
        crash(world, process)
        with pytest.raises(Killed):
            await process.create(path)
        [before] = await process.operations()
    if how == "original gone" and "kept" in before.payload and before.payload["kept"]:
        path.unlink()
    world.clock.advance(60)
    async with world.process() as process:
        if how == "create":
            await process.create(path)
        else:
            settled = await process.settle.reconcile(finish=True)
            assert all(one.operation.state is OperationState.DONE for one in settled)
            assert all(one.batch_id == world.api.batches[0].id for one in settled)
        operations = await process.operations()
        assert await process.settle.reconcile(finish=True) == []
        source = await process.inputs.find(world.api.batches[0])
        assert source.path.read_bytes() == content
    expected = 2 if how == "create" and before.state is OperationState.DONE else 1
    assert len(world.api.batches) == expected
    assert all(operation.state is OperationState.DONE for operation in operations)
    assert world.api.contents[world.api.batches[0].input_file_id or ""] == content


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES)
async def test_looking_at_the_start_never_sends(
    world: World, crash: Callable[[World, Process], None]
) -> None:
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        crash(world, process)
        with pytest.raises(Killed):
            await process.create(path)
    world.clock.advance(60)
    world.api.forget_calls()
    async with world.process() as process:
        for settled in await process.settle.reconcile(finish=False):
            assert settled.words
    assert world.api.count("create_batch") == 0
    assert world.api.count("upload_file") == 0


async def test_a_batch_that_was_made_is_found_by_looking_alone(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    world.api.crash("create_batch", Killed(), after=True)
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.create(path)
    world.clock.advance(3_600)
    async with world.process() as process:
        slept = len(world.clock.slept)
        [settled] = await process.settle.reconcile(finish=False)
        record = await process.history.batches.get(process.context.account_id, settled.batch_id or "")
    assert settled.batch_id == world.api.batches[0].id
    assert settled.operation.state is OperationState.DONE
    assert len(world.clock.slept) == slept, "a send long ago needs no patience"
    assert record is not None


async def test_another_files_batches_are_not_taken_for_the_operations(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    world.api.crash("create_batch", Killed())
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.create(path)
        for _ in range(130):
            world.api.add(created_at=world.clock.now(), input_file_id="file-other")
        [settled] = await process.settle.reconcile(finish=False)
    assert not settled.operation.state.is_settled
    assert "sends it again" in settled.words


async def test_a_batch_behind_many_newer_ones_is_found(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    world.api.crash("create_batch", Killed(), after=True)
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.create(path)
        made = world.api.batches[0]
        for number in range(250):
            world.clock.advance(1)
            world.api.add(f"later{number}", created_at=world.clock.now())
        [settled] = await process.settle.reconcile(finish=True)
    assert settled.batch_id == made.id
    assert world.api.count("create_batch") == 1


async def test_the_search_goes_no_further_back_than_the_upload(world: World) -> None:
    world.api.add_many(1_000)
    path = world.write("tickets.jsonl", ["a"])
    world.api.crash("create_batch", Killed(), after=True)
    world.clock.advance(86_400)
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.create(path)
        world.clock.advance(60)
        await process.settle.reconcile(finish=True)
    assert world.api.count("list_batches") == 1


async def test_what_a_living_task_works_on_is_left_alone(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        original = world.api.create_batch
        seen: list[object] = []

        async def meanwhile(new: Any) -> Any:
            seen.extend(await process.settle.reconcile(finish=True))
            with pytest.raises(UsageError, match="works on"):
                await process.settle.abandon((await process.operations())[0].id)
            return await original(new)

        world.api.create_batch = meanwhile  # type: ignore[method-assign]
        await process.create(path)
    assert seen == []
    assert len(world.api.batches) == 1


async def test_an_abandoned_operation_is_never_sent(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    world.api.crash("create_batch", Killed())
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.create(path)
        [operation] = await process.settle.unsettled()
        settled = await process.settle.abandon(operation.id)
        assert settled.operation.state is OperationState.ABANDONED
        assert await process.settle.reconcile(finish=True) == []
        with pytest.raises(UsageError, match="already"):
            await process.settle.abandon(operation.id)
        with pytest.raises(UsageError, match="no operation"):
            await process.settle.abandon("nonsense")
    assert world.api.batches == []


async def test_the_user_may_send_again_what_cannot_be_settled(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    world.api.crash("create_batch", LostAnswer("The connection broke."))
    world.api.crash("list_batches", Unreachable("No connection."), times=50)
    async with world.process() as process:
        with pytest.raises(UnsettledOperation) as told:
            await process.create(path)
        created = await process.settle.send_again(told.value.operation_id)
    assert created is not None
    assert len(world.api.batches) == 1


async def test_sending_again_finds_the_batch_first(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    world.api.crash("create_batch", Killed(), after=True)
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.create(path)
        [operation] = await process.settle.unsettled()
        created = await process.settle.send_again(operation.id)
    assert created is not None
    assert created.settled
    assert world.api.count("create_batch") == 1


async def test_a_file_that_is_lost_before_the_upload_fails_with_words(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        _die_in_step(process, 1)
        with pytest.raises(Killed):
            await process.create(path)
    path.unlink()
    async with world.process() as process:
        [settled] = await process.settle.reconcile(finish=True)
    assert settled.operation.state is OperationState.FAILED
    assert "no batch was created" in settled.words


async def test_a_read_only_profile_only_looks(world: World) -> None:
    from dataclasses import replace

    world.profile = replace(world.profile, read_only=True)
    async with world.process() as process:
        with pytest.raises(ReadOnly):
            await process.settle.reconcile(finish=True)
        assert await process.settle.reconcile(finish=False) == []


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_cancel_that_was_cut_off_is_looked_after(world: World, arrived: bool) -> None:
    batch = world.api.add(status=BatchStatus.IN_PROGRESS)
    world.api.crash("cancel_batch", Killed(), after=arrived)
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.cancel.cancel(batch.id)
    async with world.process() as process:
        [settled] = await process.settle.reconcile(finish=False)
    assert settled.operation.state is (OperationState.DONE if arrived else OperationState.FAILED)
    assert batch.id in settled.words
    assert world.api.count("cancel_batch") == 1
