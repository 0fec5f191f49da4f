"""Find out how operations that were cut off ended, and finish them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import BatchdeckError, Interrupted, UnsettledOperation, UsageError
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.services.cancel import Cancel
from batchdeck.services.disk import plain_size
from batchdeck.services.job import Job
from batchdeck.services.pulse import stop_when_told
from batchdeck.services.sending import is_watching

if TYPE_CHECKING:
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.creation import Created, Creation


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one operation."""

    operation: Operation
    """As it stands now; `operation.state.is_settled` tells whether it is dealt with."""
    batch_id: str | None
    """The batch it made or concerns, where known."""
    words: str
    """What is known, and whether anything was sent. One sentence or two."""


class Settle:
    """Deals with unsettled operations of processes that are gone."""

    def __init__(self, context: Context, creation: Creation) -> None:
        self._context = context
        self._creation = creation
        self._journal = creation.journal
        self._cancel = Cancel(context, creation.journal)

    async def unsettled(self) -> list[Operation]:
        """Operations that are neither done, failed nor abandoned, oldest first."""
        return await self._journal.unsettled()

    async def reconcile(
        self,
        *,
        finish: bool,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> list[Settled]:
        """Look after every unsettled operation that no living process works on.

        Args:
            finish: Send what is still to be sent. False only looks and never sends.

        Raises:
            ReadOnly: `finish` in a read-only profile.
            Interrupted: told to stop.
        """
        if finish:
            self._context.refuse_when_read_only("finishing what was cut off")
        settled: list[Settled] = []
        for found in await self._journal.unsettled():
            stop_when_told(should_stop, "Stopped; what is left stays in the journal.")
            operation = await self._journal.take(found.id)
            if operation is None:
                continue
            async with self._journal.hold(operation):
                words = await self._deal_with(operation, finish, on_progress, should_stop)
            operation = await self._journal.get(operation.id)
            settled.append(Settled(operation, operation.batch_id, words))
        return settled

    async def abandon(self, operation_id: str) -> Settled:
        """Give an operation up: the journal keeps it, nothing is sent for it any more.

        Raises:
            UsageError: no such operation, already settled, or another process works on it.
        """
        operation = await self._take(operation_id)
        async with self._journal.hold(operation):
            what = "it is not known whether a batch was made" if _is_sent(operation) else "no batch was made"
            words = f"{operation.title} was given up; {what}."
            operation = await self._journal.step(operation, OperationState.ABANDONED, note=words)
        if operation.kind in (OperationKind.CREATE, OperationKind.RETRY):
            await self._creation.clear_away(Job.of(operation.payload))
        return Settled(operation, operation.batch_id, words)

    async def send_again(self, operation_id: str) -> Created | None:
        """Send an operation's create once more although it may have arrived: the user's choice.

        The list is looked through once more before.

        Returns:
            The batch, or None when it waits for room now.

        Raises:
            ReadOnly: the profile forbids it.
            UsageError: as for `abandon`, or the operation makes no batch.
            ServiceError, UnsettledOperation: as for `Submit.create`.
        """
        self._context.refuse_when_read_only("sending again")
        operation = await self._take(operation_id)
        async with self._journal.hold(operation):
            if operation.kind not in (OperationKind.CREATE, OperationKind.RETRY):
                raise UsageError(f"{operation.title} makes no batch; there is nothing to send again.")
            if operation.state is OperationState.SENDING:
                with suppress(UnsettledOperation):  # not being able to look is what the choice is for
                    made = await self._creation.look(operation)
                    if made is not None:
                        return made
                operation = await self._journal.step(
                    operation, OperationState.UPLOADED, note="sent again by the user's choice"
                )
            return await self._creation.carry_on(operation, continued=True)

    async def _take(self, operation_id: str) -> Operation:
        operation = await self._journal.get(operation_id)
        if operation.state.is_settled:
            raise UsageError(f"The operation on {operation.title} is {operation.state} already.")
        taken = await self._journal.take(operation_id)
        if taken is None:
            raise UsageError(f"Another process works on {operation.title} right now.")
        return taken

    async def _deal_with(
        self,
        operation: Operation,
        finish: bool,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> str:
        """One operation, as far as it goes now; what is known of it in words."""
        try:
            if operation.kind is OperationKind.CANCEL:
                return await self._settle_cancel(operation)
            if operation.kind is OperationKind.DOWNLOAD:
                return await self._settle_download(operation)
            if finish:
                return await self._finish(operation, on_progress, should_stop)
            return await self._look(operation, on_progress)
        except Interrupted:
            raise
        except BatchdeckError as error:
            return error.line

    async def _finish(
        self, operation: Operation, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> str:
        created = await self._creation.carry_on(
            operation, continued=True, on_progress=on_progress, should_stop=should_stop
        )
        if created is None:
            return f"{operation.title} waits for room in the service's queue; nothing was made yet."
        if created.words:
            return created.words
        if created.settled:
            return f"{operation.title} had been created as {created.batch.id}; nothing was sent again."
        return f"{operation.title} was finished: it is {created.batch.id}."

    async def _look(self, operation: Operation, on_progress: OnProgress | None) -> str:
        """What can be known without sending."""
        title = operation.title
        if operation.state is OperationState.SENDING:
            created = await self._creation.look(operation, on_progress=on_progress)
            if created is not None:
                return created.words or f"{title} had been created as {created.batch.id}."
            return (
                f"The create of {title} was cut off, and the service lists no batch of it."
                " `batchdeck reconcile` sends it again."
            )
        if operation.state is OperationState.WAITING:
            if is_watching(operation):
                return f"{title} was created as {operation.batch_id} and waits to see whether there is room."
            return f"{title} waits for room in the service's queue; nothing was made yet."
        return f"The create of {title} was cut off before it was sent. `batchdeck reconcile` finishes it."

    async def _settle_cancel(self, operation: Operation) -> str:
        batch_id = operation.batch_id or ""
        seen = await self._cancel.see(operation)
        if seen is not None:
            return seen.words
        words = f"The cancel of {batch_id} did not take effect: the batch goes on."
        await self._journal.step(operation, OperationState.FAILED, note=words, error=words)
        return f"{words} Cancel it again if that is still wanted."

    async def _settle_download(self, operation: Operation) -> str:
        file_id, path = operation.payload.get("file_id", ""), operation.payload.get("path", "")
        known = await self._context.history.downloads.of_file(self._context.account_id, file_id)
        for download in known:
            if download.path == path and plain_size(Path(path)) == download.bytes:
                words = f"The download of {operation.title} had arrived whole at {path}."
                await self._journal.step(operation, OperationState.DONE, note=words)
                return words
        words = f"The download of {operation.title} was cut off; the next one goes on where it stopped."
        await self._journal.step(operation, OperationState.FAILED, note="cut off", error=words)
        return words


def _is_sent(operation: Operation) -> bool:
    return operation.state is OperationState.SENDING
