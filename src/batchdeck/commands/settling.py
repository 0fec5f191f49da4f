"""`cancel` and `reconcile`."""

from __future__ import annotations

from batchdeck.commands.context import CommandContext, each
from batchdeck.commands.describe import status_word
from batchdeck.errors import ReadOnly
from batchdeck.models.batch import BatchStatus


async def cancel(context: CommandContext) -> int:
    """Ask for batches to be cancelled; 1 when one had ended otherwise before."""
    args = context.args
    if context.settings.profile.read_only and not args.dry_run:
        raise ReadOnly("The profile is read-only, which forbids cancelling; nothing was sent.")

    async with context.services() as services:

        async def one(batch_id: str) -> int:
            if args.dry_run:
                batch = await services.context.api.get_batch(batch_id)
                would = batch.status.is_active and batch.status is not BatchStatus.CANCELLING
                words = f"{batch_id} is {status_word(batch)}: " + (
                    "it would be cancelled." if would else "nothing would be sent."
                )
            else:
                cancelled = await services.cancel.cancel(batch_id)
                batch, words = cancelled.batch, cancelled.words
                would = batch.status in {BatchStatus.CANCELLING, BatchStatus.CANCELLED}
            if context.out.as_json:
                row = {"batch_id": batch.id, "status": status_word(batch)}
                context.out.json({**row, "would_cancel": would} if args.dry_run else row)
            else:
                context.out.line(words)
            return 0 if would else 1

        return await each(context, args.ids, one)


async def reconcile(context: CommandContext) -> int:
    """Finish or settle what was cut off; 1 when something is still open."""
    read_only = context.settings.profile.read_only
    async with context.services() as services:
        settled = await services.settle.reconcile(finish=not read_only, on_progress=context.out.progress)
        for outcome in settled:
            operation = outcome.operation
            if context.out.as_json:
                context.out.json(
                    {
                        "operation": operation.id,
                        "kind": str(operation.kind),
                        "state": str(operation.state),
                        "batch_id": outcome.batch_id,
                        "words": outcome.words,
                    }
                )
            else:
                context.out.line(f"{operation.kind} {operation.title}: {operation.state}. {outcome.words}")
        if not settled:
            context.out.say("Nothing was cut off: every operation is settled.")
        return 0 if all(outcome.operation.state.is_settled for outcome in settled) else 1
