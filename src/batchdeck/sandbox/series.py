"""Any number of plausible ended batches, each worked out only when it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from batchdeck.sandbox.files import FileShelf, StoredFile
from batchdeck.sandbox.job import DAY, Job
from batchdeck.sandbox.order import WorkOrder
from batchdeck.sandbox.results import ResultPlan
from batchdeck.sandbox.rules import Fate, http_failure, not_run
from batchdeck.sandbox.seeds import LazyResults, SeededRequests, files_there, lazy_input, scattered
from batchdeck.sandbox.story_texts import (
    ARTICLES,
    CALLS,
    CATALOGUE,
    CLAUSES,
    COMMENTS,
    INVOICES,
    JUDGE,
    REVIEWS,
    STRINGS,
    TICKETS,
)

_KINDS = (TICKETS, REVIEWS, ARTICLES, INVOICES, COMMENTS, CALLS, CATALOGUE, STRINGS, JUDGE, CLAUSES)
_FAILURES: tuple[Fate, ...] = (
    http_failure(500),
    http_failure(429),
    http_failure(400, "context_length_exceeded"),
    not_run("timeout"),
)
# Odd multipliers modulo 2**64 and their inverses: ids look random, and lead back to the place they stand for.
_MULTIPLIER = 0x9E3779B97F4A7C15
_SPACE = 1 << 64
_INVERSE = pow(_MULTIPLIER, -1, _SPACE)
_KIND_OF_FILE = {"i": "input", "o": "output", "e": "error"}


@dataclass(frozen=True, slots=True)
class _Shape:
    requests: SeededRequests
    status: str
    created: float
    end: float
    done: int
    rest_code: str | None


class EndedSeries:
    """Ended batches at a steady beat, oldest first."""

    def __init__(
        self,
        count: int,
        *,
        newest: float,
        beat: float,
        mark: int,
        shelf: FileShelf,
        should_stop: Callable[[], bool],
    ) -> None:
        self._count = count
        self._newest = newest
        self._beat = beat
        self._mark = mark & 0xFFFF_FFFF
        self._shelf = shelf
        self._should_stop = should_stop

    def __len__(self) -> int:
        return self._count

    def _number(self, index: int) -> int:
        return ((self._mark << 32 | index) * _MULTIPLIER) % _SPACE

    def _index(self, number: int) -> int | None:
        plain = (number * _INVERSE) % _SPACE
        index = plain & 0xFFFF_FFFF
        return index if plain >> 32 == self._mark and index < self._count else None

    def _batch_id(self, index: int) -> str:
        number = self._number(index)
        return f"batch_{number:016x}{number ^ 0x5DEECE66D1234567:016x}"

    def index_of(self, batch_id: str) -> int | None:
        """The place of a batch, or None when it is none of these."""
        digits = batch_id.removeprefix("batch_")
        if len(digits) != 32:
            return None
        try:
            index = self._index(int(digits[:16], 16))
        except ValueError:
            return None
        return index if index is not None and self._batch_id(index) == batch_id else None

    def _file_id(self, index: int, letter: str) -> str:
        return f"file-{letter}{self._number(index):016x}"

    def _shape(self, index: int) -> _Shape:
        number = self._number(index)
        kind = _KINDS[number % len(_KINDS)]
        count = 20 + (number >> 8) % 480
        created = float(int(self._newest - (self._count - 1 - index) * self._beat))
        end = created + 600 + (number >> 20) % 20_000
        special: dict[int, Fate] = {}
        if number % 5 == 0:
            wanted = _FAILURES[(number >> 3) % len(_FAILURES)]
            special = scattered(count, [(wanted, 1 + (number >> 12) % 6)], index)
        requests = SeededRequests(kind, range(1 + index % 1_000, 1 + index % 1_000 + count), special)
        status, done, rest_code = "completed", count, None
        chance = (number >> 32) % 100
        if chance < 4:
            status, done, rest_code = "expired", count * 3 // 5, "batch_expired"
        elif chance < 7:
            status, done, rest_code = "cancelled", count // 3, "batch_cancelled"
        elif chance < 9:
            status, done = "failed", 0
        return _Shape(requests, status, created, end, done, rest_code)

    def job(self, index: int) -> Job:
        """The batch at a place."""
        shape = self._shape(index)
        kind = shape.requests.kind
        day = datetime.fromtimestamp(shape.created, UTC).strftime("%Y-%m-%d")
        job = Job(
            id=self._batch_id(index),
            endpoint=kind.endpoint,
            input_file_id=self._file_id(index, "i"),
            created_at=shape.created,
            metadata={"description": kind.title.format(day=day), "team": kind.team, "run": str(index + 1)},
            expires_at=shape.created + DAY,
            model=kind.model,
            status=shape.status,
        )
        if shape.status == "failed":
            words = "The custom_id for this request is a duplicate of another request."
            job.errors = [
                {
                    "code": "duplicate_custom_id",
                    "message": words,
                    "param": "custom_id",
                    "line": 2 + index % 15,
                }
            ]
            job.failed_at = shape.created + 40
            return job
        job.start_work(shape.created + 45, shape.requests, shape.end - shape.created)
        job.done = shape.done
        if shape.status == "cancelled":
            job.cancelling_at = shape.end - 120
        else:
            job.finalizing_at = shape.end - 120
        job.status = shape.status
        setattr(job, f"{shape.status}_at", shape.end)
        if shape.status == "expired":
            job.expires_at = shape.end - 120
        order = _order(job, shape)
        job.spent = shape.requests.spent(order, shape.done)
        has_output, has_errors = files_there(shape.requests, order, shape.done, shape.rest_code)
        job.output_file_id = self._file_id(index, "o") if has_output else None
        job.error_file_id = self._file_id(index, "e") if has_errors else None
        return job

    def file(self, file_id: str) -> StoredFile | None:
        """A file of one of these batches."""
        letter, digits = file_id.removeprefix("file-")[:1], file_id.removeprefix("file-")[1:]
        if letter not in _KIND_OF_FILE or len(digits) != 16:
            return None
        try:
            index = self._index(int(digits, 16))
        except ValueError:
            return None
        if index is None:
            return None
        return next((file for file in self.files_of(index) if file.id == file_id), None)

    def files_of(self, index: int) -> list[StoredFile]:
        """All files of the batch at a place."""
        shape = self._shape(index)
        job = self.job(index)
        name = f"{shape.requests.kind.prefix}s-{index + 1:06d}.jsonl"
        files = [lazy_input(job.input_file_id, name, shape.created - 20, shape.requests, self._shelf)]
        order = _order(job, shape)
        plan = ResultPlan(
            job.id, job.endpoint, shape.requests, order, shape.done, shape.rest_code, int(shape.end)
        )
        results = LazyResults(plan, self._shelf, self._should_stop)
        for kind, file_id in (("output", job.output_file_id), ("error", job.error_file_id)):
            if file_id is not None:
                files.append(results.file(kind, file_id, shape.end))
        return files


def _order(job: Job, shape: _Shape) -> WorkOrder:
    return job.order or WorkOrder(shape.requests.count, sum(job.id.encode()))
