"""Rows about large files: check, retry set, index, and the memory of the sub-commands that use them."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pydantic_core import from_json

from tests.bench.row import Result, Row, amount, ratio, spread
from tests.bench.workshop import REQUESTS, Service, Workshop, write_requests

FAILURES = 1_000
RUNS = 3
MEGABYTE = 1e6


def bare_loop(path: Path) -> int:
    """The other side: parse every line and do nothing with it."""
    count = 0
    with path.open("rb") as lines:
        for line in lines:
            from_json(line)
            count += 1
    return count


def _by_turns(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Runs of both sides by turns, after one of each that does not count."""
    mine: list[float] = []
    others: list[float] = []
    for number in range(RUNS + 1):
        for work, times in ((theirs, others), (ours, mine)):
            begun = time.perf_counter()
            work()
            if number:
                times.append(time.perf_counter() - begun)
    return mine, others


def _against_loop(row: str, what: str, budget: float, path: Path, ours: Callable[[], object]) -> list[Result]:
    mine, others = _by_turns(ours, lambda: bare_loop(path))
    note = f"ours {spread(mine)} s; loop {spread(others)} s"
    return [ratio(row, what, statistics.median(mine), statistics.median(others), "s", budget, note)]


def check(workshop: Workshop) -> list[Result]:
    """Judging a request file against parsing its lines."""
    from batchdeck.jsonl.check import check_file
    from batchdeck.models.account import Limits

    path = workshop.input_file()
    workshop.report("check and bare loop by turns")
    report = check_file(path, Limits())
    if not report.is_valid or report.requests != REQUESTS:
        raise AssertionError(f"the file is not what it should be: {report.problems[:3]}")
    what = f"check of {REQUESTS:,} requests, {path.stat().st_size / 1e6:.0f} MB / bare from_json loop"
    return _against_loop("check", what, 1.5, path, lambda: check_file(path, Limits()))


def retry_set(workshop: Workshop) -> list[Result]:
    """Finding what failed and writing the new file against parsing the input's lines."""
    from batchdeck.jsonl.retry_set import find_unanswered, write_retry
    from batchdeck.models.batch import BatchStatus

    path = workshop.input_file()
    folder = workshop.fresh_folder("retry")
    output, errors = folder / "output.jsonl", folder / "errors.jsonl"
    _write_results(output, errors, 400)
    workshop.report("retry set and bare loop by turns")

    def work() -> None:
        found = find_unanswered(path, [output, errors], ended=BatchStatus.COMPLETED)
        written = write_retry(path, found, folder / "new.jsonl")
        if written.requests != FAILURES:
            raise AssertionError(f"{written.requests} requests were written instead of {FAILURES}")
        (folder / "new.jsonl").unlink()

    what = f"retry set and new file, {FAILURES:,} failures / bare from_json loop over the input"
    return _against_loop("retry_set", what, 2.0, path, work)


def index(workshop: Workshop) -> list[Result]:
    """Indexing a result file against parsing its lines."""
    from batchdeck.jsonl.index import index_results

    folder = workshop.fresh_folder("index")
    output = folder / "output.jsonl"
    _write_results(output, folder / "errors.jsonl", 3_450)
    workshop.report("index and bare loop by turns")
    what = (
        f"index of {REQUESTS - FAILURES:,} rows, {output.stat().st_size / 1e6:.0f} MB / bare from_json loop"
    )
    return _against_loop("index", what, 2.0, output, lambda: sum(map(len, index_results(output))))


