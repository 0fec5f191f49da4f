"""Which requests have an ok answer in the files of one batch, and what the others say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import jiter

from batchdeck.jsonl.index import custom_id_of
from batchdeck.jsonl.read import file_stat, is_blank, parse_object, read_blocks
from batchdeck.jsonl.result import classify, unanswered, why
from batchdeck.jsonl.ticker import Ticker
from batchdeck.jsonl.unanswered import Unanswered
from batchdeck.jsonl.words import counted
from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import FailureGroup, FailureReport, Outcome, ResultRow
from batchdeck.models.progress import ShouldStop

_SAMPLE_IDS = 5


class Answers:
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
            if not is_blank(raw):
                self.torn_lines += 1
            return
        if said.custom_id is None:
            self.rows_without_id += 1
        elif said.outcome is Outcome.OK:
            self.ok[said.custom_id] = self.ok.get(said.custom_id, 0) + 1
        else:
            self.failed.setdefault(said.custom_id, []).append(said)


class Finder:
    """Goes through the input and keeps what has no ok answer."""

    def __init__(self, answers: Answers, ended: BatchStatus) -> None:
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
                if not is_blank(raw):
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
                f"{counted(answers.torn_lines, 'line')} of the results cannot be read as a JSON object."
            )
        if answers.rows_without_id:
            notes.append(f"{counted(answers.rows_without_id, 'result row')} without a custom_id.")
        if repeated:
            notes.append(
                f"{counted(repeated, 'custom_id')} repeated in the input or the results: "
                "which answer belongs to which line cannot be told."
            )
        if unknown:
            notes.append(f"{counted(unknown, 'result row')} with a custom_id that is not in the input.")
        if self.lines_without_id:
            notes.append(f"{counted(self.lines_without_id, 'line')} of the input without a custom_id.")
        return notes
