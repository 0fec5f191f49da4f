"""Ask for a batch to be cancelled, and tell how it really stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.services.context import Context
    from batchdeck.services.journal import Journal


@dataclass(frozen=True, slots=True)
class Cancelled:
    """How a batch stands after a cancel."""

    batch: Batch
    sent: bool
    """False when it had already ended and nothing was sent."""
    words: str
    """One sentence for a person."""


class Cancel:
    """Cancels batches, each call journaled."""

    def __init__(self, context: Context, journal: Journal) -> None:
        self._context = context
        self._journal = journal

    async def cancel(self, batch_id: str) -> Cancelled:
        """Ask for a batch to be cancelled; a batch that has ended is only looked at.

        Raises:
            ReadOnly: forbidden; nothing was sent.
            NotFound: the service does not know it.
            ServiceError: refused or out of reach.
            UnsettledOperation: it is not known whether the call arrived.
        """
        raise NotImplementedError
