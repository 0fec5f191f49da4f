"""What the other batches of a lineage answered or still hold."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import InputLost, NotFound, UsageError
from batchdeck.models.batch import ALSO_KEY
from batchdeck.services.job import Job
from batchdeck.services.open_operations import MAKERS

if TYPE_CHECKING:
    from batchdeck.jsonl.retry_set import RetrySet
    from batchdeck.models.batch import Batch
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.files import Files
    from batchdeck.services.journal import Journal


_LOOK_BACK = 1_000
"""Operations among which retries are looked for."""


@dataclass(slots=True)
class Relatives:
    """What a lineage knows of the requests of one of its batches."""

    results: list[Path] = field(default_factory=list)
    """Result files of all ended batches of the lineage, the batch itself among them, oldest first."""
    held: Counter[str] = field(default_factory=Counter)
    """Custom ids in batches that are still active."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Custom ids in ended batches whose result files are gone: they may have been answered."""
    others: int = 0
    """How many other batches the lineage has."""


class Lineage:
    """Reads the files of a batch's relatives."""

    def __init__(self, context: Context, journal: Journal, files: Files) -> None:
        self._context = context
        self._journal = journal
        self._files = files

    async def relatives(
        self,
        batch: Batch,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Relatives:
        """Look at every batch of the lineage, the active ones as they are now.

        Raises:
            UsageError: an active retry holds requests that cannot be found out.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: files could not be had.
        """
        found = Relatives()
        for member in await self.members(batch):
            if member.id != batch.id:
                found.others += 1
                if member.status.is_active:
                    member = await self._now(member)
            if member.status.is_active:
                found.held += await self._ids(member, on_progress, should_stop)
                continue
            try:
                for kind in ("output", "errors"):
                    path = await self._files.local(
                        member,
                        "output" if kind == "output" else "errors",
                        on_progress=on_progress,
                        should_stop=should_stop,
                    )
                    if path is not None:
                        found.results.append(path)
            except NotFound:
                if member.id == batch.id:
                    raise
                found.unknown += await self._ids(member, on_progress, should_stop)
        return found

    async def members(self, batch: Batch) -> list[Batch]:
        """The lineage, oldest first, with the joint retries of several batches and what came of them."""
        batches = self._context.history.batches
        account_id = self._context.account_id
        members = {record.id: record.batch for record in await batches.lineage(account_id, batch.id)}
        members.setdefault(batch.id, batch)
        members[batch.id] = batch
        sent_here = [
            operation
            for operation in await self._journal.recent(limit=_LOOK_BACK)
            if operation.kind in MAKERS and operation.batch_id is not None
        ]
        todo = list(members)
        while todo:
            for joint in await self._other_retries(todo.pop(), sent_here):
                below = {joint.id: joint}
                for record in await batches.lineage(account_id, joint.id):
                    if record.batch.retry_of in below:
                        below[record.id] = record.batch
                todo.extend(found for found in below if found not in members)
                members |= {key: value for key, value in below.items() if key not in members}
        return sorted(members.values(), key=age)

    async def _other_retries(self, batch_id: str, sent_here: list[Operation]) -> list[Batch]:
        """Batches that retried this one without naming it alone in their metadata."""
        found = {batch.id: batch for batch in await self._joint_retries(batch_id)}
        for operation in sent_here:
            # Some services drop the metadata; the journal knows what was sent from here all the same.
            if operation.batch_id is None or operation.batch_id in found:
                continue
            if batch_id in Job.of(operation.payload).retries:
                record = await self._context.history.batches.get(self._context.account_id, operation.batch_id)
                if record is not None:
                    found[record.id] = record.batch
        return list(found.values())

    async def _joint_retries(self, batch_id: str) -> list[Batch]:
        """Batches that retried this one together with others, under another's lineage."""
        from batchdeck.models.filter import BatchFilter
        from batchdeck.models.query import BatchSort

        if re.fullmatch(r"[\w.-]+", batch_id) is None:
            return []  # such an id cannot stand in a list of them
        batches, account_id = self._context.history.batches, self._context.account_id
        wanted = BatchFilter.parse(f"meta.{ALSO_KEY}:*{batch_id}*")
        ids = await batches.ids(account_id, wanted, BatchSort(), now=self._context.clock.now())
        records = await batches.get_many(account_id, ids)
        return [
            record.batch
            for record in records
            if batch_id in record.batch.metadata.get(ALSO_KEY, "").split(",")
        ]

    async def _now(self, member: Batch) -> Batch:
        """An active batch as it is now; one that is gone counts as it was."""
        try:
            current = await self._context.api.get_batch(member.id)
        except NotFound:
            return member
        await self._context.note_batches([current])
        return current

    async def _ids(
        self, member: Batch, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> Counter[str]:
        try:
            path = await self._files.local(member, "input", on_progress=on_progress, should_stop=should_stop)
        except InputLost as lost:
            raise UsageError(
                f"Batch {member.id} of the same lineage holds some of these requests, and which ones cannot"
                " be found out: its input is lost. Nothing was sent.",
                hint="Wait until it has ended." if member.status.is_active else None,
            ) from lost
        return Counter() if path is None else await asyncio.to_thread(_custom_ids, path, should_stop)


def age(batch: Batch) -> float:
    """When a batch was made, in epoch seconds: what puts a lineage in order."""
    return batch.created_at.timestamp() if batch.created_at else 0.0


def without(retry_set: RetrySet, held: Counter[str]) -> tuple[RetrySet, int]:
    """A set less the requests that are held elsewhere, and how many those were."""
    left = Counter(held)
    kept = []
    for request in retry_set.unanswered:
        if left[request.custom_id] > 0:
            left[request.custom_id] -= 1
        else:
            kept.append(request)
    return replace(retry_set, unanswered=tuple(kept)), len(retry_set.unanswered) - len(kept)


def _custom_ids(path: Path, should_stop: ShouldStop | None) -> Counter[str]:
    from batchdeck.jsonl.index import index_input

    found: Counter[str] = Counter()
    for lines in index_input(path, should_stop=should_stop):
        found.update(line.custom_id for line in lines if line.custom_id is not None)
    return found
