"""Batches, as the service last described them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from batchdeck.models.batch import PART_KEY, Batch, BatchRecord, BatchStatus, Usage
from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort, Totals, Window
from batchdeck.models.stored import Changes
from batchdeck.store import batch_reads, batch_writes
from batchdeck.store.base import Database
from batchdeck.store.details import usage_to_list
from batchdeck.store.filter_sql import conditions
from batchdeck.store.orders import Orders, Query, place_range
from batchdeck.store.states import LAST_ACTIVE
from batchdeck.store.texts import plain

NAME_KEYS = ("description", "name", "title", "job", "source")
"""Metadata keys that give a batch its name, the first that has a value."""

_MANY = 5_000


class Batches:
    """Every batch ever seen. Each method takes the account first: two accounts never mix."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._orders = Orders()

    # --- what the service says ----------------------------------------------

    async def upsert(
        self,
        account_id: int,
        batches: Sequence[Batch],
        *,
        seen_at: datetime,
        profile: str,
        name_keys: Sequence[str] = NAME_KEYS,
    ) -> Changes:
        """Store batches as the service describes them, newest first, in one transaction.

        A batch whose counts changed gets a sample; one that was gone is so no more.
        """
        keys = tuple(name_keys)

        def work(connection: sqlite3.Connection) -> Changes:
            return batch_writes.upsert(
                connection, account_id, batches, seen_at=seen_at, profile=profile, name_keys=keys
            )

        return await self._database.write(work)

    async def unpriced(
        self, account_id: int, *, below: int | None, limit: int
    ) -> tuple[list[str], int | None]:
        """Ended batches with answers and no cost, newest first.

        Args:
            below: Where the last look ended, or None for the newest.
            limit: At most so many.

        Returns:
            Their ids, and where this look ended: None when there are no more.
        """

        def work(connection: sqlite3.Connection) -> tuple[list[str], int | None]:
            rows = connection.execute(
                "SELECT d.id, b.place FROM batches b JOIN batch_details d ON d.place = b.place"
                " WHERE b.account_id = ? AND b.cost IS NULL"
                " AND b.state_rank > ? AND b.completed > 0 AND b.place < ? ORDER BY b.place DESC LIMIT ?",
                (account_id, LAST_ACTIVE, below if below is not None else 2**62, limit),
            ).fetchall()
            return [row[0] for row in rows], rows[-1][1] if len(rows) == limit else None

        return await self._database.read(work)

    async def mark_gone(self, account_id: int, ids: Sequence[str], at: datetime) -> None:
        """Note that the service does not know these batches any more; they stay."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE batches SET gone_at = ? WHERE place = ? AND gone_at IS NULL",
                [(at.timestamp(), place) for place in _places(connection, account_id, ids)],
            )

        await self._database.write(work)

    async def set_costs(self, account_id: int, costs: Mapping[str, float]) -> None:
        """Note what several batches cost, in US dollars, in one transaction."""

        def work(connection: sqlite3.Connection) -> None:
            for batch_id, usd in costs.items():
                for place in _places(connection, account_id, [batch_id]):
                    connection.execute("UPDATE batches SET cost = ? WHERE place = ?", (usd, place))

        if costs:
            await self._database.write(work)

    async def set_cost(self, account_id: int, batch_id: str, usd: float | None, usage: Usage | None) -> None:
        """Note what a batch cost in US dollars, and the tokens as summed from its rows.

        Args:
            usage: Stands in where the service gives none; None leaves what was noted before.
        """
        summed = None if usage is None else json.dumps(usage_to_list(usage))

        def work(connection: sqlite3.Connection) -> None:
            for place in _places(connection, account_id, [batch_id]):
                connection.execute("UPDATE batches SET cost = ? WHERE place = ?", (usd, place))
                connection.execute(
                    "UPDATE batch_details SET summed_usage = coalesce(?, summed_usage) WHERE place = ?",
                    (summed, place),
                )

        await self._database.write(work)

    async def set_input_name(self, account_id: int, input_file_id: str, name: str) -> list[str]:
        """Note the file name of an input; the ids of batches that know it now are returned."""
        return await self._database.write(
            lambda connection: batch_writes.rename_input(connection, account_id, input_file_id, name)
        )

    # --- the list -----------------------------------------------------------

    async def window(
        self,
        account_id: int,
        filter: BatchFilter,
        sort: BatchSort,
        *,
        offset: int,
        limit: int,
        now: datetime,
    ) -> Window:
        """A page of what matches; past the end it has no rows."""
        generation = self._database.generation
        query = Query(account_id, filter, sort, now)
        offset = max(0, offset)

        def work(connection: sqlite3.Connection) -> Window:
            places, total = self._orders.page(connection, query, generation, offset=offset, limit=limit)
            return Window(batch_reads.rows_at(connection, places), offset, total)

        return await self._database.read(work)

    async def locate(
        self, account_id: int, batch_id: str, filter: BatchFilter, sort: BatchSort, *, now: datetime
    ) -> int | None:
        """The place of a batch among all that match, from 0, or None when it does not."""
        generation = self._database.generation
        query = Query(account_id, filter, sort, now)

        def work(connection: sqlite3.Connection) -> int | None:
            found = _places(connection, account_id, [batch_id])
            return self._orders.locate(connection, query, generation, found[0]) if found else None

        return await self._database.read(work)

    async def ids(self, account_id: int, filter: BatchFilter, sort: BatchSort, *, now: datetime) -> list[str]:
        """The ids of all that match, in order."""
        query = Query(account_id, filter, sort, now)

        def work(connection: sqlite3.Connection) -> list[str]:
            places = query.places(connection, -1)
            if len(places) > _MANY:
                known = dict(
                    connection.execute(
                        "SELECT place, id FROM batch_details WHERE account_id = ?", (account_id,)
                    )
                )
                return [known[place] for place in places]
            return [
                connection.execute("SELECT id FROM batch_details WHERE place = ?", (place,)).fetchone()[0]
                for place in places
            ]

        return await self._database.read_aside(work)

    async def counts(self, account_id: int) -> dict[BatchStatus, int]:
        """Batches by status; a status that none has is left out."""
        return await self._database.read(lambda connection: batch_reads.tally(connection, account_id))

    async def totals(self, account_id: int, filter: BatchFilter, *, now: datetime) -> Totals:
        """Sums over what the filter shows."""
        where = conditions(account_id, filter, now)
        return await self._database.read_aside(lambda connection: batch_reads.totals(connection, where))

    # --- single batches -----------------------------------------------------

    async def get(self, account_id: int, batch_id: str) -> BatchRecord | None:
        """One batch, or None when it was never seen."""
        found = await self.get_many(account_id, [batch_id])
        return found[0] if found else None

    async def get_many(self, account_id: int, ids: Sequence[str]) -> list[BatchRecord]:
        """The batches of these ids that are known, in this order."""
        return await self._database.read(
            lambda connection: list(batch_reads.rows_at(connection, _places(connection, account_id, ids)))
        )

    async def active(self, account_id: int) -> list[BatchRecord]:
        """Batches that can still change and are not gone, newest first."""
        return await self._where(
            "d.place IN (SELECT place FROM batches WHERE account_id = ? AND state_rank <= ?"
            " AND gone_at IS NULL) ORDER BY d.place DESC",
            account_id,
            LAST_ACTIVE,
        )

    async def newest_ids(self, account_id: int, limit: int) -> list[str]:
        """The ids of the newest batches, newest first."""
        return await self._ids("b.account_id = ? ORDER BY b.place DESC LIMIT ?", (account_id, limit))

    async def between(self, account_id: int, oldest: datetime, newest: datetime) -> list[str]:
        """Ids of batches made in a span of time, both ends included, that are not gone. Newest first."""
        return await self._ids(
            "b.account_id = ? AND b.place BETWEEN ? AND ? AND b.gone_at IS NULL ORDER BY b.place DESC",
            (account_id, *place_range(oldest, newest)),
        )

    # --- batches that hang together -----------------------------------------

    async def children(self, account_id: int, batch_id: str) -> list[BatchRecord]:
        """The batches that retried this one, oldest first."""
        return await self._linked(account_id, "retry_of", batch_id)

    async def lineage(self, account_id: int, batch_id: str) -> list[BatchRecord]:
        """The whole tree a batch belongs to: the root, where it is known, then the others, oldest first."""
        known = plain(batch_id)

        def work(connection: sqlite3.Connection) -> list[BatchRecord]:
            row = connection.execute(
                "SELECT coalesce(lineage_root, id) FROM batch_details WHERE account_id = ? AND id = ?",
                (account_id, known),
            ).fetchone()
            root = known if row is None else row[0]
            return batch_reads.rows_where(
                connection,
                "d.place IN (SELECT place FROM batch_details WHERE account_id = ?1 AND id = ?2"
                " UNION ALL SELECT place FROM batch_details WHERE account_id = ?1 AND lineage_root = ?2)"
                " ORDER BY d.id <> ?2, d.place",
                (account_id, root),
            )

        return await self._database.read(work)

    async def group(self, account_id: int, group_id: str) -> list[BatchRecord]:
        """The batches that one split file became, in the order of their parts."""
        found = await self._linked(account_id, "group_id", group_id)
        return sorted(found, key=_part)

    async def by_operation(self, account_id: int, operation_id: str) -> list[BatchRecord]:
        """The batches whose metadata name an operation; more than one is one too many."""
        return await self._linked(account_id, "operation_id", operation_id)

    async def by_input(self, account_id: int, input_file_id: str) -> list[BatchRecord]:
        """The batches made of an uploaded file, oldest first."""
        return await self._linked(account_id, "input_file_id", input_file_id)

    async def _linked(self, account_id: int, column: str, value: str) -> list[BatchRecord]:
        """The batches with this value in a column that names something else, oldest first."""
        return await self._where(
            f"d.account_id = ? AND d.{column} = ? ORDER BY d.place", account_id, plain(value)
        )

    async def _where(self, where: str, *parameters: object) -> list[BatchRecord]:
        return await self._database.read(
            lambda connection: batch_reads.rows_where(connection, where, parameters)
        )

    async def _ids(self, where: str, parameters: tuple[object, ...]) -> list[str]:
        return await self._database.read(
            lambda connection: [
                row[0]
                for row in connection.execute(
                    "SELECT d.id FROM batches b CROSS JOIN batch_details d ON d.place = b.place"
                    f" WHERE {where}",
                    parameters,
                )
            ]
        )


def _places(connection: sqlite3.Connection, account_id: int, ids: Sequence[str]) -> list[int]:
    """The places of the batches that are known, in this order."""
    places = []
    for batch_id in ids:
        row = connection.execute(
            "SELECT place FROM batch_details WHERE account_id = ? AND id = ?", (account_id, plain(batch_id))
        ).fetchone()
        if row is not None:
            places.append(row[0])
    return places


def _part(record: BatchRecord) -> int:
    """The place of a batch among the parts of its file."""
    number, _, _ = record.batch.metadata.get(PART_KEY, "").partition("/")
    return int(number) if number.isascii() and number.isdecimal() else 0
