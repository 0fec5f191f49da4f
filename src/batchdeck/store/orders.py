"""Which batches match a filter, in which order: pages of places."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort, SortKey
from batchdeck.store.filter_sql import SORT_COLUMNS, SORT_INDEXES, Conditions, conditions, order_by
from batchdeck.store.states import PLACE_BITS

HEAD = 1_000
"""Places read at once from either end of what matches."""
FEW = 5_000
"""So many matches are held in memory and sorted by their keys; of more only the ends are read."""


@dataclass(slots=True)
class _Matches:
    """What is known of one filter while the history stays as it is."""

    total: int
    places: array[int]
    """The newest, newest first: all of them or `FEW`."""


@dataclass(slots=True)
class _Order:
    """What is known of one filter and sort while the history stays as it is."""

    total: int
    head: array[int]
    """The first places in order."""
    tail: array[int] = field(default_factory=lambda: array("q"))
    """The last places in order."""


class Orders:
    """Pages of what matches, remembered until the history changes.

    Handing over every match would cost more than finding them: of many only the ends are read, and the
    middle when somebody goes there.
    """

    def __init__(self, keep: int = 8) -> None:
        self._keep = keep
        self._matches: OrderedDict[tuple[object, ...], _Matches] = OrderedDict()
        self._orders: OrderedDict[tuple[object, ...], _Order] = OrderedDict()
        self._version: tuple[int, int] | None = None

    def page(
        self,
        connection: sqlite3.Connection,
        query: Query,
        generation: int,
        *,
        offset: int,
        limit: int,
    ) -> tuple[Sequence[int], int]:
        """Places from `offset` on, and how many match in all.

        Args:
            generation: Rises with every write through a connection of this process.
        """
        if query.filter.is_empty:
            total = query.count(connection)
            return _unfiltered(connection, query, total, offset, limit), total
        order = self._order(connection, query, generation)
        end = min(offset + limit, order.total)
        if offset >= end:
            return [], order.total
        if end <= len(order.head):
            return order.head[offset:end], order.total
        from_end = order.total - offset
        if from_end <= offset:
            if from_end > len(order.tail):
                backwards = query.places(connection, _chunk(from_end), is_reversed=True)
                order.tail = array("q", reversed(backwards))
            start = len(order.tail) - from_end
            return order.tail[start : start + end - offset], order.total
        order.head = query.places(connection, _chunk(end))
        return order.head[offset:end], order.total

    def locate(self, connection: sqlite3.Connection, query: Query, generation: int, place: int) -> int | None:
        """Where a place stands among all that match, from 0, or None when it does not match."""
        if not query.filter.is_empty:
            order = self._order(connection, query, generation)
            for part, start in ((order.head, 0), (order.tail, order.total - len(order.tail))):
                try:
                    return start + part.index(place)
                except ValueError:
                    continue
            if len(order.head) == order.total:
                return None
        return query.rank(connection, place)

    def _order(self, connection: sqlite3.Connection, query: Query, generation: int) -> _Order:
        # The view is fixed by the first read of the transaction; `data_version` then belongs to it.
        connection.execute("SELECT 1 FROM status_tallies LIMIT 1").fetchone()
        version = (int(connection.execute("PRAGMA data_version").fetchone()[0]), generation)
        if version != self._version:
            self._orders.clear()
            self._matches.clear()
            self._version = version
        order = self._orders.get(query.key)
        if order is None:
            matches = self._matches.get(query.filter_key)
            if matches is None:
                matches = self._matches[query.filter_key] = query.matches(connection)
            order = self._orders[query.key] = query.order(connection, matches)
            for remembered in (self._orders, self._matches):
                if len(remembered) > self._keep:
                    remembered.popitem(last=False)
        else:
            self._orders.move_to_end(query.key)
        return order


_NEWEST_FIRST = BatchSort(SortKey.CREATED, descending=True)


class Query:
    """A filter and a sort over the batches of one account at one time."""

    def __init__(self, account_id: int, batch_filter: BatchFilter, sort: BatchSort, now: datetime) -> None:
        self.account_id = account_id
        self.filter = batch_filter
        self.sort = sort
        second = int(now.timestamp()) if batch_filter.depends_on_time else 0
        self.filter_key = (account_id, batch_filter.text, second)
        self.key = (*self.filter_key, sort)
        self._conditions: Conditions = conditions(account_id, batch_filter, now)

    def matches(self, connection: sqlite3.Connection) -> _Matches:
        """Find what matches, reading each row once."""
        source, parameters = self._conditions.source(by_place=True), self._conditions.parameters
        newest = array(
            "q",
            [
                row[0]
                for row in connection.execute(
                    f"SELECT b.place FROM {source} ORDER BY b.place DESC LIMIT ?", [*parameters, FEW]
                )
            ],
        )
        total = len(newest)
        if total == FEW:
            older = connection.execute(
                f"SELECT count(*) FROM {source} AND b.place < ?", [*parameters, newest[-1]]
            ).fetchone()
            total += older[0]
        return _Matches(total, newest)

    def order(self, connection: sqlite3.Connection, matches: _Matches) -> _Order:
        """Put what matches in order: all when they are few, else the first ones."""
        if self.sort == _NEWEST_FIRST:
            return _Order(matches.total, matches.places)
        if matches.total > len(matches.places):
            return _Order(matches.total, self.places(connection, HEAD))
        rows = connection.execute(
            "SELECT b.place FROM json_each(?) j CROSS JOIN batches b ON b.place = j.value"
            f" ORDER BY {order_by(self.sort)}",
            (json.dumps(matches.places.tolist()),),
        ).fetchall()
        return _Order(matches.total, array("q", [row[0] for row in rows]))

    def places(self, connection: sqlite3.Connection, limit: int, *, is_reversed: bool = False) -> array[int]:
        """The first places in order, or the last ones backwards."""
        is_by_place = self.sort.key is SortKey.CREATED
        source = self._conditions.source(by_place=is_by_place)
        if not is_by_place and (self.sort.descending or self.sort.key is SortKey.NAME):
            # Matches abound where this is asked: by the index they are soon found, with ties in order or,
            # of names, so few that putting them in order costs nothing.
            source = self._conditions.source(by_place=False, index=SORT_INDEXES[self.sort.key])
        cursor = connection.execute(
            f"SELECT b.place FROM {source} ORDER BY {order_by(self.sort, is_reversed=is_reversed)} LIMIT ?",
            [*self._conditions.parameters, limit],
        )
        return array("q", [row[0] for row in cursor])

    def count(self, connection: sqlite3.Connection) -> int:
        """How many match."""
        if self.filter.is_empty:
            row = connection.execute(
                "SELECT coalesce(sum(batches), 0) FROM status_tallies WHERE account_id = ?",
                (self.account_id,),
            ).fetchone()
        else:
            source = self._conditions.source(by_place=True)
            row = connection.execute(f"SELECT count(*) FROM {source}", self._conditions.parameters).fetchone()
        return int(row[0])

    def rank(self, connection: sqlite3.Connection, place: int) -> int | None:
        """How many that match stand before a place, or None when it does not match itself."""
        column = SORT_COLUMNS[self.sort.key]
        row = connection.execute(
            f"SELECT {column} FROM batches WHERE place = ? AND account_id = ?", (place, self.account_id)
        ).fetchone()
        if row is None:
            return None
        if self.filter.is_empty:
            source = "batches b WHERE b.account_id = ?"
            parameters: list[object] = [self.account_id]
        else:
            source, parameters = self._conditions.source(by_place=False), self._conditions.parameters
            found = connection.execute(
                f"SELECT 1 FROM {source} AND b.place = ?", [*parameters, place]
            ).fetchone()
            if found is None:
                return None
        before, more = _before(self.sort, row[0], place)
        counted = connection.execute(
            f"SELECT {' + '.join(f'(SELECT count(*) FROM {source} AND {clause})' for clause in before)}",
            [value for values in more for value in (*parameters, *values)],
        ).fetchone()
        return int(counted[0])


def _before(sort: BatchSort, value: object, place: int) -> tuple[list[str], list[list[object]]]:
    """Conditions that share out the batches that stand before one in the order."""
    if sort.key is SortKey.CREATED:
        return [f"b.place {'>' if sort.descending else '<'} ?"], [[place]]
    column = f"b.{SORT_COLUMNS[sort.key]}"
    if value is None:
        return [f"{column} IS NOT NULL", f"{column} IS NULL AND b.place > ?"], [[], [place]]
    beyond = ">" if sort.descending else "<"
    return [f"{column} {beyond} ?", f"{column} = ? AND b.place > ?"], [[value], [value, place]]


def _unfiltered(
    connection: sqlite3.Connection, query: Query, total: int, offset: int, limit: int
) -> Sequence[int]:
    """A page of the whole list by an index, read from whichever end is nearer."""
    limit = max(0, min(limit, total - offset))
    is_far = offset > total // 2
    order = order_by(query.sort, is_reversed=is_far)
    rows = connection.execute(
        f"SELECT b.place FROM batches b WHERE b.account_id = ? ORDER BY {order} LIMIT ? OFFSET ?",
        (query.account_id, limit, total - offset - limit if is_far else offset),
    ).fetchall()
    places = [row[0] for row in rows]
    return places[::-1] if is_far else places


def _chunk(wanted: int) -> int:
    """How many to read so that the next pages are there too."""
    chunk = HEAD
    while chunk < wanted:
        chunk *= 2
    return chunk


def place_range(oldest: datetime, newest: datetime) -> tuple[int, int]:
    """The places of batches made in a span of time, both ends included."""
    return int(oldest.timestamp()) << PLACE_BITS, (int(newest.timestamp()) + 1 << PLACE_BITS) - 1
