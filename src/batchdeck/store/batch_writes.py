"""Writing batches into the history."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from batchdeck.models.batch import Batch
from batchdeck.models.stored import Changes
from batchdeck.store.details import decode, encode, name_of, search_text, to_seconds
from batchdeck.store.states import PLACE_BITS, STATE_RANKS
from batchdeck.store.texts import flat, plain, plain_or_none

MAX_SAMPLES = 400
"""Samples kept of one batch."""

SEEN_EVERY = 60
"""Seconds: `seen_at` of a batch of which nothing changed is written no more often than that."""

_LAST_SECOND = 2**42
_KEYS = (
    "state_rank",
    "total",
    "completed",
    "failed",
    "done",
    "ended_at",
    "gone_at",
    "model",
    "endpoint",
    "name_key",
)
_INSERT_KEYS = (
    f"INSERT INTO batches (place, account_id, {', '.join(_KEYS)}) VALUES (?, ?{', ?' * len(_KEYS)})"
)
_LINKS = ("input_file_id", "retry_of", "group_id", "operation_id")
_INSERT_DETAILS = (
    "INSERT INTO batch_details (place, account_id, id, profile, input_name, seen_at, body, name,"
    f" {', '.join(_LINKS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?{', ?' * len(_LINKS)})"
)
_UPDATE_DETAILS = (
    "UPDATE batch_details SET profile = ?, seen_at = ?, body = ?, name = ?,"
    f" {' = ?, '.join(_LINKS)} = ? WHERE place = ?"
)


@dataclass(slots=True)
class _Row:
    """What is derived from a batch for its tables."""

    id: str
    body: str
    created_at: int
    keys: tuple[object, ...]
    text: str
    name: str
    links: tuple[str | None, ...]
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
        body = encode(batch)
        found = connection.execute(
            "SELECT place, seen_at, body, input_name, retry_of FROM batch_details"
            " WHERE account_id = ? AND id = ?",
            (account_id, plain(batch.id)),
        ).fetchone()
        if found is None:
            input_name = _input_name(connection, account_id, batch.input_file_id)
            row = _row(batch, body, input_name, name_keys, int(seen))
            _insert(connection, account_id, row, profile, input_name, seen)
            new.append(batch.id)
            continue
        place, last_seen, known_body, input_name, retry_of = found
        if known_body == body and not _is_gone(connection, place):
            if seen - last_seen >= SEEN_EVERY:
                connection.execute("UPDATE batch_details SET seen_at = ? WHERE place = ?", (seen, place))
            continue
        row = _row(batch, body, input_name, name_keys, place >> PLACE_BITS)
        _update(connection, place, row, profile, seen)
        if row.created_at != place >> PLACE_BITS:
            place = _move(connection, place, row.created_at)
        if row.links[1] != retry_of:
            relink(connection, account_id, row.id)
        changed.append(batch.id)
    return Changes(tuple(reversed(new)), tuple(reversed(changed)))


def _row(batch: Batch, body: str, input_name: str | None, name_keys: tuple[str, ...], otherwise: int) -> _Row:
    """Derive what is stored of a batch.

    Args:
        otherwise: Where it stands in time, in seconds, when the service gives no time of creation.
    """
    created = to_seconds(batch.created_at)
    created_at = otherwise if created is None else max(0, min(int(created), _LAST_SECOND))
    ended = to_seconds(batch.ended_at)
    name = name_of(batch, input_name, name_keys)
    counts = (_count(batch.counts.total), _count(batch.counts.completed), _count(batch.counts.failed))
    keys = (
        STATE_RANKS[batch.status],
        *counts,
        batch.counts.done_share,
        None if ended is None else int(ended),
        None,
        plain(batch.model),
        plain(batch.endpoint),
        flat(name),
    )
    links = (batch.input_file_id, batch.retry_of, batch.group_id, batch.operation_id)
    return _Row(
        id=plain(batch.id),
        body=body,
        created_at=created_at,
        keys=keys,
        text=search_text(batch, input_name, name),
        name=plain(name),
        links=tuple(map(plain_or_none, links)),
        counts=counts,
    )


def _insert(
    connection: sqlite3.Connection,
    account_id: int,
    row: _Row,
    profile: str,
    input_name: str | None,
    seen: float,
) -> None:
    place = _free_place(connection, row.created_at)
    connection.execute(_INSERT_KEYS, (place, account_id, *row.keys))
    connection.execute("INSERT INTO batch_texts VALUES (?, ?, ?)", (place, account_id, row.text))
    connection.execute(
        _INSERT_DETAILS,
        (
            place,
            account_id,
            row.id,
            plain(profile),
            input_name,
            seen,
            row.body,
            row.name,
            *row.links,
        ),
    )
    _sample(connection, place, row.counts, seen)
    relink(connection, account_id, row.id)


def _update(connection: sqlite3.Connection, place: int, row: _Row, profile: str, seen: float) -> None:
    """Write what differs: an index is only touched when its column is."""
    known = connection.execute(f"SELECT {', '.join(_KEYS)} FROM batches WHERE place = ?", (place,)).fetchone()
    different = [(key, value) for key, value, old in zip(_KEYS, row.keys, known, strict=True) if value != old]
    if different:
        assignments = ", ".join(f"{key} = ?" for key, _ in different)
        connection.execute(
            f"UPDATE batches SET {assignments} WHERE place = ?", (*(value for _, value in different), place)
        )
    connection.execute(
        "UPDATE batch_texts SET text = ? WHERE place = ? AND text <> ?", (row.text, place, row.text)
    )
    connection.execute(_UPDATE_DETAILS, (plain(profile), seen, row.body, row.name, *row.links, place))
    if row.counts != known[1:4]:
        _sample(connection, place, row.counts, seen)


def _is_gone(connection: sqlite3.Connection, place: int) -> bool:
    row = connection.execute("SELECT gone_at IS NOT NULL FROM batches WHERE place = ?", (place,)).fetchone()
    return bool(row[0])


def _free_place(connection: sqlite3.Connection, created_at: int) -> int:
    first = created_at << PLACE_BITS
    row = connection.execute(
        "SELECT max(place) FROM batches WHERE place BETWEEN ? AND ?", (first, first + (1 << PLACE_BITS) - 1)
    ).fetchone()
    return first if row[0] is None else int(row[0]) + 1


def _move(connection: sqlite3.Connection, place: int, created_at: int) -> int:
    """Give a batch whose time of creation changed its new place."""
    moved = _free_place(connection, created_at)
    connection.execute("UPDATE batches SET place = ? WHERE place = ?", (moved, place))
    return moved


def _sample(connection: sqlite3.Connection, place: int, counts: tuple[int, int, int], seen: float) -> None:
    """Note the counts; of too many samples the one goes that leaves the smallest gap."""
    connection.execute("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?)", (place, seen, *counts))
    row = connection.execute("SELECT count(*) FROM samples WHERE place = ?", (place,)).fetchone()
    if row[0] > MAX_SAMPLES:
        connection.execute(
            "DELETE FROM samples WHERE place = ?1 AND at = (SELECT at FROM (SELECT at,"
            " lead(at) OVER (ORDER BY at) - lag(at) OVER (ORDER BY at) AS gap FROM samples WHERE place = ?1)"
            " WHERE gap IS NOT NULL ORDER BY gap, at LIMIT 1)",
            (place,),
        )


def relink(connection: sqlite3.Connection, account_id: int, batch_id: str) -> None:
    """Bring `lineage_root` of a batch and of its descendants up to date.

    The root is the oldest ancestor that is named anywhere, known to the history or not, so that two retries
    of an unknown batch are of one lineage. A circle of retries ends where it closes.
    """
    parent, old_root, has_children = connection.execute(
        "SELECT retry_of, lineage_root, EXISTS (SELECT 1 FROM batch_details"
        " WHERE account_id = ?1 AND retry_of = ?2) FROM batch_details WHERE account_id = ?1 AND id = ?2",
        (account_id, batch_id),
    ).fetchone()
    root = batch_id
    if parent is not None and parent != batch_id:
        row = connection.execute(
            "SELECT coalesce(lineage_root, id) FROM batch_details WHERE account_id = ? AND id = ?",
            (account_id, parent),
        ).fetchone()
        root = parent if row is None else row[0]
    if has_children:
        connection.execute(
            "WITH RECURSIVE tree (id) AS (SELECT ?2 UNION SELECT d.id FROM batch_details d JOIN tree"
            " ON d.account_id = ?1 AND d.retry_of = tree.id)"
            " UPDATE batch_details SET lineage_root = nullif(?3, id)"
            " WHERE account_id = ?1 AND id IN (SELECT id FROM tree)",
            (account_id, batch_id, root),
        )
    elif (old_root or batch_id) != root:
        connection.execute(
            "UPDATE batch_details SET lineage_root = nullif(?1, id) WHERE account_id = ?2 AND id = ?3",
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
        "SELECT place, id, body, name, input_name FROM batch_details"
        " WHERE account_id = ? AND input_file_id = ? AND input_name IS NOT ?",
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
