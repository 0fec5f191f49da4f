"""Which requests of a batch have no answer yet, and the file that sends them again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jiter

from batchdeck.errors import Interrupted, InvalidInput, NothingToRetry
from batchdeck.jsonl.index import custom_id_in, custom_id_of
from batchdeck.jsonl.read import file_stat, open_file, parse_object, read_at, read_blocks
from batchdeck.jsonl.result import classify, unanswered, why
from batchdeck.jsonl.ticker import Ticker
from batchdeck.jsonl.write import NewFile, require_other_file
from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import FailureGroup, FailureReport, Outcome, ResultRow
from batchdeck.models.progress import OnProgress, ShouldStop

_SAMPLE_IDS = 5
_STOP_EVERY = 256
"""Lines between two questions whether to stop."""


class Unanswered(NamedTuple):
    """One request of the input that has no ok answer."""

    line: int
    """Line of the input, from 1."""
    offset: int
    length: int
    """Bytes without the line feed."""
    custom_id: str
    outcome: Outcome
    code: str
    retryable: bool
    status_code: int | None
    message: str


@dataclass(frozen=True, slots=True)
class RetrySet:
    """The requests of one input, less those with an ok answer."""

    requests: int
    """All requests of the input, by occurrence."""
    unanswered: tuple[Unanswered, ...]
    """In the input's order."""
    report: FailureReport
    input_bytes: int
    """Size of the input when it was read."""
    input_mtime_ns: int

    @property
    def by_code(self) -> dict[str, list[Unanswered]]:
        """The unanswered requests by failure code, largest group first."""
        groups: dict[str, list[Unanswered]] = {}
        for request in self.unanswered:
            groups.setdefault(request.code, []).append(request)
        return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])))

    @property
    def retryable_codes(self) -> set[str]:
        """Failure codes under which a request stands that is sent again by default."""
        return {request.code for request in self.unanswered if request.retryable}

    def chosen(self, codes: Collection[str] | None = None, *, include_all: bool = False) -> list[Unanswered]:
        """Return what would be sent again, in the input's order.

        A request whose batch has not ended is never among them.

        Args:
            codes: Failure codes to send, whole; None for the retryable requests.
            include_all: Every request without an ok answer, whatever `codes` says.
        """
        return [
            request
            for request in self.unanswered
            if request.outcome is not Outcome.PENDING
            and (include_all or (request.retryable if codes is None else request.code in codes))
        ]


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
    answers = _Answers()
    done = 0
    for path in results:
        done = answers.read(path, done, ticker, should_stop)
    finder = _Finder(answers, ended)
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


class _Answers:
    """What the result files say, by custom_id."""

    def __init__(self) -> None:
        self.ok: dict[str, int] = {}
        """Number of ok rows."""
        self.failed: dict[str, list[ResultRow]] = {}
        self.torn_lines = 0
        self.rows_without_id = 0

    def read(self, path: Path, done: int, ticker: Ticker, should_stop: ShouldStop | None) -> int:
        """Take in one file; return `done` plus its bytes."""
        from_json = jiter.from_json
        ok = self.ok
        offset = 0
        for _, offset, lines, skipped in read_blocks(path, should_stop=should_stop):
            if skipped:
                self.torn_lines += 1
            for raw in lines:
                try:
                    row = from_json(raw, cache_mode="keys")
                    response = row["response"]
                    status = response["status_code"]
                    custom_id = row["custom_id"]
                    is_plain = (
                        row["error"] is None
                        and type(status) is int
                        and 200 <= status < 300
                        and type(custom_id) is str
                    )
                except (ValueError, TypeError, KeyError, IndexError):
                    is_plain = False
                if is_plain:
                    ok[custom_id] = ok.get(custom_id, 0) + 1
                else:
                    self._take_slowly(raw)
            ticker.at(done + offset)
        return done + file_stat(path).st_size

    def _take_slowly(self, raw: bytes) -> None:
        try:
            said = classify(parse_object(raw))
        except ValueError:
            if raw.strip():
                self.torn_lines += 1
            return
        if said.custom_id is None:
            self.rows_without_id += 1
        elif said.outcome is Outcome.OK:
            self.ok[said.custom_id] = self.ok.get(said.custom_id, 0) + 1
        else:
            self.failed.setdefault(said.custom_id, []).append(said)


