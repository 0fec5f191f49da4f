"""Batches go into the history and come out as they went in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdeck.models.account import Account
from batchdeck.models.batch import Batch, BatchStatus, RequestCounts, Usage, ValidationError
from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort
from batchdeck.models.stored import Changes
from batchdeck.store.batch_writes import MAX_SAMPLES
from batchdeck.store.database import History
from batchdeck.store.details import decode, encode
from tests.fakes.batches import NOON, make_batch

pytestmark = pytest.mark.anyio

WHOLE = Batch(
    id="batch_whole",
    status=BatchStatus.UNKNOWN,
    raw_status="SCHEDULING",
    endpoint="/v1/responses",
    model="gpt-4.1",
    completion_window="1d",
    input_file_id="file-in",
    output_file_id="file-out",
    error_file_id="file-err",
    counts=RequestCounts(100, 60, 7),
    created_at=NOON,
    in_progress_at=NOON + timedelta(seconds=1.25),
    finalizing_at=NOON + timedelta(hours=1),
    completed_at=NOON + timedelta(hours=2),
    failed_at=NOON + timedelta(hours=3),
    expired_at=NOON + timedelta(hours=4),
    cancelling_at=NOON + timedelta(hours=5),
    cancelled_at=NOON + timedelta(hours=6),
    expires_at=NOON + timedelta(hours=24),
    metadata={
        "team": "search",
        "empty": "",
        "hostile": "[@click=app.quit]x[/] \x1b]52;c;aGk=\x07 \x00 \ud800",
    },
    errors=(ValidationError("invalid_json_line", "no JSON", 3, "body"), ValidationError("x", "y")),
    usage=Usage(1, 2, 3, 4),
)


async def _store(history: History, account_id: int, *batches: Batch, at: datetime = NOON) -> Changes:
    return await history.batches.upsert(account_id, batches, seen_at=at, profile="default")


async def test_every_field_comes_back(history: History, account_id: int) -> None:
    assert await _store(history, account_id, WHOLE) == Changes(new=("batch_whole",))
    record = await history.batches.get(account_id, "batch_whole")
    assert record is not None
    assert record.batch == WHOLE
    assert (record.name, record.profile, record.seen_at) == ("batch_whole", "default", NOON)
    assert (record.gone_at, record.input_name, record.cost_usd) == (None, None, None)


def test_a_batch_of_which_nothing_is_said_survives() -> None:
    bare = Batch("b", BatchStatus.VALIDATING, "validating")
    assert decode(encode(bare)) == bare


@given(
    metadata=st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=4),
    texts=st.tuples(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6)),
    counts=st.tuples(*[st.integers(-(2**70), 2**70)] * 3),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_and_any_number_is_stored(
    metadata: dict[str, str], texts: tuple[str, str, str], counts: tuple[int, int, int]
) -> None:
    batch_id, model, endpoint = texts
    batch = make_batch(
        batch_id, metadata=metadata, model=model, endpoint=endpoint, raw_status=model, input_file_id=endpoint
    )
    batch = replace(batch, counts=RequestCounts(*counts), input_file_id=endpoint or None)
    async with History.open_memory() as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        assert (await _store(history, account_id, batch)).new == (batch.id,)
        assert (await _store(history, account_id, batch)).any is False
        record = await history.batches.get(account_id, batch.id)
        assert record is not None
        assert record.batch == batch


async def test_only_what_changed_is_told(history: History, account_id: int) -> None:
    first, second = make_batch(1, BatchStatus.IN_PROGRESS), make_batch(2)
    assert (await _store(history, account_id, first, second)).new == ("batch_1", "batch_2")
    assert await _store(history, account_id, first, second) == Changes()
    moved = replace(first, status=BatchStatus.COMPLETED, raw_status="completed")
    assert await _store(history, account_id, second, moved) == Changes(changed=("batch_1",))
    assert await history.batches.counts(account_id) == {BatchStatus.COMPLETED: 2}


async def test_counts_by_status_follow_every_change(history: History, account_id: int) -> None:
    batches = [make_batch(number, status) for number, status in enumerate(BatchStatus)]
    await _store(history, account_id, *batches)
    assert await history.batches.counts(account_id) == dict.fromkeys(BatchStatus, 1)
    await _store(history, account_id, *(replace(b, status=BatchStatus.FAILED) for b in batches))
    assert await history.batches.counts(account_id) == {BatchStatus.FAILED: len(batches)}


async def test_samples_are_written_when_counts_change(history: History, account_id: int) -> None:
    batch = make_batch(1, BatchStatus.IN_PROGRESS, counts=(10, 0, 0))
    minutes = [NOON + timedelta(minutes=minute) for minute in range(4)]
    await _store(history, account_id, batch, at=minutes[0])
    await _store(history, account_id, batch, at=minutes[1])
    await _store(history, account_id, replace(batch, counts=RequestCounts(10, 4, 0)), at=minutes[2])
    done = replace(batch, counts=RequestCounts(10, 4, 0), status=BatchStatus.CANCELLING)
    await _store(history, account_id, done, at=minutes[3])
    samples = await history.samples.of(account_id, "batch_1")
    assert [(sample.at, sample.counts.completed) for sample in samples] == [(minutes[0], 0), (minutes[2], 4)]
    assert [sample.counts.completed for sample in await history.samples.of(account_id, "batch_1", 1)] == [4]


async def test_many_samples_are_thinned_out_evenly(history: History, account_id: int) -> None:
    seconds = MAX_SAMPLES * 2
    for second in range(seconds):
        batch = make_batch(1, BatchStatus.IN_PROGRESS, counts=(seconds, second, 0))
        await _store(history, account_id, batch, at=NOON + timedelta(seconds=second))
    left = [sample.counts.completed for sample in await history.samples.of(account_id, "batch_1", 10**6)]
    assert len(left) == MAX_SAMPLES
    assert (left[0], left[-1]) == (0, seconds - 1)
    assert max(b - a for a, b in pairwise(left)) <= 4


async def test_a_gone_batch_stays_and_may_come_back(history: History, account_id: int) -> None:
    batch = make_batch(1)
    await _store(history, account_id, batch)
    await history.batches.mark_gone(account_id, ["batch_1", "batch_unknown"], NOON)
    await history.batches.mark_gone(account_id, ["batch_1"], NOON + timedelta(hours=1))
    record = await history.batches.get(account_id, "batch_1")
    assert record is not None
    assert record.gone_at == NOON
    assert await history.batches.between(account_id, NOON - timedelta(days=1), NOON) == []
    assert await _store(history, account_id, batch) == Changes(changed=("batch_1",))
    record = await history.batches.get(account_id, "batch_1")
    assert record is not None
    assert record.gone_at is None


async def test_seen_at_moves_with_the_clock(history: History, account_id: int) -> None:
    batch = make_batch(1)
    await _store(history, account_id, batch)
    later = NOON + timedelta(hours=1)
    assert not (await _store(history, account_id, batch, at=later)).any
    record = await history.batches.get(account_id, "batch_1")
    assert record is not None
    assert record.seen_at == later


async def test_active_batches_are_those_that_can_change(history: History, account_id: int) -> None:
    await _store(
        history,
        account_id,
        *[make_batch(status.value, status, age=n) for n, status in enumerate(BatchStatus)],
    )
    await history.batches.mark_gone(account_id, ["batch_validating"], NOON)
    active = await history.batches.active(account_id)
    assert [record.batch.status.value for record in active] == [
        "in_progress",
        "finalizing",
        "cancelling",
        "unknown",
    ]


async def test_names_come_from_metadata_then_the_file_then_the_id(history: History, account_id: int) -> None:
    plain = make_batch(1, input_file_id="file-1")
    named = make_batch(2, input_file_id="file-1", metadata={"job": "Nightly", "name": "  "})
    await _store(history, account_id, plain, named)

    async def names() -> dict[str, tuple[str, str | None]]:
        found = await history.batches.get_many(account_id, ["batch_2", "batch_1", "batch_none"])
        return {record.id: (record.name, record.input_name) for record in found}

    assert await names() == {"batch_2": ("Nightly", None), "batch_1": ("batch_1", None)}
    told = await history.batches.set_input_name(account_id, "file-1", "tickets.jsonl")
    assert sorted(told) == ["batch_1", "batch_2"]
    assert await names() == {
        "batch_2": ("Nightly", "tickets.jsonl"),
        "batch_1": ("tickets.jsonl", "tickets.jsonl"),
    }
    await _store(history, account_id, make_batch(3, input_file_id="file-1"))
    later = await history.batches.get(account_id, "batch_3")
    assert later is not None
    assert later.name == "tickets.jsonl"
    found = await history.batches.window(
        account_id, BatchFilter.parse("TICKETS"), BatchSort(), offset=0, limit=10, now=NOON
    )
    assert found.total == 3


async def test_the_order_of_name_keys_decides(history: History, account_id: int) -> None:
    batch = make_batch(1, metadata={"description": "a", "job": "b"})
    await history.batches.upsert(
        account_id, [batch], seen_at=NOON, profile="default", name_keys=("job", "description")
    )
    record = await history.batches.get(account_id, "batch_1")
    assert record is not None
    assert record.name == "b"


async def test_cost_and_summed_usage_stay_through_changes(history: History, account_id: int) -> None:
    batch = make_batch(1, BatchStatus.IN_PROGRESS)
    await _store(history, account_id, batch)
    await history.batches.set_cost(account_id, "batch_1", 1.5, Usage(100, 50))
    await _store(history, account_id, replace(batch, status=BatchStatus.COMPLETED))
    record = await history.batches.get(account_id, "batch_1")
    assert record is not None
    assert (record.cost_usd, record.batch.usage) == (1.5, Usage(100, 50))
    await _store(history, account_id, replace(batch, usage=Usage(7, 7)))
    record = await history.batches.get(account_id, "batch_1")
    assert record is not None
    assert record.batch.usage == Usage(7, 7)


async def test_batches_of_one_second_keep_the_services_order(history: History, account_id: int) -> None:
    await _store(history, account_id, *[make_batch(number) for number in (5, 3, 9, 1)])
    await _store(history, account_id, make_batch(7), make_batch(5))
    assert await history.batches.newest_ids(account_id, 10) == [
        "batch_7",
        "batch_5",
        "batch_3",
        "batch_9",
        "batch_1",
    ]


async def test_a_changed_time_of_creation_moves_the_batch(history: History, account_id: int) -> None:
    await _store(history, account_id, make_batch(1, age=0), make_batch(2, age=100))
    await _store(history, account_id, make_batch(1, age=200))
    assert await history.batches.newest_ids(account_id, 10) == ["batch_2", "batch_1"]
    assert len(await history.samples.of(account_id, "batch_1")) == 1
    found = await history.batches.window(
        account_id, BatchFilter.parse("batch_1"), BatchSort(), offset=0, limit=10, now=NOON
    )
    assert [row.id for row in found.rows] == ["batch_1"]


async def test_a_batch_without_a_time_stands_where_it_was_first_seen(
    history: History, account_id: int
) -> None:
    timeless = make_batch("timeless", created_at=None)
    await _store(history, account_id, timeless)
    moved = replace(timeless, counts=RequestCounts(99))
    await _store(history, account_id, moved, at=NOON + timedelta(days=2))
    await _store(history, account_id, make_batch("later", age=-100))
    assert await history.batches.newest_ids(account_id, 10) == ["batch_later", "batch_timeless"]
    record = await history.batches.get(account_id, "batch_timeless")
    assert record is not None
    assert record.batch.created_at is None


async def test_between_takes_both_ends(history: History, account_id: int) -> None:
    await _store(history, account_id, *[make_batch(age, age=age) for age in (0, 1, 2, 3)])
    found = await history.batches.between(
        account_id, NOON - timedelta(seconds=2), NOON - timedelta(seconds=1)
    )
    assert found == ["batch_1", "batch_2"]


async def test_parts_of_a_file_come_in_their_order(history: History, account_id: int) -> None:
    parts = [
        make_batch(number, metadata={"batchdeck_group": "g", "batchdeck_part": f"{number}/11"})
        for number in (10, 2, 1)
    ]
    await _store(history, account_id, *parts, make_batch("other"))
    group = await history.batches.group(account_id, "g")
    assert [record.id for record in group] == ["batch_1", "batch_2", "batch_10"]


async def test_a_batch_is_found_by_operation_and_by_input(history: History, account_id: int) -> None:
    await _store(
        history, account_id, make_batch(1, metadata={"batchdeck_op": "abc"}, input_file_id="f"), make_batch(2)
    )
    assert [record.id for record in await history.batches.by_operation(account_id, "abc")] == ["batch_1"]
    assert [record.id for record in await history.batches.by_input(account_id, "f")] == ["batch_1"]


async def test_accounts_never_mix(history: History, account_id: int) -> None:
    other = await history.accounts.key(Account("https://other/v1", "0123456789ab"), "default")
    assert other != account_id
    await _store(history, account_id, make_batch(1), make_batch(2))
    await _store(history, other, make_batch(1, BatchStatus.FAILED, metadata={"retry_of": "batch_2"}))
    assert await history.batches.newest_ids(other, 10) == ["batch_1"]
    assert await history.batches.get(other, "batch_2") is None
    assert await history.batches.counts(other) == {BatchStatus.FAILED: 1}
    assert [r.id for r in await history.batches.lineage(account_id, "batch_2")] == ["batch_2"]
    for text in ("", "batch", "status:failed", "id:batch_1", "lineage:batch_2"):
        window = await history.batches.window(
            other, BatchFilter.parse(text), BatchSort(), offset=0, limit=9, now=datetime.now(UTC)
        )
        assert [row.batch.status for row in window.rows] == [BatchStatus.FAILED]
