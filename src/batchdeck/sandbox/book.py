"""All batches of the sandbox, in the order in which they were created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from batchdeck.sandbox.files import StoredFile
from batchdeck.sandbox.job import Job


class Series(Protocol):
    """Many ended batches that are worked out only when they are looked at, oldest first."""

    def __len__(self) -> int: ...

    def job(self, index: int) -> Job:
        """The batch at a place."""

    def index_of(self, batch_id: str) -> int | None:
        """The place of a batch, or None when it is none of these."""

    def file(self, file_id: str) -> StoredFile | None:
        """A file of one of these batches."""

    def files_of(self, index: int) -> list[StoredFile]:
        """All files of the batch at a place."""


class BatchBook:
    """Batches by id and by place; those of a series come first, being the oldest."""

    def __init__(self) -> None:
        self.live: dict[str, Job] = {}
        """Batches that have not ended."""
        self.series: list[Series] = []
        self._jobs: dict[str, Job] = {}
        self._order: list[str] = []
        self._places: dict[str, int] = {}
        self._to_come: list[Job] = []

    def __len__(self) -> int:
        return len(self._order) + self._in_series

    @property
    def _in_series(self) -> int:
        return sum(len(one) for one in self.series)

    def jobs(self) -> list[Job]:
        """The batches that are in no series, oldest first."""
        return [self._jobs[batch_id] for batch_id in self._order]

    def add(self, job: Job) -> None:
        """Take in a batch that is created now."""
        self._jobs[job.id] = job
        self._places[job.id] = len(self._order)
        self._order.append(job.id)
        if not job.has_ended:
            self.live[job.id] = job

    def add_seeded(self, jobs: list[Job], now: float) -> None:
        """Take in batches of any age; those of the future appear when their time has come."""
        self._to_come = sorted(
            [*self._to_come, *(job for job in jobs if job.created_at > now)], key=lambda job: job.created_at
        )
        here = [*self.jobs(), *(job for job in jobs if job.created_at <= now)]
        self._order.clear()
        for job in sorted(here, key=lambda job: job.created_at):
            self.add(job)

    def let_come(self, now: float) -> None:
        """Add the batches whose time has come."""
        while self._to_come and self._to_come[0].created_at <= now:
            self.add(self._to_come.pop(0))

    def find(self, batch_id: str) -> Job | None:
        """A batch by its id."""
        job = self._jobs.get(batch_id)
        if job is not None:
            return job
        for series in self.series:
            index = series.index_of(batch_id)
            if index is not None:
                return series.job(index)
        return None

    def place(self, batch_id: str) -> int | None:
        """How many batches are older than this one."""
        place = self._places.get(batch_id)
        if place is not None:
            return self._in_series + place
        start = 0
        for series in self.series:
            index = series.index_of(batch_id)
            if index is not None:
                return start + index
            start += len(series)
        return None

    def newest_first(self, end: int) -> Iterator[Job]:
        """The batches before a place, newest first."""
        before = self._in_series
        for place in range(end - 1, before - 1, -1):
            yield self._jobs[self._order[place - before]]
        for series in reversed(self.series):
            before -= len(series)
            for place in range(min(end, before + len(series)) - 1, before - 1, -1):
                yield series.job(place - before)

    def file(self, file_id: str) -> StoredFile | None:
        """A file of a batch in a series."""
        for series in self.series:
            file = series.file(file_id)
            if file is not None:
                return file
        return None

    def series_files(self, *, newest_first: bool) -> Iterator[StoredFile]:
        """The files of all series."""
        for series in reversed(self.series) if newest_first else self.series:
            indexes = range(len(series))
            for index in reversed(indexes) if newest_first else indexes:
                yield from series.files_of(index)
