"""Programs in a real terminal of their own: what they write, when, and what it costs."""

from __future__ import annotations

import os
import re
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyte
from ptyprocess import PtyProcess

_TICKS = os.sysconf("SC_CLK_TCK")
# pyte takes these for text or for other commands; no program's picture depends on them.
_UNKNOWN_TO_PYTE = re.compile(
    rb"\x1b\[[<>=?][0-9;]*[a-zA-Z]|\x1b\[[0-9;?]*\$p|\x1b[P_\]].*?(?:\x1b\\|\x07)", re.DOTALL
)
_CUT_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;:<=>?]*[ $]?|[P_\]][^\x07\x1b]*\x1b?)?\Z")


@dataclass(slots=True)
class Chunk:
    """Bytes as they came."""

    at: float
    """Seconds, as time.perf_counter tells them."""
    data: bytes


@dataclass(slots=True)
class Recording:
    """Everything a program wrote."""

    chunks: list[Chunk] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        """All of it in one piece."""
        return b"".join(chunk.data for chunk in self.chunks)


class Terminal:
    """A program in a pseudo-terminal. Leaving the context ends the program."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        columns: int = 120,
        rows: int = 40,
        cwd: Path | None = None,
    ) -> None:
        self.columns = columns
        self.rows = rows
        self.recording = Recording()
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._drawn = 0
        self._held_back = b""
        self.spawned_at = time.perf_counter()
        self._process = PtyProcess.spawn(
            list(argv), cwd=str(cwd) if cwd else None, env=dict(env), dimensions=(rows, columns)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The program's process id."""
        return int(self._process.pid)

    def read(self, seconds: float) -> Chunk | None:
        """The next bytes, or None when none come in time or the program has ended."""
        descriptor = self._process.fd
        ready, _, _ = select.select([descriptor], [], [], max(0.0, seconds))
        if not ready:
            return None
        try:
            data = os.read(descriptor, 262_144)
        except OSError:
            return None
        if not data:
            return None
        chunk = Chunk(time.perf_counter(), data)
        self.recording.chunks.append(chunk)
        return chunk

    def wait_for(self, text: str, seconds: float = 30.0) -> float:
        """When a text was on the screen, seconds since the program was started.

        Raises:
            TimeoutError: it did not come; the message holds the screen.
        """
        wanted = text.encode()
        until = time.perf_counter() + seconds
        chunk = self.recording.chunks[-1] if self.recording.chunks else None
        while True:
            # The bytes are looked at first: to draw each chunk would make the next one late.
            if chunk is not None and wanted in self.recording.data and self._shows(text):
                return chunk.at - self.spawned_at
            chunk = self.read(until - time.perf_counter())
            if chunk is None:
                raise TimeoutError(f"{text!r} did not come:\n{self.picture()}")

    def _shows(self, text: str) -> bool:
        return any(text in line for line in self.screen().display)

    def drain(self, seconds: float) -> int:
        """Read for so long; the bytes that came."""
        until = time.perf_counter() + seconds
        count = 0
        while (left := until - time.perf_counter()) > 0:
            chunk = self.read(left)
            if chunk is None and not self._process.isalive():
                raise RuntimeError("the program ended:\n" + self.picture())
            count += len(chunk.data) if chunk else 0
        return count

    def settle(self, quiet: float = 0.5, seconds: float = 20.0) -> None:
        """Read until nothing has come for a while."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            if self.read(quiet) is None:
                return

    def screen(self) -> pyte.Screen:
        """The screen as it is now."""
        for chunk in self.recording.chunks[self._drawn :]:
            data = self._held_back + chunk.data
            # A sequence that was cut in two would be drawn as text.
            cut = _CUT_SEQUENCE.search(data)
            self._held_back = data[cut.start() :] if cut else b""
            self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", data[: cut.start()] if cut else data))
        self._drawn = len(self.recording.chunks)
        return self._screen

    def picture(self) -> str:
        """The screen as text, empty lines at its end left out."""
        return "\n".join(line.rstrip() for line in self.screen().display).rstrip()

    def write(self, keys: str) -> float:
        """Type; the time of it."""
        at = time.perf_counter()
        self._process.write(keys.encode())
        return at

    def time_to(self, keys: str, changed: Callable[[Any], object], seconds: float = 5.0) -> float:
        """Seconds from typing until what `changed` tells of the screen is another.

        Raises:
            TimeoutError: nothing changed.
        """
        before = changed(self.screen())
        at = self.write(keys)
        while (chunk := self.read(at + seconds - time.perf_counter())) is not None:
            if changed(self.screen()) != before:
                return chunk.at - at
        raise TimeoutError(f"{keys!r} changed nothing:\n{self.picture()}")

    def cpu_seconds(self) -> float:
        """Processor time of the program so far, its children left out."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def running_seconds(self) -> float:
        """Processor time of the threads that the program has now, to the nanosecond."""
        total = 0
        for path in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            total += int(path.read_text().split()[0])
        return total / 1e9

    def resident_bytes(self) -> int:
        """Memory of the program."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        return int(found.group(1)) * 1024 if found else 0

    def end(self) -> None:
        """End the program at once."""
        if self._process.isalive():
            self._process.kill(signal.SIGKILL)
        self._process.wait()
        self._process.close(force=True)


def cursor_row(screen: Any) -> tuple[str, ...]:
    """What tells where the cursor of a list is: the background of one column, row by row."""
    return tuple(screen.buffer[line][4].bg for line in range(screen.lines))


def list_text(screen: Any) -> str:
    """The text of the list's part of the screen."""
    return "\n".join(line[:40] for line in screen.display[3:16])
