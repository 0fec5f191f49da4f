"""Look in the service's list for the batch that an operation may have made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from batchdeck.errors import (
    BadAnswer,
    LostAnswer,
    RateLimited,
    ServerFailed,
    ServiceError,
    Unreachable,
)
from batchdeck.models.operation import OperationKind
from batchdeck.models.progress import Progress
from batchdeck.services.job import Job
from batchdeck.services.wording import bare

if TYPE_CHECKING:
    from datetime import datetime

    from batchdeck.models.batch import Batch
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress
    from batchdeck.models.remote import BatchPage
    from batchdeck.services.context import Context
    from batchdeck.services.journal import Journal

PASSING = (Unreachable, LostAnswer, ServerFailed, RateLimited, BadAnswer)
"""Failures of a reading call that may be over a moment later."""
_SAME_CLOCK_SLACK = timedelta(seconds=5)
"""Times of one service compared with each other."""
_OTHER_CLOCK_SLACK = timedelta(days=1)
"""A time of the service compared with one of this machine, whose clock may be in another time zone."""
_MAX_PAGES = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought."""

    batches: tuple[Batch, ...]
    """The batches that the operation made, oldest first; more than one is one too many."""
    is_complete: bool
    """True when the list was seen as far back as the operation began: no batch means there is none."""
    why: str = ""
    """Why it could not be seen whole, as the end of a sentence; empty when it could."""

    @property
    def is_absent(self) -> bool:
        """True when it is certain that the list holds no such batch."""
        return self.is_complete and not self.batches


class BatchSearch:
    """Searches the list for an operation's id in the metadata, or else for its input file."""

    def __init__(self, context: Context, journal: Journal) -> None:
        self._context = context
        self._journal = journal

    async def patient(
        self, operation: Operation, sent_at: datetime, *, on_progress: OnProgress | None = None
    ) -> Found:
        """Look again and again until the batch is there or the profile's patience since the send is over.

        A new batch may be listed late. When the send was long ago, one look suffices.
        """
        clock = self._context.clock
        patience = self._context.profile.settle_seconds
        gone_by = max(0.0, (clock.now() - sent_at).total_seconds())
        deadline = clock.monotonic() + patience - min(gone_by, patience)
        wait = 0.5
        while True:
            left = deadline - clock.monotonic()
            is_last = left < 0.01
            if on_progress is not None:
                on_progress(Progress("looking whether the batch was made", 0, None, "seconds"))
            found = await self.look(operation)
            if found.batches or is_last:
                return found
            await clock.sleep(min(wait, left))
            wait *= 2

    async def look(self, operation: Operation) -> Found:
        """Go through the list once, back to when the operation began."""
        job = Job.of(operation.payload)
        since = self._since(operation, job)
        by_id: dict[str, Batch] = {}
        by_file: dict[str, Batch] = {}
        seen: set[str] = set()
        after: str | None = None
        why = "the service's list did not come to an end"
        for _ in range(_MAX_PAGES):
            try:
                page = await self._context.api.list_batches(after=after, limit=100)
            except ServiceError as error:
                why = f"the service's list could not be read ({bare(error)})"
                break
            fresh = [batch for batch in page.batches if batch.id not in seen]
            seen.update(batch.id for batch in fresh)
            for batch in fresh:
                if batch.id in job.spent:
                    continue
                if batch.operation_id == operation.id:
                    by_id[batch.id] = batch
                elif self._may_be_ours(batch, operation, job):
                    by_file[batch.id] = batch
            if not page.batches or not page.has_more or _reaches(page, since):
                why = ""
                break
            if not fresh:
                why = "the service's list shows only its newest batches"
                break
            after = page.last_id
        found = list(by_id.values()) or await self._not_anothers(list(by_file.values()), operation)
        found.sort(key=lambda batch: (batch.created_at.timestamp() if batch.created_at else 0.0, batch.id))
        return Found(tuple(found), is_complete=not why, why=why)

    def _since(self, operation: Operation, job: Job) -> datetime:
        """No batch of the operation is older, by the service's clock."""
        intent = operation.created_at - _OTHER_CLOCK_SLACK
        if job.service_time is None:
            return intent
        return max(intent, job.service_time - _SAME_CLOCK_SLACK)

    def _may_be_ours(self, batch: Batch, operation: Operation, job: Job) -> bool:
        """True for a batch of the operation's own file whose `batchdeck_op` the service dropped.

        Whatever else stands in its metadata: a service may keep some pairs and add its own. Its time says
        little: a proxy's files and batches may come from different clocks.
        """
        return (
            operation.input_file_id is not None
            and batch.input_file_id == operation.input_file_id
            and batch.operation_id is None
            and batch.id not in job.retries
            and (batch.created_at is None or batch.created_at >= operation.created_at - _OTHER_CLOCK_SLACK)
        )

    async def _not_anothers(self, batches: list[Batch], operation: Operation) -> list[Batch]:
        """Those of the batches that no other operation made."""
        makers = (OperationKind.CREATE, OperationKind.RETRY)
        kept = []
        for batch in batches:
            others = [
                other
                for other in await self._journal.of_batch(batch.id)
                if other.id != operation.id and other.kind in makers
            ]
            if not others and not await self._is_spent(batch.id, operation):
                kept.append(batch)
        return kept

    async def _is_spent(self, batch_id: str, operation: Operation) -> bool:
        """True when another operation of the same file made the batch before it failed for want of room."""
        return any(
            batch_id in Job.of(other.payload).spent
            for other in await self._journal.unsettled()
            if other.id != operation.id and "sha256" in other.payload
        )


def _reaches(page: BatchPage, since: datetime) -> bool:
    """True when a page is in order, newest first, and goes back behind a time."""
    times = [batch.created_at for batch in page.batches if batch.created_at is not None]
    if not times or len(times) < len(page.batches):
        return False
    in_order = all(newer >= older for newer, older in pairwise(times))
    return in_order and times[-1] < since
