"""`failures` and `retry`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdeck.commands.context import CommandContext
from batchdeck.commands.describe import status_word
from batchdeck.commands.waiting import watch
from batchdeck.errors import NothingToRetry, ReadOnly, UsageError
from batchdeck.services.failure_notes import counted

if TYPE_CHECKING:
    from batchdeck.services.retry_failed import RetryPlan
    from batchdeck.services.submit import Created


async def failures(context: CommandContext) -> int:
    """The failed requests of a batch by failure code."""
    out = context.out
    async with context.services() as services:
        report = await services.failures.report(context.args.id, on_progress=out.progress)
    for group in report.groups:
        if out.as_json:
            out.json(
                {
                    "code": group.code,
                    "outcome": str(group.outcome),
                    "count": group.count,
                    "retryable": group.retryable,
                    "message": group.message,
                    "custom_ids": list(group.custom_ids),
                    "share": group.share,
                    "why": group.why,
                }
            )
    if not out.as_json and report.groups:
        out.table(
            ("code", "outcome", "count", "share", "retry", "message"),
            [
                (
                    group.code,
                    str(group.outcome),
                    f"{group.count:,}",
                    f"{group.share:.1%}",
                    "yes" if group.retryable else "no",
                    group.message or group.why,
                )
                for group in report.groups
            ],
            right=frozenset({2, 3}),
        )
    if not report.groups and report.ok == report.requests:
        out.say(f"Every one of {report.requests:,} requests has an ok answer.")
    for note in report.notes:
        out.say(note)
    return 0


async def retry(context: CommandContext) -> int:
    """Send again what failed; 1 when there is nothing to send."""
    args, out = context.args, context.out
    if args.only and args.all:
        raise UsageError("--only and --all do not go together.")
    if context.settings.profile.read_only and not args.dry_run:
        raise ReadOnly("The profile is read-only, which forbids a retry; nothing was sent.")
    async with context.services() as services:
        plan = await services.retry.plan(args.id, on_progress=out.progress)
        codes = set(args.only) or None
        _check_codes(plan, args.only)
        chosen = plan.chosen(codes, include_all=args.all)
        for sentence in plan.left_out_of(chosen):
            out.say(sentence)
        if args.dry_run:
            if not sum(chosen.values()):
                raise NothingToRetry(f"{args.id}: no request would be sent again.", hint=_hint(plan))
            _show_dry(context, plan, dict(chosen))
            return 0
        with context.interruption.in_order() as should_stop:
            created = await services.retry.send(
                plan,
                codes=codes,
                include_all=args.all,
                on_progress=out.progress,
                should_stop=should_stop,
            )
        if out.as_json:
            out.json(
                {
                    "batch_id": created.batch.id,
                    "retry_of": args.id,
                    "requests": created.requests,
                    "by_code": dict(created.by_code or chosen),
                    "input_file_id": created.input_file_id,
                    "operation": created.operation_id,
                }
            )
        else:
            _show_sent(context, created, dict(created.by_code or chosen))
        if args.wait:
            return await watch(context, services, [created.batch.id], seconds=None)
        return 0


def _show_sent(context: CommandContext, created: Created, by_code: dict[str, int]) -> None:
    if created.words:
        context.out.say(created.words)
    context.out.line(
        f"{created.batch.id}  {status_word(created.batch)}  "
        f"{counted(created.requests, 'request')} of {context.args.id} again: {_codes(by_code)}"
    )


def _codes(by_code: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {code}" for code, count in by_code.items())


def _hint(plan: RetryPlan) -> str | None:
    codes = sorted({group.code for group in plan.groups})
    return f"With --all or --only, these could be: {', '.join(codes)}." if codes else None


def _check_codes(plan: RetryPlan, only: list[str]) -> None:
    known = {group.code for group in plan.groups}
    unknown = [code for code in only if code not in known]
    if unknown:
        listed = ", ".join(sorted(known)) or "none"
        raise UsageError(
            f"{plan.batch.id} has no request that failed with {', '.join(unknown)}; nothing was sent.",
            hint=f"Its failure codes: {listed}.",
        )


def _show_dry(context: CommandContext, plan: RetryPlan, chosen: dict[str, int]) -> None:
    requests = sum(chosen.values())
    if context.out.as_json:
        context.out.json(
            {
                "batch_id": None,
                "retry_of": plan.batch.id,
                "requests": requests,
                "by_code": chosen,
                "dry_run": True,
            }
        )
        return
    context.out.line(f"Would send {counted(requests, 'request')} of {plan.batch.id} again: {_codes(chosen)}.")
