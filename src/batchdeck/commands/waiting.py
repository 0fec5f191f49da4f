"""`wait`: until every batch has ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchdeck.commands.context import CommandContext
from batchdeck.commands.describe import status_word
from batchdeck.errors import ServiceError
from batchdeck.models.batch import Batch, BatchStatus
from batchdeck.models.progress import Progress

if TYPE_CHECKING:
    from batchdeck.services.facade import Services


async def wait(context: CommandContext) -> int:
    """Wait for batches; 0 when all completed with no failed request."""
    args = context.args
    async with context.services() as services:
        return await watch(context, services, args.ids, seconds=args.timeout)


async def watch(
    context: CommandContext, services: Services, ids: Sequence[str], *, seconds: float | None
) -> int:
    """Print each batch as it ends.

    Args:
        seconds: How long to wait, or None for ever.

    Raises:
        TimedOut: some have not ended in time.
    """
    wanted = list(dict.fromkeys(ids))
    all_good = True

    def trouble(error: ServiceError, seconds_to_wait: float) -> None:
        context.out.say(f"{error.sentence} Asking again in {seconds_to_wait:.0f} s.")

    ended = 0
    context.out.progress(Progress("waiting", ended, len(wanted), "batches"))
    async for batch in services.wait.until_ended(wanted, timeout=seconds, on_trouble=trouble):
        ended += 1
        all_good = all_good and await _is_all_good(services, batch)
        _show(context, batch)
        context.out.progress(Progress("waiting", ended, len(wanted), "batches"))
    return 0 if all_good else 1


async def _is_all_good(services: Services, batch: Batch) -> bool:
    """True when a batch completed and no request failed: by its counts and by its error file's length.

    The counts alone can say that none failed while the error file holds rows.
    """
    if batch.status is not BatchStatus.COMPLETED or batch.counts.failed:
        return False
    if batch.counts.total and batch.counts.completed < batch.counts.total:
        return False
    if batch.error_file_id is None:
        return True
    api = services.context.api
    return (await api.get_file(batch.error_file_id)).bytes == 0


def _show(context: CommandContext, batch: Batch) -> None:
    counts = batch.counts
    if context.out.as_json:
        context.out.json(
            {
                "batch_id": batch.id,
                "status": status_word(batch),
                "total": counts.total,
                "completed": counts.completed,
                "failed": counts.failed,
            }
        )
    else:
        context.out.line(
            f"{batch.id}  {status_word(batch)}  {counts.completed:,} completed, {counts.failed:,} failed "
            f"of {counts.total:,}"
        )
