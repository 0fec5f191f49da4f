"""Files of the service that were fetched, and where they went."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from batchdeck.models.stored import KnownDownload
from batchdeck.store.base import Database
from batchdeck.store.texts import plain


class Downloads:
    """What was downloaded where."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(
        self, account_id: int, file_id: str, path: str, bytes: int, sha256: str, at: datetime
    ) -> None:
        """Remember a whole file at a path."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO downloads VALUES (?, ?, ?, ?, ?, ?)",
                (account_id, plain(file_id), plain(path), bytes, sha256, at.timestamp()),
            )

        await self._database.write(work)

    async def of_file(self, account_id: int, file_id: str) -> list[KnownDownload]:
        """Where a file was fetched to, newest first. The paths may hold something else by now."""

        def work(connection: sqlite3.Connection) -> list[KnownDownload]:
            rows = connection.execute(
                "SELECT file_id, path, bytes, sha256, at FROM downloads"
                " WHERE account_id = ? AND file_id = ? ORDER BY at DESC",
                (account_id, plain(file_id)),
            ).fetchall()
            return [
                KnownDownload(file, path, size, sha256, datetime.fromtimestamp(at, UTC))
                for file, path, size, sha256, at in rows
            ]

        return await self._database.read(work)

    async def forget(self, account_id: int, file_id: str, path: str) -> None:
        """Note that a path no longer holds the file."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM downloads WHERE account_id = ? AND file_id = ? AND path = ?",
                (account_id, plain(file_id), plain(path)),
            )

        await self._database.write(work)
