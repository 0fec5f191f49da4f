"""Joining the requests of an input to the rows that answer them, a bite at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from batchdeck.models.lines import Outcome
from batchdeck.store.rows import CHUNK, NUMBERS

_OK = NUMBERS[Outcome.OK]
_ADD = "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class JoinPlace:
    """How far a join has come."""

    after: str | None = None
    """Every custom_id up to this one is joined; None at the beginning."""
    file: int = 0
    """Without an input: which of the result files is listed."""
    number: int = 0
    """Without an input: the next row of it."""
    requests: int = 0
    rows: int = 0
    repeated_ids: int = 0
    unknown_rows: int = 0
    is_input_done: bool = False
    is_done: bool = False


def join_chunk(
    connection: sqlite3.Connection,
    view: int,
    input_file: int,
    results: Sequence[int],
    nothing: tuple[Outcome, str, bool],
    place: JoinPlace,
) -> JoinPlace:
    """Join the next custom_ids in their order.

    Of a custom_id that stands in several lines of the input, the first are answered by the ok rows, the
    next by the failed ones in the order of the files.
    """
    if place.is_input_done:
        return _add_nameless(connection, view, results, place)
    if place.after is None:
        total = connection.execute("SELECT count(*) FROM file_rows WHERE file = ?", (input_file,))
        place = replace(place, requests=total.fetchone()[0])
        place = replace(place, rows=place.requests)
    lines, upto, is_last = _input_chunk(connection, input_file, place.after)
    answers = _answers(connection, results, place.after, None if is_last else upto)
    outcome, code, retryable = nothing
    unanswered = (NUMBERS[outcome], code, retryable, None, None)
    entries: list[tuple[Any, ...]] = []
    repeated = 0
    for custom_id, members in groupby(lines, key=lambda line: line[0]):
        numbers = [number for _, number in members]
        found = answers.pop(custom_id, [])
        if len(numbers) > 1 or len(found) > 1:
            repeated += 1
            # A stable sort: the order of the files stays within ok and failed rows.
            found.sort(key=lambda answer: answer[0] != _OK)
        for occurrence, number in enumerate(numbers):
            chosen = found[occurrence] if occurrence < len(found) else unanswered
            entries.append((view, number, *chosen, len(found)))
    unknown = 0
    rows = place.rows
    for found in answers.values():
        for answer in found:
            entries.append((view, rows, *answer, len(found)))
            rows += 1
            unknown += 1
    connection.executemany(_ADD, entries)
    return replace(
        place,
        after=upto,
        rows=rows,
        repeated_ids=place.repeated_ids + repeated,
        unknown_rows=place.unknown_rows + unknown,
        is_input_done=is_last,
    )


def list_chunk(
    connection: sqlite3.Connection, view: int, results: Sequence[int], place: JoinPlace
) -> JoinPlace:
    """Without an input, list the next result rows as they lie in their files."""
    if place.is_input_done:
        return _add_nameless(connection, view, results, place)
    if place.file >= len(results):
        repeated = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM file_ids WHERE file IN"
            f" ({', '.join('?' * len(results))}) GROUP BY custom_id HAVING count(*) > 1)",
            tuple(results),
        ).fetchone()[0]
        return replace(place, requests=place.rows, repeated_ids=repeated, is_input_done=True)
    file = results[place.file]
    found = connection.execute(
        "SELECT number, outcome, code, retryable, custom_id IS NULL FROM file_rows"
        f" WHERE file = ? AND number >= ? ORDER BY number LIMIT {CHUNK}",
        (file, place.number),
    ).fetchall()
    if not found:
        return replace(place, file=place.file + 1, number=0)
    named = [row for row in found if not row[4]]
    connection.executemany(
        _ADD,
        (
            (view, position, outcome, code, retryable, file, number, 1)
            for position, (number, outcome, code, retryable, _) in enumerate(named, place.rows)
        ),
    )
    return replace(place, number=found[-1][0] + 1, rows=place.rows + len(named))


def _add_nameless(
    connection: sqlite3.Connection, view: int, results: Sequence[int], place: JoinPlace
) -> JoinPlace:
    """Put the rows without a custom_id, torn ones among them, at the end."""
    rows = place.rows
    for file in results:
        found = connection.execute(
            "SELECT number, outcome, code, retryable FROM file_rows WHERE file = ? AND custom_id IS NULL"
            " ORDER BY number",
            (file,),
        ).fetchall()
        connection.executemany(
            _ADD,
            (
                (view, position, outcome, code, retryable, file, number, 1)
                for position, (number, outcome, code, retryable) in enumerate(found, rows)
            ),
        )
        rows += len(found)
    return replace(place, rows=rows, is_done=True)


def _input_chunk(
    connection: sqlite3.Connection, input_file: int, after: str | None
) -> tuple[list[tuple[str, int]], str | None, bool]:
    """The next lines by custom_id, all lines of the last one; the last custom_id; True when none are left."""
    lines: list[tuple[str, int]] = connection.execute(
        "SELECT custom_id, number FROM file_ids WHERE file = ?1 AND (?2 IS NULL OR custom_id > ?2)"
        f" ORDER BY custom_id, number LIMIT {CHUNK}",
        (input_file, after),
    ).fetchall()
    if len(lines) < CHUNK:
        return lines, lines[-1][0] if lines else after, True
    last = lines[-1][0]
    lines = [line for line in lines if line[0] != last]
    lines += connection.execute(
        "SELECT custom_id, number FROM file_ids WHERE file = ? AND custom_id = ? ORDER BY number",
        (input_file, last),
    ).fetchall()
    return lines, last, False


def _answers(
    connection: sqlite3.Connection, results: Sequence[int], after: str | None, upto: str | None
) -> dict[str, list[tuple[Any, ...]]]:
    """The result rows of a span of custom_ids, in the order of the files."""
    answers: dict[str, list[tuple[Any, ...]]] = {}
    for file in results:
        for custom_id, *answer in connection.execute(
            "SELECT i.custom_id, r.outcome, r.code, r.retryable, r.file, r.number FROM file_ids i"
            " JOIN file_rows r ON r.file = i.file AND r.number = i.number WHERE i.file = ?1"
            " AND (?2 IS NULL OR i.custom_id > ?2) AND (?3 IS NULL OR i.custom_id <= ?3)"
            " ORDER BY i.custom_id, i.number",
            (file, after, upto),
        ):
            answers.setdefault(custom_id, []).append(tuple(answer))
    return answers
