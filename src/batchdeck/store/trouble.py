"""What an SQLite error means for the user."""

from __future__ import annotations

import sqlite3
from enum import Enum, auto
from pathlib import Path


class Trouble(Enum):
    """Kinds of failure that are dealt with differently."""

    UNWRITABLE = auto()
    """The disk is full, or the file or folder may not be written."""
    DAMAGED = auto()
    LOCKED = auto()
    OTHER = auto()


_KINDS = {
    sqlite3.SQLITE_FULL: Trouble.UNWRITABLE,
    sqlite3.SQLITE_IOERR: Trouble.UNWRITABLE,
    sqlite3.SQLITE_READONLY: Trouble.UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: Trouble.UNWRITABLE,
    sqlite3.SQLITE_PERM: Trouble.UNWRITABLE,
    sqlite3.SQLITE_CORRUPT: Trouble.DAMAGED,
    sqlite3.SQLITE_NOTADB: Trouble.DAMAGED,
    sqlite3.SQLITE_BUSY: Trouble.LOCKED,
    sqlite3.SQLITE_LOCKED: Trouble.LOCKED,
}


def code_of(error: sqlite3.Error) -> int:
    """The primary SQLite result code, or 0."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def trouble_of(error: sqlite3.Error) -> Trouble:
    """What kind of failure it is."""
    return _KINDS.get(code_of(error), Trouble.OTHER)


def sentence_for(error: sqlite3.Error, path: Path | None, doing: str) -> str:
    """One sentence that says what could not be done with the history, and why."""
    where = str(path) if path is not None else "in memory"
    what = {"journal": "written (nothing was sent)", "write": "written", "read": "read"}[doing]
    match code_of(error):
        case sqlite3.SQLITE_FULL:
            why = "the disk is full"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            why = "the file or its folder may not be written"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            why = "the file is damaged; start batchdeck again and it is put aside and a new one begun"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            why = "another program has held it locked for too long"
        case _:
            why = str(error)
    return f"The history {where} could not be {what}: {why}."
