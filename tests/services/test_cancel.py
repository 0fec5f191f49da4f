"""Cancelling: what was sent, and how the batch really stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batchdeck.errors import (
    Conflict,
    LostAnswer,
    NotFound,
    ReadOnly,
    Refused,
    ServerFailed,
    Unreachable,
    UnsettledOperation,
)
from batchdeck.models.batch import BatchStatus
from batchdeck.models.operation import OperationState
from tests.services.money import World

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_cancel_is_sent_once_and_journaled(world: World) -> None:
    batch = world.api.add(status=BatchStatus.IN_PROGRESS)
    async with world.process() as process:
        cancelled = await process.cancel.cancel(batch.id)
        [operation] = await process.operations()
        record = await process.history.batches.get(process.context.account_id, batch.id)
    assert cancelled.sent
    assert cancelled.batch.status is BatchStatus.CANCELLING
    assert operation.state is OperationState.DONE
    assert operation.batch_id == batch.id
    assert record is not None
    assert record.batch.status is BatchStatus.CANCELLING


@pytest.mark.parametrize("status", [BatchStatus.COMPLETED, BatchStatus.CANCELLED, BatchStatus.CANCELLING])
async def test_nothing_is_sent_for_a_batch_that_ends_anyway(world: World, status: BatchStatus) -> None:
    batch = world.api.add(status=status)
    async with world.process() as process:
        cancelled = await process.cancel.cancel(batch.id)
        assert await process.operations() == []
    assert not cancelled.sent
    assert "Nothing was sent" in cancelled.words
    assert world.api.count("cancel_batch") == 0


@pytest.mark.parametrize("error", [Conflict("No (409).", status=409), Refused("No (400).", status=400)])
async def test_a_conflict_means_look_again(world: World, error: Conflict | Refused) -> None:
    batch = world.api.add(status=BatchStatus.IN_PROGRESS)
    original = world.api.cancel_batch

    async def too_late(batch_id: str) -> object:
        world.api.change(batch_id, status=BatchStatus.COMPLETED)
        return await original(batch_id)

    world.api.cancel_batch = too_late  # type: ignore[method-assign,assignment]
    world.api.crash("cancel_batch", error)
    async with world.process() as process:
        cancelled = await process.cancel.cancel(batch.id)
    assert cancelled.batch.status is BatchStatus.COMPLETED
    assert "could not be cancelled any more" in cancelled.words


async def test_a_refusal_of_a_batch_that_goes_on_is_an_error(world: World) -> None:
    batch = world.api.add(status=BatchStatus.IN_PROGRESS)
    world.api.crash("cancel_batch", Refused("Not allowed (400).", status=400))
    async with world.process() as process:
        with pytest.raises(Refused):
            await process.cancel.cancel(batch.id)
        [operation] = await process.operations()
    assert operation.state is OperationState.FAILED


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_lost_answer_is_looked_into(world: World, arrived: bool) -> None:
    batch = world.api.add(status=BatchStatus.IN_PROGRESS)
    world.api.crash("cancel_batch", LostAnswer("It broke."), after=arrived)
    async with world.process() as process:
        cancelled = await process.cancel.cancel(batch.id)
    assert cancelled.batch.status is BatchStatus.CANCELLING
    assert world.api.count("cancel_batch") == (1 if arrived else 2)


async def test_a_cancel_that_never_takes_effect_fails(world: World) -> None:
    batch = world.api.add(status=BatchStatus.IN_PROGRESS)
    world.api.crash("cancel_batch", ServerFailed("It answered 500."), times=5)
    async with world.process() as process:
        with pytest.raises(ServerFailed, match="goes on"):
            await process.cancel.cancel(batch.id)
        [operation] = await process.operations()
    assert operation.state is OperationState.FAILED
    assert world.api.count("cancel_batch") == 2


async def test_when_nothing_can_be_known_that_is_said(world: World) -> None:
    batch = world.api.add(status=BatchStatus.IN_PROGRESS)
    world.api.crash("cancel_batch", LostAnswer("It broke."))
    async with world.process() as process:
        world.api.crash("get_batch", Unreachable("No connection."), skip=1, times=50)
        with pytest.raises(UnsettledOperation, match="not known"):
            await process.cancel.cancel(batch.id)
        [operation] = await process.operations()
    assert operation.state is OperationState.SENDING


async def test_an_unknown_batch_and_a_read_only_profile_send_nothing(world: World) -> None:
    async with world.process() as process:
        with pytest.raises(NotFound):
            await process.cancel.cancel("batch_unknown")
    world.profile = replace(world.profile, read_only=True)
    async with world.process() as process:
        with pytest.raises(ReadOnly):
            await process.cancel.cancel("batch_unknown")
    assert world.api.count("cancel_batch") == 0
