"""A damaged history: found, put aside under another name, and what it still tells saved."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from batchdeck.store.filter_sql import register
from batchdeck.store.migrate import migrate
from batchdeck.store.trouble import Trouble, trouble_of

_SAVED = (
    "accounts",
    "account_uses",
    "operations",
    "operation_steps",
    "inputs",
    "input_names",
    "downloads",
    "batches",
    "batch_texts",
    "batch_details",
    "samples",
)
"""Tables that are saved, each after those it refers to; the rest is made anew from service and files."""
_PROBED = ("accounts", "batches", "batch_details", "operations")


class Damaged(sqlite3.DatabaseError):
    """The schema is not what its version says."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def probe(connection: sqlite3.Connection) -> None:
    """Look at both ends of the main tables.

    Raises:
        sqlite3.DatabaseError: the file is damaged. That it is whole is not proved.
    """
    try:
        for table in _PROBED:
            connection.execute(f"SELECT * FROM {table} ORDER BY rowid LIMIT 1").fetchone()
            connection.execute(f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        # A table or column is not there although the schema's version says so.
        raise Damaged(str(error)) from error


def mark_suspect(path: Path) -> None:
    """Leave word for the next opening that the file was found damaged while it was in use."""
    with suppress(OSError):
        _marker(path).touch(mode=0o600)


def is_suspect(path: Path) -> bool:
    """True when `mark_suspect` left word."""
    return _marker(path).exists()


def mend(path: Path, *, is_known: bool = False) -> list[str]:
    """Put a damaged file aside and save what can be read of it into a new one.

    Two processes may do this at once: the second finds the file whole again.

    Args:
        is_known: True when the file could not be opened; else it is read through first.

    Returns:
        What to tell the user; nothing when the file is whole.

    Raises:
        OSError: it cannot be renamed.
        sqlite3.Error: the new file cannot be written.
    """
    with _alone(path):
        damaged = _is_damaged(path, whole=not is_known)
        with suppress(OSError):
            _marker(path).unlink(missing_ok=True)
        if not damaged:
            return []
        aside = _put_aside(path)
        saved, is_all = _save(aside, path)
    return [_told(path, aside, saved, is_all)]


def _told(path: Path, aside: Path, saved: dict[str, int], is_all: bool) -> str:
    found = [
        f"{count:,} {name}{'s' * (count != 1)}"
        for table, name in (
            ("batches", "batch record"),
            ("operations", "operation"),
            ("inputs", "sent input"),
        )
        if (count := saved.get(table, 0))
    ]
    what = f"Saved from it: {', '.join(found)}." if found else "Nothing could be saved from it."
    rest = (
        ""
        if is_all
        else (
            " Other operations, inputs sent and batches that the service has forgotten are known to the old"
            " file alone."
        )
    )
    return (
        f"The history {path.name} was damaged; it is kept as {aside} and a new one was begun. {what}{rest}"
        " What the service still lists is fetched again."
    )


def _is_damaged(path: Path, *, whole: bool) -> bool:
    try:
        connection = sqlite3.connect(str(path), timeout=15, isolation_level=None)
        try:
            register(connection)
            migrate(connection)
            probe(connection)
            if whole:
                return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if trouble_of(error) is Trouble.DAMAGED:
            return True
        raise
    return False


def _put_aside(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    return aside


def _save(aside: Path, path: Path) -> tuple[dict[str, int], bool]:
    """Copy the rows that can be read; returns how many of each table, and whether those were all."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    new = sqlite3.connect(str(path), isolation_level=None)
    saved: dict[str, int] = {}
    is_all = True
    try:
        register(new)
        new.execute("PRAGMA journal_mode = WAL")
        migrate(new)
        old = sqlite3.connect(str(aside), isolation_level=None)
        try:
            new.execute("BEGIN IMMEDIATE")
            for table in _SAVED:
                is_all &= _save_table(old, new, table)
            _drop_halves(new)
            for table in _SAVED:
                saved[table] = int(new.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            new.execute("COMMIT")
        finally:
            old.close()
    finally:
        new.close()
    return saved, is_all


def _save_table(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> bool:
    """Copy a table's rows from its beginning up to the damage, then from its end back to it."""
    try:
        known = [row[1] for row in old.execute(f"PRAGMA table_info({table})")]
    except sqlite3.Error:
        return False
    wanted = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
    columns = [name for name in wanted if name in known]
    if not columns:
        return False
    keys = [row[1] for row in new.execute(f"PRAGMA table_info({table})") if row[5]]
    backwards = ", ".join(f"{key} DESC" for key in keys)
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    for order in ("", f" ORDER BY {backwards}"):
        try:
            rows = old.execute(f"SELECT {', '.join(columns)} FROM {table}{order}")
            while True:
                row = rows.fetchone()
                if row is None:
                    return order == ""
                with suppress(sqlite3.IntegrityError, UnicodeError):
                    new.execute(insert, row)
        except (sqlite3.Error, UnicodeError):
            continue
    return False


def _drop_halves(connection: sqlite3.Connection) -> None:
    """Take out what was only saved in part."""
    for table in ("batch_texts", "batch_details"):
        connection.execute(f"DELETE FROM {table} WHERE place NOT IN (SELECT place FROM batches)")
        connection.execute(f"DELETE FROM batches WHERE place NOT IN (SELECT place FROM {table})")
    connection.execute("DELETE FROM batch_texts WHERE place NOT IN (SELECT place FROM batches)")
    connection.execute("DELETE FROM samples WHERE place NOT IN (SELECT place FROM batches)")
    connection.execute("DELETE FROM operation_steps WHERE operation_id NOT IN (SELECT id FROM operations)")


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.suspect")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from mending the same file meanwhile."""
    lock = path.with_name(f"{path.name}.mending")
    handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    """Wait for a lock that ends with the process or the handle."""
    if os.name == "posix":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
    else:
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
