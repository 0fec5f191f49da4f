"""The requests of a batch joined to their answers, for pages, groups and search."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from batchdeck.models.lines import Outcome
from batchdeck.models.requests import OutcomeGroup, RequestFilter, RequestPage, RequestRow
from batchdeck.store.base import Database
from batchdeck.store.filter_sql import plain
from batchdeck.store.request_join import JoinPlace, join_chunk, list_chunk
from batchdeck.store.rows import NUMBERS, OUTCOMES, delete_view, spell, unspell

SAMPLES = 5
"""custom_ids given with a group."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """A complete join of one batch's files."""

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


@dataclass(frozen=True, slots=True)
class Span:
    """What a text search looks through at one position."""

    position: int
    custom_id: str | None
    request: tuple[int, int] | None
    """Offset and length in the input."""
    answer: tuple[int, int, int] | None
    """Indexed file, offset and length."""


_VIEW = "id, input_file, output_file, error_file, requests, rows, repeated_ids, unknown_rows"
_ROWS = (
    "SELECT r.position, i.line, coalesce(i.custom_id, a.custom_id), r.outcome, r.code, a.status_code,"
    " coalesce(a.message, ''), r.retryable, r.answers, i.file IS NOT NULL FROM requests r"
    " LEFT JOIN file_rows i ON i.file = :input AND i.number = r.position AND r.position < :requests"
    " LEFT JOIN file_rows a ON a.file = r.answer_file AND a.number = r.answer"
)


