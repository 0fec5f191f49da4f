"""`download`: files of batches into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchdeck.commands.context import CommandContext, each
from batchdeck.errors import UsageError

if TYPE_CHECKING:
    from batchdeck.models.lines import MergeSummary
    from batchdeck.models.progress import ShouldStop
    from batchdeck.services.facade import Services
    from batchdeck.services.files import FileKind

KINDS = ("output", "errors", "input", "merged")


def wanted_kinds(text: str | None, *, joins: bool, as_csv: bool) -> list[str]:
    """The kinds that `--what` names, each once.

    Raises:
        UsageError: one is unknown, or what only merged results have is asked of others.
    """
    if text is None:
        return ["merged"] if joins or as_csv else ["output", "errors"]
    kinds = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise UsageError(f"--what takes {', '.join(KINDS)}, not {text!r}.")
    if (joins or as_csv) and "merged" not in kinds:
        raise UsageError("--format csv and --join are for merged results: add --what merged.")
    return kinds


async def download(context: CommandContext) -> int:
    """Download; 1 when a batch has none of the files asked for."""
    args = context.args
    if bool(args.join) != bool(args.on):
        raise UsageError("--join TABLE and --on TEMPLATE go together.")
    kinds = wanted_kinds(args.what, joins=bool(args.join), as_csv=args.format == "csv")
    folder = Path(args.to) if args.to else context.settings.download_dir

    async with context.services() as services:

        async def one(batch_id: str) -> int:
            found = 0
            plain: list[FileKind] = [kind for kind in ("output", "errors", "input") if kind in kinds]
            if plain:
                async for file in services.download.download(
                    batch_id,
                    plain,
                    folder,
                    force=args.force,
                    on_progress=context.out.progress,
                    should_stop=should_stop,
                ):
                    found += 1
                    if file.words:
                        context.out.say(file.words)
                    _show(context, file.batch_id, file.kind, file.path, file.bytes, file.rows)
            if "merged" in kinds:
                found += 1
                await _merged(context, services, batch_id, folder, should_stop)
            if not found:
                batch = await services.context.api.get_batch(batch_id)
                why = "it has no such file." if batch.status.is_terminal else "it has not ended."
                context.out.say(f"{batch_id}: nothing to download: {why}")
                return 1
            return 0

        with context.interruption.in_order() as should_stop:
            return await each(context, args.ids, one)


async def _merged(
    context: CommandContext, services: Services, batch_id: str, folder: Path, should_stop: ShouldStop
) -> None:
    args = context.args
    merged = await services.merge.merged(
        batch_id,
        folder,
        format=args.format,
        raw=args.raw,
        join=(Path(args.join), args.on) if args.join else None,
        force=args.force,
        on_progress=context.out.progress,
        should_stop=should_stop,
    )
    summary = merged.summary
    _show(
        context,
        batch_id,
        "merged",
        merged.path.absolute(),
        summary.bytes,
        summary.rows,
        ok=summary.ok,
        by_code=dict(summary.by_code),
    )
    for note in (*merged.notes, summary_words(summary)):
        context.out.say(note)


def summary_words(summary: MergeSummary) -> str:
    """What a merge wrote, in one sentence."""
    failed = ", ".join(f"{count:,} {code}" for code, count in summary.by_code.items())
    words = f"{summary.rows:,} rows: {summary.ok:,} ok" + (f", {failed}" if failed else "")
    if summary.repeated_ids:
        words += f"; {summary.repeated_ids:,} custom_ids came more than once, all their rows are kept"
    return words + "."


def _show(
    context: CommandContext, batch_id: str, kind: str, path: Path, size: int, rows: int, **more: Any
) -> None:
    if context.out.as_json:
        context.out.json(
            {"batch_id": batch_id, "kind": kind, "path": str(path), "bytes": size, "rows": rows, **more}
        )
    else:
        context.out.line(f"{path}  {rows:,} rows, {size:,} bytes")
