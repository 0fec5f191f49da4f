"""The sandbox: its batches, its files, its clock."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from batchdeck.sandbox import errors
from batchdeck.sandbox.answers import ENDPOINTS
from batchdeck.sandbox.errors import ApiError
from batchdeck.sandbox.faults import FaultRules
from batchdeck.sandbox.files import FILE_LIFE, FileShelf, StoredFile
from batchdeck.sandbox.ids import Ids
from batchdeck.sandbox.job import Job, Pace
from batchdeck.sandbox.lifecycle import Lifecycle, token_limit_words
from batchdeck.sandbox.moods import BatchMood, Moods
from batchdeck.sandbox.parameters import (
    metadata_parameter,
    output_life_parameter,
    text_parameter,
    window_parameter,
)

_PATIENCE = 0.5


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


class Sandbox:
    """A local Batch and Files API without its HTTP part.

    Args:
        speed: Divides the time that batches take.
        clock: Epoch seconds.
        seed: Decides the ids.
        api_key: The one accepted key; None accepts any but `wrong-key` and those that start with `sk-wrong`.
        moods: Habits of the service.
        pace: Seconds that batches take at speed 1.
        folder: Where contents are kept; None for a temporary folder that is removed at the end.
        patience: Real seconds a call waits for file work that is due, before it tells the status before it.
    """

    def __init__(
        self,
        *,
        speed: float = 1.0,
        clock: Callable[[], float] = time.time,
        seed: int = 0,
        api_key: str | None = None,
        moods: Moods | None = None,
        pace: Pace | None = None,
        folder: Path | None = None,
        patience: float = _PATIENCE,
    ) -> None:
        self.moods = moods or Moods()
        self.pace = pace or Pace(speed=speed)
        self.ids = Ids(seed)
        self.seed = seed
        self.api_key = api_key
        self.shelf = FileShelf(folder)
        self.faults = FaultRules()
        self.calls: Counter[str] = Counter()
        self.creates = 0
        self.recent_calls: deque[float] = deque()
        self.lifecycle = Lifecycle(self.shelf, self.ids, self.moods, self.pace)
        self._clock = clock
        self._ahead = 0.0
        self._patience = patience
        self._jobs: dict[str, Job] = {}
        self._order: list[str] = []
        self._places: dict[str, int] = {}
        self._live: dict[str, Job] = {}
        self._recent_creates: deque[float] = deque()
        self.series: list[Series] = []

    def now(self) -> float:
        """The sandbox's time, epoch seconds."""
        return self._clock() + self._ahead

    def advance_clock(self, seconds: float) -> float:
        """Let time pass at once; the time it is then."""
        self._ahead += seconds
        return self.now()

    def close(self) -> None:
        """Stop work under way and remove the files."""
        self.lifecycle.close()
        self.shelf.close()

    @property
    def batch_count(self) -> int:
        """Batches there are."""
        return len(self._order) + sum(len(one) for one in self.series)

    def jobs(self) -> list[Job]:
        """The batches, oldest first, without those of a series."""
        return [self._jobs[batch_id] for batch_id in self._order]

    def add_jobs(self, jobs: list[Job]) -> None:
        """Take in batches that were made elsewhere."""
        for job in jobs:
            self._jobs[job.id] = job
            if not job.has_ended:
                self._live[job.id] = job
        self._order = sorted(self._jobs, key=lambda batch_id: self._jobs[batch_id].created_at)
        self._places = {batch_id: place for place, batch_id in enumerate(self._order)}

    async def settle(self) -> None:
        """Bring every batch to where it is now, waiting a moment for file work that is due."""
        deadline = time.monotonic() + self._patience
        while True:
            waits_for = []
            now = self.now()
            for job in list(self._live.values()):
                pending = self.lifecycle.advance(job, now, self._live.values())
                if pending is not None:
                    waits_for.append(asyncio.wrap_future(pending))
                if job.has_ended:
                    del self._live[job.id]
            left = deadline - time.monotonic()
            if not waits_for or left <= 0:
                return
            await asyncio.wait(waits_for, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    def create(self, told: Mapping[str, Any]) -> Job:
        """Make a batch from the parameters of a create.

        Raises:
            ApiError: a parameter is missing or wrong, or there is no room.
        """
        input_file_id, endpoint, window = (
            text_parameter(told, name) for name in ("input_file_id", "endpoint", "completion_window")
        )
        if endpoint not in ENDPOINTS:
            raise errors.invalid_parameter(
                "endpoint", f"Invalid value: '{endpoint}'. Supported values are: {', '.join(ENDPOINTS)}."
            )
        seconds = window_parameter(window)
        metadata = metadata_parameter(told.get("metadata"))
        output_life = output_life_parameter(told.get("output_expires_after"))
        now = self.now()
        self._limit_creates(now)
        file = self.shelf.find(input_file_id, now) or self._file_of_series(input_file_id)
        if file is None and not self.moods.late_validation:
            raise ApiError(400, f"No such File object: {input_file_id}", param="input_file_id")
        if file is not None and file.purpose != "batch":
            raise errors.invalid_parameter(
                "input_file_id", f"Invalid file purpose: '{file.purpose}'. Expected 'batch'."
            )
        mood = BatchMood.of(metadata)
        if "token_limit_400" in mood or (self.moods.token_limit_at_create and not self._has_room(file)):
            words = token_limit_words(None, self.moods.queue_tokens or 2_000_000)
            raise ApiError(400, words, code="token_limit_exceeded")
        if file is not None:
            file.ensure()
        job = Job(
            id=self.ids.batch(),
            endpoint=endpoint,
            input_file_id=input_file_id,
            created_at=now,
            window=window,
            metadata=metadata,
            mood=mood,
            expires_at=now + seconds,
            output_expires_after=output_life,
        )
        self.lifecycle.begin(job, file.path if file is not None else None)
        self.creates += 1
        self._jobs[job.id] = self._live[job.id] = job
        self._places[job.id] = len(self._order)
        self._order.append(job.id)
        return job

    def _has_room(self, file: StoredFile | None) -> bool:
        waiting = sum(job.estimated_tokens for job in self._live.values())
        return waiting + (file.size or 0 if file is not None else 0) // 4 <= self.moods.queue_tokens

    def _limit_creates(self, now: float) -> None:
        recent = self._recent_creates
        while recent and recent[0] <= now - 3_600:
            recent.popleft()
        if self.moods.creates_per_hour and len(recent) >= self.moods.creates_per_hour:
            wait = max(1.0, recent[0] + 3_600 - now)
            raise errors.rate_limited("Rate limit reached for batch creations per hour.", wait)
        recent.append(now)

    def find(self, batch_id: str) -> Job:
        """A batch.

        Raises:
            ApiError: there is none of this id.
        """
        job = self._jobs.get(batch_id)
        if job is None:
            for series in self.series:
                index = series.index_of(batch_id)
                if index is not None:
                    return series.job(index)
        if job is None or not self._is_there(job):
            raise errors.no_such_batch(batch_id)
        return job

    def _is_there(self, job: Job) -> bool:
        """True when it was created by now and has not vanished."""
        now = self.now()
        if "vanish" in job.mood and job.has_ended:
            ended = getattr(job, f"{job.status}_at") or job.created_at
            return bool(now < ended + job.mood.number("vanish", 0.0))
        return job.created_at <= now

    def cancel(self, batch_id: str) -> Job:
        """Ask for a batch to be cancelled.

        Raises:
            ApiError: no such batch, or it cannot be cancelled any more.
        """
        job = self.find(batch_id)
        if job.has_ended or (job.status == "cancelling" and self.moods.second_cancel != 200):
            status = 409 if job.has_ended else self.moods.second_cancel
            raise ApiError(status, f"Cannot cancel a batch with status '{job.status}'.")
        if job.status != "cancelling":
            self.lifecycle.cancel(job, self.now())
        return job

    def page(self, after: str | None, limit: int) -> tuple[list[Job], bool]:
        """Batches newest first, behind the one called `after`, and whether there are more.

        Raises:
            ApiError: no batch is called so.
        """
        end = self.batch_count
        if after and not self.moods.ignore_after:
            place = self._place(after)
            if place is not None:
                end = place
            elif self.moods.unknown_after == "404":
                raise errors.no_such_batch(after)
        listed: list[Job] = []
        newest = self.now() - self.moods.list_late
        while end > 0 and len(listed) <= limit:
            end -= 1
            job = self._at(end)
            if job.created_at <= newest and self._is_there(job):
                listed.append(job)
        return listed[:limit], len(listed) > limit

    def _place(self, batch_id: str) -> int | None:
        before = sum(len(one) for one in self.series)
        place = self._places.get(batch_id)
        if place is not None:
            return before + place
        start = 0
        for series in self.series:
            index = series.index_of(batch_id)
            if index is not None:
                return start + index
            start += len(series)
        return None

    def _at(self, place: int) -> Job:
        for series in self.series:
            if place < len(series):
                return series.job(place)
            place -= len(series)
        return self._jobs[self._order[place]]

    def file(self, file_id: str) -> StoredFile:
        """A file.

        Raises:
            ApiError: there is none of this id, or it has expired.
        """
        file = self.shelf.find(file_id, self.now()) or self._file_of_series(file_id)
        if file is None:
            raise errors.no_such_file(file_id)
        return file

    def _file_of_series(self, file_id: str) -> StoredFile | None:
        for series in self.series:
            file = series.file(file_id)
            if file is not None:
                return self.shelf.add(file)
        return None

    def list_files(
        self, *, purpose: str | None, after: str | None, limit: int, newest_first: bool
    ) -> tuple[list[StoredFile], bool]:
        """Files in order of their making, behind the one called `after`, and whether there are more.

        Raises:
            ApiError: no file is called so.
        """
        found = self.shelf.listed(self.now(), purpose=purpose, newest_first=newest_first)
        start = 0
        if after:
            places = [place for place, file in enumerate(found) if file.id == after]
            if not places:
                raise errors.no_such_file(after)
            start = places[0] + 1
        return found[start : start + limit], len(found) > start + limit

    def keep_upload(
        self, filename: str, purpose: str, path: Path, size: int, life: float | None
    ) -> StoredFile:
        """Take in an uploaded file."""
        now = self.now()
        self.shelf.uploads += 1
        expires = (
            now + (life if life is not None else FILE_LIFE)
            if purpose == "batch" or life is not None
            else None
        )
        return self.shelf.add(StoredFile(self.ids.file(), filename, purpose, now, expires, path, size))

    def stats(self) -> dict[str, Any]:
        """What there is and what was asked for."""
        return {
            "batches": self.batch_count,
            "files": len(self.shelf),
            "uploads": self.shelf.uploads,
            "creates": self.creates,
            "by_status": dict(Counter(job.status for job in self._jobs.values())),
            "calls": dict(self.calls),
            "faults_hit": self.faults.hits,
            "now": self.now(),
        }
