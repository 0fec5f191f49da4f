"""Batches that wait for room in the service's queue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.creation import Created, Creation

NO_ROOM_CODE = "token_limit_exceeded"
"""The one validation code that sending the same file again later can help."""


def is_out_of_room(batch: Batch) -> bool:
    """True when a batch failed validation only because the queue was full."""
    return batch.status == "failed" and any(error.code == NO_ROOM_CODE for error in batch.errors)


class Room:
    """Sends waiting operations when earlier batches end, oldest first."""

    def __init__(self, context: Context, creation: Creation) -> None:
        self._context = context
        self._creation = creation

    async def waiting(self) -> list[Operation]:
        """Operations that wait for room, oldest first."""
        raise NotImplementedError

    async def next_try_at(self) -> datetime | None:
        """When the oldest waiting operation is next tried if no batch ends before, UTC; None when none waits."""
        raise NotImplementedError

    async def tick(self, *, on_progress: OnProgress | None = None) -> list[Created]:
        """Try what is due now, after a refresh; never waits.

        Returns:
            The batches that found room.
        """
        raise NotImplementedError

    def run(
        self,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> AsyncIterator[Created]:
        """Wait until no operation waits any more, telling each batch that found room.

        Raises:
            Interrupted: told to stop; what waits stays in the journal.
        """
        raise NotImplementedError

    async def send_again(self, batch_id: str, *, wait_for_room: bool = False) -> Created:
        """Make a new batch of the same uploaded file as one that failed for want of room.

        Raises:
            UsageError: the batch did not fail for want of room.
            ReadOnly, ServiceError, UnsettledOperation: as for `Submit.create`.
        """
        raise NotImplementedError
