"""Writing batches into the history."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from batchdeck.models.batch import Batch, BatchStatus
from batchdeck.models.stored import Changes
from batchdeck.store.details import decode, digest, encode, name_of, search_text, to_seconds
from batchdeck.store.filter_sql import flat, plain, plain_or_none

STATE_RANKS = {
    BatchStatus.UNKNOWN: 0,
    BatchStatus.VALIDATING: 1,
    BatchStatus.IN_PROGRESS: 2,
    BatchStatus.FINALIZING: 3,
    BatchStatus.CANCELLING: 4,
    BatchStatus.FAILED: 5,
    BatchStatus.EXPIRED: 6,
    BatchStatus.CANCELLED: 7,
    BatchStatus.COMPLETED: 8,
}
"""The order of states in the list: active ones first, then those that went wrong."""

SEEN_EVERY = 60
"""Seconds: `seen_at` of a batch of which nothing changed is written no more often than that."""

_PLACE_BITS = 20
_COLUMNS = (
    "status",
    "state_rank",
    "created_at",
    "ended_at",
    "total",
    "completed",
    "failed",
    "done",
    "model",
    "endpoint",
    "gone_at",
    "seen_at",
    "name_key",
    "input_file_id",
    "retry_of",
    "group_id",
    "operation_id",
)
_INSERT = (
    f"INSERT INTO batches (place, account_id, id, lineage_root, {', '.join(_COLUMNS)})"
    f" VALUES (?, ?, ?, ?{', ?' * len(_COLUMNS)})"
)
_UPDATE = f"UPDATE batches SET {' = ?, '.join(_COLUMNS)} = ? WHERE place = ?"
_FIND = (
    "SELECT b.place, b.created_at, b.seen_at, b.gone_at, b.retry_of, b.total, b.completed, b.failed,"
    " d.digest, d.input_name FROM batches b JOIN batch_details d ON d.place = b.place"
    " WHERE b.account_id = ? AND b.id = ?"
)


@dataclass(slots=True)
class _Row:
    """What is derived from a batch for its tables."""

    id: str
    body: str
    digest: bytes
    columns: tuple[object, ...]
    text: str
    name: str
    created_at: int
    retry_of: str | None
    counts: tuple[int, int, int]


def upsert(
    connection: sqlite3.Connection,
    account_id: int,
    batches: Sequence[Batch],
    *,
    seen_at: datetime,
    profile: str,
    name_keys: tuple[str, ...],
) -> Changes:
    """Store batches as the service described them, in the service's order (newest first)."""
    new: list[str] = []
    changed: list[str] = []
    seen = seen_at.timestamp()
    # The last is the oldest: storing it first puts batches of one second in the order of the service.
    for batch in reversed(batches):
        found = connection.execute(_FIND, (account_id, plain(batch.id))).fetchone()
        body = encode(batch)
        mark = digest(body)
        if found is None:
            input_name = _input_name(connection, account_id, batch.input_file_id)
            row = _row(batch, body, mark, input_name, name_keys, seen, None)
            _insert(connection, account_id, row, profile, input_name, seen)
            new.append(batch.id)
            continue
        place, created_at, last_seen, gone_at, retry_of, *counts, known_mark, input_name = found
        if known_mark == mark and gone_at is None:
            if seen - last_seen >= SEEN_EVERY:
                connection.execute("UPDATE batches SET seen_at = ? WHERE place = ?", (seen, place))
            continue
        row = _row(batch, body, mark, input_name, name_keys, seen, created_at)
        _update(connection, account_id, place, row, profile, created_at)
        if row.created_at != created_at:
            place = _move(connection, place, row.created_at)
        if row.counts != tuple(counts):
            _sample(connection, place, row, seen)
        if row.retry_of != retry_of:
            relink(connection, account_id, row.id)
        changed.append(batch.id)
    return Changes(tuple(reversed(new)), tuple(reversed(changed)))


def _row(
    batch: Batch,
    body: str,
    mark: bytes,
    input_name: str | None,
    name_keys: tuple[str, ...],
    seen: float,
    known_created_at: int | None,
) -> _Row:
    created = to_seconds(batch.created_at)
    # A service that gives no time: the batch stands where it was first seen.
    created_at = int(created) if created is not None else int(known_created_at or seen)
    created_at = max(0, min(created_at, 2**42))
    ended = to_seconds(batch.ended_at)
    name = name_of(batch, input_name, name_keys)
    retry_of = plain(batch.retry_of) if batch.retry_of else None
    counts = batch.counts
    numbers = (_count(counts.total), _count(counts.completed), _count(counts.failed))
    columns = (
        batch.status.value,
        STATE_RANKS[batch.status],
        created_at,
        None if ended is None else int(ended),
        *numbers,
        counts.done_share,
        plain(batch.model),
        plain(batch.endpoint),
        None,
        seen,
        flat(name),
        plain_or_none(batch.input_file_id),
        retry_of,
        plain_or_none(batch.group_id),
        plain_or_none(batch.operation_id),
    )
    text = search_text(batch, input_name, name)
    return _Row(plain(batch.id), body, mark, columns, text, plain(name), created_at, retry_of, numbers)


