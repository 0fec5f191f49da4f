"""Reading batches: which match, in which order, and the rows of a page."""

from __future__ import annotations

import sqlite3
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime

from batchdeck.models.batch import BatchRecord, BatchStatus
from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort, SortKey, Totals
from batchdeck.store.details import at_time, decode, to_time
from batchdeck.store.filter_sql import conditions, order_by

_ROWS = (
    "SELECT b.place, d.body, d.name, d.profile, b.seen_at, b.gone_at, d.input_name, b.cost, d.summed_usage"
    " FROM batches b JOIN batch_details d ON d.place = b.place WHERE "
)
_CHUNK = 500


class Orders:
    """The places of all matching batches in order, remembered until the history changes.

    One array of 8 bytes a batch: turning a page of a filtered list costs only the page.
    """

    def __init__(self, keep: int = 4) -> None:
        self._keep = keep
        self._orders: OrderedDict[tuple[object, ...], array[int]] = OrderedDict()
        self._version: tuple[int, int] | None = None

    def places(
        self,
        connection: sqlite3.Connection,
        generation: int,
        account_id: int,
        batch_filter: BatchFilter,
        sort: BatchSort,
        now: datetime,
    ) -> array[int]:
        """The places of all that match, in order."""
        # The view is fixed by the first read of the transaction; `data_version` then belongs to it.
        connection.execute("SELECT 1 FROM status_tallies LIMIT 1").fetchone()
        version = (connection.execute("PRAGMA data_version").fetchone()[0], generation)
        if version != self._version:
            self._orders.clear()
            self._version = version
        minute = int(now.timestamp()) // 10 if batch_filter.depends_on_time else 0
        key = (account_id, batch_filter.text, sort, minute)
        places = self._orders.get(key)
        if places is None:
            places = select_places(connection, account_id, batch_filter, sort, now)
            self._orders[key] = places
            if len(self._orders) > self._keep:
                self._orders.popitem(last=False)
        else:
            self._orders.move_to_end(key)
        return places


def select_places(
    connection: sqlite3.Connection,
    account_id: int,
    batch_filter: BatchFilter,
    sort: BatchSort,
    now: datetime,
) -> array[int]:
    """Ask SQLite for the places of all that match, in order."""
    where = conditions(account_id, batch_filter, now)
    cursor = connection.execute(
        f"SELECT b.place FROM {where.tables} WHERE {where.sql} ORDER BY {order_by(sort)}", where.parameters
    )
    return array("q", [row[0] for row in cursor.fetchall()])


def newest_places(
    connection: sqlite3.Connection, account_id: int, offset: int, limit: int, total: int, *, descending: bool
) -> list[int]:
    """A page of the unfiltered list by time of creation, read from whichever end is nearer."""
    limit = max(0, min(limit, total - offset))
    is_far = offset > total // 2
    from_end = total - offset - limit if is_far else offset
    direction = "DESC" if descending != is_far else "ASC"
    rows = connection.execute(
        f"SELECT place FROM batches WHERE account_id = ? ORDER BY place {direction} LIMIT ? OFFSET ?",
        (account_id, limit, from_end),
    ).fetchall()
    places = [row[0] for row in rows]
    return places[::-1] if is_far else places


def is_plain(batch_filter: BatchFilter, sort: BatchSort) -> bool:
    """True for the list as it stands at first: everything, by time of creation."""
    return batch_filter.is_empty and sort.key is SortKey.CREATED


def tally(connection: sqlite3.Connection, account_id: int) -> dict[BatchStatus, int]:
    """Batches of an account by status, none left out that has any."""
    rows = connection.execute(
        "SELECT status, batches FROM status_tallies WHERE account_id = ? AND batches > 0", (account_id,)
    ).fetchall()
    return {BatchStatus(status): count for status, count in rows}


def rows_at(connection: sqlite3.Connection, places: Sequence[int]) -> tuple[BatchRecord, ...]:
    """The batches at these places, in this order."""
    found: dict[int, BatchRecord] = {}
    for start in range(0, len(places), _CHUNK):
        chunk = places[start : start + _CHUNK]
        cursor = connection.execute(f"{_ROWS} b.place IN ({', '.join('?' * len(chunk))})", list(chunk))
        found.update((row[0], record(row)) for row in cursor)
    return tuple(found[place] for place in places if place in found)


def rows_where(connection: sqlite3.Connection, where: str, parameters: Iterable[object]) -> list[BatchRecord]:
    """The batches for which a condition holds; it may end with an ORDER BY."""
    return [record(row) for row in connection.execute(_ROWS + where, tuple(parameters))]


def record(row: tuple[object, ...]) -> BatchRecord:
    """A row of `_ROWS` as a record."""
    _, body, name, profile, seen_at, gone_at, input_name, cost, summed_usage = row
    return BatchRecord(
        batch=decode(body, summed_usage),  # type: ignore[arg-type]
        name=name,  # type: ignore[arg-type]
        profile=profile,  # type: ignore[arg-type]
        seen_at=at_time(seen_at),  # type: ignore[arg-type]
        gone_at=to_time(gone_at),  # type: ignore[arg-type]
        input_name=input_name,  # type: ignore[arg-type]
        cost_usd=cost,  # type: ignore[arg-type]
    )


def totals(
    connection: sqlite3.Connection, account_id: int, batch_filter: BatchFilter, now: datetime
) -> Totals:
    """Sums over all that match."""
    where = conditions(account_id, batch_filter, now)
    rows = connection.execute(
        "SELECT b.status, count(*), sum(b.total), sum(b.completed), sum(b.failed), total(b.cost),"
        " sum(b.cost IS NULL AND b.completed > 0 AND b.state_rank > 4)"
        f" FROM {where.tables} WHERE {where.sql} GROUP BY b.status",
        where.parameters,
    ).fetchall()
    return Totals(
        batches=sum(row[1] for row in rows),
        requests=sum(row[2] for row in rows),
        completed=sum(row[3] for row in rows),
        failed=sum(row[4] for row in rows),
        cost_usd=sum(row[5] for row in rows),
        cost_unknown=sum(row[6] for row in rows),
        by_status={row[0]: row[1] for row in rows},
    )
