"""`check` and `build`: request files, without the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.commands.context import CommandContext, each
from batchdeck.errors import InvalidInput
from batchdeck.services.checking import check_request_file
from batchdeck.services.failure_notes import counted
from batchdeck.services.tables import build_from_table, preview_table

if TYPE_CHECKING:
    from batchdeck.models.lines import CheckReport

SHOWN_PROBLEMS = 20


async def check(context: CommandContext) -> int:
    """Judge request files; 1 when one of them is not valid."""
    args = context.args

    async def one(file: str) -> int:
        report = await check_request_file(
            Path(file),
            context.settings.profile.limits,
            endpoint=args.endpoint,
            on_progress=context.out.progress,
        )
        if context.out.as_json:
            context.out.json(_describe(report))
        else:
            _show(context, report)
        return 0 if report.is_valid else 1

    return await each(context, args.files, one)


def _describe(report: CheckReport) -> dict[str, object]:
    return {
        "file": report.path,
        "valid": report.is_valid,
        "requests": report.requests,
        "bytes": report.bytes,
        "endpoint": report.endpoint,
        "models": list(report.models),
        "requests_by_model": dict(report.models),
        "problems": [
            {
                "line": problem.line,
                "code": problem.code,
                "message": problem.message,
                "severity": "error" if problem.is_error else "warning",
            }
            for problem in report.problems
        ],
        "errors": report.error_count,
        "warnings": report.warning_count,
        "problem_counts": dict(report.problem_counts),
        "sha256": report.sha256,
        "estimated_input_tokens": report.estimated_input_tokens,
        "batches_if_split": len(report.parts),
    }


def _show(context: CommandContext, report: CheckReport) -> None:
    out = context.out
    verdict = "valid" if report.is_valid else "not valid"
    models = ", ".join(f"{model} ({count:,})" for model, count in report.models.items()) or "no model"
    out.line(
        f"{report.path}: {verdict}. {report.requests:,} requests, {report.bytes:,} bytes, "
        f"{report.endpoint or 'no one endpoint'}, {models}."
    )
    out.line(f"  About {report.estimated_input_tokens:,} input tokens (a token for four bytes of text).")
    for problem in report.problems[:SHOWN_PROBLEMS]:
        word = "" if problem.is_error else "warning: "
        where = f"line {problem.line}: " if problem.line else ""
        out.line(f"  {where}{word}{problem.code}: {problem.message}")
    more = report.error_count + report.warning_count - min(SHOWN_PROBLEMS, len(report.problems))
    if more > 0:
        counts = ", ".join(f"{count:,} {code}" for code, count in report.problem_counts.items())
        out.line(f"  and {more:,} more ({counts}).")
    if not report.is_valid and report.is_valid_when_split:
        out.line(f"  With create --split it becomes {len(report.parts):,} batches.")


async def build(context: CommandContext) -> int:
    """Build a request file from a table; 1 when a row cannot be used."""
    args, out = context.args, context.out
    table, template = Path(args.table), Path(args.template)
    if args.preview:
        shown = await preview_table(table, template, count=args.preview)
        for line in shown.lines:
            out.line(line)
        for problem in shown.problems:
            out.say(f"{table}: row {problem.line}: {problem.code}: {problem.message}")
        return 1 if shown.problems else 0
    report = await build_from_table(
        table,
        template,
        Path(args.output),
        limits=context.settings.profile.limits,
        force=args.force,
        on_progress=out.progress,
    )
    if report.problem_count:
        for problem in report.problems[:SHOWN_PROBLEMS]:
            out.say(f"{table}: row {problem.line}: {problem.code}: {problem.message}")
        problems = counted(report.problem_count, "problem")
        raise InvalidInput(f"{table} has {problems}; nothing was written.")
    if out.as_json:
        out.json({"file": report.path, "requests": report.requests, "bytes": report.bytes})
    else:
        out.line(f"{report.path}  {report.requests:,} requests, {report.bytes:,} bytes")
    return 0
