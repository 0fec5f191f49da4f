"""Bring the history up to date with the service, with as few calls as that takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from batchdeck.errors import (
    BadAnswer,
    Conflict,
    NotFound,
    Refused,
    ServerFailed,
    ServiceError,
)
from batchdeck.services.polling import seconds_between_looks
from batchdeck.services.sync_report import BackfillReport, Gathered, SyncReport, SyncStatus

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch, BatchRecord
    from batchdeck.models.remote import BatchPage
    from batchdeck.models.stored import Changes, SyncState
    from batchdeck.services.context import Context

__all__ = ["BackfillReport", "Sync", "SyncReport", "SyncStatus"]

PAGE = 100
"""Batches asked for per list call, the most the service gives."""
GAP_PAGES = 5
"""List calls a refresh makes before it leaves the rest of a gap to the backfill."""
CALLS_AT_ONCE = 4
GONE_LOOKS = 5
"""Batches missing from the list that one refresh asks for by id."""
LOOK_AGAIN_SECONDS = 3_600.0
"""How long a batch that exists but is not listed is left alone."""
AHEAD = timedelta(hours=1)
"""How far the service's clock may be ahead of this machine's."""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_ABOUT_ONE_BATCH = (NotFound, Conflict, Refused, ServerFailed, BadAnswer)
"""Errors that say nothing about the service as a whole when one batch is asked for."""


class Sync:
    """Reads the service's list into the history."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._status = SyncStatus()
        self._lock = asyncio.Lock()
        self._page_one: frozenset[str] = frozenset()
        self._looked_at: dict[str, float] = {}
        self._calls = 0

    @property
    def status(self) -> SyncStatus:
        """How fresh the history is, as of the last refresh of this process."""
        return self._status

    async def load_status(self) -> SyncStatus:
        """How fresh the history is, from the history itself: for the first paint."""
        state = await self._state()
        self._status = replace(
            self._status, last_success_at=state.last_success_at, backfill_done=state.backfill_done
        )
        return self._status

    async def refresh(self) -> SyncReport:
        """Learn what changed: one list call, and one more for each active batch beyond it.

        An error of the service is in the report and in `status`, not raised: what was stored before it stays.
        """
        async with self._lock:
            run = Gathered()
            self._calls = 0
            error: ServiceError | None = None
            try:
                page = await self._list(None)
                listed = await self._store_top(page, run)
                await self._look_for_gone(page, listed, run)
                await self._ask_active(listed, run)
            except ServiceError as raised:
                error = raised
            active = len(await self._context.history.batches.active(self._context.account_id))
            await self._note_end(error)
            return run.report(calls=self._calls, active=active, error=error)

    async def backfill(self) -> AsyncIterator[BackfillReport]:
        """Fill the history page by page, newest first, from where the last run was cut off.

        Each page is stored before it is reported, and its place with it. Nothing is asked when the history is
        filled already. An error ends the run and is in the last report.
        """
        stored = 0
        state = await self._state()
        if state.backfill_done:
            yield BackfillReport(0, done=True, has_more=False)
            return
        cursor = state.backfill_cursor
        resumed = cursor is not None
        seen: set[str] = set()
        while True:
            try:
                page = await self._list(cursor)
            except (NotFound, Refused) as refusal:
                if not resumed:
                    yield BackfillReport(stored, done=False, has_more=True, error=refusal)
                    return
                # The batch the cursor names is gone: begin at the top, what is stored already is harmless.
                resumed, cursor = False, None
                continue
            except ServiceError as error:
                yield BackfillReport(stored, done=False, has_more=True, error=error)
                return
            ids = {batch.id for batch in page.batches}
            if resumed and ids and ids <= self._page_one:
                # Page one again: the service does not know the cursor and does not say so.
                resumed, cursor = False, None
                continue
            resumed = False
            fresh = ids - seen
            seen |= ids
            changes = await self._upsert(page.batches)
            stored += len(changes.new)
            state = await self._state()
            at_floor = _reaches(page.batches, None, state.floor_at)
            ended = at_floor or not page.has_more
            stuck = not fresh
            if fresh:
                cursor = page.last_id
            await self._save(
                replace(
                    state,
                    backfill_cursor=cursor,
                    # A list that repeats itself or is empty "with more" ends this run only: it may be a mood.
                    backfill_done=ended,
                    floor_at=None if ended else state.floor_at,
                )
            )
            if ended:
                self._status = replace(self._status, backfill_done=True)
            yield BackfillReport(
                stored,
                done=ended or stuck,
                has_more=not ended and not stuck,
                oldest=min((b.created_at for b in page.batches if b.created_at), default=None),
            )
            if ended or stuck:
                return

    async def fetch(self, batch_id: str) -> BatchRecord:
        """Ask the service for one batch and store what it says.

        Raises:
            NotFound: neither the service nor the history knows it. One that only the history knows is marked
                as gone and returned.
            ServiceError: the service could not be asked.
        """
        context = self._context
        try:
            await self._upsert([await context.api.get_batch(batch_id)])
        except NotFound:
            known = await context.history.batches.get(context.account_id, batch_id)
            if known is None:
                raise
            await context.history.batches.mark_gone(context.account_id, [batch_id], context.clock.now())
        record = await context.history.batches.get(context.account_id, batch_id)
        if record is None:
            raise NotFound(f"The history does not hold {batch_id} although it was just stored.")
        return record

    # --- the top of the list ------------------------------------------------

    async def _store_top(self, page: BatchPage, run: Gathered) -> set[str]:
        """Store page one, and the pages below it down to what is known; the ids listed are returned."""
        state = await self._state()
        first_time = state.head_id is None
        self._page_one = frozenset(batch.id for batch in page.batches)
        listed = set(self._page_one)
        run.note(await self._upsert(page.batches))
        if not page.batches:
            if not page.has_more and first_time:
                await self._save(replace(state, backfill_done=True))
            return listed
        newest = page.batches[0]
        head = replace(state, head_id=newest.id, head_at=self._plausible(newest.created_at))
        if first_time:
            cursor = state.backfill_cursor or page.last_id
            await self._save(
                replace(head, backfill_cursor=cursor, backfill_done=state.backfill_done or not page.has_more)
            )
            return listed
        last, pages = page, 1
        while last.has_more and not _reaches(last.batches, state.head_id, state.head_at):
            if pages == GAP_PAGES:
                # What lies between here and the old head is the backfill's; below that nothing changed.
                floor = state.head_at if state.backfill_done else state.floor_at
                await self._save(
                    replace(head, backfill_cursor=last.last_id, backfill_done=False, floor_at=floor)
                )
                return listed
            last = await self._list(last.last_id)
            pages += 1
            ids = {batch.id for batch in last.batches}
            if ids <= listed:
                break
            listed |= ids
            run.note(await self._upsert(last.batches))
        if (head.head_id, head.head_at) != (state.head_id, state.head_at):
            await self._save(head)
        return listed

    def _plausible(self, created_at: datetime | None) -> datetime | None:
        """A time that later batches can be measured by: one in the future would hide all that comes."""
        if created_at is None or created_at > self._context.clock.now() + AHEAD:
            return None
        return created_at

    # --- beyond the list ----------------------------------------------------

    async def _ask_active(self, listed: set[str], run: Gathered) -> None:
        """Ask for the active batches the list did not bring, those that hang only now and then."""
        context = self._context
        now = context.clock.now()
        due: list[str] = []
        for record in await context.history.batches.active(context.account_id):
            if record.id in listed or record.gone_at is not None:
                continue
            created_at = record.batch.created_at or record.seen_at
            pause = seconds_between_looks((now - created_at).total_seconds())
            if (now - record.seen_at).total_seconds() >= pause and self._may_look(record.id, pause):
                due.append(record.id)
        await self._ask(due, run)

    async def _look_for_gone(self, page: BatchPage, listed: set[str], run: Gathered) -> None:
        """Ask by id for known batches that page one should hold and does not."""
        context = self._context
        created = [batch.created_at for batch in page.batches if batch.created_at]
        if page.has_more and not created:
            return
        # Within the oldest second the page may have been cut; batches of that second are not expected.
        oldest = min(created) + timedelta(seconds=1) if page.has_more else _BEGINNING
        newest = context.clock.now() + timedelta(days=1)
        known = await context.history.batches.between(context.account_id, oldest, newest)
        missing = [
            batch_id
            for batch_id in known
            if batch_id not in listed and self._may_look(batch_id, LOOK_AGAIN_SECONDS, note=False)
        ]
        asked = missing[:GONE_LOOKS]
        for batch_id in asked:
            self._may_look(batch_id, LOOK_AGAIN_SECONDS)
        listed.update(await self._ask(asked, run))

    async def _ask(self, ids: Sequence[str], run: Gathered) -> set[str]:
        """Get batches one by one, a few at a time; only a 404 for its id makes one gone.

        Returns:
            The ids that were answered.

        Raises:
            ServiceError: the service itself is out of reach or refuses everything.
        """
        context = self._context
        answered: set[str] = set()
        for start in range(0, len(ids), CALLS_AT_ONCE):
            some = ids[start : start + CALLS_AT_ONCE]
            self._calls += len(some)
            answers = await asyncio.gather(
                *(context.api.get_batch(batch_id) for batch_id in some), return_exceptions=True
            )
            found = [answer for answer in answers if not isinstance(answer, BaseException)]
            run.note(await self._upsert(found))
            answered.update(batch.id for batch in found)
            gone: list[str] = []
            for batch_id, answer in zip(some, answers, strict=True):
                if isinstance(answer, NotFound):
                    gone.append(batch_id)
                elif isinstance(answer, _ABOUT_ONE_BATCH):
                    run.problems.append((batch_id, answer))
                    self._looked_at[batch_id] = context.clock.monotonic()
                elif isinstance(answer, BaseException):
                    raise answer
            if gone:
                await context.history.batches.mark_gone(context.account_id, gone, context.clock.now())
                run.gone.extend(gone)
                answered.update(gone)
        return answered

    def _may_look(self, batch_id: str, pause: float, *, note: bool = True) -> bool:
        """True when a batch was not looked at within `pause` seconds by this process."""
        now = self._context.clock.monotonic()
        last = self._looked_at.get(batch_id)
        if last is not None and now - last < pause:
            return False
        if note and pause > 0:
            self._looked_at[batch_id] = now
        return True

    # --- inside -------------------------------------------------------------

    async def _list(self, after: str | None) -> BatchPage:
        self._calls += 1
        return await self._context.api.list_batches(after=after, limit=PAGE)

    async def _upsert(self, batches: Sequence[Batch]) -> Changes:
        context = self._context
        return await context.history.batches.upsert(
            context.account_id,
            list(batches),
            seen_at=context.clock.now(),
            profile=context.profile.name,
            name_keys=context.name_keys,
        )

    async def _state(self) -> SyncState:
        return await self._context.history.sync_state.get(self._context.account_id)

    async def _save(self, state: SyncState) -> None:
        await self._context.history.sync_state.set(self._context.account_id, state)

    async def _note_end(self, error: ServiceError | None) -> None:
        now = self._context.clock.now()
        state = await self._state()
        if error is not None:
            self._status = replace(
                self._status,
                last_success_at=self._status.last_success_at or state.last_success_at,
                error=error,
                failing_since=self._status.failing_since or now,
                failures=self._status.failures + 1,
                backfill_done=state.backfill_done,
            )
            return
        await self._save(replace(state, last_success_at=now))
        self._status = SyncStatus(last_success_at=now, backfill_done=state.backfill_done)


def _reaches(batches: Sequence[Batch], known_id: str | None, known_at: datetime | None) -> bool:
    """True when a page holds a known batch or goes past the second it was created in."""
    for batch in batches:
        if batch.id == known_id:
            return True
        if known_at is not None and batch.created_at is not None and batch.created_at < known_at:
            return True
    return False
