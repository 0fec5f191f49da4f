"""Counts of batches over time."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from batchdeck.models.batch import CountSample, RequestCounts
from batchdeck.store.base import Database


class Samples:
    """The counts of each batch whenever they were seen to change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, account_id: int, batch_id: str, limit: int = 500) -> list[CountSample]:
        """The newest `limit` samples of a batch, oldest first."""

        def work(connection: sqlite3.Connection) -> list[CountSample]:
            rows = connection.execute(
                "SELECT at, total, completed, failed FROM samples WHERE place ="
                " (SELECT place FROM batch_details WHERE account_id = ? AND id = ?) ORDER BY at DESC LIMIT ?",
                (account_id, batch_id, limit),
            ).fetchall()
            return [
                CountSample(datetime.fromtimestamp(at, UTC), RequestCounts(*counts))
                for at, *counts in reversed(rows)
            ]

        return await self._database.read(work)

    async def prune(self, account_id: int, keep: int = 400) -> int:
        """Thin out batches with more than `keep` samples, evenly; the number deleted is returned."""

        def work(connection: sqlite3.Connection) -> int:
            crowded = connection.execute(
                "SELECT s.place, count(*) FROM samples s JOIN batches b ON b.place = s.place"
                " WHERE b.account_id = ? GROUP BY s.place HAVING count(*) > ?",
                (account_id, keep),
            ).fetchall()
            deleted = 0
            for place, count in crowded:
                step = -(-count // keep)
                # The first and the newest always stay.
                deleted += connection.execute(
                    "DELETE FROM samples WHERE place = ?1 AND at IN (SELECT at FROM"
                    " (SELECT at, row_number() OVER (ORDER BY at) - 1 AS n FROM samples WHERE place = ?1)"
                    " WHERE n % ?2 <> 0 AND n <> ?3 - 1)",
                    (place, step, count),
                ).rowcount
            return deleted

        return await self._database.write(work)
