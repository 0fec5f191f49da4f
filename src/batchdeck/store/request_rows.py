"""The SQL by which requests and their answers are read from a view."""

from __future__ import annotations

import re
import sqlite3
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batchdeck.models.lines import Outcome
from batchdeck.models.requests import RequestFilter, RequestRow
from batchdeck.store.rows import NUMBERS, OUTCOMES, spell, unspell
from batchdeck.store.texts import plain


@dataclass(frozen=True, slots=True)
class RequestView:
    """A complete join of one batch's files; it never changes."""

    id: int
    input_file: int | None
    output_file: int | None
    error_file: int | None
    requests: int
    rows: int
    """Requests and result rows that answer none."""
    repeated_ids: int
    unknown_rows: int
    """Result rows whose custom_id is in no line of the input."""


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row lies."""

    file: int
    line: int
    offset: int
    length: int
    outcome: Outcome | None
    """None for a request."""
    code: str
    status_code: int | None


ROWS = (
    "SELECT r.position, i.line, coalesce(i.custom_id, a.custom_id), r.outcome, r.code, a.status_code,"
    " coalesce(a.message, ''), r.retryable, r.answers, i.file IS NOT NULL FROM requests r"
    " LEFT JOIN file_rows i ON i.file = :input AND i.number = r.position AND r.position < :requests"
    " LEFT JOIN file_rows a ON a.file = r.answer_file AND a.number = r.answer"
)
"""Selects what `row_of` takes; a WHERE goes after it."""


def parameters_of(view: RequestView) -> dict[str, object]:
    """What the SQL here names of a view."""
    return {"view": view.id, "input": view.input_file, "requests": view.requests}


def row_of(row: Sequence[Any]) -> RequestRow:
    """A row selected by `ROWS`."""
    position, line, custom_id, outcome, code, status_code, message, retryable, answers, has_request = row
    return RequestRow(
        position=position,
        line=line,
        custom_id=unspell(custom_id),
        outcome=OUTCOMES[outcome],
        code=code,
        status_code=status_code,
        message=message,
        retryable=bool(retryable),
        answers=answers,
        has_request=bool(has_request),
    )


def place_of(connection: sqlite3.Connection, file: int | None, number: int) -> RowPlace | None:
    """Where a row of a file lies."""
    row = connection.execute(
        "SELECT file, line, offset, length, outcome, code, status_code FROM file_rows"
        " WHERE file = ? AND number = ?",
        (file, number),
    ).fetchone()
    if row is None:
        return None
    found, line, offset, length, outcome, code, status_code = row
    return RowPlace(
        found, line, offset, length, None if outcome is None else OUTCOMES[outcome], code, status_code
    )


def matching_positions(
    connection: sqlite3.Connection, view: RequestView, filter: RequestFilter
) -> array[int]:
    """The positions of the rows that match, in order."""
    parameters = parameters_of(view)
    terms = ["r.view = :view"]
    if filter.outcomes:
        numbers = ", ".join(str(NUMBERS[outcome]) for outcome in sorted(filter.outcomes))
        terms.append(f"r.outcome IN ({numbers})")
    if filter.code is not None:
        terms.append("r.code = :code")
        parameters["code"] = plain(filter.code)
    if filter.retryable is not None:
        terms.append("r.retryable = :retryable")
        parameters["retryable"] = filter.retryable
    if filter.requests_only:
        terms.append("r.position < :requests")
    where = " AND ".join(terms)
    if not filter.custom_id:
        found = connection.execute(f"SELECT r.position FROM requests r WHERE {where}", parameters)
        return _in_order(found)
    escaped = re.sub(r"([\\%_])", r"\\\1", spell(filter.custom_id) or "")
    parameters["like"] = f"%{escaped}%"
    like = "i.custom_id LIKE :like ESCAPE '\\'"
    by_answer = (
        f"SELECT r.position FROM requests r JOIN file_rows i ON i.file = r.answer_file"
        f" AND i.number = r.answer WHERE {where} AND {like}"
    )
    if view.input_file is None:
        return _in_order(connection.execute(by_answer, parameters))
    by_request = f"SELECT i.number FROM file_ids i WHERE i.file = :input AND {like}"
    if len(terms) > 1:
        by_request = (
            "SELECT r.position FROM file_ids i CROSS JOIN requests r ON r.position = i.number"
            f" WHERE i.file = :input AND {like} AND {where}"
        )
    return _in_order(
        connection.execute(f"{by_request} UNION ALL {by_answer} AND r.position >= :requests", parameters)
    )


def _in_order(rows: sqlite3.Cursor) -> array[int]:
    return array("q", sorted(row[0] for row in rows))
