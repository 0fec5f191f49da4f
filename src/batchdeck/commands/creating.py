"""`create`: check, upload, create."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchdeck.commands.context import CommandContext, each
from batchdeck.commands.describe import status_word
from batchdeck.commands.waiting import watch
from batchdeck.errors import InvalidInput, ReadOnly, UsageError
from batchdeck.services.failure_notes import counted

if TYPE_CHECKING:
    from batchdeck.services.facade import Services
    from batchdeck.services.submit import Created, CreatePlan


def metadata_pairs(texts: list[str]) -> dict[str, str]:
    """`K=V` arguments as a mapping.

    Raises:
        UsageError: one has no `=` or no key.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(f"--metadata takes KEY=VALUE, not {text!r}; nothing was sent.")
        pairs[key] = value
    return pairs


async def create(context: CommandContext) -> int:
    """Make a batch of each file, or several of one that is split."""
    args = context.args
    metadata = metadata_pairs(args.metadata)
    if context.settings.profile.read_only and not args.dry_run:
        raise ReadOnly("The profile is read-only, which forbids creating a batch; nothing was sent.")
    made: list[str] = []

    async with context.services(cached=args.dry_run) as services:

        async def one(file: str) -> int:
            plan = await _plan(context, services, Path(file), metadata)
            for warning in plan.warnings:
                context.out.say(warning)
            if args.dry_run:
                _show_plan(context, plan)
                return 0
            with context.interruption.in_order() as should_stop:
                async for created in services.submit.create(
                    plan,
                    wait_for_room=args.wait_for_room,
                    on_progress=context.out.progress,
                    should_stop=should_stop,
                ):
                    made.append(created.batch.id)
                    show_created(context, created)
            return 0

        code = await each(context, args.files, one)
        if args.wait and made:
            code = max(code, await watch(context, services, made, seconds=None))
        return code


async def _plan(
    context: CommandContext, services: Services, path: Path, metadata: dict[str, str]
) -> CreatePlan:
    args = context.args
    report = await services.submit.check(path, endpoint=args.endpoint, on_progress=context.out.progress)
    if not report.is_valid and not (args.split and report.is_valid_when_split):
        for problem in report.problems[:20]:
            where = f"{path}:{problem.line}" if problem.line else str(path)
            context.out.say(f"{where}: {problem.code}: {problem.message}")
        only = f" --endpoint {args.endpoint}" if args.endpoint else ""
        hint = f"'batchdeck check {path}{only}' lists every problem."
        if report.is_valid_when_split:
            hint = "With --split it becomes several batches."
        problems = counted(report.error_count, "problem")
        raise InvalidInput(f"{path} has {problems}; nothing was sent.", hint=hint)
    return await services.submit.plan(
        path,
        endpoint=args.endpoint,
        window=args.window,
        metadata=metadata,
        output_expires_after=args.output_expires_after,
        split=args.split,
        report=report,
        on_progress=context.out.progress,
    )


def _show_plan(context: CommandContext, plan: CreatePlan) -> None:
    for planned in plan.batches:
        row: dict[str, Any] = {
            "batch_id": None,
            "input_file_id": None,
            "file": str(plan.path),
            "requests": planned.requests,
            "status": None,
            "bytes": planned.bytes,
            "endpoint": plan.endpoint,
            "completion_window": plan.window,
            "metadata": dict(planned.metadata),
            "dry_run": True,
        }
        if context.out.as_json:
            context.out.json(row)
        else:
            requests = counted(planned.requests, "request")
            context.out.line(
                f"Would send {planned.title}: {requests}, {planned.bytes:,} bytes,"
                f" to {plan.endpoint} within {plan.window}, metadata {json.dumps(dict(planned.metadata))}."
            )


def show_created(context: CommandContext, created: Created) -> None:
    """Tell of one batch that was made."""
    if created.words:
        context.out.say(created.words)
    if context.out.as_json:
        context.out.json(
            {
                "batch_id": created.batch.id,
                "input_file_id": created.input_file_id,
                "file": created.file,
                "requests": created.requests,
                "status": status_word(created.batch),
                "operation": created.operation_id,
            }
        )
    else:
        context.out.line(
            f"{created.batch.id}  {status_word(created.batch)}  "
            f"{counted(created.requests, 'request')} of {created.file}"
        )
