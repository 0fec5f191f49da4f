"""Creating: one batch, whatever happens on the way."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from batchdeck.errors import (
    BadAnswer,
    FileProblem,
    Interrupted,
    InvalidInput,
    LostAnswer,
    NotFound,
    OutOfRoom,
    RateLimited,
    ReadOnly,
    Refused,
    ServerFailed,
    Unreachable,
    UnsettledOperation,
    UsageError,
)
from batchdeck.models.batch import GROUP_KEY, OPERATION_KEY, PART_KEY
from batchdeck.models.operation import OperationState
from tests.services.money import Process, World, small_limits

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_create_uploads_and_creates_once_and_writes_every_step_down(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "b", "c"])
    async with world.process() as process:
        [created] = await process.create(path, metadata={"team": "search"})
        [operation] = await process.operations()
        record = await process.history.batches.get(process.context.account_id, created.batch.id)
    [batch] = world.api.batches
    assert created.batch.id == batch.id
    assert created.requests == 3
    assert not created.settled
    assert dict(batch.metadata) == {"team": "search", OPERATION_KEY: operation.id}
    assert batch.endpoint == "/v1/chat/completions"
    assert world.api.contents[created.input_file_id] == path.read_bytes()
    assert world.api.files[created.input_file_id].filename == f"tickets.bd-{operation.id[:12]}.jsonl"
    states = [step.state for step in operation.steps]
    assert states == [
        OperationState.INTENT,
        OperationState.INTENT,
        OperationState.UPLOADING,
        OperationState.UPLOADED,
        OperationState.SENDING,
        OperationState.DONE,
    ]
    assert operation.batch_id == batch.id
    assert operation.steps[-1].request_id
    assert record is not None
    assert record.name == "tickets.jsonl"
    assert world.api.count("create_batch") == 1


async def test_a_plan_sends_nothing(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "b"])
    async with world.process() as process:
        plan = await process.submit.plan(path, window="7d", output_expires_after=3600)
        assert await process.operations() == []
    assert world.api.calls == []
    assert plan.requests == 2
    assert plan.window == "7d"
    assert plan.batches[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("metadata", "expires", "says"),
    [
        ({f"k{number}": "v" for number in range(16)}, None, "too many"),
        ({"k" * 65: "v"}, None, "65 characters"),
        ({"k": "v" * 513}, None, "513 characters"),
        ({"": "v"}, None, "0 characters"),
        ({OPERATION_KEY: "mine"}, None, "set by batchdeck"),
        ({}, 3599, "3,599"),
        ({}, 2_592_001, "2,592,001"),
    ],
)
async def test_values_the_service_would_refuse_are_refused_before_anything_is_sent(
    world: World, metadata: dict[str, str], expires: int | None, says: str
) -> None:
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(UsageError, match=says):
            await process.submit.plan(path, metadata=metadata, output_expires_after=expires)
    assert world.api.calls == []


async def test_fifteen_pairs_of_the_longest_kind_are_sent(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    pairs = {f"{number:02}" + "k" * 62: "v" * 512 for number in range(15)}
    async with world.process() as process:
        [created] = await process.create(path, metadata=pairs)
    assert len(created.batch.metadata) == 16


async def test_an_invalid_file_is_refused_with_its_line(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "a"])
    async with world.process() as process:
        with pytest.raises(InvalidInput, match="line 2"):
            await process.submit.plan(path)
    assert world.api.calls == []


async def test_a_file_over_the_limits_is_sent_as_parts_that_share_a_group(world: World) -> None:
    world.profile = small_limits(2)
    path = world.write("big.jsonl", ["a", "b", "c", "d", "e"])
    async with world.process() as process:
        with pytest.raises(InvalidInput, match=r"nothing was sent.") as refused:
            await process.submit.plan(path)
        assert "--split" in (refused.value.hint or "")
        created = await process.create(path, split=True)
    assert [made.requests for made in created] == [2, 2, 1]
    assert b"".join(world.api.contents[made.input_file_id] for made in created) == path.read_bytes()
    assert {made.batch.metadata[PART_KEY] for made in created} == {"1/3", "2/3", "3/3"}
    assert len({made.batch.metadata[GROUP_KEY] for made in created}) == 1


async def test_a_split_that_was_cut_off_is_finished_without_sending_a_part_twice(world: World) -> None:
    world.profile = small_limits(2)
    path = world.write("big.jsonl", ["a", "b", "c", "d", "e"])
    world.api.crash("create_batch", asyncio.CancelledError(), skip=1)
    async with world.process() as process:
        with pytest.raises(asyncio.CancelledError):
            await process.create(path, split=True)
    assert len(world.api.batches) == 1
    async with world.process() as process:
        created = await process.create(path, split=True)
    assert [made.requests for made in created] == [2, 2, 1]
    assert all(made.continued for made in created)
    assert len(world.api.batches) == 3
    assert len({batch.metadata[GROUP_KEY] for batch in world.api.batches}) == 1
    assert world.api.count("upload_file") == 3


LOST = LostAnswer("The connection broke.")
FAILED = ServerFailed("It answered 500.", status=500)
GARBAGE = BadAnswer("It answered a web page.")


@pytest.mark.parametrize("error", [LOST, FAILED, GARBAGE], ids=["lost", "500", "garbage"])
@pytest.mark.parametrize("drops_metadata", [False, True], ids=["kept", "dropped"])
async def test_a_batch_whose_answer_was_lost_is_found_and_not_sent_again(
    world: World, error: Exception, drops_metadata: bool
) -> None:
    world.api.drops_metadata = drops_metadata
    world.api.crash("create_batch", error, after=True)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        [created] = await process.create(path)
        [operation] = await process.operations()
    assert created.settled
    assert created.batch.id == world.api.batches[0].id
    assert operation.state is OperationState.DONE
    assert world.api.count("create_batch") == 1


@pytest.mark.parametrize("error", [LOST, FAILED, GARBAGE], ids=["lost", "500", "garbage"])
async def test_a_create_that_never_arrived_is_sent_again_only_after_a_patient_search(
    world: World, error: Exception
) -> None:
    world.api.crash("create_batch", error)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        [created] = await process.create(path)
    assert not created.settled
    assert len(world.api.batches) == 1
    assert world.api.count("create_batch") == 2
    assert world.api.count("upload_file") == 1
    methods = [call.method for call in world.api.calls]
    first, second = (place for place, name in enumerate(methods) if name == "create_batch")
    assert methods[first + 1 : second].count("list_batches") >= 4
    assert sum(world.clock.slept) >= world.profile.settle_seconds - 0.5


async def test_a_batch_that_is_listed_late_is_waited_for(world: World) -> None:
    world.api.crash("create_batch", LOST, after=True)
    world.api.list_calls_until_new_batches_show = 4
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        [created] = await process.create(path)
    assert created.settled
    assert len(world.api.batches) == 1


async def test_a_create_is_sent_three_times_at_most_and_then_left_open(world: World) -> None:
    world.api.crash("create_batch", FAILED, times=9)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(UnsettledOperation, match="3 times"):
            await process.create(path)
        [operation] = await process.operations()
    assert operation.state is OperationState.SENDING
    assert world.api.count("create_batch") == 3
    assert world.api.batches == []


@pytest.mark.parametrize(
    "error",
    [
        Refused("It was refused (400).", status=400),
        NotFound("No such file (404).", status=404),
        RateLimited("Too many (429).", status=429, retry_after=30),
        OutOfRoom("No room.", status=400, code="token_limit_exceeded"),
    ],
    ids=lambda error: str(error.status),
)
async def test_a_refusal_is_a_failure_at_once(world: World, error: Refused) -> None:
    world.api.crash("create_batch", error)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(type(error), match="no batch was created"):
            await process.create(path)
        [operation] = await process.operations()
    assert operation.state is OperationState.FAILED
    assert world.api.count("create_batch") == 1
    assert world.api.count("list_batches") == 0


async def test_a_refused_files_upload_is_used_by_the_next_create_of_it(world: World) -> None:
    world.api.crash("create_batch", RateLimited("Too many.", status=429))
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(RateLimited):
            await process.create(path)
        [created] = await process.create(path)
    assert world.api.count("upload_file") == 1
    assert len(world.api.batches) == 1
    assert created.batch.input_file_id in world.api.files


async def test_no_connection_while_creating_keeps_the_upload_for_later(world: World) -> None:
    world.api.crash("create_batch", Unreachable("No connection; nothing was sent."), times=20)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(UnsettledOperation, match="no batch was created"):
            await process.create(path)
        [operation] = await process.operations()
        assert operation.state is OperationState.UPLOADED
    world.api.crashes.clear()
    async with world.process() as process:
        [created] = await process.create(path)
    assert created.continued
    assert world.api.count("upload_file") == 1
    assert len(world.api.batches) == 1


async def test_when_the_list_cannot_be_read_nothing_is_sent_again(world: World) -> None:
    world.api.crash("create_batch", LOST, after=True)
    world.api.crash("list_batches", Unreachable("No connection."), times=99)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(UnsettledOperation, match="not known") as told:
            await process.create(path)
        [operation] = await process.operations()
    assert told.value.operation_id == operation.id
    assert operation.state is OperationState.SENDING
    assert world.api.count("create_batch") == 1


async def test_a_list_that_shows_only_its_newest_batches_proves_nothing(world: World) -> None:
    world.api.crash("create_batch", LOST, after=True)
    world.api.ignores_after = True
    world.api.claims_more = True
    world.api.ignores_limit = 3
    path = world.write("tickets.jsonl", ["a"])
    world.clock.advance(60)

    class Busy:
        """Others create batches all the time: ours is off the first page when it is looked for."""

        async def sleep(self, seconds: float) -> None:
            world.clock.advance(seconds)
            for _ in range(3):
                world.api.add(created_at=world.clock.now())

    async with world.process() as process:
        clock = Busy()
        clock.now, clock.monotonic = world.clock.now, world.clock.monotonic  # type: ignore[attr-defined]
        busy = Process(world, process.history, process.context.account_id)
        busy.context = replace(process.context, clock=clock)  # type: ignore[arg-type]
        from batchdeck.services.creation import Creation
        from batchdeck.services.room import Room
        from batchdeck.services.submit import Submit

        world.api.add(created_at=world.clock.now())
        world.api.unlisted = set()
        creation = Creation(busy.context, busy.journal, busy.inputs, outbox_dir=world.data / "outbox")
        submit = Submit(busy.context, creation, Room(busy.context, creation))
        plan = await submit.plan(path)

        original = world.api.create_batch

        async def crowded(new: object) -> object:
            try:
                return await original(new)  # type: ignore[arg-type]
            finally:
                for _ in range(3):
                    world.api.add(created_at=world.clock.now())

        world.api.create_batch = crowded  # type: ignore[method-assign,assignment]
        with pytest.raises(UnsettledOperation, match="only its newest"):
            _ = [made async for made in submit.create(plan)]
    assert world.api.count("create_batch") == 1


async def test_two_batches_of_one_operation_are_told_and_nothing_more_is_sent(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    world.api.crash("create_batch", LOST, after=True)
    original = world.api.create_batch

    async def twice(new: object) -> object:
        try:
            return await original(new)  # type: ignore[arg-type]
        finally:
            first = world.api.batches[0]
            world.api.add(
                created_at=first.created_at, input_file_id=first.input_file_id, metadata=first.metadata
            )

    world.api.create_batch = twice  # type: ignore[method-assign,assignment]
    async with world.process() as process:
        [created] = await process.create(path)
    assert "2 batches" in created.words
    assert world.api.count("create_batch") == 1


async def test_the_batch_of_another_operation_is_not_taken_for_ours(world: World) -> None:
    """On a service that drops metadata, with the same uploaded file."""
    world.api.drops_metadata = True
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        world.api.crash("create_batch", RateLimited("Too many.", status=429))
        with pytest.raises(RateLimited):
            await process.create(path)
        [first] = await process.create(path)
        world.api.crash("create_batch", LOST)
        operation = (await process.operations())[0]
        begun = await process.journal.begin(operation.kind, "again", operation.payload)
        again = await process.journal.step(begun, OperationState.UPLOADED, input_file_id=first.input_file_id)
        made = await process.creation.carry_on(again)
    assert made is not None
    assert made.batch.id != first.batch.id
    assert len(world.api.batches) == 2


async def test_a_lost_upload_answer_finds_the_file(world: World) -> None:
    world.api.crash("upload_file", LOST, after=True)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        await process.create(path)
    assert world.api.count("upload_file") == 1
    assert len(world.api.files) == 1


@pytest.mark.parametrize("error", [LOST, FAILED, GARBAGE], ids=["lost", "500", "garbage"])
async def test_an_upload_that_never_arrived_is_sent_again(world: World, error: Exception) -> None:
    world.api.crash("upload_file", error)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        await process.create(path)
    assert world.api.count("upload_file") == 2
    assert len(world.api.batches) == 1


async def test_a_refused_upload_fails_at_once(world: World) -> None:
    world.api.crash("upload_file", Refused("Too large (413).", status=413))
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(Refused, match="no batch was created"):
            await process.create(path)
        [operation] = await process.operations()
    assert operation.state is OperationState.FAILED
    assert world.api.count("upload_file") == 1


async def test_a_file_that_changes_while_it_is_sent_makes_no_batch(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "b"])
    async with world.process() as process:
        plan = await process.submit.plan(path)
        original = world.api.upload_file

        async def tampered(name: str, body: object, **more: object) -> object:
            content = path.read_bytes()
            with path.open("r+b") as file:
                file.write(content.replace(b"hello", b"HELLO"))
            return await original(name, body, **more)  # type: ignore[arg-type]

        world.api.upload_file = tampered  # type: ignore[method-assign,assignment]
        with pytest.raises(FileProblem, match="changed while"):
            _ = [made async for made in process.submit.create(plan)]
        [operation] = await process.operations()
    assert operation.state is OperationState.FAILED
    assert world.api.count("create_batch") == 0


async def test_a_file_that_changed_since_the_check_is_not_sent(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "b"])
    async with world.process() as process:
        plan = await process.submit.plan(path)
        path.write_bytes(path.read_bytes() + b"\n")
        with pytest.raises(FileProblem, match="changed"):
            _ = [made async for made in process.submit.create(plan)]
        path.write_bytes(path.read_bytes()[:-1].replace(b"hello", b"HELLO"))
        with pytest.raises(FileProblem, match="changed"):
            _ = [made async for made in process.submit.create(plan)]
    assert world.api.count("upload_file") == 0


async def test_it_can_be_stopped_until_the_create_is_sent(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "b"])
    for stop_at in ("upload_file", "create_batch"):
        world.api.forget_calls()
        async with world.process() as process:
            with pytest.raises(Interrupted, match="no batch was created"):
                await process.create(path, should_stop=partial(_reached, world, stop_at))
            operation = (await process.operations())[0]
        assert operation.state is OperationState.ABANDONED
        assert world.api.count("create_batch") == 0


def _reached(world: World, stop_at: str) -> bool:
    if stop_at == "upload_file":
        return world.api.count("upload_file") > 0
    return any(call.method == "upload_file" for call in world.api.calls) and len(world.api.files) > 0


async def test_after_the_create_was_sent_stopping_is_not_heeded(world: World) -> None:
    world.api.crash("create_batch", LOST, after=True)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        [created] = await process.create(path, should_stop=lambda: world.api.count("create_batch") > 0)
    assert created.settled


async def test_a_cancelled_task_leaves_the_truth_in_the_journal(world: World) -> None:
    world.api.crash("create_batch", asyncio.CancelledError(), after=True)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(asyncio.CancelledError):
            await process.create(path)
        [operation] = await process.operations()
        assert operation.state is OperationState.SENDING
        [created] = await process.create(path)
    assert created.settled
    assert created.continued
    assert world.api.count("create_batch") == 1


async def test_a_read_only_profile_sends_nothing(world: World) -> None:
    world.profile = replace(world.profile, read_only=True)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(ReadOnly):
            await process.create(path)
    assert world.api.calls == []


async def test_the_plan_warns_of_a_file_that_was_sent_before(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        [created] = await process.create(path)
        plan = await process.submit.plan(path)
    assert any(created.batch.id in warning for warning in plan.warnings)


async def test_the_plan_tells_of_a_send_that_is_under_way(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    told: list[str] = []
    async with world.process() as process:
        original = world.api.create_batch

        async def meanwhile(new: Any) -> Any:
            plan = await process.submit.plan(path)
            told.extend(plan.warnings)
            assert plan.continues == ()
            return await original(new)

        world.api.create_batch = meanwhile  # type: ignore[method-assign]
        await process.create(path)
    assert any("being sent right now" in warning for warning in told)


async def test_what_is_asked_for_now_is_sent_when_nothing_had_been(world: World) -> None:
    world.api.crash("upload_file", asyncio.CancelledError())
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(asyncio.CancelledError):
            await process.create(path, metadata={"try": "1"})
        plan = await process.submit.plan(path, metadata={"try": "2"})
        assert len(plan.continues) == 1
        [created] = [made async for made in process.submit.create(plan)]
    assert created.batch.metadata["try"] == "2"
    assert len(world.api.batches) == 1
