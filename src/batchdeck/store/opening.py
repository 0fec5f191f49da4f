"""Opening the history's file, whatever state it is in."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from batchdeck.errors import HistoryError, NewerHistory
from batchdeck.store import damage
from batchdeck.store.filter_sql import register
from batchdeck.store.link import Link
from batchdeck.store.migrate import migrate
from batchdeck.store.trouble import Trouble, sentence_for, trouble_of

Prepare = Callable[[sqlite3.Connection], None]

_LOOSE = 0o077
_KEPT_WAL_BYTES = 1 << 24


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

    A damaged file is put aside and a new one begun; one that cannot be written is read into memory.

    Raises:
        NewerHistory: the file was written by a newer batchdeck.
        HistoryError: another process holds it locked for too long, or it cannot be read.
    """
    if path is None:
        link = await open_link(":memory:", prepare_memory)
        return Opened(None, link, link)
    warnings: list[str] = []
    try:
        _make(path)
        if damage.is_suspect(path):
            warnings += damage.mend(path)
        return await _open_file(path, warnings)
    except NewerHistory as newer:
        raise NewerHistory(
            f"{newer.sentence} The file is {path}.",
            hint="Install the newest batchdeck, or name another folder with --data-dir.",
        ) from None
    except OSError as error:
        why = f"The history {path} could not be opened: {error.strerror or error}."
        return await _open_in_memory(path, why)
    except sqlite3.Error as error:
        if trouble_of(error) is Trouble.UNWRITABLE:
            return await _open_in_memory(path, sentence_for(error, path, "write"))
        if trouble_of(error) is not Trouble.DAMAGED:
            raise HistoryError(sentence_for(error, path, "read")) from error
    try:
        warnings += damage.mend(path, is_known=True)
        _make(path)
        return await _open_file(path, warnings)
    except (sqlite3.Error, OSError) as error:
        raise HistoryError(
            f"The history {path} is damaged and could not be put aside: {error}.",
            hint="Move it away by hand, or name another folder with --data-dir.",
        ) from error


async def open_link(database: str, prepare: Prepare, *, uri: bool = False) -> Link:
    """Open a connection and set it up.

    Raises:
        sqlite3.Error: it cannot be opened or read.
    """
    link = await Link.open(database, uri=uri)
    try:
        await link.run(prepare)
    except BaseException:
        await link.close()
        raise
    return link


async def _open_file(path: Path, warnings: list[str]) -> Opened:
    writer = await open_link(str(path), prepare_writer)
    try:
        reader = await open_link(str(path), prepare_reader)
    except BaseException:
        await writer.close()
        raise
    return Opened(path, writer, reader, warnings)


async def _open_in_memory(path: Path, why: str) -> Opened:
    """What the file holds, as far as it can be read, without the file."""

    def prepare(connection: sqlite3.Connection) -> None:
        _prepare(connection)
        if path.exists() and path.stat().st_size:
            copy_into(connection, path)
        migrate(connection)

    try:
        link = await open_link(":memory:", prepare)
    except (sqlite3.Error, OSError) as error:
        raise HistoryError(f"{why} It cannot be read either: {error}.") from error
    warning = f"{why} What the service says is kept in memory, and nothing can be created or changed."
    return Opened(path, link, link, [warning], journal_fault=why)


def copy_into(memory: sqlite3.Connection, path: Path) -> None:
    """Copy a history that cannot be written into a connection.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    address = f"file:{quote(str(path))}?mode=ro"
    try:
        _copy(memory, address)
    except sqlite3.OperationalError:
        # Without a place for its -shm file a WAL database can only be read as if nobody else had it open.
        _copy(memory, f"{address}&immutable=1")


def _copy(memory: sqlite3.Connection, address: str) -> None:
    source = sqlite3.connect(address, uri=True, timeout=5)
    try:
        source.backup(memory)
    finally:
        source.close()


def _make(path: Path) -> None:
    """Make the file, readable by its owner alone; SQLite gives its -wal and -shm the same mode.

    Raises:
        OSError: it or its folder cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        mode = path.stat().st_mode
        if os.name == "posix" and mode & _LOOSE:
            with suppress(PermissionError):
                path.chmod(mode & 0o700)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    # Mapped pages count as the memory of the program, and are no faster here.
    connection.execute("PRAGMA mmap_size = 0")
    register(connection)


def prepare_writer(connection: sqlite3.Connection) -> None:
    """Set up the connection that writes, and bring the schema up to date."""
    _prepare(connection)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {_KEPT_WAL_BYTES}")
    migrate(connection)
    damage.probe(connection)


def prepare_reader(connection: sqlite3.Connection) -> None:
    """Set up a connection that reads."""
    _prepare(connection)
    connection.execute("PRAGMA query_only = ON")


def prepare_memory(connection: sqlite3.Connection) -> None:
    """Set up a history without a file."""
    _prepare(connection)
    migrate(connection)