class _Finder:
    """Goes through the input and keeps what has no ok answer."""

    def __init__(self, answers: _Answers, ended: BatchStatus) -> None:
        self._answers = answers
        self._open = dict(answers.ok)
        """Ok rows that no line of the input has used up."""
        self._used_failures: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._ended = ended
        self._nothing = unanswered("", ended)
        self._groups: dict[tuple[str, Outcome, bool], list[Unanswered]] = {}
        self.requests = 0
        self.lines_without_id = 0
        self.repeated: set[str] = set()
        self.unanswered: list[Unanswered] = []

    def take(self, number: int, offset: int, lines: list[bytes]) -> None:
        """Take in lines of the input that follow each other."""
        seen, still_open, repeated = self._seen, self._open, self.repeated
        for line, raw in enumerate(lines, number):
            try:
                custom_id = custom_id_of(raw)
            except ValueError:
                custom_id = None
            if custom_id is None:
                if raw.strip():
                    self.lines_without_id += 1
            else:
                self.requests += 1
                if custom_id in seen:
                    repeated.add(custom_id)
                else:
                    seen.add(custom_id)
                ok_rows = still_open.get(custom_id)
                if ok_rows:
                    still_open[custom_id] = ok_rows - 1
                else:
                    self._leave_open(line, offset, len(raw), custom_id)
            offset += len(raw) + 1

    def _leave_open(self, line: int, offset: int, length: int, custom_id: str) -> None:
        said = self._nothing
        failures = self._answers.failed.get(custom_id)
        if failures:
            place = self._used_failures[custom_id]
            if place < len(failures):
                said = failures[place]
                self._used_failures[custom_id] += 1
        request = Unanswered(
            line,
            offset,
            length,
            custom_id,
            said.outcome,
            said.code,
            said.retryable,
            said.status_code,
            said.message,
        )
        self.unanswered.append(request)
        self._groups.setdefault((said.code, said.outcome, said.retryable), []).append(request)

    def report(self, batch_id: str) -> FailureReport:
        """Return the groups and what does not fit together."""
        answers = self._answers
        answered_twice = {
            custom_id for custom_id, rows in answers.ok.items() if rows > 1 or custom_id in answers.failed
        } | {custom_id for custom_id, rows in answers.failed.items() if len(rows) > 1}
        repeated = self.repeated | (answered_twice & self._seen)
        unknown = sum(rows for custom_id, rows in answers.ok.items() if custom_id not in self._seen)
        unknown += sum(len(rows) for custom_id, rows in answers.failed.items() if custom_id not in self._seen)
        groups = [self._group(key, members) for key, members in self._groups.items()]
        groups.sort(key=lambda group: (-group.count, group.code, group.outcome))
        return FailureReport(
            batch_id=batch_id,
            requests=self.requests,
            ok=self.requests - len(self.unanswered),
            groups=tuple(groups),
            notes=tuple(self._notes(len(repeated), unknown)),
            torn_lines=answers.torn_lines,
            repeated_ids=len(repeated),
            unknown_ids=unknown,
        )

    def _group(self, key: tuple[str, Outcome, bool], members: list[Unanswered]) -> FailureGroup:
        code, outcome, retryable = key
        return FailureGroup(
            code=code,
            outcome=outcome,
            count=len(members),
            retryable=retryable,
            why=why(outcome, members[0].status_code, code, retryable=retryable),
            message=next((member.message for member in members if member.message), ""),
            custom_ids=tuple(member.custom_id for member in members[:_SAMPLE_IDS]),
            share=len(members) / self.requests if self.requests else 0.0,
        )

    def _notes(self, repeated: int, unknown: int) -> list[str]:
        answers = self._answers
        notes: list[str] = []
        if answers.torn_lines:
            notes.append(
                f"{_count(answers.torn_lines, 'line')} of the results cannot be read as a JSON object."
            )
        if answers.rows_without_id:
            notes.append(f"{_count(answers.rows_without_id, 'result row')} without a custom_id.")
        if repeated:
            notes.append(
                f"{_count(repeated, 'custom_id')} repeated in the input or the results: "
                "which answer belongs to which line cannot be told."
            )
        if unknown:
            notes.append(f"{_count(unknown, 'result row')} with a custom_id that is not in the input.")
        if self.lines_without_id:
            notes.append(f"{_count(self.lines_without_id, 'line')} of the input without a custom_id.")
        return notes


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


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
