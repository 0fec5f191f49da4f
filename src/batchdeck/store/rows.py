"""Where every row of a local file lies, and what it says in short."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from batchdeck.models.lines import IndexedRow, Outcome
from batchdeck.store.base import Database
from batchdeck.store.texts import plain

CHUNK = 5_000
"""Rows written or deleted in one transaction, so that nobody else waits long for the write lock."""
ABANDONED_SECONDS = 3_600.0
"""An index that has not been finished for so long was cut off."""
OUTCOMES = (
    Outcome.OK,
    Outcome.FAILED,
    Outcome.EXPIRED,
    Outcome.CANCELLED,
    Outcome.MISSING,
    Outcome.PENDING,
)
"""By the number the tables hold; `ok` must stay the lowest."""
NUMBERS = {outcome: number for number, outcome in enumerate(OUTCOMES)}
_COLUMNS = 11
_PLACES = f"({', '.join('?' * _COLUMNS)})"
_ROWS_AT_ONCE = 2_500
_SPELLED = "\ufdd0"
"""Begins a custom_id that is kept with escapes."""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file whose rows are all in the index."""

    id: int
    file_id: str
    kind: str
    """`input`, `output` or `errors`."""
    path: str
    size: int
    mtime_ns: int
    rows: int
    torn: int
    """Lines that are no JSON object."""
    nameless: int
    """Rows without a custom_id that can be read."""
    usage: str
    """Tokens by model as JSON: `{model: [input, output, cached]}`."""


_FILE = "id, file_id, kind, path, size, mtime_ns, rows, torn, nameless, usage"


