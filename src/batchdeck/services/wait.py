"""Wait until batches have ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from batchdeck.errors import (
    BadAnswer,
    LostAnswer,
    NotFound,
    RateLimited,
    ServerFailed,
    ServiceError,
    TimedOut,
    Unreachable,
)
from batchdeck.services.polling import Schedule

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.services.context import Context

PAGE = 100
FIRST_SECONDS = 1.0
"""The first waits are short: a small batch at a fast service ends within seconds."""
GROWTH = 1.5
LIST_FROM = 3
"""From so many batches on, one list call goes before the calls for single ones."""
LATE_SECONDS = 60.0
"""A batch made this recently may not be known to every part of the service."""
_PASSING = (Unreachable, LostAnswer, ServerFailed, RateLimited, BadAnswer)
"""Errors that may be over in a moment."""

OnTrouble = Callable[[ServiceError, float], None]
"""Told an error that is waited out, and for how many seconds."""


class Wait:
    """Asks politely until every batch has ended."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def until_ended(
        self,
        batch_ids: Sequence[str],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - it is measured on the injected clock
        on_trouble: OnTrouble | None = None,
    ) -> AsyncIterator[Batch]:
        """Yield each batch as it is found to have ended.

        Args:
            batch_ids: The batches to wait for.
            timeout: Seconds after which to give up, or None for ever.
            on_trouble: Told each error that is waited out.

        Raises:
            TimedOut: some have not ended in time; they go on at the service.
            NotFound: the service does not know one of them.
            KeyRefused, NoKey, Refused: the service will not answer at all.
        """
        clock = self._context.clock
        deadline = None if timeout is None else clock.monotonic() + timeout
        pending = list(dict.fromkeys(batch_ids))
        schedule = Schedule(refresh_seconds=self._context.profile.refresh_seconds)
        pause = FIRST_SECONDS
        failures = 0
        while pending:
            error: ServiceError | None = None
            try:
                async for batch in self._look(pending):
                    failures = 0
                    if batch.status.is_terminal:
                        pending.remove(batch.id)
                        yield batch
            except _PASSING as raised:
                error = raised
            if not pending:
                return
            delay = min(pause, self._context.profile.refresh_seconds)
            if error is not None:
                failures += 1
                backed_off = schedule.next_delay(
                    active=True, failures=failures, retry_after=error.retry_after
                )
                delay = delay if backed_off is None else backed_off
                if on_trouble is not None:
                    on_trouble(error, delay)
            pause *= GROWTH
            if deadline is not None:
                left = deadline - clock.monotonic()
                if left <= 0:
                    raise _timed_out(pending, timeout, error)
                delay = min(delay, left)
            await clock.sleep(delay)

    async def _look(self, batch_ids: Sequence[str]) -> AsyncIterator[Batch]:
        """Each batch as it is now: from one page of the list where that is cheaper, else one by one."""
        context = self._context
        left = list(batch_ids)
        if len(left) >= LIST_FROM:
            page = await context.api.list_batches(limit=PAGE)
            await context.note_batches(page.batches)
            for batch in page.batches:
                if batch.id in left:
                    left.remove(batch.id)
                    yield batch
        for batch_id in left:
            found = await self._get(batch_id)
            if found is not None:
                yield found

    async def _get(self, batch_id: str) -> Batch | None:
        """One batch, or None when it is too new for the service to be sure it is not there.

        Raises:
            NotFound: neither the service nor the history can say how it ended.
        """
        context = self._context
        try:
            batch = await context.api.get_batch(batch_id)
        except NotFound as error:
            now = context.clock.now()
            record = await context.history.batches.get(context.account_id, batch_id)
            if record is None:
                raise
            if record.batch.status.is_terminal:
                return record.batch
            created_at = record.batch.created_at or record.seen_at
            if (now - created_at).total_seconds() < LATE_SECONDS:
                return None
            await context.history.batches.mark_gone(context.account_id, [batch_id], now)
            raise NotFound(
                f"The service does not know {batch_id} any more; it had not ended when it was last seen.",
                status=error.status,
                code=error.code,
                request_id=error.request_id,
            ) from error
        await context.note_batches([batch])
        return batch


def _timed_out(pending: Sequence[str], timeout: float | None, error: ServiceError | None) -> TimedOut:
    listed = ", ".join(pending[:3]) + (f" and {len(pending) - 3} more" if len(pending) > 3 else "")
    have = "has" if len(pending) == 1 else "have"
    sentence = (
        f"{listed} {have} not ended within {timeout:g} second{'' if timeout == 1 else 's'}"
        f" and go{'es' if have == 'has' else ''} on."
    )
    if error is not None:
        return TimedOut(sentence, hint=f"The service could not be asked at the end: {error.sentence}")
    return TimedOut(sentence)
