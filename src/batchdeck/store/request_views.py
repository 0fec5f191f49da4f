"""The requests of a batch joined to their answers, for pages, groups and search."""

from __future__ import annotations

import json
import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from batchdeck.models.lines import Outcome
from batchdeck.models.requests import OutcomeGroup, RequestFilter, RequestPage, RequestRow
from batchdeck.store.base import Database
from batchdeck.store.request_join import JoinPlace, join_chunk, list_chunk
from batchdeck.store.request_rows import (
    ROWS,
    RequestView,
    RowPlace,
    matching_positions,
    parameters_of,
    place_of,
    row_of,
)
from batchdeck.store.rows import OUTCOMES, delete_view, spell
from batchdeck.store.texts import plain

SAMPLES = 5
"""custom_ids given with a group."""
_KEPT_FILTERS = 8
"""Filters whose positions are remembered, so that turning a page costs a page."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where the request and the answer at one position lie."""

    position: int
    request: tuple[int, int] | None
    """Offset and length in the input."""
    answer: tuple[int, int, int] | None
    """Indexed file, offset and length."""


_VIEW = "id, input_file, output_file, error_file, requests, rows, repeated_ids, unknown_rows"


class RequestViews:
    """Views of the requests of batches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._positions: dict[tuple[int, RequestFilter], array[int]] = {}

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
        await self._delete_older(account_id, batch_id, view, at)
        return finished

    async def _delete_older(self, account_id: int, batch_id: str, view: int, at: datetime) -> None:
        for old in await self._database.read(
            lambda connection: connection.execute(
                "SELECT id FROM request_views WHERE account_id = ? AND batch_id = ? AND id < ?"
                " AND (is_complete OR used_at < ?)",
                (account_id, plain(batch_id), view, at.timestamp() - 3_600),
            ).fetchall()
        ):
            await delete_view(self._database, old[0])

    # --- pages --------------------------------------------------------------

    async def page(self, view: RequestView, filter: RequestFilter, offset: int, limit: int) -> RequestPage:
        """Some rows in order of position."""
        if filter.is_empty:
            positions: Sequence[int] = range(offset, min(offset + limit, view.rows))
            return RequestPage(tuple(await self.rows(view, positions)), offset, view.rows)
        matching = await self.positions(view, filter)
        some = matching[offset : offset + limit]
        return RequestPage(tuple(await self.rows(view, some)), offset, len(matching))

    async def rows(self, view: RequestView, positions: Sequence[int]) -> list[RequestRow]:
        """The rows at some positions, in order."""
        wanted = json.dumps(list(positions))

        def work(connection: sqlite3.Connection) -> list[RequestRow]:
            found = connection.execute(
                f"{ROWS} WHERE r.view = :view AND r.position IN (SELECT value FROM json_each(:positions))"
                " ORDER BY r.position",
                parameters_of(view) | {"positions": wanted},
            )
            return [row_of(row) for row in found]

        return await self._database.read(work)

    async def positions(self, view: RequestView, filter: RequestFilter) -> array[int]:
        """The positions of all rows that match, in order; a view never changes, so they are kept."""
        if filter.is_empty:
            return array("q", range(view.rows))
        known = self._positions.get((view.id, filter))
        if known is None:
            known = await self._database.read(lambda connection: matching_positions(connection, view, filter))
            while len(self._positions) >= _KEPT_FILTERS:
                del self._positions[next(iter(self._positions))]
            self._positions[view.id, filter] = known
        return known

    async def count_before(self, view: RequestView, filter: RequestFilter, position: int) -> int:
        """How many rows that match come before a position."""
        if filter.is_empty:
            return max(0, min(position, view.rows))
        return bisect_left(await self.positions(view, filter), position)

    async def custom_ids(self, view: RequestView, filter: RequestFilter) -> list[str]:
        """The custom_ids of all rows that match, in order of position."""
        rows = await self.rows(view, await self.positions(view, filter))
        return [row.custom_id for row in rows if row.custom_id is not None]

    # --- groups -------------------------------------------------------------

    async def groups(self, view: RequestView) -> list[OutcomeGroup]:
        """The requests by outcome, code and whether sending them again helps, `ok` among them."""

        def work(connection: sqlite3.Connection) -> list[OutcomeGroup]:
            counted = connection.execute(
                "SELECT outcome, code, retryable, count(*) FROM requests WHERE view = :view"
                " AND position < :requests GROUP BY outcome, code, retryable",
                parameters_of(view),
            ).fetchall()
            return [_group(connection, view, *row) for row in counted]

        return await self._database.read(work)

    # --- single rows --------------------------------------------------------

    async def places(
        self, view: RequestView, position: int
    ) -> tuple[RequestRow, RowPlace | None, list[RowPlace]] | None:
        """A row with where its request and its answers lie, the one that counts first; None past the end."""

        def work(
            connection: sqlite3.Connection,
        ) -> tuple[RequestRow, RowPlace | None, list[RowPlace]] | None:
            parameters = parameters_of(view) | {"position": position}
            found = connection.execute(
                f"{ROWS} WHERE r.view = :view AND r.position = :position", parameters
            ).fetchone()
            if found is None:
                return None
            row = row_of(found)
            request = place_of(connection, view.input_file, position) if row.has_request else None
            file, number = connection.execute(
                "SELECT answer_file, answer FROM requests WHERE view = :view AND position = :position",
                parameters,
            ).fetchone()
            if file is None:
                return row, request, []
            answers = [place_of(connection, file, number)]
            for other in (view.output_file, view.error_file):
                for (repeated,) in connection.execute(
                    "SELECT number FROM file_ids WHERE file = ? AND custom_id = ?"
                    " AND NOT (file = ? AND number = ?) ORDER BY number LIMIT 100",
                    (other, spell(row.custom_id), file, number),
                ).fetchall():
                    answers.append(place_of(connection, other, repeated))
            return row, request, [place for place in answers if place is not None]

        return await self._database.read(work)

    async def with_id(self, view: RequestView, custom_id: str) -> list[int]:
        """The positions of the rows with exactly this custom_id, in order."""

        def work(connection: sqlite3.Connection) -> list[int]:
            parameters = parameters_of(view) | {"id": spell(custom_id)}
            rows = connection.execute(
                "SELECT number FROM file_ids WHERE file = :input AND custom_id = :id UNION"
                " SELECT r.position FROM file_ids i JOIN requests r ON r.answer_file = i.file AND"
                " r.answer = i.number WHERE i.file IN (:output, :errors) AND i.custom_id = :id"
                " AND r.view = :view AND r.position >= :leftover ORDER BY 1",
                parameters
                | {
                    "output": view.output_file,
                    "errors": view.error_file,
                    "leftover": 0 if view.input_file is None else view.requests,
                },
            )
            return [row[0] for row in rows]

        return await self._database.read(work)

    async def spans(self, view: RequestView, positions: Sequence[int]) -> list[Span]:
        """Where the rows at some positions lie, in order."""
        wanted = json.dumps(list(positions))

        def work(connection: sqlite3.Connection) -> list[Span]:
            return [
                Span(
                    position,
                    None if offset is None else (offset, length),
                    None if answer_file is None else (answer_file, answer_offset, answer_length),
                )
                for position, offset, length, answer_file, answer_offset, answer_length in connection.execute(
                    "SELECT r.position, i.offset, i.length, a.file, a.offset, a.length FROM requests r"
                    " LEFT JOIN file_rows i ON i.file = :input AND i.number = r.position"
                    " AND r.position < :requests"
                    " LEFT JOIN file_rows a ON a.file = r.answer_file AND a.number = r.answer"
                    " WHERE r.view = :view AND r.position IN (SELECT value FROM json_each(:positions))"
                    " ORDER BY r.position",
                    parameters_of(view) | {"positions": wanted},
                )
            ]

        return await self._database.read(work)

    async def offsets(self, view: RequestView, file: int) -> tuple[array[int], array[int], array[int]]:
        """Offset, length and position of every row of a file that counts, in the order of the file."""

        def work(connection: sqlite3.Connection) -> tuple[array[int], array[int], array[int]]:
            if file == view.input_file:
                rows = connection.execute(
                    "SELECT offset, length, number FROM file_rows WHERE file = ? ORDER BY number", (file,)
                )
            else:
                rows = connection.execute(
                    "SELECT a.offset, a.length, r.position FROM requests r JOIN file_rows a ON"
                    " a.file = r.answer_file AND a.number = r.answer WHERE r.view = ? AND r.answer_file = ?"
                    " ORDER BY a.offset",
                    (view.id, file),
                )
            offsets, lengths, positions = array("q"), array("q"), array("q")
            for offset, length, position in rows:
                offsets.append(offset)
                lengths.append(length)
                positions.append(position)
            return offsets, lengths, positions

        return await self._database.read_aside(work)


def _group(
    connection: sqlite3.Connection, view: RequestView, outcome: int, code: str, retryable: int, count: int
) -> OutcomeGroup:
    samples: list[RequestRow] = []
    if OUTCOMES[outcome] is not Outcome.OK:
        chosen = {"outcome": outcome, "code": code, "retryable": retryable}
        samples = [
            row_of(row)
            for row in connection.execute(
                f"{ROWS} WHERE r.view = :view AND r.position IN (SELECT position FROM requests"
                " WHERE view = :view AND outcome = :outcome AND code = :code AND retryable = :retryable"
                f" AND position < :requests ORDER BY position LIMIT {SAMPLES}) ORDER BY r.position",
                parameters_of(view) | chosen,
            )
        ]
    return OutcomeGroup(
        outcome=OUTCOMES[outcome],
        code=code,
        count=count,
        retryable=bool(retryable),
        message=next((row.message for row in samples if row.message), ""),
        custom_ids=tuple(row.custom_id for row in samples if row.custom_id is not None),
        status_code=samples[0].status_code if samples else None,
    )


__all__ = ["RequestView", "RequestViews", "RowPlace", "Span"]
