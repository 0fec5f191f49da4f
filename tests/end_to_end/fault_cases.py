"""Every step of create and retry with every fault and with kill -9, as data, and how one case is played."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchdeck.sandbox.serve import SandboxServer
from batchdeck.sandbox.state import Sandbox
from tests.end_to_end.zygote import Child, Zygote

UPLOAD = {"method": "POST", "path": "/v1/files"}
CREATE = {"method": "POST", "path": "/v1/batches"}
LIST = {"method": "GET", "path": "/v1/batches"}
FILES = {"method": "GET", "path": "/v1/files"}
BATCH = {"method": "GET", "path": "/v1/batches/[^/]+"}
CONTENT = {"method": "GET", "path": "/v1/files/[^/]+/content"}

FAULTS: dict[str, dict[str, Any]] = {
    "drop before": {"kind": "drop_before"},
    "drop after": {"kind": "drop_after"},
    "reset": {"kind": "reset"},
    "delay": {"kind": "delay", "seconds": 0.4},
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503},
    "500 after": {"kind": "status_after", "status": 500},
    "truncated": {"kind": "truncate", "at": 10},
    "slow": {"kind": "slow", "rate": 4_000},
    "garbage": {"kind": "garbage"},
    "garbage after": {"kind": "truncate", "at": 0},
}
HANGS = {
    "not arrived": {"kind": "delay", "seconds": 300.0},
    "arrived": {"kind": "slow", "rate": 10},
}
SETTLE_SECONDS = 1.5
RANDOM_KILLS = 15
"""Kills of each command at moments spread over its run."""


@dataclass(frozen=True)
class Case:
    """One way things go wrong."""

    name: str
    command: str
    """`create` or `retry`."""
    faults: tuple[dict[str, Any], ...] = ()
    moods: dict[str, Any] = field(default_factory=dict)
    kill_at_hits: int = 0
    """Kill -9 when so many faults have struck; 0 for no kill."""
    kill_after: float = 0.0
    """Kill -9 so many seconds after the start, wherever it is then; 0 for no kill."""
    finish: str = "reconcile"
    """What is run afterwards until it ends well: `reconcile`, the command `again`, or `three at once`."""
    batches: int = 1
    """How many there must be in the end."""


@dataclass
class Outcome:
    """What became of a case."""

    batches: int = 0
    uploads: int = 0
    code: int = 0
    """Exit code of the first run; negative for a kill."""
    last_code: int = 0
    """Of the last run."""
    stderr: str = ""
    problems: list[str] = field(default_factory=list)


def cases() -> list[Case]:
    """All of them."""
    made: list[Case] = []
    for command in ("create", "retry"):
        for step_name, step in (("upload", UPLOAD), ("create", CREATE)):
            for fault_name, fault in FAULTS.items():
                made.append(Case(f"{command}: {step_name}: {fault_name}", command, ({**step, **fault},)))
            for hang_name, hang in HANGS.items():
                for finish in ("reconcile", "again", "three at once"):
                    made.append(
                        Case(
                            f"{command}: kill in {step_name}, {hang_name}, then {finish}",
                            command,
                            ({**step, **hang},),
                            kill_at_hits=1,
                            finish=finish,
                        )
                    )
        lost = {**CREATE, "kind": "drop_after"}
        for fault_name in ("drop before", "500", "garbage", "truncated"):
            made.append(
                Case(f"{command}: search: {fault_name}", command, (lost, {**LIST, **FAULTS[fault_name]}))
            )
            made.append(
                Case(
                    f"{command}: looking for the upload: {fault_name}",
                    command,
                    ({**UPLOAD, "kind": "drop_after"}, {**FILES, **FAULTS[fault_name]}),
                )
            )
        for finish in ("reconcile", "again"):
            made += [
                Case(
                    f"{command}: kill in the search, then {finish}",
                    command,
                    (lost, {**LIST, "kind": "delay", "seconds": 300.0}),
                    kill_at_hits=2,
                    finish=finish,
                ),
                Case(
                    f"{command}: the list is out of reach, then {finish}",
                    command,
                    (lost, {**LIST, "kind": "drop_before", "times": 0}),
                    finish=finish,
                ),
                Case(
                    f"{command}: every create is dropped, then {finish}",
                    command,
                    ({**CREATE, "kind": "drop_before", "times": 0},),
                    finish=finish,
                ),
            ]
        refusals = (("upload", UPLOAD, 400), ("create", CREATE, 400), ("create", CREATE, 429))
        for step_name, step, status in refusals:
            faults = ({**step, "kind": "status", "status": status},)
            made.append(Case(f"{command}: {step_name} refused with {status}", command, faults, batches=0))
        dropped = {"drop_metadata": True}
        bare = {"list_shape": "array", "has_more": "absent"}
        made += [
            Case(
                f"{command}: every answer is lost", command, ({**CREATE, "kind": "drop_after", "times": 0},)
            ),
            Case(
                f"{command}: every create answers 500 and yet creates",
                command,
                ({**CREATE, "kind": "status_after", "times": 0},),
            ),
            Case(f"{command}: listed late", command, (lost,), {"list_late": 0.7}),
            Case(f"{command}: metadata dropped, answer lost", command, (lost,), dropped),
            Case(
                f"{command}: metadata dropped, killed",
                command,
                ({**CREATE, **HANGS["arrived"]},),
                dropped,
                kill_at_hits=1,
            ),
            Case(f"{command}: bare list without has_more, answer lost", command, (lost,), bare),
        ]
        for number in range(RANDOM_KILLS):
            after = 0.02 + number * 0.45 / RANDOM_KILLS
            made.append(Case(f"{command}: killed after {after * 1000:.0f} ms", command, kill_after=after))
    for step_name, step in (("batch", BATCH), ("content", CONTENT)):
        for fault_name in ("drop before", "500", "truncated", "garbage"):
            faults = ({**step, **FAULTS[fault_name]},)
            made.append(Case(f"retry: reading {step_name}: {fault_name}", "retry", faults, finish="again"))
    return made


@contextmanager
def serving(sandbox: Sandbox) -> Iterator[str]:
    """A sandbox on a socket of its own; yields its address."""
    ready = threading.Event()
    ports: list[int] = []

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    server = SandboxServer(sandbox=sandbox, on_ready=on_ready)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        server.stop()
        thread.join(10)


def call(
    url: str, method: str = "GET", told: object | None = None, body: bytes | None = None, kind: str = ""
) -> Any:
    """One call with JSON both ways."""
    data = body if body is not None else (json.dumps(told).encode() if told is not None else None)
    headers = {"authorization": "Bearer any", "content-type": kind or "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def wait_until(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    """Ask again and again until it is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def upload(base: str, name: str, content: bytes) -> str:
    """Put a file at the service by hand; its id."""
    mark = uuid.uuid4().hex
    body = (
        (
            f'--{mark}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        ).encode()
        + content
        + f"\r\n--{mark}--\r\n".encode()
    )
    kind = f"multipart/form-data; boundary={mark}"
    return str(call(f"{base}/v1/files", "POST", body=body, kind=kind)["id"])


def request_line(custom_id: str, text: str) -> str:
    """One chat request."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body})


class Play:
    """One case, from an empty history to its end.

    Args:
        folder: Its own, empty.
    """

    def __init__(self, case: Case, zygote: Zygote, folder: Path) -> None:
        self._case = case
        self._zygote = zygote
        self._folder = folder
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Play it."""
        self._folder.mkdir()
        (self._folder / "config.toml").write_text(
            f"[profiles.default]\nsettle_seconds = {SETTLE_SECONDS}\n", encoding="utf-8"
        )
        sandbox = Sandbox(speed=100_000.0, seed=1)
        with serving(sandbox) as base:
            self._base = base
            arguments, expected = self._prepare()
            before = self._stats()
            if self._case.moods:
                call(f"{base}/_sandbox/moods", "POST", self._case.moods)
            for fault in self._case.faults:
                call(f"{base}/_sandbox/faults", "POST", fault)
            first = self._first_run(arguments)
            call(f"{base}/_sandbox/faults", "DELETE")
            self._finish(first, arguments)
            after = self._stats()
            self._outcome.batches = after["batches"] - before["batches"]
            self._outcome.uploads = after["uploads"] - before["uploads"]
            self._check(expected)
        return self._outcome

    def _prepare(self) -> tuple[list[str], bytes]:
        """The command to run, and the input its batch must have."""
        if self._case.command == "create":
            lines = [request_line(f"r-{number}", "hello") for number in range(5)]
            content = "".join(f"{line}\n" for line in lines).encode()
            (self._folder / "tickets.jsonl").write_bytes(content)
            return ["create", "tickets.jsonl", "--json"], content
        words = ["hello", "[[once:fail:500]]", "hello", "[[once:missing]]", "[[fail:400]]"]
        lines = [request_line(f"r-{number}", word) for number, word in enumerate(words)]
        file_id = upload(self._base, "night.jsonl", "".join(f"{line}\n" for line in lines).encode())
        new = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        parent = call(f"{self._base}/v1/batches", "POST", new)["id"]
        wait_until(lambda: bool(call(f"{self._base}/v1/batches/{parent}")["status"] == "completed"))
        return ["retry", parent, "--json"], f"{lines[1]}\n{lines[3]}\n".encode()

    def _start(self, arguments: list[str]) -> Child:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "OPENAI_API_KEY": "any",
            "OPENAI_BASE_URL": f"{self._base}/v1",
        }
        options = ["--data-dir", "data", "--config", "config.toml"]
        return self._zygote.start([*arguments, *options], env=env, folder=self._folder)

    def _first_run(self, arguments: list[str]) -> Child:
        child = self._start(arguments)
        if self._case.kill_at_hits:
            wait_until(lambda: self._struck() or child.ended.is_set())
            child.kill()
        elif self._case.kill_after:
            child.ended.wait(self._case.kill_after)
            child.kill()
        self._outcome.code = child.wait()
        self._outcome.stderr = child.stderr
        return child

    def _struck(self) -> bool:
        """True when the moment to kill has come: the fault is under way, its work done if it does any."""
        stats = self._stats()
        if stats["faults_hit"] < self._case.kill_at_hits:
            return False
        last = self._case.faults[-1]
        if last["kind"] != "slow":
            return True
        key = "creates" if last["path"] == CREATE["path"] else "uploads"
        return bool(stats[key] > (1 if self._case.command == "retry" else 0))

    def _finish(self, first: Child, arguments: list[str]) -> None:
        """Run what a person would run, until it ends well."""
        child = first
        if first.wait() != 0 and self._case.finish == "again" and self._case.batches:
            child = self._start(arguments)
            child.wait()
            self._note(child)
        if self._case.finish == "three at once":
            together = [self._start(["reconcile", "--json"]) for _ in range(3)]
            for child in together:
                child.wait()
                self._note(child)
        for _ in range(3):
            child = self._start(["reconcile", "--json"])
            self._outcome.last_code = child.wait()
            self._note(child)
            if self._outcome.last_code == 0:
                break
        if self._case.kill_after and not child.rows and first.code == -9 and not self._any_operation():
            self._outcome.last_code = self._start(arguments).wait()

    def _any_operation(self) -> bool:
        """True when the first run came as far as its intent."""
        path = self._folder / "data" / "history.sqlite3"
        if not path.exists():
            return False
        with closing(sqlite3.connect(path)) as history:
            return bool(history.execute("SELECT count(*) FROM operations").fetchone()[0])

    def _note(self, child: Child) -> None:
        self._outcome.stderr += child.stderr

    def _check(self, expected: bytes) -> None:
        problems = self._outcome.problems
        if "Traceback" in self._outcome.stderr:
            problems.append("a traceback was shown")
        if self._case.kill_at_hits and self._outcome.code != -9:
            problems.append(f"it was not killed but ended with {self._outcome.code}")
        is_clear = self._outcome.code == 3 and "no batch was created" in self._outcome.stderr
        if self._case.batches == 0 and not is_clear:
            problems.append("the refusal is not clear")
        if self._outcome.last_code != 0:
            problems.append("an operation stayed open")
        call(f"{self._base}/_sandbox/moods", "DELETE")
        made = call(f"{self._base}/v1/batches?limit=100")["data"]
        if self._case.batches == 1 and made:
            file_id = made[0]["input_file_id"]
            with urllib.request.urlopen(
                urllib.request.Request(
                    f"{self._base}/v1/files/{file_id}/content", headers={"authorization": "Bearer any"}
                )
            ) as answer:
                if answer.read() != expected:
                    problems.append("the batch was made of other bytes")

    def _stats(self) -> dict[str, Any]:
        found: dict[str, Any] = call(f"{self._base}/_sandbox/stats")
        return found
