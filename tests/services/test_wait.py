"""Waiting for batches to end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from batchdeck.errors import KeyRefused, NotFound, RateLimited, ServiceError, TimedOut, Unreachable
from batchdeck.models.batch import Batch, BatchStatus
from batchdeck.services.context import Context
from batchdeck.services.wait import Wait
from tests.fakes import FakeBatchApi, FakeClock

pytestmark = pytest.mark.anyio


class ScriptedClock(FakeClock):
    """Lets a script change the service while somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[Callable[[], object]] = []

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self.script:
            self.script.pop(0)()


@pytest.fixture
def clock() -> ScriptedClock:
    return ScriptedClock()


@pytest.fixture
def wait(context: Context) -> Wait:
    return Wait(context)


async def _all(wait: Wait, ids: list[str], **options: float) -> list[Batch]:
    return [batch async for batch in wait.until_ended(ids, timeout=options.get("timeout"))]


async def test_an_ended_batch_is_given_at_once(wait: Wait, api: FakeBatchApi, clock: ScriptedClock) -> None:
    batch = api.add()
    assert [found.id for found in await _all(wait, [batch.id, batch.id])] == [batch.id]
    assert clock.slept == []
    assert len(api.calls) == 1


async def test_batches_come_as_they_end(wait: Wait, api: FakeBatchApi, clock: ScriptedClock) -> None:
    first, second = (api.add(status=BatchStatus.IN_PROGRESS) for _ in range(2))
    clock.script = [
        lambda: api.change(second.id, status=BatchStatus.FAILED),
        lambda: None,
        lambda: api.change(first.id, status=BatchStatus.COMPLETED),
    ]
    assert [batch.id for batch in await _all(wait, [first.id, second.id])] == [second.id, first.id]
    assert len(clock.slept) == 3


async def test_the_waits_grow_to_the_profiles_pace(
    wait: Wait, api: FakeBatchApi, clock: ScriptedClock, context: Context
) -> None:
    batch = api.add(status=BatchStatus.IN_PROGRESS)
    clock.script = [lambda: None] * 9 + [lambda: api.change(batch.id, status=BatchStatus.EXPIRED)]
    await _all(wait, [batch.id])
    assert clock.slept == sorted(clock.slept)
    assert clock.slept[0] == 1.0
    assert clock.slept[-1] == context.profile.refresh_seconds


async def test_many_batches_are_looked_at_with_one_call(
    wait: Wait, api: FakeBatchApi, clock: ScriptedClock
) -> None:
    batches = api.add_many(40, status=BatchStatus.VALIDATING)
    clock.script = [
        lambda: [api.change(batch.id, status=BatchStatus.CANCELLED) for batch in batches],
    ]
    assert len(await _all(wait, [batch.id for batch in batches])) == 40
    assert (api.count("list_batches"), api.count("get_batch")) == (2, 0)


async def test_those_beyond_page_one_are_asked_one_by_one(wait: Wait, api: FakeBatchApi) -> None:
    old = [api.add(status=BatchStatus.COMPLETED) for _ in range(3)]
    api.add_many(100)
    assert {batch.id for batch in await _all(wait, [batch.id for batch in old])} == {b.id for b in old}
    assert (api.count("list_batches"), api.count("get_batch")) == (1, 3)


async def test_an_unknown_status_is_waited_out(wait: Wait, api: FakeBatchApi, clock: ScriptedClock) -> None:
    batch = api.add(status=BatchStatus.UNKNOWN, raw_status="scheduling")
    clock.script = [lambda: None, lambda: api.change(batch.id, status=BatchStatus.COMPLETED)]
    assert [found.status for found in await _all(wait, [batch.id])] == [BatchStatus.COMPLETED]


async def test_it_gives_up_after_the_timeout_and_says_what_goes_on(
    wait: Wait, api: FakeBatchApi, clock: ScriptedClock
) -> None:
    ended, active = api.add(), api.add(status=BatchStatus.IN_PROGRESS)
    began = clock.monotonic()
    seen = []
    with pytest.raises(TimedOut, match=f"{active.id} has not ended within 25 seconds") as caught:
        async for batch in wait.until_ended([ended.id, active.id], timeout=25):
            seen.append(batch.id)
    assert seen == [ended.id]
    assert clock.monotonic() - began == pytest.approx(25)
    assert caught.value.exit_code == 4


async def test_a_batch_that_ends_in_the_last_moment_counts(
    wait: Wait, api: FakeBatchApi, clock: ScriptedClock
) -> None:
    batch = api.add(status=BatchStatus.IN_PROGRESS)
    clock.script = [lambda: api.change(batch.id, status=BatchStatus.COMPLETED)]
    assert len(await _all(wait, [batch.id], timeout=0.5)) == 1


async def test_moments_out_of_reach_are_survived_with_back_off(
    wait: Wait, api: FakeBatchApi, clock: ScriptedClock
) -> None:
    batch = api.add()
    api.crash("get_batch", Unreachable("No route."), times=3)
    api.crash("get_batch", RateLimited("Slow down.", retry_after=77.0))
    told: list[tuple[ServiceError, float]] = []
    found = [
        each async for each in wait.until_ended([batch.id], on_trouble=lambda *trouble: told.append(trouble))
    ]
    assert [each.id for each in found] == [batch.id]
    assert [type(error) for error, _ in told] == [Unreachable] * 3 + [RateLimited]
    assert clock.slept[3] >= 77.0
    assert clock.slept[0] < clock.slept[1] < clock.slept[2]


async def test_a_refused_key_ends_it(wait: Wait, api: FakeBatchApi, clock: ScriptedClock) -> None:
    batch = api.add(status=BatchStatus.IN_PROGRESS)
    api.crash("get_batch", KeyRefused("The key is not accepted.", status=401))
    with pytest.raises(KeyRefused):
        await _all(wait, [batch.id])
    assert clock.slept == []


async def test_an_id_nobody_knows_ends_it(wait: Wait) -> None:
    with pytest.raises(NotFound):
        await _all(wait, ["batch_wrong"])


async def test_a_batch_just_made_may_be_unknown_for_a_moment(
    wait: Wait, api: FakeBatchApi, clock: ScriptedClock, context: Context
) -> None:
    batch = api.add(status=BatchStatus.VALIDATING, created_at=clock.now())
    await context.note_batches([batch])
    api.crash("get_batch", NotFound("No batch found.", status=404), times=2)
    clock.script = [lambda: api.change(batch.id, status=BatchStatus.COMPLETED)]
    assert [found.id for found in await _all(wait, [batch.id])] == [batch.id]


async def test_a_batch_that_vanishes_before_it_ends_is_an_error(
    wait: Wait, api: FakeBatchApi, clock: ScriptedClock, context: Context
) -> None:
    batch = api.add(status=BatchStatus.IN_PROGRESS)
    await context.note_batches([batch])
    api.remove(batch.id)
    with pytest.raises(NotFound, match="had not ended"):
        await _all(wait, [batch.id])


async def test_an_ended_batch_only_the_history_knows_is_given(
    wait: Wait, api: FakeBatchApi, context: Context
) -> None:
    batch = api.add()
    await context.note_batches([batch])
    api.remove(batch.id)
    assert [found.id for found in await _all(wait, [batch.id])] == [batch.id]


async def test_the_history_learns_what_was_seen(wait: Wait, api: FakeBatchApi, context: Context) -> None:
    batch = api.add()
    await _all(wait, [batch.id])
    record = await context.history.batches.get(context.account_id, batch.id)
    assert record is not None
    assert record.batch.status is BatchStatus.COMPLETED
