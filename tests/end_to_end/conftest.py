"""A sandbox on a socket and the installed program, for tests that use both from outside."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.end_to_end.terminal import BATCHDECK, Terminal

KEY = "sk-test-7c1d9f0a2b3e4d5c6b7a8f90"


class ServedSandbox:
    """A sandbox process and where it listens."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*BATCHDECK, "sandbox", "--port", "0", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.url: str = json.loads(line)["url"]

    def _control(self, path: str, told: dict[str, Any] | None = None) -> Any:
        address = f"{self.url.removesuffix('/v1')}/_sandbox/{path}"
        body = None if told is None else json.dumps(told).encode()
        with urlopen(Request(address, body, {"Content-Type": "application/json"})) as answer:
            return json.load(answer)

    def advance_clock(self, seconds: float) -> None:
        """Let time go by for it."""
        self._control("clock", {"advance": seconds})

    def fault(self, **rule: Any) -> None:
        """Have it misbehave."""
        self._control("faults", rule)

    def wait_for_call(self, call: str, *, timeout: float = 20.0) -> None:
        """Ask until it was called.

        Raises:
            AssertionError: it was not in time.
        """
        end = time.monotonic() + timeout
        while call not in self._control("stats")["calls"]:
            assert time.monotonic() < end, f"{call} never came"

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def serve() -> Iterator[Callable[..., ServedSandbox]]:
    """Starts sandboxes; all are ended after the test."""
    served: list[ServedSandbox] = []

    def start(*arguments: str) -> ServedSandbox:
        served.append(ServedSandbox(*arguments))
        return served[-1]

    yield start
    for sandbox in served:
        if sandbox.process.poll() is None:
            sandbox.stop()


class Home:
    """A user's home of their own: config, data and work folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.work = folder / "work"
        self.work.mkdir()

    def environment(self, url: str | None, key: str | None = KEY) -> dict[str, str]:
        """An environment in which nothing but this home and that service is known."""
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OPENAI_", "XDG_", "COLUMNS", "LINES"))
        }
        env["HOME"] = str(self.folder)
        if url is not None:
            env["OPENAI_BASE_URL"] = url
        if key is not None:
            env["OPENAI_API_KEY"] = key
        return env

    def run(
        self, *arguments: str, url: str | None = None, key: str | None = KEY, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a sub-command to its end."""
        return subprocess.run(
            [*BATCHDECK, *arguments],
            env=self.environment(url, key),
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def json(self, *arguments: str, url: str | None = None, code: int = 0) -> list[dict[str, Any]]:
        """The JSON lines of a sub-command that must end with a code."""
        done = self.run(*arguments, "--json", url=url)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A fresh home."""
    return Home(tmp_path)


@pytest.fixture
def open_terminal(home: Home) -> Iterator[Callable[..., Terminal]]:
    """Starts programs in terminals; all are ended after the test."""
    terminals: list[Terminal] = []

    def start(
        arguments: Sequence[str] = (),
        *,
        url: str | None = None,
        key: str | None = KEY,
        size: tuple[int, int] = (40, 120),
    ) -> Terminal:
        terminals.append(
            Terminal([*BATCHDECK, *arguments], env=home.environment(url, key), cwd=home.work, size=size)
        )
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()
