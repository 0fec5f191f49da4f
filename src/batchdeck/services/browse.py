"""What the screens show of the batches: always and only what the history says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchdeck.services.pace import Pace, pace_of

if TYPE_CHECKING:
    from batchdeck.models.batch import BatchRecord, BatchStatus, CountSample
    from batchdeck.models.filter import BatchFilter
    from batchdeck.models.query import BatchSort, Totals, Window
    from batchdeck.services.clock import Clock
    from batchdeck.store.database import History

SAMPLES = 500
"""Samples read for rate and sparkline."""


class Browse:
    """Windows, counts and details of one account's batches."""

    def __init__(self, history: History, account_id: int, clock: Clock) -> None:
        self._history = history
        self._account_id = account_id
        self._clock = clock

    async def window(self, filter: BatchFilter, sort: BatchSort, *, offset: int, limit: int) -> Window:
        """A page of the batches that match; an offset past the end gives an empty page with the total."""
        return await self._history.batches.window(
            self._account_id, filter, sort, offset=offset, limit=limit, now=self._clock.now()
        )

    async def locate(self, batch_id: str, filter: BatchFilter, sort: BatchSort) -> int | None:
        """The place of a batch among those that match, from 0, or None when it does not match."""
        return await self._history.batches.locate(
            self._account_id, batch_id, filter, sort, now=self._clock.now()
        )

    async def ids(self, filter: BatchFilter, sort: BatchSort) -> list[str]:
        """The ids of all batches that match, in order: for marking them."""
        return await self._history.batches.ids(self._account_id, filter, sort, now=self._clock.now())

    async def counts(self) -> dict[BatchStatus, int]:
        """How many batches there are in each status."""
        return await self._history.batches.counts(self._account_id)

    async def totals(self, filter: BatchFilter) -> Totals:
        """Sums over the batches that match."""
        return await self._history.batches.totals(self._account_id, filter, now=self._clock.now())

    async def batch(self, batch_id: str) -> BatchRecord | None:
        """One batch as the history knows it, or None."""
        return await self._history.batches.get(self._account_id, batch_id)

    async def batches(self, batch_ids: Sequence[str]) -> list[BatchRecord]:
        """Several batches in the order asked for; those that are not known are left out."""
        found = {
            record.id: record
            for record in await self._history.batches.get_many(self._account_id, list(batch_ids))
        }
        return [found[batch_id] for batch_id in batch_ids if batch_id in found]

    async def samples(self, batch_id: str, limit: int = SAMPLES) -> list[CountSample]:
        """The counts of a batch over time, oldest first; the newest `limit`."""
        return list(await self._history.samples.of(self._account_id, batch_id, limit))

    async def pace(self, record: BatchRecord, *, points: int = 30) -> Pace:
        """Rate, time left, expiry and sparkline of a batch.

        Args:
            record: The batch.
            points: Length of the sparkline.
        """
        return pace_of(record.batch, await self.samples(record.id), self._clock.now(), points=points)

    async def lineage(self, batch_id: str) -> list[BatchRecord]:
        """The batch, those it retries and those that retry it, the root first."""
        return list(await self._history.batches.lineage(self._account_id, batch_id))

    async def group(self, group_id: str) -> list[BatchRecord]:
        """The parts of one split file."""
        return list(await self._history.batches.group(self._account_id, group_id))
