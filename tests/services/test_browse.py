"""What the screens are given of the batches."""

from __future__ import annotations

from datetime import timedelta

import pytest

from batchdeck.models.batch import GROUP_KEY, RETRY_KEY, BatchStatus, RequestCounts
from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort, SortKey
from batchdeck.services.browse import Browse
from batchdeck.services.context import Context
from tests.fakes import FakeBatchApi, FakeClock

pytestmark = pytest.mark.anyio

NEWEST_FIRST = BatchSort()
EVERY = BatchFilter()


@pytest.fixture
def browse(context: Context) -> Browse:
    return Browse(context.history, context.account_id, context.clock)


async def test_pages_places_and_ids_agree(browse: Browse, api: FakeBatchApi, context: Context) -> None:
    batches = api.add_many(25)
    await context.note_batches(batches)
    ids = [batch.id for batch in batches]
    assert await browse.ids(EVERY, NEWEST_FIRST) == ids
    window = await browse.window(EVERY, NEWEST_FIRST, offset=10, limit=5)
    assert ([record.id for record in window.rows], window.offset, window.total) == (ids[10:15], 10, 25)
    assert await browse.locate(ids[13], EVERY, NEWEST_FIRST) == 13
    assert await browse.locate("batch_unknown", EVERY, NEWEST_FIRST) is None
    past = await browse.window(EVERY, NEWEST_FIRST, offset=400, limit=5)
    assert past.total == 25


async def test_ages_are_measured_by_the_clock(
    browse: Browse, api: FakeBatchApi, context: Context, clock: FakeClock
) -> None:
    young = api.add(created_at=clock.now() - timedelta(hours=1))
    api.add(created_at=clock.now() - timedelta(days=9))
    await context.note_batches(api.batches)
    recent = BatchFilter.parse("age:<2d")
    assert await browse.ids(recent, NEWEST_FIRST) == [young.id]
    assert (await browse.totals(recent)).batches == 1
    clock.advance(3 * 86_400)
    assert await browse.ids(recent, NEWEST_FIRST) == []


async def test_counts_and_totals(browse: Browse, api: FakeBatchApi, context: Context) -> None:
    api.add_many(3, total=10, failed=2)
    api.add(status=BatchStatus.IN_PROGRESS, total=100, completed=40)
    await context.note_batches(api.batches)
    assert await browse.counts() == {BatchStatus.COMPLETED: 3, BatchStatus.IN_PROGRESS: 1}
    totals = await browse.totals(EVERY)
    assert (totals.batches, totals.requests, totals.completed, totals.failed) == (4, 130, 64, 6)
    most = await browse.window(EVERY, BatchSort(SortKey.REQUESTS, descending=True), offset=0, limit=1)
    assert most.rows[0].batch.counts.total == 100


async def test_several_batches_come_as_they_were_asked_for(
    browse: Browse, api: FakeBatchApi, context: Context
) -> None:
    batches = api.add_many(4)
    await context.note_batches(batches)
    wanted = [batches[2].id, "batch_unknown", batches[0].id]
    assert [record.id for record in await browse.batches(wanted)] == [batches[2].id, batches[0].id]
    assert await browse.batch("batch_unknown") is None


async def test_the_pace_comes_from_the_samples_of_the_history(
    browse: Browse, api: FakeBatchApi, context: Context, clock: FakeClock
) -> None:
    batch = api.add(
        status=BatchStatus.IN_PROGRESS,
        total=1_000,
        completed=0,
        expires_at=clock.now() + timedelta(minutes=10),
    )
    for done in (0, 100, 200):
        await context.note_batches([api.change(batch.id, counts=RequestCounts(1_000, done, 0))])
        clock.advance(60)
    record = await browse.batch(batch.id)
    assert record is not None
    assert [sample.counts.completed for sample in await browse.samples(batch.id)] == [0, 100, 200]
    pace = await browse.pace(record, points=4)
    assert pace.rate == pytest.approx(200 / 180)
    assert pace.will_expire
    assert len(pace.sparkline) == 4


async def test_lineage_and_group(browse: Browse, api: FakeBatchApi, context: Context) -> None:
    root = api.add(metadata={GROUP_KEY: "g"})
    retry = api.add(metadata={RETRY_KEY: root.id})
    api.add()
    await context.note_batches(api.batches)
    assert [record.id for record in await browse.lineage(retry.id)] == [root.id, retry.id]
    assert [record.id for record in await browse.group("g")] == [root.id]
