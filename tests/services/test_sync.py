"""The history follows the service with as few calls as that takes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from batchdeck.errors import (
    KeyRefused,
    NotFound,
    RateLimited,
    ServerFailed,
    Unreachable,
)
from batchdeck.models.batch import BatchStatus, RequestCounts
from batchdeck.services.context import Context
from batchdeck.services.sync import GAP_PAGES, GONE_LOOKS, BackfillReport, Sync
from tests.fakes import FakeBatchApi, FakeClock, Killed

pytestmark = pytest.mark.anyio


@pytest.fixture
def sync(context: Context) -> Sync:
    return Sync(context)


async def _fill(sync: Sync) -> list[BackfillReport]:
    return [report async for report in sync.backfill()]


async def _stored(context: Context) -> set[str]:
    return set(await context.history.batches.newest_ids(context.account_id, 1_000_000))


def _ids(api: FakeBatchApi) -> set[str]:
    return {batch.id for batch in api.batches}


# --- refresh ----------------------------------------------------------------


async def test_a_refresh_of_up_to_a_hundred_is_one_call(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(100, status=BatchStatus.IN_PROGRESS)
    report = await sync.refresh()
    assert (report.calls, len(report.new), report.active) == (1, 100, 100)
    assert await _stored(context) == _ids(api)
    again = await sync.refresh()
    assert (again.calls, again.any) == (1, False)


async def test_only_what_changed_is_reported(sync: Sync, api: FakeBatchApi) -> None:
    batches = api.add_many(50, status=BatchStatus.IN_PROGRESS)
    await sync.refresh()
    api.change(batches[7].id, counts=RequestCounts(10, 4, 1))
    new = api.add()
    report = await sync.refresh()
    assert report.changed == (batches[7].id,)
    assert report.new == (new.id,)


async def test_each_active_batch_beyond_the_first_hundred_costs_one_call(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    active = [api.add(status=BatchStatus.IN_PROGRESS) for _ in range(7)]
    api.add_many(150)
    await sync.refresh()
    await _fill(sync)
    api.forget_calls()
    api.change(active[3].id, status=BatchStatus.COMPLETED)
    report = await sync.refresh()
    assert report.calls == 1 + 7
    assert report.changed == (active[3].id,)
    assert api.count("list_batches") == 1
    assert (await sync.refresh()).calls == 1 + 6


async def test_a_batch_that_hangs_for_days_is_asked_about_rarely(
    sync: Sync, api: FakeBatchApi, clock: FakeClock
) -> None:
    hanging = api.add(status=BatchStatus.CANCELLING)
    api.add_many(120)
    await sync.refresh()
    await _fill(sync)
    clock.advance(10 * 86_400)
    api.forget_calls()
    for _ in range(60):
        clock.advance(60)
        await sync.refresh()
    asked = api.count("get_batch")
    assert 1 <= asked <= 2
    clock.advance(2 * 3_600)
    api.change(hanging.id, status=BatchStatus.CANCELLED)
    assert (await sync.refresh()).changed == (hanging.id,)


async def test_the_newest_hundred_new_ones_do_not_hide_older_new_ones(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(30)
    await sync.refresh()
    api.add_many(250)
    report = await sync.refresh()
    assert len(report.new) == 250
    assert report.calls == 3
    assert await _stored(context) == _ids(api)
    assert (await sync.refresh()).calls == 1


async def test_one_batch_known_by_its_create_does_not_hide_a_gap(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(30)
    await sync.refresh()
    api.add_many(150)
    await context.note_batches([api.add()])
    await sync.refresh()
    assert await _stored(context) == _ids(api)


async def test_a_gap_whose_filling_was_cut_off_is_filled_by_the_next_refresh(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(30)
    await sync.refresh()
    api.add_many(250)
    api.crash("list_batches", Unreachable("No route."), skip=1)
    report = await sync.refresh()
    assert isinstance(report.error, Unreachable)
    assert len(report.new) == 100
    await sync.refresh()
    assert await _stored(context) == _ids(api)


async def test_a_gap_of_many_pages_is_left_to_the_backfill_which_stops_at_known_ground(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(400)
    await sync.refresh()
    await _fill(sync)
    api.add_many(950)
    api.forget_calls()
    report = await sync.refresh()
    assert report.calls == GAP_PAGES
    reports = await _fill(sync)
    assert reports[-1].done
    assert await _stored(context) == _ids(api)
    # 1,350 batches are 14 pages; the 400 old ones are not read again.
    assert api.count("list_batches") <= 11
    api.forget_calls()
    assert [r.done for r in await _fill(Sync(context))] == [True]
    assert api.count("list_batches") == 0


async def test_a_gap_left_while_the_first_filling_is_not_done_loses_nothing(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(500)
    await sync.refresh()
    api.crash("list_batches", Unreachable("No route."), skip=1)
    assert not (await _fill(sync))[-1].done
    api.add_many(900)
    await sync.refresh()
    await _fill(sync)
    assert await _stored(context) == _ids(api)


async def test_a_time_in_the_future_does_not_hide_a_gap(
    sync: Sync, api: FakeBatchApi, context: Context, clock: FakeClock
) -> None:
    api.add(created_at=clock.now() + timedelta(days=900))
    await sync.refresh()
    for minute in range(250):
        api.add(created_at=clock.now() + timedelta(minutes=minute - 300))
    await sync.refresh()
    assert await _stored(context) == _ids(api)


async def test_an_error_is_told_and_what_was_known_stays(
    sync: Sync, api: FakeBatchApi, context: Context, clock: FakeClock
) -> None:
    api.add_many(5)
    await sync.refresh()
    first_success = clock.now()
    clock.advance(60)
    api.crash("list_batches", Unreachable("No route to the service."), times=2)
    failed_at = clock.now()
    report = await sync.refresh()
    assert isinstance(report.error, Unreachable)
    with pytest.raises(Unreachable):
        report.raise_for_error()
    clock.advance(10)
    await sync.refresh()
    status = sync.status
    assert status.is_offline
    assert (status.failures, status.failing_since, status.last_success_at) == (2, failed_at, first_success)
    assert len(await _stored(context)) == 5
    await sync.refresh()
    assert not sync.status.is_offline
    assert (sync.status.failures, sync.status.last_success_at) == (0, clock.now())


async def test_the_last_success_is_known_to_the_next_process(
    sync: Sync, api: FakeBatchApi, context: Context, clock: FakeClock
) -> None:
    api.add()
    await sync.refresh()
    then = clock.now()
    clock.advance(3_600)
    assert (await Sync(context).load_status()).last_success_at == then


async def test_retry_after_reaches_the_schedule(sync: Sync, api: FakeBatchApi) -> None:
    api.crash("list_batches", RateLimited("Too many calls.", status=429, retry_after=42.0))
    await sync.refresh()
    assert sync.status.retry_after == 42.0


async def test_one_batch_that_cannot_be_asked_about_does_not_stop_the_others(
    sync: Sync, api: FakeBatchApi
) -> None:
    active = [api.add(status=BatchStatus.IN_PROGRESS) for _ in range(6)]
    api.add_many(100)
    await sync.refresh()
    await _fill(sync)
    api.crash("get_batch", ServerFailed("Broken.", status=500), only_id=active[2].id)
    for batch in active:
        api.change(batch.id, status=BatchStatus.COMPLETED)
    report = await sync.refresh()
    assert report.error is None
    assert [batch_id for batch_id, _ in report.problems] == [active[2].id]
    assert set(report.changed) == {batch.id for batch in active} - {active[2].id}


async def test_a_service_that_goes_away_in_the_middle_is_an_error_and_marks_nothing_gone(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    active = [api.add(status=BatchStatus.IN_PROGRESS) for _ in range(9)]
    api.add_many(100)
    await sync.refresh()
    await _fill(sync)
    api.crash("get_batch", Unreachable("No route."), times=20)
    report = await sync.refresh()
    assert isinstance(report.error, Unreachable)
    assert report.gone == ()
    records = await context.history.batches.get_many(context.account_id, [b.id for b in active])
    assert all(record.gone_at is None for record in records)


# --- gone -------------------------------------------------------------------


async def test_a_batch_the_service_forgot_is_marked_and_kept(
    sync: Sync, api: FakeBatchApi, context: Context, clock: FakeClock
) -> None:
    batches = api.add_many(20)
    await sync.refresh()
    api.remove(batches[5].id)
    report = await sync.refresh()
    assert report.gone == (batches[5].id,)
    record = await context.history.batches.get(context.account_id, batches[5].id)
    assert record is not None
    assert record.gone_at == clock.now()
    assert (await sync.refresh()).calls == 1


async def test_a_batch_that_comes_back_is_not_gone_any_more(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    batch = api.add()
    api.add()
    await sync.refresh()
    api.remove(batch.id)
    await sync.refresh()
    api.batches.append(batch)
    await sync.refresh()
    record = await context.history.batches.get(context.account_id, batch.id)
    assert record is not None
    assert record.gone_at is None


async def test_a_batch_that_is_only_not_listed_is_not_gone_and_not_asked_for_again_and_again(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    batches = api.add_many(10)
    await sync.refresh()
    api.unlisted.add(batches[3].id)
    assert (await sync.refresh()).gone == ()
    api.forget_calls()
    for _ in range(5):
        await sync.refresh()
    assert api.count("get_batch") == 0


@pytest.mark.parametrize("has_more", [False, True])
async def test_an_empty_list_marks_nothing_gone(
    sync: Sync, api: FakeBatchApi, context: Context, has_more: bool
) -> None:
    api.add_many(30)
    await sync.refresh()
    api.lists_nothing, api.claims_more = True, has_more
    report = await sync.refresh()
    assert report.gone == ()
    assert report.calls <= 1 + GONE_LOOKS
    api.lists_nothing = False
    assert (await sync.refresh()).changed == ()


@pytest.mark.parametrize("error", [KeyRefused("No."), ServerFailed("Broken."), RateLimited("Slow down.")])
async def test_an_error_on_the_list_marks_nothing_gone(
    sync: Sync, api: FakeBatchApi, error: Exception
) -> None:
    batches = api.add_many(3)
    await sync.refresh()
    api.remove(batches[1].id)
    api.crash("list_batches", error)
    assert (await sync.refresh()).gone == ()


async def test_what_page_one_cut_off_is_not_taken_for_gone(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(300)
    await sync.refresh()
    await _fill(sync)
    api.add_many(40)
    api.forget_calls()
    assert (await sync.refresh()).calls == 1


async def test_batches_of_one_second_at_the_end_of_the_page_are_not_taken_for_gone(
    sync: Sync, api: FakeBatchApi, clock: FakeClock
) -> None:
    api.add_many(150, created_at=clock.now() - timedelta(hours=1))
    await sync.refresh()
    await _fill(sync)
    api.forget_calls()
    assert (await sync.refresh()).calls == 1


async def test_many_lost_batches_are_asked_for_a_few_at_a_time(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(60)
    await sync.refresh()
    api.batches.clear()
    gone: set[str] = set()
    for _ in range(12):
        report = await sync.refresh()
        assert report.calls <= 1 + GONE_LOOKS
        gone |= set(report.gone)
    assert len(gone) == 60


# --- backfill ---------------------------------------------------------------


async def test_the_first_filling_reads_every_page_once(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(1_250)
    await sync.refresh()
    reports = await _fill(sync)
    assert await _stored(context) == _ids(api)
    assert api.count("list_batches") == 13
    assert reports[-1].done
    assert sync.status.backfill_done
    assert [report.stored for report in reports] == sorted(report.stored for report in reports)


async def test_filling_without_a_refresh_before_it_fills_all(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(230)
    await _fill(sync)
    assert await _stored(context) == _ids(api)


async def test_it_goes_on_where_it_was_cut_off(sync: Sync, api: FakeBatchApi, context: Context) -> None:
    api.add_many(1_000)
    await sync.refresh()
    api.crash("list_batches", Unreachable("No route."), skip=4)
    reports = await _fill(sync)
    assert not reports[-1].done
    assert isinstance(reports[-1].error, Unreachable)
    api.forget_calls()
    await _fill(Sync(context))
    assert await _stored(context) == _ids(api)
    assert api.count("list_batches") == 5


@pytest.mark.parametrize("page", range(1, 6))
@pytest.mark.parametrize("after", [False, True])
async def test_killed_at_any_page_nothing_is_lost(
    sync: Sync, api: FakeBatchApi, context: Context, page: int, after: bool
) -> None:
    api.add_many(550)
    api.crash("list_batches", Killed(), skip=page, after=after)
    with pytest.raises(Killed):
        await sync.refresh()
        await _fill(sync)
    api.add_many(20)
    again = Sync(context)
    await again.refresh()
    await _fill(again)
    assert await _stored(context) == _ids(api)


async def test_new_batches_that_arrive_meanwhile_are_found(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(600)
    await sync.refresh()
    async for _ in sync.backfill():
        api.add_many(30)
        await sync.refresh()
    assert await _stored(context) == _ids(api)


async def test_a_cursor_the_service_refuses_begins_at_the_top(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    batches = api.add_many(350)
    await sync.refresh()
    api.remove(batches[99].id)
    reports = await _fill(sync)
    assert reports[-1].done
    assert _ids(api) <= await _stored(context)


async def test_a_cursor_answered_with_page_one_begins_at_the_top(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    batches = api.add_many(350)
    await sync.refresh()
    api.unknown_after_is_first_page = True
    api.remove(batches[99].id)
    await sync.refresh()
    reports = await _fill(sync)
    assert reports[-1].done
    assert _ids(api) <= await _stored(context)


async def test_a_service_that_ignores_after_does_not_loop(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(250)
    api.ignores_after = True
    await sync.refresh()
    reports = await _fill(sync)
    assert reports[-1].done
    assert api.count("list_batches") <= 5
    assert len(await _stored(context)) == 100
    api.add_many(150)
    api.forget_calls()
    await sync.refresh()
    assert api.count("list_batches") <= 2


async def test_a_service_that_ignores_limit_is_read_to_its_end(
    sync: Sync, api: FakeBatchApi, context: Context
) -> None:
    api.add_many(95)
    api.ignores_limit = 20
    await sync.refresh()
    await _fill(sync)
    assert await _stored(context) == _ids(api)
    api.ignores_limit = 500
    api.add_many(300)
    await sync.refresh()
    assert await _stored(context) == _ids(api)


async def test_more_on_an_empty_page_ends_the_run(sync: Sync, api: FakeBatchApi, context: Context) -> None:
    api.add_many(150)
    api.claims_more = True
    await sync.refresh()
    reports = await _fill(sync)
    assert reports[-1].done
    assert await _stored(context) == _ids(api)
    api.forget_calls()
    await _fill(Sync(context))
    assert api.count("list_batches") == 1


async def test_an_empty_account_is_filled_at_once(sync: Sync, api: FakeBatchApi) -> None:
    report = await sync.refresh()
    assert (report.calls, report.new, report.error) == (1, (), None)
    assert [r.done for r in await _fill(sync)] == [True]
    first = api.add()
    assert (await sync.refresh()).new == (first.id,)


# --- one batch --------------------------------------------------------------


async def test_one_batch_is_fetched_and_stored(sync: Sync, api: FakeBatchApi, context: Context) -> None:
    batch = api.add()
    assert (await sync.fetch(batch.id)).id == batch.id
    assert await _stored(context) == {batch.id}


async def test_a_batch_only_the_history_knows_is_marked_and_returned(
    sync: Sync, api: FakeBatchApi, context: Context, clock: FakeClock
) -> None:
    batch = api.add()
    await sync.refresh()
    api.remove(batch.id)
    record = await sync.fetch(batch.id)
    assert record.gone_at == clock.now()
    with pytest.raises(NotFound):
        await sync.fetch("batch_nobody_knows")
