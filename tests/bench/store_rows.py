"""Rows about the history: windows, filters and sorts of 100,000 batches."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from tests.bench.row import Result, Row, amount, spread
from tests.bench.workshop import KEY, NOWHERE, Workshop

PAGE = 40
FILTERS = (
    "status:failed,expired",
    "-status:completed",
    "model:gpt-4o*",
    "endpoint:embeddings failed:>3",
    "meta.team:search",
    "age:<7d",
    "requests:>1000",
    "job 0999",
    '"job 012345"',
    "nothing-has-this-name",
)


def list_speed(workshop: Workshop) -> list[Result]:
    """Page turns, filters and sorts as the screen asks for them."""
    data = workshop.history(100_000)
    workshop.report("page turns, filters and sorts in the history, 100,000 batches")
    return asyncio.run(_list_speed(data))


async def _list_speed(data: Path) -> list[Result]:
    from batchdeck.config.keys import Secret, fingerprint
    from batchdeck.models.account import Account
    from batchdeck.models.filter import BatchFilter
    from batchdeck.models.query import BatchSort, SortKey
    from batchdeck.services.browse import Browse
    from batchdeck.services.clock import SystemClock
    from batchdeck.store.database import History

    async with History.open(data / "history.sqlite3") as history:
        account_id = await history.accounts.key(Account(NOWHERE, fingerprint(Secret(KEY))), "default")
        browse = Browse(history, account_id, SystemClock())

        async def timed(filter: BatchFilter, sort: BatchSort, offset: int) -> float:
            begun = time.perf_counter()
            await browse.window(filter, sort, offset=offset, limit=PAGE)
            return time.perf_counter() - begun

        every, newest = BatchFilter(), BatchSort()
        turns = [await timed(every, newest, offset) for offset in range(0, 100_000, 4_000)]
        sorts = []
        for key in SortKey:
            for descending in (True, False):
                sorts.append(await timed(every, BatchSort(key, descending), 0))
        filters = []
        for text in FILTERS:
            for sort in (newest, BatchSort(SortKey.NAME, False)):
                filters.append(await timed(BatchFilter.parse(text), sort, 0))
    return [_median("page turn", turns), _median("sort", sorts), _median("filter", filters)]


def _median(what: str, seconds: list[float]) -> Result:
    title = f"{what} in the history, 100,000 batches"
    return amount("list_speed", title, statistics.median(seconds) * 1000, "ms", 50.0, spread(seconds, 1000))


ROWS = [Row("list_speed", "page turn, filter and sort with 100,000 batches", list_speed)]