class RowFiles:
    """The row index, file by file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, account_id: int, file_id: str) -> IndexedFile | None:
        """The newest complete index of a file of the service, or None."""

        def work(connection: sqlite3.Connection) -> IndexedFile | None:
            row = connection.execute(
                f"SELECT {_FILE} FROM row_files WHERE account_id = ? AND file_id = ? AND is_complete"
                " ORDER BY id DESC LIMIT 1",
                (account_id, plain(file_id)),
            ).fetchone()
            return None if row is None else IndexedFile(*row)

        return await self._database.read(work)

    async def get(self, file: int) -> IndexedFile | None:
        """An index by its own number, or None."""

        def work(connection: sqlite3.Connection) -> IndexedFile | None:
            row = connection.execute(
                f"SELECT {_FILE} FROM row_files WHERE id = ? AND is_complete", (file,)
            ).fetchone()
            return None if row is None else IndexedFile(*row)

        return await self._database.read(work)

    async def begin(
        self,
        account_id: int,
        file_id: str,
        kind: str,
        *,
        path: str,
        size: int,
        mtime_ns: int,
        at: datetime,
    ) -> int:
        """Start an index; its number is returned. Nobody sees it before `finish`."""

        def work(connection: sqlite3.Connection) -> int:
            cursor = connection.execute(
                "INSERT INTO row_files (account_id, file_id, kind, path, size, mtime_ns, is_complete, rows,"
                " torn, nameless, usage, used_at) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, '{}', ?)",
                (account_id, plain(file_id), kind, plain(path), size, mtime_ns, at.timestamp()),
            )
            return int(cursor.lastrowid or 0)

        return await self._database.write(work)

    async def add_results(self, file: int, first: int, rows: Sequence[IndexedRow]) -> None:
        """Add rows of an output or error file, the first of them as number `first`."""

        def work(connection: sqlite3.Connection) -> None:
            _insert(
                connection,
                [
                    (
                        file,
                        number,
                        row.line,
                        row.offset,
                        row.length,
                        spell(row.custom_id),
                        NUMBERS[row.outcome],
                        row.status_code,
                        plain(row.code),
                        row.retryable,
                        plain(row.message),
                    )
                    for number, row in enumerate(rows, first)
                ],
            )

        await self._database.write(work)

    async def add_lines(self, file: int, first: int, lines: Sequence[tuple[int, int, int, str]]) -> None:
        """Add lines of a request file as (line, offset, length, custom_id), the first as number `first`."""

        def work(connection: sqlite3.Connection) -> None:
            _insert(
                connection,
                [
                    (file, number, line, offset, length, spell(custom_id), None, None, "", 0, "")
                    for number, (line, offset, length, custom_id) in enumerate(lines, first)
                ],
            )

        await self._database.write(work)

    async def finish(
        self, file: int, *, rows: int, torn: int, nameless: int, usage: dict[str, list[int]], at: datetime
    ) -> None:
        """Make an index valid: all rows of the file are in it."""
        values = (rows, torn, nameless, json.dumps(usage), at.timestamp(), file)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO file_ids SELECT file, custom_id, number FROM file_rows"
                " WHERE file = ? AND custom_id IS NOT NULL ORDER BY custom_id, number",
                (file,),
            )
            connection.execute(
                "UPDATE row_files SET is_complete = 1, rows = ?, torn = ?, nameless = ?, usage = ?,"
                " used_at = ? WHERE id = ?",
                values,
            )

        await self._database.write(work)

    async def tally(
        self, inputs: Sequence[int] | None, runs: Sequence[Sequence[int]]
    ) -> tuple[int, list[tuple[int, int]]]:
        """Count what runs that follow each other answered.

        Args:
            inputs: The request files, or None when they are lost: then every custom_id counts once.
            runs: The result files of each run, the first run first.

        Returns:
            All requests, and for each run its ok rows and how many requests it was the first to answer.
        """

        def work(connection: sqlite3.Connection) -> tuple[int, list[tuple[int, int]]]:
            open_ids: dict[str, int] = {}
            for file in inputs or ():
                for (custom_id,) in connection.execute(
                    "SELECT custom_id FROM file_ids WHERE file = ?", (file,)
                ):
                    open_ids[custom_id] = open_ids.get(custom_id, 0) + 1
            requests = sum(open_ids.values())
            counted: list[tuple[int, int]] = []
            for files in runs:
                ok = added = 0
                for file in files:
                    for (custom_id,) in connection.execute(
                        "SELECT custom_id FROM file_rows WHERE file = ? AND outcome = ?"
                        " AND custom_id IS NOT NULL",
                        (file, NUMBERS[Outcome.OK]),
                    ):
                        ok += 1
                        left = open_ids.get(custom_id, 1 if inputs is None else 0)
                        if left > 0:
                            open_ids[custom_id] = left - 1
                            added += 1
                counted.append((ok, added))
            return requests, counted

        return await self._database.read_aside(work)

    async def moved(self, file: int, path: str, mtime_ns: int) -> None:
        """Note that the same file lies elsewhere now."""
        await self._database.write(
            lambda connection: connection.execute(
                "UPDATE row_files SET path = ?, mtime_ns = ? WHERE id = ?", (plain(path), mtime_ns, file)
            )
        )

    async def touch(self, files: Iterable[int], at: datetime) -> None:
        """Note that indexes were used, so that others are swept before them."""
        values = [(at.timestamp(), file) for file in files]
        await self._database.write(
            lambda connection: connection.executemany("UPDATE row_files SET used_at = ? WHERE id = ?", values)
        )

    async def sweep(self, at: datetime, *, max_rows: int) -> int:
        """Delete indexes that were cut off, replaced, or not used for longest; how many is returned.

        Args:
            at: The time of day, UTC.
            max_rows: Rows that may stay in all.
        """

        def doomed(connection: sqlite3.Connection) -> list[int]:
            found: list[int] = []
            kept = 0
            newest: set[tuple[int, str]] = set()
            for file, account_id, file_id, is_complete, rows, used_at in connection.execute(
                "SELECT id, account_id, file_id, is_complete, rows, used_at FROM row_files"
                " ORDER BY used_at DESC, id DESC"
            ):
                is_old = at.timestamp() - used_at > ABANDONED_SECONDS
                if not is_complete:
                    if is_old:
                        found.append(file)
                elif (account_id, file_id) in newest and is_old:
                    found.append(file)
                else:
                    newest.add((account_id, file_id))
                    kept += rows
                    if kept > max_rows and kept > rows:
                        found.append(file)
                        kept -= rows
            return found

        files = await self._database.read(doomed)
        for file in files:
            await self._delete(file)
        return len(files)

    async def _delete(self, file: int) -> None:
        def views(connection: sqlite3.Connection) -> list[int]:
            connection.execute("UPDATE row_files SET is_complete = 0 WHERE id = ?", (file,))
            found = connection.execute(
                "SELECT id FROM request_views WHERE ?1 IN (input_file, output_file, error_file)", (file,)
            ).fetchall()
            connection.executemany("UPDATE request_views SET is_complete = 0 WHERE id = ?", found)
            return [row[0] for row in found]

        for view in await self._database.write(views):
            await delete_view(self._database, view)
        await _delete_in_bites(self._database, "file_rows", "file", "number", file)
        await _delete_in_bites(self._database, "file_ids", "file", "custom_id", file)
        await self._database.write(
            lambda connection: connection.execute("DELETE FROM row_files WHERE id = ?", (file,))
        )


async def delete_view(database: Database, view: int) -> None:
    """Delete a view of requests in short transactions."""
    await _delete_in_bites(database, "requests", "view", "position", view)
    await database.write(
        lambda connection: connection.execute("DELETE FROM request_views WHERE id = ?", (view,))
    )


async def _delete_in_bites(database: Database, table: str, key: str, place: str, value: int) -> None:
    def bite(connection: sqlite3.Connection) -> int:
        return connection.execute(
            f"DELETE FROM {table} WHERE {key} = ?1 AND {place} IN"
            f" (SELECT {place} FROM {table} WHERE {key} = ?1 ORDER BY {place} LIMIT {CHUNK})",
            (value,),
        ).rowcount

    work: Callable[[sqlite3.Connection], int] = bite
    while await database.write(work) > 0:
        pass


def _insert(connection: sqlite3.Connection, rows: list[tuple[object, ...]]) -> None:
    """Insert rows, thousands in a statement: while SQLite is at it, the thread that parses can run."""
    most = connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // _COLUMNS
    step = max(1, min(_ROWS_AT_ONCE, most))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        values = ", ".join([_PLACES] * len(some))
        connection.execute(f"INSERT INTO file_rows VALUES {values}", list(chain.from_iterable(some)))


def spell(custom_id: str | None) -> str | None:
    """A custom_id as SQLite can hold it: no two come out the same."""
    if custom_id is None or (custom_id.isascii() and "\0" not in custom_id):
        return custom_id
    if (
        "\0" in custom_id
        or custom_id.startswith(_SPELLED)
        or any("\ud800" <= c <= "\udfff" for c in custom_id)
    ):
        return _SPELLED + custom_id.encode("unicode_escape").decode("ascii")
    return custom_id


def unspell(kept: str | None) -> str | None:
    """The custom_id that `spell` made this of."""
    if kept is None or not kept.startswith(_SPELLED):
        return kept
    return kept[len(_SPELLED) :].encode("ascii").decode("unicode_escape")
