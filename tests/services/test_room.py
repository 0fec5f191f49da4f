"""Batches that wait for room: kept in the journal, sent when earlier ones end, oldest first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batchdeck.errors import Interrupted, OutOfRoom, UsageError
from batchdeck.models.batch import RETRY_KEY, BatchStatus, ValidationError
from batchdeck.models.operation import OperationState
from tests.fakes import Killed
from tests.services.money import Process, World

pytestmark = pytest.mark.anyio

FULL = OutOfRoom("There is no room (400 token_limit_exceeded).", status=400, code="token_limit_exceeded")
NO_ROOM = (ValidationError("token_limit_exceeded", "Enqueued token limit reached."),)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _moves_on(world: World) -> None:
    """Let a created batch pass validation at once."""
    original = world.api.create_batch

    async def create(new: Any) -> Any:
        result = await original(new)
        world.api.change(result.batch.id, status=BatchStatus.IN_PROGRESS)
        return result

    world.api.create_batch = create  # type: ignore[method-assign]


def _fails_for_room(world: World, times: int) -> None:
    """Let the first created batches fail validation for want of room."""
    original = world.api.create_batch
    left = times

    async def create(new: Any) -> Any:
        nonlocal left
        result = await original(new)
        if left > 0:
            left -= 1
            world.api.change(result.batch.id, status=BatchStatus.FAILED, errors=NO_ROOM)
        else:
            world.api.change(result.batch.id, status=BatchStatus.IN_PROGRESS)
        return result

    world.api.create_batch = create  # type: ignore[method-assign]


async def test_without_waiting_a_full_queue_is_a_failure_that_says_what_to_do(world: World) -> None:
    world.api.crash("create_batch", FULL)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(OutOfRoom, match="no batch was created") as refused:
            await process.create(path)
    assert "--wait-for-room" in (refused.value.hint or "")


async def test_quota_is_not_waited_for(world: World) -> None:
    world.api.crash("create_batch", OutOfRoom("No credit.", status=429, code="insufficient_quota"))
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(OutOfRoom):
            await process.create(path, wait_for_room=True)
        [operation] = await process.operations()
    assert operation.state is OperationState.FAILED


async def test_a_refused_create_waits_and_goes_without_another_upload(world: World) -> None:
    _moves_on(world)
    world.api.crash("create_batch", FULL, times=3)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        begun = world.clock.now()
        [created] = await process.create(path, wait_for_room=True)
        waited = (world.clock.now() - begun).total_seconds()
    assert created.batch.status is BatchStatus.IN_PROGRESS
    assert len(world.api.batches) == 1
    assert world.api.count("upload_file") == 1
    assert world.api.count("create_batch") == 4
    assert waited > 30 + 60


async def test_a_batch_that_fails_for_room_is_made_again_of_the_same_file(world: World) -> None:
    _fails_for_room(world, 2)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        [created] = await process.create(path, wait_for_room=True)
        [operation] = await process.operations()
    assert created.batch.status is BatchStatus.IN_PROGRESS
    assert len(world.api.batches) == 3
    assert len({batch.input_file_id for batch in world.api.batches}) == 1
    assert operation.batch_id == created.batch.id
    assert len(operation.payload["spent"]) == 2


async def test_it_goes_when_an_earlier_batch_ends(world: World) -> None:
    _moves_on(world)
    earlier = world.api.add(status=BatchStatus.IN_PROGRESS)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        await process.context.note_batches([earlier])
        world.api.crash("create_batch", FULL)
        plan = await process.submit.plan(path)
        made = process.submit.create(plan, wait_for_room=True, should_stop=lambda: bool(world.clock.slept))
        with pytest.raises(Interrupted, match="wait in the journal"):
            _ = [created async for created in made]
        assert await process.room.tick() == []
        assert world.api.count("create_batch") == 1
        # A first try of this room object, so that it knows what holds the queue.
        world.clock.advance(31)
        world.api.crash("create_batch", FULL)
        assert await process.room.tick() == []
        assert world.api.count("create_batch") == 2
        assert await process.room.tick() == []
        assert world.api.count("create_batch") == 2
        world.api.change(earlier.id, status=BatchStatus.COMPLETED)
        await process.context.note_batches([batch for batch in world.api.batches if batch.id == earlier.id])
        assert await process.room.tick() == []
        assert world.api.count("create_batch") == 3
        [created] = await process.room.tick()
    assert created.batch.status is BatchStatus.IN_PROGRESS


async def test_the_oldest_goes_first_and_the_others_wait_behind_it(world: World) -> None:
    _moves_on(world)
    paths = [world.write(f"{name}.jsonl", [name]) for name in "abc"]
    async with world.process() as process:
        for path in paths:
            await _leave_waiting(world, process, path)
        waiting = await process.room.waiting()
        assert [operation.title for operation in waiting] == ["a.jsonl", "b.jsonl", "c.jsonl"]
        assert await process.room.next_try_at() is not None
        world.clock.advance(3_600)
        assert await process.room.tick() == []
        assert len(world.api.batches) == 1
        world.api.crash("create_batch", FULL)
        [first] = await process.room.tick()
        assert first.file == str(paths[0])
        assert len(world.api.batches) == 1
        files = []
        for _ in range(4):
            world.clock.advance(3_600)
            files += [created.file for created in await process.room.tick()]
        assert files == [str(paths[1]), str(paths[2])]
        assert await process.room.next_try_at() is None


async def _leave_waiting(world: World, process: Process, path: Path) -> None:
    world.api.crash("create_batch", FULL)
    slept = len(world.clock.slept)
    plan = await process.submit.plan(path)
    made = process.submit.create(plan, wait_for_room=True, should_stop=lambda: len(world.clock.slept) > slept)
    with pytest.raises(Interrupted):
        _ = [created async for created in made]


async def test_what_waits_survives_the_process(world: World) -> None:
    _moves_on(world)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        await _leave_waiting(world, process, path)
    world.clock.advance(3_600)
    async with world.process() as process:
        [settled] = await process.settle.reconcile(finish=True)
    assert settled.batch_id == world.api.batches[0].id
    assert len(world.api.batches) == 1
    assert world.api.count("upload_file") == 1


async def test_killed_while_watching_for_room_makes_no_second_batch(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        world.api.crash("get_batch", Killed())
        with pytest.raises(Killed):
            await process.create(path, wait_for_room=True)
        [operation] = await process.operations()
        assert operation.state is OperationState.WAITING
    world.api.change(world.api.batches[0].id, status=BatchStatus.IN_PROGRESS)
    async with world.process() as process:
        [settled] = await process.settle.reconcile(finish=True)
    assert settled.operation.state is OperationState.DONE
    assert len(world.api.batches) == 1


async def test_a_failed_batch_is_sent_again_by_hand_with_the_same_file(world: World) -> None:
    _fails_for_room(world, 1)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        [created] = await process.create(path, metadata={"team": "x"})
        failed = created.batch.id
        again = await process.room.send_again(failed)
        with pytest.raises(UsageError, match="already"):
            await process.room.send_again(failed)
        with pytest.raises(UsageError, match="did not fail"):
            await process.room.send_again(again.batch.id)
    assert world.api.count("upload_file") == 1
    assert again.batch.metadata[RETRY_KEY] == failed
    assert again.batch.metadata["team"] == "x"
    assert again.requests == 1
