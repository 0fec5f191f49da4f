"""What the repositories need of the history."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Database(Protocol):
    """Runs functions of an SQLite connection, each as one transaction."""

    generation: int
    """Rises with every write of this process."""

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on one unchanging view."""

    async def read_aside(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `read`, for what may take long."""

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` as a transaction; in memory when the file cannot be written."""

    async def journal(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Run `work` as a transaction that is on the disk when this returns."""

    async def read_journal(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on what `journal` wrote."""
