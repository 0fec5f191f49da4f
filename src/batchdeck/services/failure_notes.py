"""What does not fit together in a batch, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import Outcome

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.requests import RequestTotals


def notes_on(batch: Batch, totals: RequestTotals, input_problem: str | None) -> Iterator[str]:
    """Sentences about a batch whose parts do not agree, the weightiest first."""
    ok = totals.outcomes.get(Outcome.OK, 0)
    missing = totals.outcomes.get(Outcome.MISSING, 0)
    pending = totals.outcomes.get(Outcome.PENDING, 0)
    if batch.status.is_active:
        yield f"The batch has not ended: {counted(pending, 'request')} pending."
        return
    if batch.status is BatchStatus.FAILED:
        yield f"The service refused the whole file{_reasons(batch)}; nothing was run."
        return
    yield from _files(batch, totals, ok)
    if batch.status in (BatchStatus.EXPIRED, BatchStatus.CANCELLED) and ok:
        yield (
            f"The batch {'expired' if batch.status is BatchStatus.EXPIRED else 'was cancelled'},"
            f" but {counted(ok, 'answer')} came before and {'is' if ok == 1 else 'are'} kept."
        )
    if missing:
        verb = "has" if missing == 1 else "have"
        yield f"{counted(missing, 'request')} {verb} no row in either file: missing."
    yield from _counts(batch, totals, ok, missing, has_input=input_problem is None)
    if input_problem is not None:
        yield f"{input_problem} What is missing cannot be told: only result rows are counted."
    yield from _rows(totals)


def _reasons(batch: Batch) -> str:
    """Why it was refused: the first reason in full, and how many more there are."""
    if not batch.errors:
        return ""
    first = batch.errors[0]
    where = f"line {first.line}: " if first.line is not None else ""
    what = ": ".join(filter(None, (first.code, first.message.rstrip(". "))))
    more = f", and {counted(len(batch.errors) - 1, 'more reason')}" if len(batch.errors) > 1 else ""
    return f" ({where}{what}{more})"


def _files(batch: Batch, totals: RequestTotals, ok: int) -> Iterator[str]:
    status = str(batch.status)
    if not totals.output_rows and not totals.error_rows:
        if totals.requests or batch.counts.total:
            yield f"The batch is {status}, but it left neither an output nor an error file."
    elif not totals.output_rows:
        yield f"The batch is {status}, but there is only an error file: no request succeeded."
    elif not ok:
        yield f"The batch is {status}, but no request succeeded."


def _counts(batch: Batch, totals: RequestTotals, ok: int, missing: int, *, has_input: bool) -> Iterator[str]:
    """Where the service's counts and its files disagree: the files are right."""
    counts = batch.counts
    if counts.total == 0 and counts.completed == 0 and counts.failed == 0:
        return
    failed = totals.requests - ok - missing
    run_and_failed = totals.outcomes.get(Outcome.FAILED, 0)
    # Services differ in whether they count what they did not run, or wrote no row for, as failed.
    fair = {failed, failed + missing, run_and_failed, run_and_failed + missing}
    agrees_in_total = not has_input or counts.total == totals.requests
    if counts.completed == ok and counts.failed in fair and agrees_in_total:
        return
    yield (
        f"The service counts {counts.completed:,} completed and {counts.failed:,} failed of {counts.total:,};"
        f" its files hold {ok:,} ok and {failed:,} not ok"
        + (f" of {totals.requests:,} requests." if has_input else ".")
    )


def _rows(totals: RequestTotals) -> Iterator[str]:
    if totals.torn_lines:
        yield f"{counted(totals.torn_lines, 'line')} of the results cannot be read as a JSON object."
    if totals.nameless_rows:
        yield f"{counted(totals.nameless_rows, 'result row')} without a custom_id."
    if totals.repeated_ids:
        yield (
            f"{counted(totals.repeated_ids, 'custom_id')} repeated in the input or the results: which answer"
            " belongs to which line cannot be told, and all rows are kept."
        )
    if totals.unknown_rows:
        yield f"{counted(totals.unknown_rows, 'result row')} with a custom_id that is not in the input."
    if totals.nameless_requests:
        yield f"{counted(totals.nameless_requests, 'line')} of the input without a custom_id."


def counted(number: int, noun: str) -> str:
    """`1 line`, `2,000 lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
