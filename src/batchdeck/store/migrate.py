"""Bringing a history's schema up to date."""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path

from batchdeck.errors import HistoryError, NewerHistory

FOLDER = Path(__file__).parent / "migrations"


@cache
def migrations() -> tuple[tuple[int, Path], ...]:
    """The numbered files, lowest first.

    Raises:
        HistoryError: the numbers have a gap, so the installation is broken.
    """
    found = sorted((int(path.name[:4]), path) for path in FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise HistoryError(f"The migrations in {FOLDER} are not whole.", hint="Install batchdeck again.")
    return tuple(found)


def newest() -> int:
    """The schema version this release writes."""
    return migrations()[-1][0]


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of an open database."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, *, upto: int | None = None) -> int:
    """Apply what is missing, in one transaction; the version it had before is returned.

    Two processes may do this to one new file at once: the second finds the work done.

    Raises:
        NewerHistory: the database was written by a newer batchdeck.
        HistoryError: it is another program's.
        sqlite3.Error: it cannot be read or written.
    """
    target = newest() if upto is None else upto
    version = version_of(connection)
    if version < target:
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = version_of(connection)
            if version == 0 and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                raise HistoryError("The file is an SQLite database, but no history of batchdeck.")
            for number, path in migrations():
                if version < number <= target:
                    for statement in statements(path.read_text("utf-8")):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    if version > newest():
        raise NewerHistory(
            f"The history has schema {version}, and this batchdeck knows schemas up to {newest()}."
        )
    return version


def statements(script: str) -> list[str]:
    """The statements of an SQL script, one by one; a trigger's body stays whole."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines():
        if not pending and (not line.strip() or line.lstrip().startswith("--")):
            continue
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    if pending.strip():
        found.append(pending.strip())
    return found
