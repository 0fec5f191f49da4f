"""Input files that were sent from here, and the copies kept of them."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Any

from batchdeck.models.stored import KeptInput
from batchdeck.store.base import Database
from batchdeck.store.batch_writes import rename_input
from batchdeck.store.details import at_time
from batchdeck.store.states import LAST_ACTIVE
from batchdeck.store.texts import plain, plain_or_none

_COLUMNS = (
    "i.input_file_id, i.sha256, i.bytes, i.original_path, i.kept_path, i.requests, i.name, i.created_at,"
    " i.kept_bytes, i.account_id"
)


class Inputs:
    """What is known of the inputs that were sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(
        self,
        account_id: int,
        input_file_id: str,
        sha256: str,
        bytes: int,
        original_path: str,
        kept_path: str | None,
        requests: int,
        name: str,
        *,
        kept_bytes: int | None = None,
    ) -> None:
        """Remember an input, and name its batches by it.

        Args:
            bytes: Of the plain file.
            kept_path: The compressed copy, or None when none is kept.
            kept_bytes: Of the compressed copy; looked up when not given.
        """
        if kept_bytes is None:
            kept_bytes = _size(kept_path)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO inputs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    account_id,
                    plain(input_file_id),
                    sha256,
                    bytes,
                    plain(original_path),
                    plain_or_none(kept_path),
                    kept_bytes,
                    requests,
                    plain(name),
                    time.time(),
                ),
            )
            rename_input(connection, account_id, input_file_id, name)

        await self._database.write(work)

    async def of_file(self, account_id: int, input_file_id: str) -> KeptInput | None:
        """The input that was uploaded as this file, or None."""
        found = await self._select(
            "i.account_id = ? AND i.input_file_id = ?", (account_id, plain(input_file_id))
        )
        return found[0] if found else None

    async def of_sha256(self, account_id: int, sha256: str) -> list[KeptInput]:
        """Inputs with this content, newest first."""
        return await self._select(
            "i.account_id = ? AND i.sha256 = ? ORDER BY i.created_at DESC", (account_id, sha256)
        )

    async def total_kept_bytes(self) -> int:
        """Bytes of all kept copies, of every account."""

        def work(connection: sqlite3.Connection) -> int:
            row = connection.execute(
                "SELECT coalesce(sum(bytes), 0) FROM"
                " (SELECT max(kept_bytes) AS bytes FROM inputs WHERE kept_path IS NOT NULL"
                " GROUP BY kept_path)"
            ).fetchone()
            return int(row[0])

        return await self._database.read(work)

    async def evictable(self) -> list[KeptInput]:
        """Inputs whose kept copy may go: every batch made of that copy has ended. Oldest first."""
        return await self._select(
            "i.kept_path IS NOT NULL AND NOT EXISTS (SELECT 1 FROM inputs o WHERE o.kept_path = i.kept_path"
            " AND EXISTS (SELECT 1 FROM batch_details d JOIN batches b ON b.place = d.place"
            " WHERE d.account_id = o.account_id AND d.input_file_id = o.input_file_id"
            " AND b.gone_at IS NULL AND b.state_rank <= ?)) ORDER BY i.created_at",
            (LAST_ACTIVE,),
        )

    async def forget_copy(self, kept_path: str) -> None:
        """Note that a kept copy is no more."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE inputs SET kept_path = NULL, kept_bytes = 0 WHERE kept_path = ?", (plain(kept_path),)
            )

        await self._database.write(work)

    async def _select(self, where: str, parameters: tuple[object, ...]) -> list[KeptInput]:
        def work(connection: sqlite3.Connection) -> list[KeptInput]:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM inputs i WHERE {where}", parameters).fetchall()
            return [_input(row) for row in rows]

        return await self._database.read(work)


def _size(path: str | None) -> int:
    try:
        return os.stat(path).st_size if path else 0
    except OSError:
        return 0


def _input(row: tuple[Any, ...]) -> KeptInput:
    file_id, sha256, size, original, kept, requests, name, created, kept_size, account_id = row
    return KeptInput(
        file_id, sha256, size, original, kept, requests, name, at_time(created), kept_size, account_id
    )
