"""The answer of each request, given out one after the other and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from batchdeck.jsonl.merge_index import MergeIndex, RowReader, RunFiles
from batchdeck.jsonl.merge_rows import Answer
from batchdeck.jsonl.read import parse_object
from batchdeck.jsonl.result import classify, unanswered
from batchdeck.jsonl.words import counted
from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import Outcome, ResultRow

_HEAD = re.compile(
    rb'\s*\{\s*"id"\s*:\s*(?:"[^"\\]*"|null|[0-9]+)\s*,\s*"custom_id"\s*:\s*"(?:[^"\\]|\\.)*"\s*,\s*"response"\s*:\s*'
).match
"""What stands before the response of a row whose keys are id, custom_id, response, error."""
_TAIL = re.compile(rb'\s*,\s*"error"\s*:\s*null\s*\}\s*\Z').search
"""What stands behind it when there is no error."""
_TAIL_BYTES = 64


class Answers:
    """Gives out the answer of one request after the other, and counts what it gave."""

    def __init__(
        self,
        index: MergeIndex,
        runs: Sequence[RunFiles],
        reader: RowReader,
        *,
        needs_rows: bool,
    ) -> None:
        self.index = index
        self._runs = runs
        self._reader = reader
        self._needs_rows = needs_rows
        """False when an ok row's response may be taken over without parsing the row."""
        active = next((run for run in reversed(runs) if run.status.is_active and run.input is None), None)
        ended = next((run for run in reversed(runs) if run.status.is_terminal), None)
        nowhere = RunFiles("", BatchStatus.COMPLETED, ())
        self._nothing_from = active or ended or (runs[-1] if runs else nowhere)
        """The run that a request without any row is put down to."""
        self._taken: Counter[int] = Counter()
        self.ok = 0
        self.by_code: Counter[str] = Counter()
        self.table_rows_without_request = 0
        self.requests_taken_again = 0
        """Answers given out once more, for a further table row with the same custom_id."""

    def next(self, number: int) -> Answer:
        """Return the answer of the next request under a number; past the last, that of the last again."""
        last = self.index.occurrences[number] - 1
        place = min(self._taken[number], last)
        is_again = self._taken[number] > last
        self._taken[number] += 1
        row = self.index.row_for(number, place)
        pending = self.index.pending_in.get(number)
        answer = self._read(number, row) if row is not None else None
        if answer is None or (
            answer.said.outcome is not Outcome.OK
            and row is not None
            and pending is not None
            and pending > self.index.run_of(row)
        ):
            run = self._runs[pending] if pending is not None else self._nothing_from
            answer = Answer(self.index.names[number], unanswered(None, run.status), run.batch_id)
        if is_again:
            self.requests_taken_again += 1
        elif answer.said.outcome is Outcome.OK:
            self.ok += 1
        else:
            self.by_code[answer.said.code] += 1
        return answer

    def _read(self, number: int, row: int) -> Answer:
        name = self.index.names[number]
        batch_id = self._runs[self.index.run_of(row)].batch_id
        path, offset, length = self.index.place(row)
        raw = self._reader.read(path, offset, length)
        status = self.index.spliceable_status(row)
        if status and not self._needs_rows:
            head = _HEAD(raw)
            tail = _TAIL(raw, max(0, len(raw) - _TAIL_BYTES))
            if head is not None and tail is not None:
                said = ResultRow(None, Outcome.OK, status, "", "", False)
                return Answer(name, said, batch_id, response=raw[head.end() : tail.start()])
        found = parse_object(raw)
        return Answer(name, classify(found), batch_id, found)

    @property
    def requests_not_taken(self) -> int:
        """Requests that nothing asked for."""
        return sum(
            max(0, occurrences - self._taken[number])
            for number, occurrences in enumerate(self.index.occurrences)
        )


def notes_on(
    index: MergeIndex, answers: Answers, lines_without_id: int, *, has_input: bool, is_joined: bool
) -> Iterator[str]:
    """Yield what does not fit together, a sentence each."""
    if not has_input:
        yield (
            "The input is lost: the rows are in the order of the oldest results, "
            "and a request without any is not among them."
        )
    if index.torn_lines:
        yield f"{counted(index.torn_lines, 'line')} of the results cannot be read as a JSON object."
    if index.rows_without_id:
        yield f"{counted(index.rows_without_id, 'result row')} without a custom_id, left out."
    if index.repeated_ids:
        yield f"{counted(index.repeated_ids, 'custom_id')} repeated: which answer is whose cannot be told."
    if has_input and index.unknown_rows:
        yield f"{counted(index.unknown_rows, 'result row')} for no request of the input, left out."
    if lines_without_id:
        yield f"{counted(lines_without_id, 'line')} of the input without a custom_id, left out."
    if answers.table_rows_without_request:
        yield f"{counted(answers.table_rows_without_request, 'table row')} without a request."
    if is_joined and answers.requests_not_taken:
        yield f"{counted(answers.requests_not_taken, 'request')} without a table row, left out."
    if answers.requests_taken_again:
        yield f"{counted(answers.requests_taken_again, 'table row')} with the request of an earlier row."
