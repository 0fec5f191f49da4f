"""The journal: what is about to be done is written down before it is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from batchdeck.errors import HistoryError, UsageError

if TYPE_CHECKING:
    from batchdeck.models.operation import Operation, OperationKind, OperationState
    from batchdeck.store.database import History

_HELD: set[str] = set()
"""Operations that a task of this process works on, whichever journal began them."""


class Journal:
    """Operations of one account, written before and after each call.

    Every method that writes raises `HistoryError` when the disk does not take it; nothing may be sent then.
    """

    def __init__(self, history: History, account_id: int) -> None:
        self._operations = history.operations
        self._account_id = account_id

    # --- reading ------------------------------------------------------------

    async def recent(self, *, limit: int = 200, offset: int = 0) -> list[Operation]:
        """Operations, newest first, with their steps."""
        return await self._operations.recent(self._account_id, limit, offset)

    async def unsettled(self) -> list[Operation]:
        """Operations that are not settled, oldest first, whoever works on them."""
        return await self._operations.unsettled(self._account_id)

    async def of_batch(self, batch_id: str) -> list[Operation]:
        """Operations that made or concern a batch, newest first."""
        return await self._operations.by_batch(self._account_id, batch_id)

    async def get(self, operation_id: str) -> Operation:
        """One operation.

        Raises:
            UsageError: there is none of that id.
        """
        found = await self._operations.get(operation_id)
        if found is None:
            raise UsageError(f"There is no operation {operation_id} in the history.")
        return found

    def is_held(self, operation_id: str) -> bool:
        """True while a task of this process works on it."""
        return operation_id in _HELD

    # --- writing ------------------------------------------------------------

    async def begin(
        self,
        kind: OperationKind,
        title: str,
        payload: Mapping[str, Any],
        *,
        batch_id: str | None = None,
    ) -> Operation:
        """Write down an intent. The operation is this process's until `hold` lets go of it."""
        operation = await self._operations.begin(self._account_id, kind, title, payload, batch_id)
        _HELD.add(operation.id)
        return operation

    async def step(
        self,
        operation: Operation,
        state: OperationState,
        *,
        note: str = "",
        request_id: str | None = None,
        batch_id: str | None = None,
        input_file_id: str | None = None,
        error: str | None = None,
        payload: Mapping[str, Any] | None = None,
    ) -> Operation:
        """Write down what is about to be done, or what came back.

        Args:
            payload: Entries to add to the payload, or to replace in it.
        """
        stepped = await self._operations.step(
            operation.id,
            state,
            note=note,
            request_id=request_id,
            batch_id=batch_id,
            input_file_id=input_file_id,
            error=error,
            payload=None if payload is None else {**operation.payload, **payload},
        )
        if state.is_settled:
            _HELD.discard(operation.id)
        return stepped

    async def take(self, operation_id: str) -> Operation | None:
        """Take over an unsettled operation; None when somebody works on it or it is settled."""
        if operation_id in _HELD or not await self._operations.claim(operation_id):
            return None
        _HELD.add(operation_id)
        return await self._operations.get(operation_id)

    @asynccontextmanager
    async def hold(self, operation: Operation) -> AsyncIterator[None]:
        """Work on an operation that was begun or taken; afterwards anyone may take it, if it is unsettled."""
        try:
            yield
        finally:
            if operation.id in _HELD:
                _HELD.discard(operation.id)
                # Letting go is a courtesy: an unwritable disk must not hide what the work came to.
                with suppress(HistoryError):
                    await self._operations.release(operation.id)