def _write_results(output: Path, errors: Path, words: int) -> None:
    """Answers to all requests but every fiftieth, in another order; the rest fail."""
    answer = ("The parcel is late. \\u00e9 " * (words // 24 + 1))[:words]
    with output.open("wb") as good, errors.open("wb") as bad:
        for place in range(REQUESTS):
            number = place * 7 % REQUESTS
            custom_id = f"ticket-{number:06d}"
            row: dict[str, object] = {"id": f"batch_req_{number:024x}", "custom_id": custom_id}
            if number % (REQUESTS // FAILURES) == 0:
                error = {
                    "error": {
                        "message": "Rate limit reached",
                        "type": "requests",
                        "code": "rate_limit_exceeded",
                    }
                }
                row["response"] = {"status_code": 429, "request_id": "r", "body": error}
                row["error"] = None
                bad.write(json.dumps(row).encode() + b"\n")
                continue
            message = {"role": "assistant", "content": answer, "refusal": None}
            body = {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "model": "gpt-4o-mini-2024-07-18",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 800, "completion_tokens": 90, "total_tokens": 890},
            }
            row["response"] = {"status_code": 200, "request_id": f"req_{number:08x}", "body": body}
            row["error"] = None
            good.write(json.dumps(row).encode() + b"\n")


def peak_memory(workshop: Workshop) -> list[Result]:
    """Most memory of each sub-command with the large file, over the same command with a small one."""
    service = workshop.sandbox("--speed", "100000")
    folder = workshop.fresh_folder("memory")
    large, small = folder / "large.jsonl", folder / "small.jsonl"
    failing = ["[[fail:500]] "] * FAILURES
    workshop.report("writing the input with 1,000 failures")
    write_requests(large, REQUESTS, 190_000_000, failing)
    write_requests(small, 20, 20 * 3_800, failing[:4])
    commands = _Commands(workshop, service)
    results = [commands.compare("check", lambda path: ["check", str(path)], large, small)]
    ids: dict[Path, str] = {}

    def create(path: Path) -> list[str]:
        return ["create", str(path), "--json"]

    results.append(commands.compare("create", create, large, small, keep=ids))
    for path in (large, small):
        workshop.report(f"waiting for the batch of {path.name}")
        commands.run(["wait", ids[path], "--timeout", "300"], fresh=True)

    def download(what: str) -> Callable[[Path], list[str]]:
        return lambda path: [
            *("download", ids[path], "--what", what, "--to", str(workshop.fresh_folder("to")))
        ]

    results.append(commands.compare("download", download("input"), large, small, fresh=True))
    results.append(commands.compare("retry", lambda path: ["retry", ids[path]], large, small, fresh=True))
    results.append(commands.compare("merge", download("merged"), large, small, fresh=True))
    return results


class _Commands:
    """Runs sub-commands and takes their memory."""

    def __init__(self, workshop: Workshop, service: Service) -> None:
        self._workshop = workshop
        self._service = service
        self._data = workshop.fresh_folder("data")

    def compare(
        self,
        name: str,
        command: Callable[[Path], list[str]],
        large: Path,
        small: Path,
        *,
        fresh: bool = False,
        keep: dict[Path, str] | None = None,
    ) -> Result:
        """The extra memory of a command with the large file."""
        self._workshop.report(f"memory of {name}")
        peaks = []
        for path in (small, large):
            peak, output = self.run(command(path), fresh=fresh)
            peaks.append(peak)
            if keep is not None:
                keep[path] = json.loads(output.splitlines()[-1])["batch_id"]
        note = f"{peaks[1] / MEGABYTE:.0f} MB with {large.stat().st_size / MEGABYTE:.0f} MB, "
        note += f"{peaks[0] / MEGABYTE:.0f} MB with {small.stat().st_size / 1000:.0f} kB"
        what = f"extra peak memory of {name}, 190 MB"
        return amount("peak_memory", what, (peaks[1] - peaks[0]) / MEGABYTE, "MB", 64.0, note)

    def run(self, arguments: list[str], *, fresh: bool) -> tuple[int, bytes]:
        """Peak resident bytes and standard output of one run; `fresh` gives it an empty data folder."""
        data = self._workshop.fresh_folder("data") if fresh else self._data
        argv = self._workshop.batchdeck("--data-dir", str(data), *arguments)
        process = subprocess.run(
            [sys.executable, "-S", "-c", _LAUNCHER, *argv],
            env=self._workshop.environment(self._service.url),
            capture_output=True,
            cwd=data,
            check=False,
        )
        complaint, _, peak = process.stderr.rstrip().rpartition(b"\n")
        if process.returncode not in (0, 1):
            words = (complaint or process.stderr).decode(errors="replace")
            raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}: {words[-500:]}")
        return int(peak) * 1024, process.stdout


_LAUNCHER = """
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
sys.stderr.write(f"\\n{usage.ru_maxrss}\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Starts a program and tells its peak memory in kB; a program started by a large one is born as large."""


ROWS = [
    Row("check", "check of 50,000 requests against a bare from_json loop", check),
    Row("retry_set", "retry set and new file against a bare from_json loop", retry_set),
    Row("index", "index of 50,000 result rows against a bare from_json loop", index),
    Row("peak_memory", "extra memory of check, create, download, retry and merge with 190 MB", peak_memory),
]
