"""A download is whole or not there, however often it is killed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from batchdeck.sandbox.state import Sandbox
from tests.end_to_end.fault_cases import call, request_line, serving, upload, wait_until
from tests.end_to_end.zygote import Child, Zygote

pytestmark = [
    pytest.mark.posix,
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork and kill -9"),
]

KILLS = 100
MEGABYTES = 20
AT_ONCE = 2


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Starts the program's processes."""
    started = Zygote()
    yield started
    started.stop()


class Service:
    """A sandbox that holds one ended batch with a big input."""

    def __init__(self, base: str) -> None:
        self.base = base
        line = request_line("r-{}", "x" * 200_000)
        self.content = "".join(f"{line.replace('{}', str(n))}\n" for n in range(MEGABYTES * 5)).encode()
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        file_id = upload(base, "big.jsonl", self.content)
        new = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        self.batch_id = str(call(f"{base}/v1/batches", "POST", new)["id"])
        wait_until(lambda: bool(call(f"{base}/v1/batches/{self.batch_id}")["status"] == "completed"))


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """The service with the big file."""
    with serving(Sandbox(speed=100_000.0, seed=2)) as base:
        yield Service(base)


class Watch:
    """Looks at a name all the time: whatever stands there must be whole."""

    def __init__(self, target: Path, size: int) -> None:
        self.wrong: list[int] = []
        self._target = target
        self._size = size
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(0.001):
            if self._target.exists():
                found = self._target.stat().st_size
                if found != self._size:
                    self.wrong.append(found)

    def end(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join(5)


def _came(to: Path) -> int:
    """Bytes of the part that stand in a folder."""
    with contextlib.suppress(OSError), os.scandir(to) as entries:
        return max((entry.stat().st_size for entry in entries), default=0)
    return 0


class Downloads:
    """Downloads the same file into one folder after the other, killed at random moments."""

    def __init__(self, zygote: Zygote, service: Service, folder: Path, seed: int) -> None:
        folder.mkdir()
        self._zygote = zygote
        self._service = service
        self._folder = folder
        self._random = random.Random(seed)
        self.kills = 0
        self.finished = 0
        self.resumed = 0
        self.problems: list[str] = []

    def run(self, kills: int) -> None:
        """Go on until so many downloads were killed, then let the last one end."""
        while self.kills < kills:
            self._one_folder(self._folder / f"to-{self.finished}", kills)

    def _wait_for_the_moment(self, child: Child, to: Path) -> None:
        """A random moment: before, in or behind any part of what is still to come."""
        size = len(self._service.content)
        if _came(to) >= size - 1:
            child.ended.wait(self._random.uniform(0, 1.5))
            return
        goal = _came(to) + self._random.uniform(-0.1, 0.5) * size
        while not child.ended.is_set() and _came(to) < min(goal, size - 1):
            time.sleep(0.001)
        child.ended.wait(self._random.uniform(0, 0.05))

    def _one_folder(self, to: Path, kills: int) -> None:
        target = to / f"{self._service.batch_id}_input.jsonl"
        watch = Watch(target, len(self._service.content))
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "OPENAI_API_KEY": "any",
            "OPENAI_BASE_URL": f"{self._service.base}/v1",
        }
        arguments = ["download", self._service.batch_id, "--what", "input", "--to", str(to), "--json"]
        # Another history for each folder, so that nothing is copied from the folder before.
        arguments += ["--data-dir", str(to) + "-data"]
        while True:
            child = self._zygote.start(arguments, env=env, folder=self._folder)
            if self.kills < kills:
                self._wait_for_the_moment(child, to)
                child.kill()
            code = child.wait()
            if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() != self._service.sha256:
                self.problems.append("a file that is not whole stands under the name")
            if code == -9:
                self.kills += 1
                continue
            if code != 0 or "Traceback" in child.stderr:
                self.problems.append(f"{code}: {child.stderr}")
            self.resumed += "Went on where" in child.stderr
            break
        watch.end()
        if watch.wrong:
            self.problems.append(f"lengths {watch.wrong[:5]} were seen under the name")
        parts = [path.name for path in to.iterdir() if path.name.endswith(".part")]
        if parts or not target.exists():
            self.problems.append(f"left behind: {parts}, file there: {target.exists()}")
        self.finished += 1


def test_downloads_killed_at_random_moments_end_whole(
    zygote: Zygote, service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [Downloads(zygote, service, tmp_path / f"run-{number}", number) for number in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(run.run, KILLS // AT_ONCE) for run in runs]:
            done.result()
    kills = sum(run.kills for run in runs)
    with capsys.disabled():
        print(
            f"\n{kills} downloads of {MEGABYTES} MB killed; {sum(run.finished for run in runs)} came whole,"
            f" {sum(run.resumed for run in runs)} of them by going on"
        )
    assert [problem for run in runs for problem in run.problems] == []
    assert kills == KILLS


FAULTS = {
    "dropped before": {"kind": "drop_before"},
    "reset": {"kind": "reset"},
    "500": {"kind": "status", "status": 500},
    "cut at 1 MB": {"kind": "truncate", "at": 1_000_000},
    "cut three times": {"kind": "truncate", "at": 3_000_000, "times": 3},
    "delayed": {"kind": "delay", "seconds": 0.3},
}


@pytest.mark.parametrize("moods", [{}, {"ranges": False}, {"announce_length": False}], ids=str)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_download_survives_a_fault(
    zygote: Zygote, service: Service, tmp_path: Path, fault: dict[str, object], moods: dict[str, object]
) -> None:
    rule = {"method": "GET", "path": "/v1/files/[^/]+/content", **fault}
    call(f"{service.base}/_sandbox/moods", "POST", moods)
    call(f"{service.base}/_sandbox/faults", "POST", rule)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "OPENAI_API_KEY": "any",
        "OPENAI_BASE_URL": f"{service.base}/v1",
    }
    arguments = ["download", service.batch_id, "--what", "input", "--data-dir", "data", "--json"]
    child = zygote.start(arguments, env=env, folder=tmp_path)
    code = child.wait()
    call(f"{service.base}/_sandbox/faults", "DELETE")
    call(f"{service.base}/_sandbox/moods", "DELETE")
    assert code == 0, child.stderr
    [row] = child.rows
    assert hashlib.sha256(Path(row["path"]).read_bytes()).hexdigest() == service.sha256
    assert row["rows"] == MEGABYTES * 5
