"""Find out how operations that were cut off ended, and finish them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.creation import Created, Creation


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one operation."""

    operation: Operation
    """As it stands now; `operation.state.is_settled` tells whether it is dealt with."""
    batch_id: str | None
    """The batch it made or concerns, where known."""
    words: str
    """What is known, and whether anything was sent. One sentence or two."""


class Settle:
    """Deals with unsettled operations of processes that are gone."""

    def __init__(self, context: Context, creation: Creation) -> None:
        self._context = context
        self._creation = creation

    async def unsettled(self) -> list[Operation]:
        """Operations that are neither done, failed nor abandoned, oldest first."""
        raise NotImplementedError

    async def reconcile(
        self,
        *,
        finish: bool,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> list[Settled]:
        """Look after every unsettled operation that no living process works on.

        Args:
            finish: Send what is still to be sent. False only looks and never sends.
        """
        raise NotImplementedError

    async def abandon(self, operation_id: str) -> Settled:
        """Give an operation up: the journal keeps it, nothing is sent for it any more.

        Raises:
            UsageError: no such operation, already settled, or another process works on it.
        """
        raise NotImplementedError

    async def send_again(self, operation_id: str) -> Created:
        """Send an operation's create once more although it is not known whether it arrived: the user's choice.

        Raises:
            UsageError: as for `abandon`.
            ServiceError, UnsettledOperation: as for `Submit.create`.
        """
        raise NotImplementedError
