"""Batches, as the service last described them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from batchdeck.models.batch import Batch, BatchRecord, BatchStatus, Usage
from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort, Totals, Window
from batchdeck.models.stored import Changes
from batchdeck.store import batch_reads, batch_writes
from batchdeck.store.base import Database
from batchdeck.store.details import usage_to_list
from batchdeck.store.filter_sql import plain

NAME_KEYS = ("description", "name", "title", "job", "source")
"""Metadata keys that give a batch its name, the first that has a value."""


class Batches:
    """Every batch ever seen. Each method takes the account first: two accounts never mix."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._orders = batch_reads.Orders()

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
        """A page of what matches; an offset past the end gives the last page's worth of no rows."""
        generation = self._database.generation
        offset = max(0, offset)

        def work(connection: sqlite3.Connection) -> Window:
            if batch_reads.is_plain(filter, sort):
                total = sum(batch_reads.tally(connection, account_id).values())
                places: Sequence[int] = batch_reads.newest_places(
                    connection, account_id, offset, limit, total, descending=sort.descending
                )
            else:
                everything = self._orders.places(connection, generation, account_id, filter, sort, now)
                total = len(everything)
                places = everything[offset : offset + max(0, limit)]
            return Window(batch_reads.rows_at(connection, places), offset, total)

        return await self._database.read(work)

    async def locate(
        self, account_id: int, batch_id: str, filter: BatchFilter, sort: BatchSort, *, now: datetime
    ) -> int | None:
        """The place of a batch among all that match, from 0, or None when it does not."""
        generation = self._database.generation

        def work(connection: sqlite3.Connection) -> int | None:
            row = connection.execute(
                "SELECT place FROM batches WHERE account_id = ? AND id = ?", (account_id, plain(batch_id))
            ).fetchone()
            if row is None:
                return None
            if batch_reads.is_plain(filter, sort):
                sign = ">" if sort.descending else "<"
                before = connection.execute(
                    f"SELECT count(*) FROM batches WHERE account_id = ? AND place {sign} ?",
                    (account_id, row[0]),
                ).fetchone()
                return int(before[0])
            everything = self._orders.places(connection, generation, account_id, filter, sort, now)
            try:
                return everything.index(row[0])
            except ValueError:
                return None

        return await self._database.read(work)

    async def ids(self, account_id: int, filter: BatchFilter, sort: BatchSort, *, now: datetime) -> list[str]:
        """The ids of all that match, in order."""
        generation = self._database.generation

        def work(connection: sqlite3.Connection) -> list[str]:
            places = self._orders.places(connection, generation, account_id, filter, sort, now)
            known = dict(
                connection.execute("SELECT place, id FROM batches WHERE account_id = ?", (account_id,))
            )
            return [known[place] for place in places]

        return await self._database.read(work)

    async def get(self, account_id: int, batch_id: str) -> BatchRecord | None:
        """One batch, or None when it was never seen."""
        found = await self.get_many(account_id, [batch_id])
        return found[0] if found else None

    async def get_many(self, account_id: int, ids: Sequence[str]) -> list[BatchRecord]:
        """The batches of these ids that are known, in this order."""

        def work(connection: sqlite3.Connection) -> list[BatchRecord]:
            places = []
            for batch_id in ids:
                row = connection.execute(
                    "SELECT place FROM batches WHERE account_id = ? AND id = ?", (account_id, plain(batch_id))
                ).fetchone()
                if row is not None:
                    places.append(row[0])
            return list(batch_reads.rows_at(connection, places))

        return await self._database.read(work)

    async def counts(self, account_id: int) -> dict[BatchStatus, int]:
        """Batches by status; a status that none has is left out."""
        return await self._database.read(lambda connection: batch_reads.tally(connection, account_id))

    async def totals(self, account_id: int, filter: BatchFilter, *, now: datetime) -> Totals:
        """Sums over what the filter shows."""
        return await self._database.read(
            lambda connection: batch_reads.totals(connection, account_id, filter, now)
        )

    async def active(self, account_id: int) -> list[BatchRecord]:
        """Batches that can still change and are not gone, newest first."""
        return await self._where(account_id, "b.state_rank <= 4 AND b.gone_at IS NULL ORDER BY b.place DESC")

    async def newest_ids(self, account_id: int, limit: int) -> list[str]:
        """The ids of the newest batches, newest first."""
        return await self._ids("account_id = ? ORDER BY place DESC LIMIT ?", (account_id, limit))

    async def between(self, account_id: int, oldest: datetime, newest: datetime) -> list[str]:
        """Ids of batches made in a span of time, both ends included, that are not gone. Newest first."""
        return await self._ids(
            "account_id = ? AND place BETWEEN ? AND ? AND gone_at IS NULL ORDER BY place DESC",
            (account_id, int(oldest.timestamp()) << 20, (int(newest.timestamp()) + 1 << 20) - 1),
        )

    async def mark_gone(self, account_id: int, ids: Sequence[str], at: datetime) -> None:
        """Note that the service does not know these batches any more; they stay."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE batches SET gone_at = ? WHERE account_id = ? AND id = ? AND gone_at IS NULL",
                [(at.timestamp(), account_id, plain(batch_id)) for batch_id in ids],
            )

        await self._database.write(work)

    async def set_cost(self, account_id: int, batch_id: str, usd: float | None, usage: Usage | None) -> None:
        """Note what a batch cost in US dollars, and the tokens as summed from its rows.

        Args:
            usage: Stands in where the service gives none; None leaves what was noted before.
        """
        summed = None if usage is None else json.dumps(usage_to_list(usage))

        def work(connection: sqlite3.Connection) -> None:
            key = (account_id, plain(batch_id))
            connection.execute("UPDATE batches SET cost = ? WHERE account_id = ? AND id = ?", (usd, *key))
            connection.execute(
                "UPDATE batch_details SET summed_usage = coalesce(?, summed_usage) WHERE place ="
                " (SELECT place FROM batches WHERE account_id = ? AND id = ?)",
                (summed, *key),
            )

        await self._database.write(work)

    async def set_input_name(self, account_id: int, input_file_id: str, name: str) -> list[str]:
        """Note the file name of an input; the ids of batches that know it now are returned."""
        return await self._database.write(
            lambda connection: batch_writes.rename_input(connection, account_id, input_file_id, name)
        )

    async def children(self, account_id: int, batch_id: str) -> list[BatchRecord]:
        """The batches that retried this one, oldest first."""
        return await self._where(account_id, "b.retry_of = ? ORDER BY b.place", plain(batch_id))

    async def lineage(self, account_id: int, batch_id: str) -> list[BatchRecord]:
        """The whole tree a batch belongs to, oldest first, so that the root leads."""
        return await self._where(
            account_id,
            "b.lineage_root = (SELECT lineage_root FROM batches WHERE account_id = ? AND id = ?)"
            " ORDER BY b.id <> b.lineage_root, b.place",
            account_id,
            plain(batch_id),
        )

    async def group(self, account_id: int, group_id: str) -> list[BatchRecord]:
        """The batches that one split file became, in the order of their parts."""
        found = await self._where(account_id, "b.group_id = ? ORDER BY b.place", plain(group_id))
        return sorted(found, key=_part)

    async def by_operation(self, account_id: int, operation_id: str) -> list[BatchRecord]:
        """The batches whose metadata name an operation; more than one is one too many."""
        return await self._where(account_id, "b.operation_id = ? ORDER BY b.place", plain(operation_id))

    async def by_input(self, account_id: int, input_file_id: str) -> list[BatchRecord]:
        """The batches made of an uploaded file, oldest first."""
        return await self._where(account_id, "b.input_file_id = ? ORDER BY b.place", plain(input_file_id))

    async def _where(self, account_id: int, where: str, *parameters: object) -> list[BatchRecord]:
        return await self._database.read(
            lambda connection: batch_reads.rows_where(
                connection, f"b.account_id = ? AND {where}", (account_id, *parameters)
            )
        )

    async def _ids(self, where: str, parameters: tuple[object, ...]) -> list[str]:
        return await self._database.read(
            lambda connection: [
                row[0] for row in connection.execute(f"SELECT id FROM batches WHERE {where}", parameters)
            ]
        )


def _part(record: BatchRecord) -> int:
    """The place of a batch among the parts of its file."""
    number, _, _ = record.batch.metadata.get("batchdeck_part", "").partition("/")
    return int(number) if number.isdecimal() else 0
