"""The journal: every create, cancel, retry and download, step by step."""

from __future__ import annotations

import json
import os
import sqlite3
import time
import uuid
from collections.abc import Mapping
from typing import Any

from batchdeck.errors import HistoryError
from batchdeck.models.operation import Operation, OperationKind, OperationState, OperationStep
from batchdeck.store.base import Database
from batchdeck.store.details import at_time
from batchdeck.store.process import is_alive, this_process
from batchdeck.store.texts import plain, plain_or_none

_COLUMNS = (
    "id, kind, state, created_at, updated_at, title, batch_id, input_file_id, error, payload, pid, process"
)


class Operations:
    """Operations of every account. What is written here is in the file when the call returns.

    A step that says a call is on its way outlasts a power cut, too, and all steps before it. The others may
    go with the power: what is lost then was not sent, or is found again by a search.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self,
        account_id: int,
        kind: OperationKind,
        title: str,
        payload: Mapping[str, Any],
        batch_id: str | None = None,
    ) -> Operation:
        """Write down the intent of an operation of this process.

        Raises:
            HistoryError: it could not be written; nothing may be sent.
        """
        operation_id = uuid.uuid4().hex
        body = json.dumps(payload)

        def work(connection: sqlite3.Connection) -> Operation:
            now = time.time()
            connection.execute(
                "INSERT INTO operations VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, NULL, NULL, ?, ?, ?)",
                (
                    operation_id,
                    account_id,
                    kind.value,
                    OperationState.INTENT.value,
                    now,
                    now,
                    plain(title),
                    plain_or_none(batch_id),
                    body,
                    os.getpid(),
                    this_process(),
                ),
            )
            _add_step(connection, operation_id, now, OperationState.INTENT, "", None)
            return _get(connection, operation_id)

        return await self._database.journal(work, durable=False)

    async def step(
        self,
        op_id: str,
        state: OperationState,
        *,
        note: str = "",
        request_id: str | None = None,
        batch_id: str | None = None,
        input_file_id: str | None = None,
        error: str | None = None,
        payload: Mapping[str, Any] | None = None,
    ) -> Operation:
        """Write down a step; what is None stays as it was, but the error, which is of this step alone.

        Raises:
            HistoryError: it could not be written, or there is no such operation.
        """
        body = None if payload is None else json.dumps(payload)

        def work(connection: sqlite3.Connection) -> Operation:
            now = time.time()
            updated = connection.execute(
                "UPDATE operations SET state = ?, is_settled = ?, updated_at = ?, error = ?,"
                " batch_id = coalesce(?, batch_id), input_file_id = coalesce(?, input_file_id),"
                " payload = coalesce(?, payload), pid = CASE WHEN ? THEN NULL ELSE pid END,"
                " process = CASE WHEN ? THEN NULL ELSE process END WHERE id = ?",
                (
                    state.value,
                    state.is_settled,
                    now,
                    None if error is None else plain(error),
                    plain_or_none(batch_id),
                    plain_or_none(input_file_id),
                    body,
                    state.is_settled,
                    state.is_settled,
                    op_id,
                ),
            )
            if not updated.rowcount:
                raise HistoryError(f"The history knows no operation {op_id}.")
            _add_step(connection, op_id, now, state, plain(note), plain_or_none(request_id))
            return _get(connection, op_id)

        return await self._database.journal(work, durable=state is OperationState.SENDING)

    async def get(self, op_id: str) -> Operation | None:
        """One operation with its steps, or None."""
        found = await self._select("id = ?", (op_id,))
        return found[0] if found else None

    async def unsettled(self, account_id: int) -> list[Operation]:
        """Operations whose end is open, oldest first."""
        return await self._select("account_id = ? AND is_settled = 0 ORDER BY created_at", (account_id,))

    async def recent(self, account_id: int, limit: int = 100, offset: int = 0) -> list[Operation]:
        """Operations, newest first."""
        return await self._select(
            "account_id = ? ORDER BY created_at DESC LIMIT ? OFFSET ?", (account_id, limit, offset)
        )

    async def by_batch(self, account_id: int, batch_id: str) -> list[Operation]:
        """Operations that made or concern a batch, newest first."""
        return await self._select(
            "account_id = ? AND batch_id = ? ORDER BY created_at DESC", (account_id, plain(batch_id))
        )

    async def claim(self, op_id: str) -> bool:
        """Take an unsettled operation whose process is dead or is none; False when another has it.

        Between several processes that try, one gets it.

        Raises:
            HistoryError: it could not be written down.
        """

        def work(connection: sqlite3.Connection) -> bool:
            row = connection.execute(
                "SELECT pid, process FROM operations WHERE id = ? AND is_settled = 0", (op_id,)
            ).fetchone()
            if row is None:
                return False
            pid, process = row
            if process == this_process():
                return True
            if pid is not None and is_alive(pid, process):
                return False
            connection.execute(
                "UPDATE operations SET pid = ?, process = ? WHERE id = ?",
                (os.getpid(), this_process(), op_id),
            )
            return True

        return await self._database.journal(work, durable=False)

    async def release(self, op_id: str) -> None:
        """Let go of an operation of this process, so that any other may claim it."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE operations SET pid = NULL, process = NULL WHERE id = ? AND process = ?",
                (op_id, this_process()),
            )

        await self._database.journal(work, durable=False)

    async def _select(self, where: str, parameters: tuple[object, ...]) -> list[Operation]:
        return await self._database.read_journal(lambda connection: _select(connection, where, parameters))


def _add_step(
    connection: sqlite3.Connection,
    op_id: str,
    at: float,
    state: OperationState,
    note: str,
    request_id: str | None,
) -> None:
    connection.execute(
        "INSERT INTO operation_steps SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5"
        " FROM operation_steps WHERE operation_id = ?1",
        (op_id, at, state.value, note, request_id),
    )


def _get(connection: sqlite3.Connection, op_id: str) -> Operation:
    return _select(connection, "id = ?", (op_id,))[0]


def _select(connection: sqlite3.Connection, where: str, parameters: tuple[object, ...]) -> list[Operation]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM operations WHERE {where}", parameters).fetchall()
    operations = []
    for row in rows:
        steps = connection.execute(
            "SELECT at, state, note, request_id FROM operation_steps WHERE operation_id = ? ORDER BY number",
            (row[0],),
        ).fetchall()
        operations.append(_operation(row, steps))
    return operations


def _operation(row: tuple[Any, ...], steps: list[tuple[Any, ...]]) -> Operation:
    op_id, kind, state, created, updated, title, batch_id, file_id, error, payload, pid, _ = row
    return Operation(
        id=op_id,
        kind=OperationKind(kind),
        state=OperationState(state),
        created_at=at_time(created),
        updated_at=at_time(updated),
        title=title,
        batch_id=batch_id,
        input_file_id=file_id,
        error=error,
        payload=json.loads(payload),
        steps=tuple(_step(step) for step in steps),
        pid=pid,
    )


def _step(row: tuple[Any, ...]) -> OperationStep:
    return OperationStep(at_time(row[0]), OperationState(row[1]), row[2], row[3])
