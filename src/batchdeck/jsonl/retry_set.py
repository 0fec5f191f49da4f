"""Which requests of a batch have no answer yet, and the file that sends them again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from batchdeck.errors import Interrupted, InvalidInput, NothingToRetry
from batchdeck.jsonl.answers import Answers, Finder
from batchdeck.jsonl.index import custom_id_in
from batchdeck.jsonl.read import file_stat, open_file, parse_object, read_at, read_blocks
from batchdeck.jsonl.ticker import Ticker
from batchdeck.jsonl.unanswered import RetrySet, Unanswered
from batchdeck.jsonl.write import NewFile, require_other_file
from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import Outcome
from batchdeck.models.progress import OnProgress, ShouldStop

__all__ = ["RetrySet", "Unanswered", "WrittenRetry", "find_unanswered", "write_retry"]

_STOP_EVERY = 256
"""Lines between two questions whether to stop."""


@dataclass(frozen=True, slots=True)
class WrittenRetry:
    """A file of requests to send again."""

    path: str
    requests: int
    bytes: int
    sha256: str
    by_code: dict[str, int]
    """Failure code to number of requests."""


def find_unanswered(
    input: Path,
    results: Sequence[Path],
    *,
    ended: BatchStatus,
    batch_id: str = "",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> RetrySet:
    """Find the requests of an input without an ok answer in the result files.

    Of a custom_id that stands on several lines, the first are answered by as many ok rows as there are.

    Args:
        input: The request file.
        results: Output and error file, whichever exist.
        ended: The batch's status; while it is active, requests without a row are pending, not missing.
        batch_id: For the report.
        on_progress: Told bytes read.
        should_stop: Asked between blocks.

    Raises:
        FileProblem: A file cannot be read.
        Interrupted: `should_stop` said so.
    """
    found = file_stat(input)
    total = found.st_size + sum(file_stat(path).st_size for path in results)
    ticker = Ticker(on_progress, f"looking for answers to {input.name}", total, "bytes")
    answers = Answers()
    done = 0
    for path in results:
        done = answers.read(path, done, ticker, should_stop)
    finder = Finder(answers, ended)
    for number, offset, lines, skipped in read_blocks(input, should_stop=should_stop):
        if skipped:
            finder.lines_without_id += 1
        else:
            finder.take(number, offset, lines)
        ticker.at(done + offset)
    ticker.end(total)
    return RetrySet(
        finder.requests,
        tuple(finder.unanswered),
        finder.report(batch_id),
        found.st_size,
        found.st_mtime_ns,
    )


def write_retry(
    input: Path,
    retry_set: RetrySet,
    out: Path,
    *,
    codes: Collection[str] | None = None,
    include_all: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> WrittenRetry:
    """Write the chosen requests to a new file, byte for byte as they stand in the input.

    Each line is parsed whole before it is written, and must hold the custom_id it was chosen by.

    Args:
        input: The file `retry_set` was found in.
        retry_set: What has no answer.
        out: Written whole or not at all.
        codes: Failure codes to send; None for the retryable requests.
        include_all: Every request without an ok answer.
        on_progress: Told requests written.
        should_stop: Asked between lines.

    Raises:
        NothingToRetry: Nothing was chosen.
        InvalidInput: The input was changed since it was read, or a line of it is not the request it was.
        FileProblem: A file cannot be read or written.
        Interrupted: `should_stop` said so; nothing was left behind.
    """
    chosen = retry_set.chosen(codes, include_all=include_all)
    if not chosen:
        raise NothingToRetry(_why_nothing(retry_set, codes))
    require_other_file(out, input)
    ticker = Ticker(on_progress, f"writing {out.name}", len(chosen), "requests")
    descriptor = open_file(input)
    try:
        found = os.fstat(descriptor)
        if (found.st_size, found.st_mtime_ns) != (retry_set.input_bytes, retry_set.input_mtime_ns):
            raise InvalidInput(
                f"{input.name} was changed while its requests were being collected; nothing was sent."
            )
        by_code: Counter[str] = Counter()
        with NewFile(out) as new:
            for place, request in enumerate(chosen):
                if place % _STOP_EVERY == 0 and should_stop is not None and should_stop():
                    raise Interrupted(
                        f"Stopped while writing {out.name}; nothing was sent and nothing left there."
                    )
                new.write(_exact_line(descriptor, input, request, found.st_size))
                by_code[request.code] += 1
                ticker.at(place)
            ticker.end(len(chosen))
        return WrittenRetry(str(out), len(chosen), new.bytes, new.sha256, dict(by_code.most_common()))
    finally:
        os.close(descriptor)


def _exact_line(descriptor: int, path: Path, request: Unanswered, size: int) -> bytes:
    """Return a request's line with its line feed, once it is sure to be that request."""
    whole = read_at(descriptor, path, request.offset, min(request.length + 1, size - request.offset))
    try:
        custom_id = custom_id_in(parse_object(whole))
    except ValueError as error:
        raise InvalidInput(
            f"Line {request.line} of {path.name} is not a JSON object: {error}; nothing was sent."
        ) from error
    if custom_id != request.custom_id:
        raise InvalidInput(
            f"Line {request.line} of {path.name} holds another custom_id than before; nothing was sent."
        )
    return whole if whole.endswith(b"\n") else whole + b"\n"


def _why_nothing(retry_set: RetrySet, codes: Collection[str] | None) -> str:
    if not retry_set.unanswered:
        return "Every request has its answer; there is nothing to send again."
    if codes is not None:
        return f"No request failed with {' or '.join(sorted(codes)) or 'no code'}; nothing was sent."
    if all(request.outcome is Outcome.PENDING for request in retry_set.unanswered):
        return "The batch has not ended; there is nothing to send again yet."
    failed = len(retry_set.unanswered)
    return f"Sending again helps none of the {failed:,} requests that failed; nothing was sent."
