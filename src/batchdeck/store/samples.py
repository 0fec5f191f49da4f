"""Counts of batches over time."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from batchdeck.models.batch import CountSample, RequestCounts
from batchdeck.store.base import Database


class Samples:
    """The counts of each batch whenever they were seen to change; many are thinned out evenly."""

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
