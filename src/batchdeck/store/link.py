"""One SQLite connection on a thread of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import aiosqlite

T = TypeVar("T")

BUSY_SECONDS = 15.0
"""How long a write waits for another process's write."""


class Link:
    """An aiosqlite connection that runs a whole function per call.

    One call is one visit to the connection's thread, so a transaction runs whole or not at all, even when
    the task that asked for it is cancelled half-way.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, database: str, *, uri: bool = False) -> Link:
        """Open a database.

        Raises:
            sqlite3.Error: it cannot be opened.
        """
        connection = aiosqlite.connect(
            database, uri=uri, isolation_level=None, timeout=BUSY_SECONDS, cached_statements=256
        )
        return cls(await connection)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's thread."""
        # aiosqlite has no public call for this; every public one of its own goes through `_execute`.
        inner: sqlite3.Connection = self._connection._conn
        result: T = await self._connection._execute(work, inner)  # type: ignore[no-untyped-call]
        return result

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on one unchanging view of the database."""

        def whole(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                _end(connection, "COMMIT")

        return await self.run(whole)

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        """Run `work` as one transaction.

        Args:
            work: May be run again after an error, so it changes nothing but the database.
            durable: True when the commit must survive a power cut, not only the death of the process.
        """

        def whole(connection: sqlite3.Connection) -> T:
            if durable:
                connection.execute("PRAGMA synchronous = FULL")
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    result = work(connection)
                    connection.execute("COMMIT")
                except BaseException:
                    _end(connection, "ROLLBACK")
                    raise
                return result
            finally:
                if durable:
                    connection.execute("PRAGMA synchronous = NORMAL")

        return await self.run(whole)

    async def close(self) -> None:
        """Close the connection and end its thread."""
        await self._connection.close()


def _end(connection: sqlite3.Connection, statement: str) -> None:
    """End a transaction that SQLite may have ended by itself."""
    if connection.in_transaction:
        with suppress(sqlite3.OperationalError):
            connection.execute(statement)
