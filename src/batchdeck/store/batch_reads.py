"""Reading batches: the rows of a page, sums, and rows that hang together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from batchdeck.models.batch import BatchRecord, BatchStatus
from batchdeck.models.query import SortKey, Totals
from batchdeck.store.details import at_time, decode, to_time
from batchdeck.store.filter_sql import SORT_INDEXES, Conditions
from batchdeck.store.states import LAST_ACTIVE, STATUSES

_ROWS = (
    "SELECT d.place, d.body, d.name, d.profile, d.seen_at, b.gone_at, d.input_name, b.cost, d.summed_usage"
    " FROM batch_details d JOIN batches b ON b.place = d.place WHERE "
)
_CHUNK = 500


def tally(connection: sqlite3.Connection, account_id: int) -> dict[BatchStatus, int]:
    """Batches of an account by status; a status that none has is left out."""
    rows = connection.execute(
        "SELECT state_rank, batches FROM status_tallies WHERE account_id = ? AND batches > 0", (account_id,)
    ).fetchall()
    return {STATUSES[rank]: count for rank, count in rows}


def rows_at(connection: sqlite3.Connection, places: Sequence[int]) -> tuple[BatchRecord, ...]:
    """The batches at these places, in this order."""
    found: dict[int, BatchRecord] = {}
    for start in range(0, len(places), _CHUNK):
        chunk = list(places[start : start + _CHUNK])
        cursor = connection.execute(f"{_ROWS} d.place IN ({', '.join('?' * len(chunk))})", chunk)
        found.update((row[0], record(row)) for row in cursor)
    return tuple(found[place] for place in places if place in found)


def rows_where(connection: sqlite3.Connection, where: str, parameters: Iterable[object]) -> list[BatchRecord]:
    """The batches for which a condition on `d` and `b` holds; it may end with an ORDER BY."""
    return [record(row) for row in connection.execute(_ROWS + where, tuple(parameters))]


def record(row: tuple[Any, ...]) -> BatchRecord:
    """A row of `_ROWS` as a record."""
    _, body, name, profile, seen_at, gone_at, input_name, cost, summed_usage = row
    return BatchRecord(
        batch=decode(body, summed_usage),
        name=name,
        profile=profile,
        seen_at=at_time(seen_at),
        gone_at=to_time(gone_at),
        input_name=input_name,
        cost_usd=cost,
    )


def totals(connection: sqlite3.Connection, where: Conditions) -> Totals:
    """Sums over all that match."""
    # By the index the groups come one after another; without further conditions it holds all that is asked.
    source = where.source(by_place=False, index=None if where.keys else SORT_INDEXES[SortKey.STATE])
    rows = connection.execute(
        "SELECT b.state_rank, count(*), sum(b.total), sum(b.completed), sum(b.failed), total(b.cost),"
        " sum(b.cost IS NULL AND b.completed > 0)"
        f" FROM {source} GROUP BY b.state_rank",
        where.parameters,
    ).fetchall()
    return Totals(
        batches=sum(row[1] for row in rows),
        requests=sum(row[2] for row in rows),
        completed=sum(row[3] for row in rows),
        failed=sum(row[4] for row in rows),
        cost_usd=sum(row[5] for row in rows),
        cost_unknown=sum(row[6] for row in rows if row[0] > LAST_ACTIVE),
        by_status={STATUSES[row[0]].value: row[1] for row in rows},
    )
