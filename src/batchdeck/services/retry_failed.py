"""Send again what failed, exactly that, and never what is answered or under way."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import NotFound, NothingToRetry, UsageError
from batchdeck.models.batch import ALSO_KEY, RETRY_KEY, Batch, BatchStatus
from batchdeck.models.lines import FailureReport
from batchdeck.models.operation import OperationState
from batchdeck.services.creation import Created
from batchdeck.services.joint_retry import check_together, join_files
from batchdeck.services.metadata import carried, common
from batchdeck.services.relatives import Lineage, without
from batchdeck.services.retry_plan import NO_ROOM, RetryPlan, left_out_words, regroup
from batchdeck.services.retry_sending import RetrySending
from batchdeck.services.sending import is_out_of_room

if TYPE_CHECKING:
    from batchdeck.jsonl.retry_set import RetrySet
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.creation import Creation
    from batchdeck.services.files import Files
    from batchdeck.services.inputs import Inputs
    from batchdeck.services.room import Room

__all__ = ["Created", "Retry", "RetryPlan"]


class Retry:
    """Makes new batches of the requests that failed."""

    def __init__(
        self,
        context: Context,
        creation: Creation,
        room: Room,
        files: Files,
        inputs: Inputs,
        *,
        outbox_dir: Path,
    ) -> None:
        self._context = context
        self._creation = creation
        self._journal = creation.journal
        self._room = room
        self._files = files
        self._inputs = inputs
        self._sending = RetrySending(context, creation, room, outbox_dir=outbox_dir)
        self._lineage = Lineage(context, creation.journal, files)

    # --- planning -----------------------------------------------------------

    async def plan(
        self,
        batch_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> RetryPlan:
        """Find what of a batch is not answered, in its files and in those of its whole lineage.

        Raises:
            NothingToRetry: every request is answered or under way, or the input itself was refused.
            UsageError: the batch has not ended.
            InputLost, ServiceError, FileProblem, Interrupted: its files could not be had.
        """
        batch = await self._batch(batch_id)
        if not batch.status.is_terminal:
            raise UsageError(
                f"Batch {batch_id} is {batch.raw_status}; what failed is known when it has ended.",
                hint=f"`batchdeck wait {batch_id}` waits for it.",
            )
        if batch.status is BatchStatus.FAILED:
            return await self._plan_refused(batch)
        await self._look_at_earlier(batch_id)
        source = await self._inputs.find(batch, on_progress=on_progress, should_stop=should_stop)
        relatives = await self._lineage.relatives(batch, on_progress=on_progress, should_stop=should_stop)
        own = [
            path
            for path in (
                await self._files.local(batch, "output", should_stop=should_stop),
                await self._files.local(batch, "errors", should_stop=should_stop),
            )
            if path is not None
        ]
        from batchdeck.jsonl.retry_set import find_unanswered

        async def unanswered(results: list[Path]) -> RetrySet:
            return await asyncio.to_thread(
                find_unanswered,
                source.path,
                results,
                ended=batch.status,
                batch_id=batch_id,
                on_progress=on_progress,
                should_stop=should_stop,
            )

        by_itself = await unanswered(own)
        together = await unanswered(relatives.results) if relatives.others else by_itself
        open_ones, lost = without(together, relatives.unknown)
        open_ones, pending = without(open_ones, relatives.held)
        answered = len(by_itself.unanswered) - len(together.unanswered)
        groups = regroup(open_ones, by_itself.requests)
        left_out = left_out_words(groups, answered, pending, lost)
        if not groups:
            why = f" ({' '.join(left_out).rstrip('.')})" if left_out else ""
            raise NothingToRetry(f"Nothing of batch {batch_id} is left to send again{why}.")
        return RetryPlan(
            batch=batch,
            report=by_itself.report,
            groups=groups,
            default_codes=tuple(dict.fromkeys(group.code for group in groups if group.retryable)),
            left_out=tuple(left_out),
            answered_later=answered,
            pending_later=pending,
            requests=by_itself.requests,
            input_path=source.path,
            retry_set=open_ones,
        )

    async def _batch(self, batch_id: str) -> Batch:
        try:
            batch = await self._context.api.get_batch(batch_id)
        except NotFound:
            record = await self._context.history.batches.get(self._context.account_id, batch_id)
            if record is None or not record.batch.status.is_terminal:
                raise
            return record.batch
        await self._context.note_batches([batch])
        return batch

    async def _plan_refused(self, batch: Batch) -> RetryPlan:
        """A batch that failed validation: only one without room can be sent again as it is."""
        if not is_out_of_room(batch) or not batch.input_file_id:
            first = batch.errors[0] if batch.errors else None
            line = f"line {first.line}: " if first is not None and first.line else ""
            why = f" ({line}{first.message.rstrip('.')})" if first is not None else ""
            raise NothingToRetry(
                f"Batch {batch.id} failed validation{why}; nothing of it was run, and sending it again as it"
                " is would fail again.",
                hint="Mend the file and create it anew.",
            )
        known = await self._context.history.inputs.of_file(self._context.account_id, batch.input_file_id)
        requests = known.requests if known else batch.counts.total
        return RetryPlan(
            batch=batch,
            report=FailureReport(batch.id, requests, 0, ()),
            groups=(),
            default_codes=(NO_ROOM,),
            left_out=(),
            same_file=True,
            requests=requests,
        )

    async def _look_at_earlier(self, batch_id: str) -> None:
        """Learn whether an earlier retry that was cut off made its batch after all; nothing is sent."""
        for operation in await self._sending.earlier(batch_id):
            if operation.state is OperationState.SENDING:
                taken = await self._journal.take(operation.id)
                if taken is not None:
                    await self._creation.look(taken)

    # --- sending ------------------------------------------------------------

    async def send(
        self,
        plan: RetryPlan,
        *,
        codes: Collection[str] | None = None,
        include_all: bool = False,
        wait_for_room: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Created:
        """Make one new batch of the chosen requests of a batch.

        Raises:
            NothingToRetry: none was chosen.
            UsageError: another process retries the batch right now.
            ReadOnly, FileProblem, ServiceError, UnsettledOperation, Interrupted: as for `Submit.create`.
        """
        self._context.refuse_when_read_only(f"retrying {plan.batch.id}")
        if plan.same_file:
            return await self._room.send_again(
                plan.batch.id, wait_for_room=wait_for_room, on_progress=on_progress, should_stop=should_stop
            )
        written = await self._sending.write(plan, codes, include_all, on_progress, should_stop)
        metadata = carried(plan.batch.metadata, {RETRY_KEY: plan.batch.id})
        return await self._sending.send([plan], written, metadata, wait_for_room, on_progress, should_stop)

    async def send_as_one(
        self,
        plans: Sequence[RetryPlan],
        *,
        codes: Collection[str] | None = None,
        include_all: bool = False,
        wait_for_room: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Created:
        """Make one new batch of the chosen requests of several batches of one endpoint and model.

        Raises:
            UsageError: they differ in endpoint or model, are too many requests for one batch, or a chosen
                custom_id is in two of their inputs; nothing was sent.
            NothingToRetry: none was chosen.
            ReadOnly, FileProblem, ServiceError, UnsettledOperation, Interrupted: as for `send`.
        """
        self._context.refuse_when_read_only("retrying batches")
        useful = [plan for plan in plans if plan.chosen(codes, include_all=include_all)]
        if len(useful) == 1:
            return await self.send(
                useful[0],
                codes=codes,
                include_all=include_all,
                wait_for_room=wait_for_room,
                on_progress=on_progress,
                should_stop=should_stop,
            )
        if not useful:
            raise NothingToRetry("None of the batches has a request that was chosen; nothing was sent.")
        await asyncio.to_thread(check_together, useful, codes, include_all, should_stop)
        pieces = [
            await self._sending.write(plan, codes, include_all, on_progress, should_stop) for plan in useful
        ]
        written = await asyncio.to_thread(
            join_files, pieces, self._sending.new_file(useful[0].batch), self._context.profile.limits
        )
        first, *others = (plan.batch for plan in useful)
        own = {RETRY_KEY: first.id, ALSO_KEY: ",".join(batch.id for batch in others)}
        metadata = carried(common([plan.batch.metadata for plan in useful]), own)
        return await self._sending.send(useful, written, metadata, wait_for_room, on_progress, should_stop)
