"""The sandbox: its batches, its files, its clock."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from batchdeck.sandbox import errors
from batchdeck.sandbox.answers import ENDPOINTS
from batchdeck.sandbox.book import BatchBook
from batchdeck.sandbox.errors import ApiError
from batchdeck.sandbox.faults import FaultRules
from batchdeck.sandbox.files import FILE_LIFE, FileShelf, StoredFile
from batchdeck.sandbox.ids import Ids
from batchdeck.sandbox.job import Job, Pace
from batchdeck.sandbox.lifecycle import Lifecycle, first_done, token_limit_words
from batchdeck.sandbox.moods import BatchMood, Moods
from batchdeck.sandbox.parameters import (
    metadata_parameter,
    output_life_parameter,
    text_parameter,
    window_parameter,
)

_PATIENCE = 0.5


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
        self.book = BatchBook()
        self._recent_creates: deque[float] = deque()

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

    async def settle(self) -> None:
        """Bring every batch to where it is now, waiting a moment for file work that is due."""
        deadline = time.monotonic() + self._patience
        while True:
            now, live = self.now(), self.book.live
            self.book.let_come(now)
            waits_for = []
            for job in list(live.values()):
                pending = self.lifecycle.advance(job, now, live.values())
                if pending is not None:
                    waits_for.append(pending)
                if job.has_ended:
                    del live[job.id]
            if not waits_for or time.monotonic() >= deadline:
                return
            await first_done(waits_for, deadline - time.monotonic())

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
        file = self._file(input_file_id)
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
            id=self.ids.batch(plain=self.moods.plain_ids),
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
        self.book.add(job)
        return job

    def _has_room(self, file: StoredFile | None) -> bool:
        waiting = sum(job.estimated_tokens for job in self.book.live.values())
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
        job = self.book.find(batch_id)
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
        end = len(self.book)
        if after and not self.moods.ignore_after:
            place = self.book.place(after)
            if place is not None:
                end = place
            elif self.moods.unknown_after == "404":
                raise errors.no_such_batch(after)
        newest = self.now() - self.moods.list_late
        listed = (
            job for job in self.book.newest_first(end) if job.created_at <= newest and self._is_there(job)
        )
        page = list(islice(listed, limit + 1))
        return page[:limit], len(page) > limit

    def file(self, file_id: str) -> StoredFile:
        """A file.

        Raises:
            ApiError: there is none of this id, or it has expired.
        """
        file = self._file(file_id)
        if file is None:
            raise errors.no_such_file(file_id)
        return file

    def _file(self, file_id: str) -> StoredFile | None:
        now = self.now()
        file = self.shelf.find(file_id, now)
        if file is None and not self.shelf.was_deleted(file_id):
            file = self.book.file(file_id)
            if file is not None:
                self.shelf.add(file)
        return file if file is not None and file.is_there(now) else None

    def list_files(
        self, *, purpose: str | None, after: str | None, limit: int, newest_first: bool
    ) -> tuple[list[StoredFile], bool]:
        """Files in order of their making, behind the one called `after`, and whether there are more.

        Raises:
            ApiError: no file is called so.
        """
        files = self._all_files(purpose, newest_first)
        if after and not self.moods.ignore_after and not any(file.id == after for file in files):
            raise errors.no_such_file(after)
        page = list(islice(files, limit + 1))
        return page[:limit], len(page) > limit

    def _all_files(self, purpose: str | None, newest_first: bool) -> Iterator[StoredFile]:
        now = self.now()
        own = self.shelf.listed(now, purpose=purpose, newest_first=newest_first)
        known = {file.id for file in own}
        old = (
            file
            for file in self.book.series_files(newest_first=newest_first)
            if file.id not in known
            and (purpose is None or file.purpose == purpose)
            and file.is_there(now)
            and not self.shelf.was_deleted(file.id)
        )
        return chain(own, old) if newest_first else chain(old, own)

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
        return self.shelf.add(
            StoredFile(self.ids.file(plain=self.moods.plain_ids), filename, purpose, now, expires, path, size)
        )

    def stats(self) -> dict[str, Any]:
        """What there is and what was asked for."""
        return {
            "batches": len(self.book),
            "files": len(self.shelf),
            "uploads": self.shelf.uploads,
            "creates": self.creates,
            "by_status": dict(Counter(job.status for job in self.book.jobs())),
            "calls": dict(self.calls),
            "faults_hit": self.faults.hits,
            "now": self.now(),
        }
