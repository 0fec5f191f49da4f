"""Rows about the history: windows, filters and sorts of 100,000 batches."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from tests.bench.program import services_of
from tests.bench.row import Result, Row, amount, spread
from tests.bench.workshop import KEY, NOWHERE, Service, Workshop

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


def journal(workshop: Workshop) -> list[Result]:
    """What the journal adds to an operation: its intent and the steps of a create."""
    service = workshop.sandbox()
    workshop.report("the journal of 100 operations")
    seconds = asyncio.run(_journal(workshop, service))
    what = "journal of one create: intent, uploading, uploaded, sending, done"
    median = statistics.median(seconds) * 1000
    return [amount("journal", what, median, "ms", 5.0, spread(seconds, 1000))]


async def _journal(workshop: Workshop, service: Service) -> list[float]:
    from batchdeck.models.operation import OperationKind, OperationState

    seconds = []
    async with services_of(workshop, service) as (services, _api):
        for number in range(100):
            begun = time.perf_counter()
            operation = await services.journal.begin(OperationKind.CREATE, f"file {number}", {"path": "/x"})
            for state in (
                OperationState.UPLOADING,
                OperationState.UPLOADED,
                OperationState.SENDING,
                OperationState.DONE,
            ):
                await services.journal.step(operation, state, note="a step")
            seconds.append(time.perf_counter() - begun)
    return seconds


ROWS = [
    Row("list_speed", "page turn, filter and sort with 100,000 batches", list_speed),
    Row("journal", "what the journal adds to an operation", journal),
]
