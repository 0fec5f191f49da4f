"""Putting seeded batches into the sandbox, in whatever state they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from batchdeck.sandbox.files import FileShelf, StoredFile
from batchdeck.sandbox.ids import Ids
from batchdeck.sandbox.job import DAY, Job
from batchdeck.sandbox.order import WorkOrder
from batchdeck.sandbox.results import ResultPlan
from batchdeck.sandbox.seeds import LazyResults, SeededRequests, files_there, lazy_input


class Ground(Protocol):
    """What a seeder needs of the sandbox."""

    ids: Ids
    shelf: FileShelf

    def now(self) -> float:
        """Epoch seconds."""


class Seeder:
    """Makes batches relative to one moment."""

    def __init__(self, ground: Ground, should_stop: Callable[[], bool]) -> None:
        self.now = float(int(ground.now()))
        self.jobs: list[Job] = []
        self._ids = ground.ids
        self._shelf = ground.shelf
        self._should_stop = should_stop

    def base(
        self,
        requests: SeededRequests,
        filename: str,
        created: float,
        metadata: Mapping[str, str],
        *,
        file: StoredFile | None = None,
        window: float = DAY,
    ) -> Job:
        """A batch that was just created, with its input file."""
        stored = file or self._shelf.add(
            lazy_input(self._ids.file(), filename, created - 20, requests, self._shelf)
        )
        job = Job(
            id=self._ids.batch(),
            endpoint=requests.kind.endpoint,
            input_file_id=stored.id,
            created_at=created,
            window=f"{int(window // 3_600)}h",
            metadata=metadata,
            expires_at=created + window,
            model=requests.kind.model,
            estimated_tokens=(stored.size or 0) // 4,
        )
        self.jobs.append(job)
        return job

    def ended(
        self,
        requests: SeededRequests,
        filename: str,
        metadata: Mapping[str, str],
        *,
        age: float,
        took: float,
        status: str = "completed",
        share: float = 1.0,
        rest_code: str | None = None,
    ) -> Job:
        """A batch that has ended.

        Args:
            requests: What it was asked.
            filename: Of its input.
            metadata: Its metadata.
            age: Seconds since it was created.
            took: Seconds from creation to end.
            status: `completed`, `expired` or `cancelled`.
            share: Of the requests that were run.
            rest_code: Code of the rows of those that were not; None for no rows.
        """
        created = self.now - age
        job = self.base(requests, filename, created, metadata)
        end = created + took
        job.validate_seconds = min(90.0, took / 10)
        job.start_work(created + job.validate_seconds, requests, took)
        job.done = int(requests.count * share)
        if status == "cancelled":
            job.cancelling_at = end - min(180.0, took / 20)
        else:
            job.finalizing_at = end - min(240.0, took / 12)
        if status == "expired":
            job.expires_at = job.finalizing_at or end
        job.status = status
        setattr(job, f"{status}_at", end)
        self._give_files(job, requests, rest_code, end)
        return job

    def _give_files(self, job: Job, requests: SeededRequests, rest_code: str | None, end: float) -> None:
        order = WorkOrder(requests.count, sum(job.id.encode()))
        plan = ResultPlan(job.id, job.endpoint, requests, order, job.done, rest_code, int(end))
        results = LazyResults(plan, self._shelf, self._should_stop)
        has_output, has_errors = files_there(requests, order, job.done, rest_code)
        if has_output:
            job.output_file_id = self._shelf.add(results.file("output", self._ids.file(), end)).id
        if has_errors:
            job.error_file_id = self._shelf.add(results.file("error", self._ids.file(), end)).id
        job.spent = requests.spent(order, job.done)

    def refused(
        self,
        requests: SeededRequests,
        filename: str,
        metadata: Mapping[str, str],
        *,
        age: float,
        errors: Sequence[tuple[str, str, int | None, str | None]],
    ) -> Job:
        """A batch that failed validation; an error is code, message, line, param."""
        created = self.now - age
        job = self.base(requests, filename, created, metadata)
        told: list[dict[str, Any]] = [
            {"code": code, "message": message, "line": line, "param": param}
            for code, message, line, param in errors
        ]
        job.status, job.errors, job.failed_at = "failed", told, created + 48
        return job

    def moving(
        self,
        requests: SeededRequests,
        filename: str,
        metadata: Mapping[str, str],
        *,
        at: float,
        left: float,
    ) -> Job:
        """A batch at work.

        Args:
            requests: What it is asked.
            filename: Of its input.
            metadata: Its metadata.
            at: Share of the time of its work that has passed, below 1.0.
            left: Seconds of work that are left.
        """
        work = left / (1.0 - at)
        job = self.base(requests, filename, self.now - work * at - 70, metadata)
        job.start_work(self.now - work * at, requests, work)
        self._know_spent(job, requests)
        return job

    def waiting(
        self,
        requests: SeededRequests,
        filename: str,
        metadata: Mapping[str, str],
        *,
        begins_in: float,
        age: float,
        work: float,
    ) -> Job:
        """A batch that is being validated, or, with a negative age, one that is still to be created."""
        job = self.base(requests, filename, self.now - age, metadata)
        job.validate_seconds = age + begins_in
        job.prepared, job.work_seconds = requests, work
        return job

    def _know_spent(self, job: Job, requests: SeededRequests) -> None:
        if job.order is not None:
            job.spent = requests.spent(job.order, requests.count)

    def cancelling(self, job: Job, *, since: float, left: float) -> None:
        """Turn a moving batch into one that is being cancelled."""
        job.done = job.done_at(self.now - since)
        job.status, job.cancelling_at = "cancelling", self.now - since
        job.cancel_seconds = since + left

    def finalizing(self, job: Job, *, since: float, left: float) -> None:
        """Turn a moving batch into one whose files are being written."""
        job.done = job.total
        job.status, job.finalizing_at = "finalizing", self.now - since
        job.finalize_seconds = since + left
