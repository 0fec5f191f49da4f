"""The journal: what is about to be done is written down before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.models.operation import Operation
    from batchdeck.store.database import History


class Journal:
    """Operations of one account, written before and after each call."""

    def __init__(self, history: History, account_id: int) -> None:
        self._history = history
        self._account_id = account_id

    async def recent(self, *, limit: int = 200, offset: int = 0) -> list[Operation]:
        """Operations, newest first, with their steps."""
        raise NotImplementedError

    async def unsettled(self) -> list[Operation]:
        """Operations that are not settled, oldest first, whoever works on them."""
        raise NotImplementedError
