"""How a batch comes from one status to the next, by the clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from batchdeck.sandbox.files import FILE_LIFE, FileShelf, StoredFile
from batchdeck.sandbox.ids import Ids
from batchdeck.sandbox.job import Job, Pace
from batchdeck.sandbox.moods import Moods
from batchdeck.sandbox.results import FileRequests, ResultPlan, Results, write_results
from batchdeck.sandbox.scan import Scan, ScanLimits, Stopped, scan_file

_SEVERAL_ERRORS = (
    ("invalid_json_line", 2, "This line is not parseable as valid JSON."),
    ("duplicate_custom_id", 5, "The custom_id for this request is a duplicate of another request."),
    (
        "url_mismatch",
        9,
        "The URL provided for this request does not match the prefix expected for the batch endpoint.",
    ),
)


class Lifecycle:
    """Moves batches; reading and writing their files goes on in threads of its own."""

    def __init__(self, shelf: FileShelf, ids: Ids, moods: Moods, pace: Pace) -> None:
        self._shelf = shelf
        self._ids = ids
        self._moods = moods
        self._pace = pace
        self._stop = threading.Event()
        self._pool: ThreadPoolExecutor | None = None
        self._runs_of_line: dict[bytes, int] = {}

    def run(self, work: Callable[[], Any]) -> Future[Any]:
        """Do something in a thread."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(2, thread_name_prefix="sandbox")
        return self._pool.submit(work)

    @property
    def is_stopping(self) -> bool:
        """True once `close` was called."""
        return self._stop.is_set()

    def close(self) -> None:
        """Let go of work under way."""
        self._stop.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def begin(self, job: Job, path: Path | None) -> None:
        """A batch was created on a file, or on none."""
        job.validate_seconds = self._pace.validating / self._pace.speed
        if "seconds" in job.mood or "expire" in job.mood:
            share, _, seconds = job.mood.argument("expire").partition(":")
            wished = job.mood.argument("seconds") or seconds
            job.work_seconds = float(wished) if _is_number(wished) else 8.0 / self._pace.speed
        if "expire" in job.mood:
            job.reach = min(99.0, float(share) if _is_number(share) else 60.0) / 100
            job.expires_at = job.created_at + job.validate_seconds + job.work_seconds
        if self._moods.early_file_ids:
            for kind in ("output", "error"):
                empty = self._shelf.path_for(f"{job.id}.{kind}.early")
                empty.touch()
                setattr(job, f"{kind}_file_id", self._keep(job, kind, empty, 0, job.created_at, FILE_LIFE))
        if path is None:
            done: Future[Scan] = Future()
            scan = Scan(Path())
            scan.errors.append(
                {"code": "invalid_request", "message": "No such File object.", "param": None, "line": None}
            )
            done.set_result(scan)
            job.scan = done
            return
        moods = self._moods
        limits = ScanLimits(
            moods.max_requests, repeated_ids=moods.repeated_ids, mixed_models=moods.mixed_models
        )
        job.estimated_tokens = path.stat().st_size // 4
        job.scan = self.run(
            lambda: scan_file(
                path,
                job.endpoint,
                limits,
                times_sent=lambda digest: self._runs_of_line.get(digest, 0),
                should_stop=self._stop.is_set,
            )
        )

    def advance(self, job: Job, now: float, live: Iterable[Job]) -> Future[Any] | None:
        """Bring a batch to where it is at a time; tells the work that holds it up, if any."""
        while not job.has_ended:
            step = self._step(job, now, live)
            if isinstance(step, Future):
                return step
            if not step:
                break
        return None

    def _step(self, job: Job, now: float, live: Iterable[Job]) -> bool | Future[Any]:
        """True when it moved, False when there is nothing to do yet, else what it waits for."""
        if job.status == "validating":
            due = job.created_at + job.validate_seconds
            if now < due or "hang_validating" in job.mood:
                return False
            if job.prepared is not None:
                job.start_work(due, job.prepared, job.work_seconds)
                return True
            if job.scan is not None and not job.scan.done():
                return job.scan
            self._validated(job, due, live)
            return True
        if job.status == "in_progress":
            due, is_expiring = job.last_moment(no_expiry=self._moods.no_expiry)
            if now < due:
                return False
            job.done = job.done_at(due)
            job.is_expiring, job.finalizing_at, job.status = is_expiring, due, "finalizing"
            self._write(job, "batch_expired")
            return True
        if job.status == "finalizing":
            due = (job.finalizing_at or now) + self._seconds(job.finalize_seconds, self._pace.finalizing)
            is_hanging, ends = "hang_finalizing" in job.mood, "expired" if job.is_expiring else "completed"
        else:
            due = (job.cancelling_at or now) + self._seconds(job.cancel_seconds, self._pace.cancelling)
            is_hanging, ends = "hang_cancelling" in job.mood, "cancelled"
        if now < due or is_hanging:
            return False
        if job.results is None and job.requests is not None:
            # A seeded batch comes here without having been worked off by this sandbox.
            self._write(job, "batch_cancelled" if ends == "cancelled" else "batch_expired")
        if job.results is not None and not job.results.done():
            return job.results
        self._finish(job, due, ends)
        return True

    def _seconds(self, own: float | None, usual: float) -> float:
        return usual / self._pace.speed if own is None else own

    def _validated(self, job: Job, due: float, live: Iterable[Job]) -> None:
        if job.scan is None:
            raise RuntimeError(f"{job.id} has no scan")
        failure = job.scan.exception()
        if failure is not None:
            word = (
                "The sandbox is closing."
                if isinstance(failure, Stopped)
                else f"The file cannot be read: {failure}"
            )
            self._fail(job, due, [{"code": "invalid_request", "message": word, "param": None, "line": None}])
            return
        scan = job.scan.result()
        job.model = scan.model
        if self._moods.empty_completes and scan.count == 0:
            scan.errors.clear()
        errors = scan.errors or self._moody_errors(job) or self._no_room(job, live)
        if errors:
            self._fail(job, due, errors)
            return
        for digest in scan.counted:
            self._runs_of_line[digest] = self._runs_of_line.get(digest, 0) + 1
        seconds = job.work_seconds
        if "seconds" not in job.mood and "expire" not in job.mood:
            seconds = self._pace.work(scan.count)
            seconds *= job.mood.number("slow", 10.0) if "slow" in job.mood else 1.0
            seconds = 0.0 if "fast" in job.mood else seconds
        job.start_work(due, FileRequests(scan), seconds)

    def _fail(self, job: Job, due: float, errors: list[dict[str, Any]]) -> None:
        job.errors, job.failed_at, job.status = errors, due, "failed"

    def _moody_errors(self, job: Job) -> list[dict[str, Any]]:
        if "fail_validation" in job.mood:
            code = job.mood.argument("fail_validation")
            if code:
                return [{"code": code, "message": f"Validation failed: {code}.", "param": None, "line": 1}]
            return [
                {"code": code, "message": text, "param": None, "line": line}
                for code, line, text in _SEVERAL_ERRORS
            ]
        if "token_limit" in job.mood:
            return [self._token_limit(job.model, self._moods.queue_tokens or 2_000_000)]
        return []

    def _no_room(self, job: Job, live: Iterable[Job]) -> list[dict[str, Any]]:
        limit = self._moods.queue_tokens
        if not limit:
            return []
        waiting = sum(
            other.estimated_tokens
            for other in live
            if other is not job and other.requests is not None and other.model == job.model
        )
        return [self._token_limit(job.model, limit)] if waiting + job.estimated_tokens > limit else []

    @staticmethod
    def _token_limit(model: str | None, limit: int) -> dict[str, Any]:
        return {
            "code": "token_limit_exceeded",
            "message": token_limit_words(model, limit),
            "param": None,
            "line": None,
        }

    def cancel(self, job: Job, now: float) -> None:
        """A cancel was asked for; what is done by now is kept."""
        done = job.done_at(now)
        was_finalizing = job.status == "finalizing"
        job.status, job.cancelling_at = "cancelling", now
        if job.requests is None or was_finalizing:
            return
        job.done = 0 if self._moods.cancel_loses else done
        self._write(job, "batch_cancelled" if self._moods.cancel_rows == "rows" else None)

    def _write(self, job: Job, rest_code: str | None) -> None:
        if job.requests is None or job.order is None:
            return
        if "quiet" in job.mood:
            rest_code = None
        plan = ResultPlan(
            job.id,
            job.endpoint,
            job.requests,
            job.order,
            job.done,
            rest_code,
            int(job.finalizing_at or job.cancelling_at or job.created_at),
            ends_with_newline=self._moods.final_newline,
        )
        output, errors = self._shelf.path_for(f"{job.id}.output"), self._shelf.path_for(f"{job.id}.errors")
        job.results = self.run(lambda: write_results(plan, output, errors, should_stop=self._stop.is_set))

    def _finish(self, job: Job, due: float, status: str) -> None:
        if job.results is not None and job.results.exception() is None:
            made: Results = job.results.result()
            job.spent = made.spent
            life = job.output_expires_after or FILE_LIFE
            if made.output_bytes or job.output_file_id:
                job.output_file_id = self._keep(job, "output", made.output, made.output_bytes, due, life)
            if made.error_bytes or job.error_file_id:
                job.error_file_id = self._keep(job, "error", made.errors, made.error_bytes, due, life)
        job.status = status
        setattr(job, f"{status}_at", due)

    def _keep(self, job: Job, kind: str, path: Path, size: int, at: float, life: float) -> str:
        early = job.output_file_id if kind == "output" else job.error_file_id
        name = f"{job.id}_{kind}.jsonl"
        file = StoredFile(early or self._ids.file(), name, "batch_output", at, at + life, path, size)
        return self._shelf.add(file).id


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def token_limit_words(model: str | None, limit: int) -> str:
    """What the service says when too many tokens wait."""
    return (
        f"Enqueued token limit reached for {model or 'this model'} in organization org-sandbox. "
        f"Limit: {limit:,} enqueued tokens. "
        "Please try again once some in_progress batches have been completed."
    )


async def first_done(work: list[Future[Any]], seconds: float) -> None:
    """Wait in the event loop until one of them is done, or so many seconds."""
    loop, one_is_done = asyncio.get_running_loop(), asyncio.Event()

    def wake(_: Future[Any]) -> None:
        # The loop may be gone by the time the work ends.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(one_is_done.set)

    for future in work:
        future.add_done_callback(wake)
    with suppress(TimeoutError):
        await asyncio.wait_for(one_is_done.wait(), seconds)
