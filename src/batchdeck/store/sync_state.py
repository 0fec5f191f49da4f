"""How far the history of each account is filled."""

from __future__ import annotations

import sqlite3

from batchdeck.models.stored import SyncState
from batchdeck.store.base import Database
from batchdeck.store.details import to_seconds, to_time
from batchdeck.store.texts import plain_or_none


class SyncStates:
    """Where the first filling stands, and when the service last answered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, account_id: int) -> SyncState:
        """The state of an account; the initial one when nothing was ever asked."""

        def work(connection: sqlite3.Connection) -> SyncState:
            row = connection.execute(
                "SELECT backfill_cursor, backfill_done, last_success_at, head_id, head_at, floor_at"
                " FROM sync_states WHERE account_id = ?",
                (account_id,),
            ).fetchone()
            if row is None:
                return SyncState()
            cursor, done, success, head_id, head_at, floor_at = row
            return SyncState(
                cursor, bool(done), to_time(success), head_id, to_time(head_at), to_time(floor_at)
            )

        return await self._database.read(work)

    async def set(self, account_id: int, state: SyncState) -> None:
        """Write the state of an account."""
        values = (
            account_id,
            plain_or_none(state.backfill_cursor),
            state.backfill_done,
            to_seconds(state.last_success_at),
            plain_or_none(state.head_id),
            to_seconds(state.head_at),
            to_seconds(state.floor_at),
        )

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO sync_states VALUES (?, ?, ?, ?, ?, ?, ?)", values)

        await self._database.write(work)