class RequestViews:
    """Views of the requests of batches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, account_id: int, batch_id: str, signature: str) -> RequestView | None:
        """The complete view of a batch made from these files, or None."""

        def work(connection: sqlite3.Connection) -> RequestView | None:
            row = connection.execute(
                f"SELECT {_VIEW} FROM request_views WHERE account_id = ? AND batch_id = ? AND signature = ?"
                " AND is_complete ORDER BY id DESC LIMIT 1",
                (account_id, plain(batch_id), signature),
            ).fetchone()
            return None if row is None else RequestView(*row)

        return await self._database.read(work)

    async def build(
        self,
        account_id: int,
        batch_id: str,
        signature: str,
        *,
        input_file: int | None,
        output_file: int | None,
        error_file: int | None,
        nothing: tuple[Outcome, str, bool],
        at: datetime,
    ) -> RequestView:
        """Join the rows of a batch's files in short transactions; older views of the batch are deleted.

        Args:
            signature: Tells this join from one of other files or another status.
            nothing: Outcome, code and retryable of a request without a row.
        """
        results = [file for file in (output_file, error_file) if file is not None]

        def begin(connection: sqlite3.Connection) -> int:
            cursor = connection.execute(
                "INSERT INTO request_views (account_id, batch_id, signature, is_complete, input_file,"
                " output_file, error_file, requests, rows, repeated_ids, unknown_rows, used_at)"
                " VALUES (?, ?, ?, 0, ?, ?, ?, 0, 0, 0, 0, ?)",
                (account_id, plain(batch_id), signature, input_file, output_file, error_file, at.timestamp()),
            )
            return int(cursor.lastrowid or 0)

        view = await self._database.write(begin)
        place = JoinPlace()

        def step(connection: sqlite3.Connection) -> JoinPlace:
            if input_file is None:
                return list_chunk(connection, view, results, place)
            return join_chunk(connection, view, input_file, results, nothing, place)

        while not place.is_done:
            place = await self._database.write(step)

        def finish(connection: sqlite3.Connection) -> RequestView:
            connection.execute(
                "UPDATE request_views SET is_complete = 1, requests = ?, rows = ?, repeated_ids = ?,"
                " unknown_rows = ? WHERE id = ?",
                (place.requests, place.rows, place.repeated_ids, place.unknown_rows, view),
            )
            row = connection.execute(f"SELECT {_VIEW} FROM request_views WHERE id = ?", (view,)).fetchone()
            return RequestView(*row)

        finished = await self._database.write(finish)
        for old in await self._database.read(
            lambda connection: connection.execute(
                "SELECT id FROM request_views WHERE account_id = ? AND batch_id = ? AND id < ?"
                " AND (is_complete OR used_at < ?)",
                (account_id, plain(batch_id), view, at.timestamp() - 3_600),
            ).fetchall()
        ):
            await delete_view(self._database, old[0])
        return finished

    # --- pages --------------------------------------------------------------

    async def page(self, view: RequestView, filter: RequestFilter, offset: int, limit: int) -> RequestPage:
        """Some rows in order of position."""

        def work(connection: sqlite3.Connection) -> RequestPage:
            parameters = _parameters(view)
            if filter.is_empty:
                total = view.rows
                positions = f"SELECT position FROM requests WHERE view = :view AND position >= {offset:d}"
                found = connection.execute(
                    f"{_ROWS} WHERE r.view = :view AND r.position IN ({positions} ORDER BY position"
                    f" LIMIT {limit:d}) ORDER BY r.position",
                    parameters,
                ).fetchall()
            else:
                matching = _matching(filter, parameters)
                total = connection.execute(f"SELECT count(*) FROM ({matching})", parameters).fetchone()[0]
                found = connection.execute(
                    f"{_ROWS} WHERE r.view = :view AND r.position IN ({matching} ORDER BY 1"
                    f" LIMIT {limit:d} OFFSET {offset:d}) ORDER BY r.position",
                    parameters,
                ).fetchall()
            return RequestPage(tuple(_row(row) for row in found), offset, total)

        return await self._database.read(work)

    async def count_before(self, view: RequestView, filter: RequestFilter, position: int) -> int:
        """How many rows that match come before a position."""
        if filter.is_empty:
            return max(0, min(position, view.rows))

        def work(connection: sqlite3.Connection) -> int:
            parameters = _parameters(view)
            matching = _matching(filter, parameters)
            count: int = connection.execute(
                f"SELECT count(*) FROM ({matching}) WHERE position < {position:d}", parameters
            ).fetchone()[0]
            return count

        return await self._database.read(work)

    async def custom_ids(self, view: RequestView, filter: RequestFilter) -> list[str]:
        """The custom_ids of all rows that match, in order of position."""

        def work(connection: sqlite3.Connection) -> list[str]:
            parameters = _parameters(view)
            rows = connection.execute(
                f"{_ROWS} WHERE r.view = :view AND r.position IN ({_matching(filter, parameters)})"
                " ORDER BY r.position",
                parameters,
            )
            return [custom_id for row in rows if (custom_id := unspell(row[2])) is not None]

        return await self._database.read(work)

    # --- groups -------------------------------------------------------------

    async def groups(self, view: RequestView) -> list[OutcomeGroup]:
        """The requests by outcome, code and whether sending them again helps, `ok` among them."""

        def work(connection: sqlite3.Connection) -> list[OutcomeGroup]:
            parameters = _parameters(view)
            counted = connection.execute(
                "SELECT outcome, code, retryable, count(*) FROM requests WHERE view = :view"
                " AND position < :requests GROUP BY outcome, code, retryable",
                parameters,
            ).fetchall()
            groups = []
            for outcome, code, retryable, count in counted:
                samples: list[RequestRow] = []
                if outcome != NUMBERS[Outcome.OK]:
                    chosen = parameters | {"outcome": outcome, "code": code, "retryable": retryable}
                    samples = [
                        _row(row)
                        for row in connection.execute(
                            f"{_ROWS} WHERE r.view = :view AND r.position IN (SELECT position FROM requests"
                            " WHERE view = :view AND outcome = :outcome AND code = :code AND"
                            " retryable = :retryable AND position < :requests ORDER BY position"
                            f" LIMIT {SAMPLES}) ORDER BY r.position",
                            chosen,
                        )
                    ]
                groups.append(
                    OutcomeGroup(
                        outcome=OUTCOMES[outcome],
                        code=code,
                        count=count,
                        retryable=bool(retryable),
                        message=next((row.message for row in samples if row.message), ""),
                        custom_ids=tuple(row.custom_id for row in samples if row.custom_id is not None),
                        status_code=samples[0].status_code if samples else None,
                    )
                )
            return groups

        return await self._database.read(work)

    # --- single rows --------------------------------------------------------

    async def places(
        self, view: RequestView, position: int
    ) -> tuple[RequestRow, RowPlace | None, list[RowPlace]] | None:
        """A row with where its request and its answers lie, the one that counts first; None past the end."""

        def work(
            connection: sqlite3.Connection,
        ) -> tuple[RequestRow, RowPlace | None, list[RowPlace]] | None:
            parameters = _parameters(view) | {"position": position}
            found = connection.execute(
                f"{_ROWS} WHERE r.view = :view AND r.position = :position", parameters
            ).fetchone()
            if found is None:
                return None
            row = _row(found)
            request = _place(connection, view.input_file, position) if row.has_request else None
            answer_file, answer = connection.execute(
                "SELECT answer_file, answer FROM requests WHERE view = :view AND position = :position",
                parameters,
            ).fetchone()
            answers = []
            if answer_file is not None:
                counted = _place(connection, answer_file, answer)
                answers = [counted] if counted is not None else []
                for file in (view.output_file, view.error_file):
                    numbers = connection.execute(
                        "SELECT number FROM file_rows WHERE file = ? AND custom_id = ?"
                        " AND NOT (file = ? AND number = ?) ORDER BY number LIMIT 100",
                        (file, spell(row.custom_id), answer_file, answer),
                    ).fetchall()
                    answers += [place for n in numbers if (place := _place(connection, file, n[0]))]
            return row, request, answers

        return await self._database.read(work)

    async def spans(
        self, view: RequestView, filter: RequestFilter, start: int, end: int, *, limit: int, backwards: bool
    ) -> list[Span]:
        """Where the rows from position `start` up to `end` lie, in order, or from the last one down."""

        def work(connection: sqlite3.Connection) -> list[Span]:
            parameters = _parameters(view) | {"start": start, "end": end}
            order = "DESC" if backwards else "ASC"
            within = "r.position >= :start AND r.position < :end"
            if not filter.is_empty:
                within += f" AND r.position IN ({_matching(filter, parameters)})"
            return [
                Span(
                    position,
                    unspell(custom_id),
                    None if offset is None else (offset, length),
                    None if answer_file is None else (answer_file, answer_offset, answer_length),
                )
                for position, custom_id, offset, length, answer_file, answer_offset, answer_length in (
                    connection.execute(
                        "SELECT r.position, coalesce(i.custom_id, a.custom_id), i.offset, i.length, a.file,"
                        " a.offset, a.length FROM requests r LEFT JOIN file_rows i ON i.file = :input AND"
                        " i.number = r.position AND r.position < :requests LEFT JOIN file_rows a ON"
                        f" a.file = r.answer_file AND a.number = r.answer WHERE r.view = :view AND {within}"
                        f" ORDER BY r.position {order} LIMIT {limit:d}",
                        parameters,
                    )
                )
            ]

        return await self._database.read(work)


def _parameters(view: RequestView) -> dict[str, object]:
    return {
        "view": view.id,
        "input": view.input_file,
        "output": view.output_file,
        "errors": view.error_file,
        "requests": view.requests,
    }


def _matching(filter: RequestFilter, parameters: dict[str, object]) -> str:
    """A SELECT of the positions that match; what it needs is added to the parameters."""
    terms = ["view = :view"]
    if filter.outcomes:
        numbers = ", ".join(str(NUMBERS[outcome]) for outcome in sorted(filter.outcomes))
        terms.append(f"outcome IN ({numbers})")
    if filter.code is not None:
        terms.append("code = :code")
        parameters["code"] = plain(filter.code)
    if filter.retryable is not None:
        terms.append("retryable = :retryable")
        parameters["retryable"] = filter.retryable
    if filter.requests_only:
        terms.append("position < :requests")
    if filter.custom_id:
        escaped = re.sub(r"([\\%_])", r"\\\1", spell(filter.custom_id) or "")
        parameters["like"] = f"%{escaped}%"
        like = "custom_id LIKE :like ESCAPE '\\'"
        by_answer = (
            f"EXISTS (SELECT 1 FROM file_rows WHERE file = answer_file AND number = answer AND {like})"
        )
        if parameters["input"] is None:
            terms.append(by_answer)
        else:
            terms.append(
                "(CASE WHEN position < :requests THEN position IN"
                f" (SELECT number FROM file_rows WHERE file = :input AND {like}) ELSE {by_answer} END)"
            )
    return f"SELECT position FROM requests WHERE {' AND '.join(terms)}"


def _row(row: Sequence[object]) -> RequestRow:
    position, line, custom_id, outcome, code, status_code, message, retryable, answers, has_request = row
    return RequestRow(
        position=position,  # type: ignore[arg-type]
        line=line,  # type: ignore[arg-type]
        custom_id=unspell(custom_id),  # type: ignore[arg-type]
        outcome=OUTCOMES[outcome],  # type: ignore[call-overload]
        code=code,  # type: ignore[arg-type]
        status_code=status_code,  # type: ignore[arg-type]
        message=message,  # type: ignore[arg-type]
        retryable=bool(retryable),
        answers=answers,  # type: ignore[arg-type]
        has_request=bool(has_request),
    )


def _place(connection: sqlite3.Connection, file: int | None, number: int) -> RowPlace | None:
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
