"""Opening the history's file, whatever state it is in."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from batchdeck.store.filter_sql import register
from batchdeck.store.link import Link
from batchdeck.store.migrate import migrate


@dataclass(slots=True)
class Opened:
    """The connections of an open history."""

    path: Path | None
    writer: Link
    reader: Link
    warnings: list[str] = field(default_factory=list)
    journal_fault: str | None = None
    """Why nothing can be journaled, or None."""


async def open_links(path: Path | None) -> Opened:
    """Open the connections.

    Raises:
        NewerHistory: the file was written by a newer batchdeck.
        HistoryError: another process holds it locked for too long.
    """
    if path is None:
        link = await Link.open(":memory:")
        await link.run(_prepare_memory)
        return Opened(None, link, link)
    _make(path)
    writer = await Link.open(str(path))
    try:
        await writer.run(_prepare_writer)
        reader = await Link.open(str(path))
        try:
            await reader.run(_prepare_reader)
        except BaseException:
            await reader.close()
            raise
    except BaseException:
        await writer.close()
        raise
    return Opened(path, writer, reader)


def _make(path: Path) -> None:
    """Make the file, readable by its owner alone; SQLite gives its -wal and -shm the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA mmap_size = 268435456")
    register(connection)


def _prepare_writer(connection: sqlite3.Connection) -> None:
    _prepare(connection)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    migrate(connection)


def _prepare_reader(connection: sqlite3.Connection) -> None:
    _prepare(connection)
    connection.execute("PRAGMA query_only = ON")


def _prepare_memory(connection: sqlite3.Connection) -> None:
    _prepare(connection)
    migrate(connection)
