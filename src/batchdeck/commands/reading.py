"""`list` and `show`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from batchdeck.commands.context import CommandContext
from batchdeck.commands.describe import TIMES, describe_batch, describe_details, iso, status_word
from batchdeck.models.batch import BatchRecord
from batchdeck.models.filter import BatchFilter
from batchdeck.models.progress import Progress
from batchdeck.models.query import BatchSort

if TYPE_CHECKING:
    from batchdeck.services.facade import Services

DEFAULT_LIMIT = 50
ROWS_AT_ONCE = 1_000


async def list_batches(context: CommandContext) -> int:
    """Print batches, newest first."""
    args, out = context.args, context.out
    filter = BatchFilter.parse(args.filter)
    limit = None if args.all else (args.limit or DEFAULT_LIMIT)
    async with context.services(cached=args.cached) as services:
        if not args.cached:
            wanted = limit if filter.is_empty else None
            await _bring_up_to_date(context, services, wanted)
        shown = 0
        async for rows in _pages(services, filter, limit):
            shown += len(rows)
            if out.as_json:
                for record in rows:
                    out.json(describe_batch(record))
            else:
                _show_table(context, rows, services.clock.now())
        if not shown:
            out.say("No batch matches." if args.filter else _no_batches(args.cached))
        elif not out.as_json and limit is not None:
            total = (await services.browse.totals(filter)).batches
            if total > shown:
                is_whole = args.cached or services.sync.status.backfill_done
                least = "" if is_whole else "at least "
                out.say(f"{shown:,} of {least}{total:,} batches; --all shows every one.")
    return 0


def _no_batches(cached: bool) -> str:
    return (
        "No batch yet."
        if not cached
        else "The history holds no batch yet; without --cached the service is asked."
    )


async def _bring_up_to_date(context: CommandContext, services: Services, wanted: int | None) -> None:
    """Refresh, then fill the history until it holds the newest `wanted`, or all when None."""
    (await services.sync.refresh()).raise_for_error()
    if services.sync.status.backfill_done:
        return
    held = (await services.browse.totals(BatchFilter())).batches
    if wanted is not None and held >= wanted:
        return
    async for report in services.sync.backfill():
        if report.error is not None:
            raise report.error
        context.out.progress(Progress("reading the list", held + report.stored, None, "batches"))
        if wanted is not None and held + report.stored >= wanted:
            return


async def _pages(
    services: Services, filter: BatchFilter, limit: int | None
) -> AsyncIterator[tuple[BatchRecord, ...]]:
    offset = 0
    while limit is None or offset < limit:
        size = ROWS_AT_ONCE if limit is None else min(ROWS_AT_ONCE, limit - offset)
        window = await services.browse.window(filter, BatchSort(), offset=offset, limit=size)
        if not window.rows:
            return
        yield window.rows
        offset += len(window.rows)


def age_words(then: datetime | None, now: datetime) -> str:
    """How long ago, in one unit: `5m`, `3h`, `12d`."""
    if then is None:
        return ""
    seconds = max(0, int((now - then).total_seconds()))
    for size, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"


def dollars(usd: float) -> str:
    """A cost to a hundredth of a cent; less than that says so."""
    return "under $0.0001" if 0 < usd < 0.0001 else f"${usd:.4f}"


def _show_table(context: CommandContext, rows: tuple[BatchRecord, ...], now: datetime) -> None:
    context.out.table(
        ("id", "status", "name", "requests", "done", "failed", "model", "age"),
        [
            (
                record.id,
                status_word(record.batch) + (" (gone)" if record.gone_at else ""),
                record.name,
                f"{record.batch.counts.total:,}",
                f"{record.batch.counts.done_share:.0%}" if record.batch.counts.total else "",
                f"{record.batch.counts.failed:,}",
                record.batch.model,
                age_words(record.batch.created_at, now),
            )
            for record in rows
        ],
        right=frozenset({3, 4, 5, 7}),
    )


async def show(context: CommandContext) -> int:
    """Print everything that is known of one batch."""
    out = context.out
    async with context.services() as services:
        record = await services.sync.fetch(context.args.id)
        cost = await services.costs.known(record.id)
        lineage = await services.browse.lineage(record.id)
        described: dict[str, Any] = {
            **describe_batch(record),
            **describe_details(record),
            "cost_usd": cost.usd,
            "usage": None if cost.usage is None else _usage(cost.usage),
            "lineage": [
                {
                    "id": other.id,
                    "status": status_word(other.batch),
                    "retry_of": other.batch.retry_of,
                    "created_at": iso(other.batch.created_at),
                }
                for other in lineage
            ],
        }
    if out.as_json:
        out.json(described)
    else:
        _show_one(context, record, described)
    return 0


def _usage(usage: Any) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _show_one(context: CommandContext, record: BatchRecord, described: dict[str, Any]) -> None:
    batch = record.batch
    counts = batch.counts
    status = status_word(batch)
    if batch.raw_status and batch.raw_status != status:
        status += f" (the service says {batch.raw_status})"
    pairs: list[tuple[str, str]] = [
        ("id", batch.id),
        ("name", record.name),
        ("status", status),
        ("endpoint", batch.endpoint),
        ("model", batch.model),
        (
            "requests",
            f"{counts.total:,}: {counts.completed:,} completed, {counts.failed:,} failed, "
            f"{counts.waiting:,} {'without an answer' if batch.status.is_terminal else 'waiting'}",
        ),
        ("window", batch.completion_window),
        *((name.removesuffix("_at"), described["times"][name] or "") for name in TIMES),
        ("gone", iso(record.gone_at) or ""),
        ("input file", " ".join(filter(None, (batch.input_file_id, record.input_name)))),
        ("output file", batch.output_file_id or ""),
        ("error file", batch.error_file_id or ""),
        *((f"metadata {key}", value) for key, value in batch.metadata.items()),
        ("cost", "" if described["cost_usd"] is None else dollars(described["cost_usd"])),
    ]
    if described["usage"]:
        words = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in described["usage"].items())
        pairs.append(("usage", words))
    for error in batch.errors:
        where = f"line {error.line}: " if error.line is not None else ""
        pairs.append(("error", f"{where}{error.code}: {error.message}"))
    if len(described["lineage"]) > 1:
        for other in described["lineage"]:
            of = f" retries {other['retry_of']}" if other["retry_of"] else ""
            pairs.append(("lineage", f"{other['id']} {other['status']}{of}"))
    for name, value in pairs:
        if value:
            context.out.line(f"{name:<14} {value}")
