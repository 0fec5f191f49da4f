"""The loop that asks the service again, and the fill of the history beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from batchdeck.services.polling import IDLE_FIRST_SECONDS, Schedule
from batchdeck.ui.messages import BatchesChanged, BatchesEnded, SyncChanged

if TYPE_CHECKING:
    from textual.message import Message

    from batchdeck.services.facade import Services
    from batchdeck.services.sync import SyncReport

PRICING_PAUSE = 0.02
"""Seconds between two bites of the history, so that keys are answered meanwhile."""


_FILL_PAUSE_SECONDS = 0.02
"""Between two pages of a fill."""
_FILL_PAUSE_IN_USE_SECONDS = 0.3
"""The same while somebody types: keys go before a fill that nobody waits for."""
_IN_USE_SECONDS = 2.0
"""How long after a key the deck counts as in use."""
_FILL_TELL_SECONDS = 0.5
"""Least time between two tellings of how far the fill has come."""


class Poller:
    """Keeps the history of one account in step with the service.

    Args:
        services: With a client.
        tell: Is given each message; never blocks.
        refresh_seconds: Between two refreshes while a batch is active.
        report: Given whatever a refresh or a fill raised that is not the service's own trouble, such as a
            history that cannot be written; asking goes on.
        after_refresh: Called when a refresh went well.
    """

    def __init__(
        self,
        services: Services,
        tell: Callable[[Message], object],
        *,
        refresh_seconds: float,
        report: Callable[[BaseException], object],
        after_refresh: Callable[[], object] = lambda: None,
    ) -> None:
        self._services = services
        self._tell = tell
        self._report = report
        self._after_refresh = after_refresh
        self._stumbles = 0
        """Refreshes in a row that raised."""
        self._schedule = Schedule(refresh_seconds)
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ended_at = 0.0
        self._deadline: float | None = None
        self._is_wanted = True
        self._may_fill = asyncio.Event()
        self._may_price = asyncio.Event()
        self._to_price: list[str] = []
        self._may_ask = asyncio.Event()
        self._may_ask.set()
        self._is_fill_over = False
        self.is_paused = False
        self.is_focused = True
        self.last_input_at = 0.0
        """When a key or the mouse was last used, on the loop's clock."""
        self.is_asking = False
        self._active: frozenset[str] | None = None
        self.has_active = False
        """True when a batch can still change, as of the last refresh."""
        self.filled: int | None = None
        """Batches the running fill has stored, or None when none runs."""

    @property
    def next_in(self) -> float | None:
        """Seconds to the next refresh, or None when none is planned."""
        if self.is_paused or self._deadline is None:
            return None
        return max(0.0, self._deadline - self._loop.time())

    @property
    def next_at(self) -> datetime | None:
        """When that will be, UTC."""
        left = self.next_in
        return None if left is None else self._services.clock.now() + timedelta(seconds=left)

    def refresh_now(self) -> None:
        """Ask at once, paused or not."""
        self._schedule.wake()
        self._is_wanted = True
        self._wake.set()

    def set_paused(self, paused: bool) -> None:
        """Stop asking, or go on at once."""
        self.is_paused = paused
        if paused:
            self._may_ask.clear()
        else:
            self._may_ask.set()
            self.refresh_now()
        self._wake.set()
        self._tell(SyncChanged())

    def set_focused(self, focused: bool) -> None:
        """Slow down while nobody looks; come back at once when the data is older than it would have been."""
        self.is_focused = focused
        if focused and self._deadline is not None and not self.is_paused:
            pause = self._schedule.refresh_seconds if self.has_active else IDLE_FIRST_SECONDS
            self._deadline = min(self._deadline, self._ended_at + pause)
            self._wake.set()

    async def run(self) -> None:
        """Refresh, wait, and again, until cancelled."""
        while True:
            if self._is_wanted:
                self._is_wanted = False
                try:
                    await self._refresh()
                    self._stumbles = 0
                except Exception as error:
                    self._stumbles += 1
                    self._report(error)
                    self._plan_next()
                    self._tell(SyncChanged())
            await self._wait()

    async def _refresh(self) -> None:
        sync = self._services.sync
        if self._active is None:
            self._active = await self._active_ids()
        self.is_asking = True
        self._tell(SyncChanged())
        try:
            report = await sync.refresh()
        finally:
            self.is_asking = False
        await self._note(report)
        self._plan_next()
        status = sync.status
        if status.backfill_done:
            self._is_fill_over = False
        elif status.error is None and not self._is_fill_over:
            self._may_fill.set()
        self._tell(SyncChanged())
        self._to_price += [*report.new, *report.changed]
        if self._to_price or (status.backfill_done and not self._services.costs.is_history_priced):
            self._may_price.set()
        if status.error is None:
            self._after_refresh()

    def _plan_next(self) -> None:
        status = self._services.sync.status
        self._ended_at = self._loop.time()
        delay = self._schedule.next_delay(
            active=self.has_active,
            failures=status.failures + self._stumbles,
            retry_after=status.retry_after,
            paused=self.is_paused,
            focused=self.is_focused,
        )
        self._deadline = None if delay is None else self._ended_at + delay

    async def _active_ids(self) -> frozenset[str]:
        active = await self._services.history.batches.active(self._services.account_id)
        return frozenset(record.id for record in active)

    async def _note(self, report: SyncReport) -> None:
        """Tell what changed, and which batches are active no more."""
        self.has_active = report.active > 0
        before, self._active = self._active or frozenset(), await self._active_ids()
        ended = await self._services.browse.batches(sorted(before - self._active))
        if ended:
            self._tell(BatchesEnded(tuple(ended)))
        if report.any:
            self._tell(
                BatchesChanged(frozenset(report.new), frozenset(report.changed) | frozenset(report.gone))
            )

    async def _wait(self) -> None:
        """Until the deadline, or until something was asked for."""
        while not self._is_wanted:
            left = self.next_in
            if left == 0.0:
                self._is_wanted = True
                return
            self._wake.clear()
            try:
                async with asyncio.timeout(left):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def fill(self) -> None:
        """Fill the history from where the last fill was cut off, each time a refresh finds it wanting.

        A fill that came to the end of what the service lists is not begun again before a refresh has found
        the history whole: a service whose list goes round in circles would be asked for ever.
        """
        while True:
            await self._may_fill.wait()
            self._may_fill.clear()
            try:
                await self._fill_once()
            except Exception as error:
                self._report(error)
            self.filled = None
            self._tell(BatchesChanged())
            self._tell(SyncChanged())

    async def _fill_once(self) -> None:
        told_at = -_FILL_TELL_SECONDS
        async for report in self._services.sync.backfill():
            self._is_fill_over = report.error is None and not report.has_more
            if self._loop.time() - told_at >= _FILL_TELL_SECONDS and report.has_more:
                told_at = self._loop.time()
                self.filled = report.stored
                self._tell(BatchesChanged())
                self._tell(SyncChanged())
            in_use = self._loop.time() - self.last_input_at < _IN_USE_SECONDS
            await asyncio.sleep(_FILL_PAUSE_IN_USE_SECONDS if in_use else _FILL_PAUSE_SECONDS)
            await self._may_ask.wait()

    async def price(self) -> None:
        """Price what has ended: what a refresh brought, and once, in bites, the whole history."""
        costs = self._services.costs
        while True:
            await self._may_price.wait()
            self._may_price.clear()
            ids, self._to_price = self._to_price, []
            priced = await costs.fill(ids)
            while self._services.sync.status.backfill_done and not costs.is_history_priced:
                priced += await costs.fill_missing()
                await asyncio.sleep(PRICING_PAUSE)
            if priced:
                self._tell(BatchesChanged())
