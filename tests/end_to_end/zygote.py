"""Processes of the real program, started in milliseconds: a process with everything imported is forked.

Run as a script it is that process: a line of JSON on standard input starts a command, lines on standard
output tell the process ids and the exit codes. Needs POSIX.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Child:
    """One process of the program."""

    def __init__(self, folder: Path, number: int) -> None:
        self.out = folder / f"out-{number}"
        self.err = folder / f"err-{number}"
        self.pid = 0
        self.code: int | None = None
        self.started = threading.Event()
        self.ended = threading.Event()

    def wait(self, timeout: float = 60) -> int:
        """The exit code; negative for the signal that ended it."""
        assert self.ended.wait(timeout), f"still running: {self.stderr}"
        assert self.code is not None
        return self.code

    def kill(self) -> None:
        """kill -9, unless it has ended."""
        self.started.wait(10)
        if not self.ended.is_set():
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    @property
    def stdout(self) -> str:
        """What it printed."""
        return self.out.read_text("utf-8") if self.out.exists() else ""

    @property
    def stderr(self) -> str:
        """What it said beside that."""
        return self.err.read_text("utf-8") if self.err.exists() else ""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its JSON lines."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Zygote:
    """Starts processes; may be used from several threads."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._children: dict[int, Child] = {}
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, arguments: Sequence[str], *, env: Mapping[str, str], folder: Path) -> Child:
        """Start `batchdeck` with arguments; its output goes to files in the folder it works in."""
        with self._lock:
            number = len(self._children) + 1
            child = self._children[number] = Child(folder, number)
            order = {
                "number": number,
                "arguments": list(arguments),
                "env": dict(env),
                "folder": str(folder),
                "out": str(child.out),
                "err": str(child.err),
            }
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        assert child.started.wait(20), "the zygote is gone"
        return child

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            child = self._children[told["number"]]
            if "pid" in told:
                child.pid = told["pid"]
                child.started.set()
            else:
                child.code = told["code"]
                child.ended.set()

    def stop(self) -> None:
        """End it and whatever still runs."""
        for child in list(self._children.values()):
            if child.started.is_set() and not child.ended.is_set():
                child.kill()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._reader.join(5)


def _import_everything() -> None:
    """What a command would import on its way."""
    import importlib
    import pkgutil

    import openai

    import batchdeck

    for found in pkgutil.walk_packages(batchdeck.__path__, "batchdeck."):
        if not found.name.startswith(("batchdeck.ui", "batchdeck.sandbox", "batchdeck.__main__")):
            importlib.import_module(found.name)
    client = openai.AsyncOpenAI(api_key="none", base_url="http://127.0.0.1:9")
    assert client.batches and client.files


def _serve() -> None:
    _import_everything()
    numbers: dict[int, int] = {}
    pending = b""
    is_open = True
    while is_open or numbers:
        readable, _, _ = select.select([0] if is_open else [], [], [], 0.01)
        if readable:
            data = os.read(0, 65_536)
            is_open = bool(data)
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    _become(order)
                numbers[pid] = order["number"]
                _tell({"number": order["number"], "pid": pid})
        while numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            _tell({"number": numbers.pop(pid), "code": os.waitstatus_to_exitcode(status)})


def _tell(words: Mapping[str, int]) -> None:
    os.write(1, json.dumps(words).encode() + b"\n")


def _become(order: Mapping[str, Any]) -> None:
    """Turn this fork into the program; never returns."""
    os.setsid()
    for target, name in ((1, "out"), (2, "err")):
        descriptor = os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, target)
        os.close(descriptor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = ["batchdeck", *order["arguments"]]
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - they live as long as the process
    sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1)  # noqa: SIM115
    from batchdeck.__main__ import run

    run()


if __name__ == "__main__":
    _serve()
