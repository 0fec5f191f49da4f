"""Every filter and sort shows what it says, on every page."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdeck.models.account import Account
from batchdeck.models.batch import Batch, BatchRecord, BatchStatus
from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort, SortKey
from batchdeck.store.database import History
from batchdeck.store.orders import FEW
from tests.fakes.batches import NOON, make_batch
from tests.store.reference import select

pytestmark = pytest.mark.anyio

SMALL = 300
LARGE = FEW + 1_700
FILTERS = (
    "",
    "status:failed,expired",
    "-status:completed",
    "status:active",
    "model:gpt-4o*",
    "model:gpt-4o",
    "-model:*mini,o?",
    "endpoint:embeddings",
    "endpoint:/v1/*s",
    "meta.team:search",
    "meta.TEAM:se*,ads",
    "meta.team:*a*",
    "-meta.team:search",
    'meta.note:"50% [x]_*"',
    "age:<1d",
    "age:>=2h -age:>1d",
    "created:2026-11-01",
    "created:<2026-10-31,>2026-10-31T12:00",
    "created:>=2026-10",
    "ended:>=2026-11-01",
    "-ended:>=2026-11-01",
    "failed:>0",
    "failed:0 requests:>=50",
    "completed:<10,100",
    "done:<50",
    "cost:>1",
    "-cost:>1",
    "gone:yes",
    "gone:no status:completed",
    "nightly",
    '"nightly run"',
    "NIGHTLY -search",
    "ni?ht*run",
    "*_1?",
    "batch_7",
    "id:batch_1*",
    "name:run",
    "name:Ä*",
    "file:tick",
    "file:f*-1?",
    "group:g1",
    "lineage:batch_7",
    "50%",
    "[x]",
    "search failed:>0 status:completed",
    "no-such-thing",
)


def _batches(count: int) -> Iterator[Batch]:
    dice = random.Random(4)
    statuses = [BatchStatus.COMPLETED] * 6 + list(BatchStatus)
    for number in range(count):
        status = dice.choice(statuses)
        total = dice.choice([0, 1, 50, 50, 1000])
        completed = dice.randint(0, total)
        metadata = {"team": dice.choice(["search", "ads", "Infra", ""])}
        if number % 3 == 0:
            metadata["description"] = dice.choice(["Nightly Run", "ärger\nzweite Zeile", "nightly other"])
        if number % 11 == 0:
            metadata["note"] = "50% [x]_*"
        if number % 17 == 0:
            metadata["batchdeck_group"] = f"g{number % 3}"
        if number % 13 == 0 and number != 7:
            metadata["retry_of"] = f"batch_{number % 9}x"
        age = number // 2 * 600 + dice.choice([0, 0, 1])
        yield make_batch(
            number,
            status,
            age=age,
            counts=(total, completed, dice.choice([0, 0, total - completed])),
            metadata=metadata,
            model=dice.choice(["gpt-4o", "gpt-4o-mini", "o3", "GPT-4o-2024", ""]),
            endpoint=dice.choice(["/v1/chat/completions", "/v1/embeddings", "/v1/responses"]),
            completed_at=NOON - timedelta(seconds=age - 60) if status is BatchStatus.COMPLETED else None,
            input_file_id=f"f-{number % 40}",
        )


async def _fill(path: Path, count: int) -> None:
    async with History.open(path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        other = await history.accounts.key(Account("u", "g"), "p")
        batches = sorted(_batches(count), key=lambda batch: (batch.created_at, batch.id), reverse=True)
        await history.batches.upsert(account_id, batches, seen_at=NOON, profile="p")
        await history.batches.upsert(other, batches[:50], seen_at=NOON, profile="p")
        await history.batches.mark_gone(account_id, [batch.id for batch in batches[::19]], NOON)
        await history.batches.set_input_name(account_id, "f-3", "Tickets_1.jsonl")
        for number in range(0, count, max(7, count // 40)):
            await history.batches.set_cost(account_id, f"batch_{number}", number % 5 / 2, None)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history that is read whole."""
    path = tmp_path_factory.mktemp("small") / "history.sqlite3"
    asyncio.run(_fill(path, SMALL))
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of which only the ends are read."""
    path = tmp_path_factory.mktemp("large") / "history.sqlite3"
    asyncio.run(_fill(path, LARGE))
    return path


class Shelf:
    """An open history and what it holds."""

    def __init__(self, history: History, account_id: int, records: list[BatchRecord]) -> None:
        self.history = history
        self.account_id = account_id
        self.records = records

    async def check(self, text: str, sort: BatchSort, offsets: list[int], limit: int = 25) -> None:
        """Hold windows, places and sums of a filter against the reference."""
        batch_filter = BatchFilter.parse(text)
        expected = select(self.records, batch_filter, sort, NOON)
        batches = self.history.batches
        for offset in offsets:
            window = await batches.window(
                self.account_id, batch_filter, sort, offset=offset, limit=limit, now=NOON
            )
            assert window.total == len(expected), text
            assert window.offset == offset
            assert [row.id for row in window.rows] == expected[offset : offset + limit], (text, sort, offset)
            for place, row in enumerate(window.rows[:2], offset):
                assert place == await batches.locate(self.account_id, row.id, batch_filter, sort, now=NOON)
        totals = await batches.totals(self.account_id, batch_filter, now=NOON)
        ids = set(expected)
        shown = [record for record in self.records if record.id in ids]
        assert totals.batches == len(shown)
        assert totals.requests == sum(record.batch.counts.total for record in shown)
        assert totals.cost_usd == pytest.approx(sum(record.cost_usd or 0 for record in shown))
        assert totals.cost_unknown == sum(
            record.cost_usd is None and record.batch.status.is_terminal and record.batch.counts.completed > 0
            for record in shown
        )
        assert sum(totals.by_status.values()) == len(shown)


async def _open(path: Path) -> AsyncIterator[Shelf]:
    async with History.open(path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        window = await history.batches.window(
            account_id, BatchFilter(), BatchSort(), offset=0, limit=10**6, now=NOON
        )
        yield Shelf(history, account_id, list(window.rows))


@pytest.fixture
async def shelf(small: Path) -> AsyncIterator[Shelf]:
    async for opened in _open(small):
        yield opened


@pytest.fixture
async def long_shelf(large: Path) -> AsyncIterator[Shelf]:
    async for opened in _open(large):
        yield opened


@pytest.mark.parametrize("text", FILTERS)
async def test_a_filter_shows_what_it_says_in_every_order(shelf: Shelf, text: str) -> None:
    for key in SortKey:
        for descending in (True, False):
            await shelf.check(text, BatchSort(key, descending), [0, 20, SMALL - 25, SMALL + 5])


@pytest.mark.parametrize(
    "text", ["", "-model:o3", "nightly", "failed:>0", "done:<50 search", "status:failed"]
)
async def test_every_page_of_a_long_list_is_right(long_shelf: Shelf, text: str) -> None:
    offsets = [0, 990, 2_100, LARGE // 2, LARGE - 1_500, LARGE - 20, 3_000, 10]
    for sort in (
        BatchSort(),
        BatchSort(SortKey.CREATED, descending=False),
        BatchSort(SortKey.FAILED),
        BatchSort(SortKey.NAME, descending=False),
        BatchSort(SortKey.STATE, descending=False),
        BatchSort(SortKey.COST, descending=False),
    ):
        await long_shelf.check(text, sort, offsets)


async def test_most_filters_of_the_test_let_something_through(shelf: Shelf) -> None:
    empty = [
        text for text in FILTERS if not select(shelf.records, BatchFilter.parse(text), BatchSort(), NOON)
    ]
    assert empty == ["no-such-thing"]


async def test_all_ids_come_in_order(long_shelf: Shelf) -> None:
    for text in ("", "failed:>0", "status:failed"):
        batch_filter, sort = BatchFilter.parse(text), BatchSort(SortKey.MODEL, descending=False)
        found = await long_shelf.history.batches.ids(long_shelf.account_id, batch_filter, sort, now=NOON)
        assert found == select(long_shelf.records, batch_filter, sort, NOON)


async def test_what_does_not_match_has_no_place(long_shelf: Shelf) -> None:
    batches, account_id = long_shelf.history.batches, long_shelf.account_id
    completed = next(r for r in long_shelf.records[LARGE // 2 :] if r.batch.status is BatchStatus.COMPLETED)
    for text in ("-status:completed", "status:failed", "no-such-thing"):
        batch_filter = BatchFilter.parse(text)
        assert await batches.locate(account_id, completed.id, batch_filter, BatchSort(), now=NOON) is None
    assert await batches.locate(account_id, "batch_none", BatchFilter(), BatchSort(), now=NOON) is None


async def test_a_page_follows_what_is_written(shelf: Shelf, small: Path) -> None:
    """By this process and by another connection to the file."""
    batch_filter, sort = BatchFilter.parse("status:failed"), BatchSort(SortKey.NAME)

    async def total() -> int:
        window = await shelf.history.batches.window(
            shelf.account_id, batch_filter, sort, offset=0, limit=1, now=NOON
        )
        return window.total

    before = await total()
    new = make_batch("extra", BatchStatus.FAILED, age=10**6)
    await shelf.history.batches.upsert(shelf.account_id, [new], seen_at=NOON, profile="p")
    assert await total() == before + 1
    async with History.open(small) as other:
        done = make_batch("extra", BatchStatus.COMPLETED, age=10**6)
        await other.batches.upsert(shelf.account_id, [done], seen_at=NOON, profile="p")
    assert await total() == before
    await shelf.history.write(lambda connection: connection.execute("DELETE FROM batches WHERE place = 0"))


async def test_age_follows_the_clock(shelf: Shelf) -> None:
    batch_filter = BatchFilter.parse("age:<1h")
    totals = []
    for hours in (0, 1, 2):
        window = await shelf.history.batches.window(
            shelf.account_id, batch_filter, BatchSort(), offset=0, limit=1, now=NOON + timedelta(hours=hours)
        )
        totals.append(window.total)
    assert totals[0] > 0
    assert totals[1:] == [0, 0]


@given(text=st.text(alphabet=" -:,.*?\"'<>=[]_%\\abcemtagfiledonsury0123\n\x1f\x00\ud800", max_size=24))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_filter_breaks_the_query(shelf: Shelf, text: str) -> None:
    from batchdeck.errors import FilterError

    try:
        BatchFilter.parse(text)
    except FilterError:
        return
    await shelf.check(text, BatchSort(SortKey.FAILED), [0])