def _insert(
    connection: sqlite3.Connection,
    account_id: int,
    row: _Row,
    profile: str,
    input_name: str | None,
    seen: float,
) -> None:
    place = _free_place(connection, row.created_at)
    connection.execute(_INSERT, (place, account_id, row.id, row.id, *row.columns))
    connection.execute("INSERT INTO batch_texts VALUES (?, ?, ?)", (place, account_id, row.text))
    connection.execute(
        "INSERT INTO batch_details VALUES (?, ?, ?, ?, ?, ?, NULL)",
        (place, row.body, row.digest, row.name, profile, input_name),
    )
    _sample(connection, place, row, seen)
    relink(connection, account_id, row.id)


def _update(
    connection: sqlite3.Connection, account_id: int, place: int, row: _Row, profile: str, created_at: int
) -> None:
    connection.execute(_UPDATE, (*row.columns, place))
    connection.execute(
        "UPDATE batch_texts SET text = ? WHERE place = ? AND text <> ?", (row.text, place, row.text)
    )
    connection.execute(
        "UPDATE batch_details SET body = ?, digest = ?, name = ?, profile = ? WHERE place = ?",
        (row.body, row.digest, row.name, profile, place),
    )


def _free_place(connection: sqlite3.Connection, created_at: int) -> int:
    first = created_at << _PLACE_BITS
    row = connection.execute(
        "SELECT max(place) FROM batches WHERE place BETWEEN ? AND ?", (first, first + (1 << _PLACE_BITS) - 1)
    ).fetchone()
    return first if row[0] is None else int(row[0]) + 1


def _move(connection: sqlite3.Connection, place: int, created_at: int) -> int:
    """Give a batch whose time of creation changed its new place."""
    moved = _free_place(connection, created_at)
    connection.execute("UPDATE batches SET place = ? WHERE place = ?", (moved, place))
    return moved


def _sample(connection: sqlite3.Connection, place: int, row: _Row, seen: float) -> None:
    connection.execute("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?)", (place, seen, *row.counts))


def relink(connection: sqlite3.Connection, account_id: int, batch_id: str) -> None:
    """Bring `lineage_root` of a batch and of its descendants up to date.

    The root is the oldest ancestor that is named anywhere, known to the history or not, so that two retries
    of an unknown batch are of one lineage. A circle of retries ends where it closes.
    """
    own = connection.execute(
        "SELECT retry_of, lineage_root FROM batches WHERE account_id = ? AND id = ?", (account_id, batch_id)
    ).fetchone()
    parent, old_root = own
    root = batch_id
    if parent is not None and parent != batch_id:
        row = connection.execute(
            "SELECT lineage_root FROM batches WHERE account_id = ? AND id = ?", (account_id, parent)
        ).fetchone()
        root = parent if row is None else row[0]
    has_children = connection.execute(
        "SELECT 1 FROM batches WHERE account_id = ? AND retry_of = ? LIMIT 1", (account_id, batch_id)
    ).fetchone()
    if has_children is not None:
        connection.execute(
            "WITH RECURSIVE tree (id) AS (SELECT ?2 UNION SELECT b.id FROM batches b JOIN tree"
            " ON b.account_id = ?1 AND b.retry_of = tree.id)"
            " UPDATE batches SET lineage_root = ?3 WHERE account_id = ?1 AND id IN (SELECT id FROM tree)",
            (account_id, batch_id, root),
        )
    elif old_root != root:
        connection.execute(
            "UPDATE batches SET lineage_root = ? WHERE account_id = ? AND id = ?",
            (root, account_id, batch_id),
        )


def rename_input(connection: sqlite3.Connection, account_id: int, input_file_id: str, name: str) -> list[str]:
    """Remember the file name of an input; the ids of batches that are called otherwise now are returned."""
    shown = plain(name)
    connection.execute(
        "INSERT INTO input_names VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name",
        (account_id, plain(input_file_id), shown),
    )
    rows = connection.execute(
        "SELECT b.place, b.id, d.body, d.name, d.input_name FROM batches b JOIN batch_details d"
        " ON d.place = b.place WHERE b.account_id = ? AND b.input_file_id = ? AND d.input_name IS NOT ?",
        (account_id, plain(input_file_id), shown),
    ).fetchall()
    for place, batch_id, body, known_name, known_input_name in rows:
        called = shown if known_name in (batch_id, known_input_name) else known_name
        text = search_text(decode(body), shown, called)
        connection.execute(
            "UPDATE batch_details SET input_name = ?, name = ? WHERE place = ?", (shown, called, place)
        )
        connection.execute("UPDATE batch_texts SET text = ? WHERE place = ?", (text, place))
        connection.execute("UPDATE batches SET name_key = ? WHERE place = ?", (flat(called), place))
    return [row[1] for row in rows]


def _input_name(connection: sqlite3.Connection, account_id: int, input_file_id: str | None) -> str | None:
    if not input_file_id:
        return None
    row = connection.execute(
        "SELECT name FROM input_names WHERE account_id = ? AND input_file_id = ?",
        (account_id, plain(input_file_id)),
    ).fetchone()
    return None if row is None else str(row[0])


def _count(number: int) -> int:
    """A count as SQLite can hold it."""
    return max(-(2**62), min(number, 2**62))
