"""A real pseudo-terminal with a screen that a test can read."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyte
from ptyprocess import PtyProcess

BATCHDECK = [sys.executable, "-m", "batchdeck"]
"""The program as this interpreter has it installed."""


class Terminal:
    """A program in a pseudo-terminal, drawn by pyte.

    Args:
        command: Program and arguments.
        env: Its environment, whole.
        cwd: Its folder.
        size: Rows and columns.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        size: tuple[int, int] = (40, 120),
    ) -> None:
        rows, columns = size
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.output = bytearray()
        """Every byte the program wrote."""
        self.process: Any = PtyProcess.spawn(
            list(command), env={"TERM": "xterm-256color", **env}, cwd=str(cwd), dimensions=size
        )

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def send(self, keys: str) -> None:
        """Type."""
        self.process.write(keys.encode())

    def pump(self, seconds: float) -> bool:
        """Draw what comes within a time; False when the program closed its end."""
        ready, _, _ = select.select([self.process.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.process.fd, 65_536)
        except OSError:
            return False
        if not data:
            return False
        self.output += data
        self._stream.feed(data)
        return True

    def wait_until(self, what: Callable[[str], bool], *, timeout: float = 20.0) -> str:
        """Draw until the screen is as wanted; the screen is returned.

        Raises:
            AssertionError: it was not in time; the message holds the screen.
        """
        end = time.monotonic() + timeout
        open_still = True
        while time.monotonic() < end:
            if what(self.text):
                return self.text
            if not open_still:
                break
            open_still = self.pump(0.05)
        raise AssertionError(f"The screen never came to be as wanted:\n{self.text}")

    def wait_for(self, *texts: str, timeout: float = 20.0) -> str:
        """Draw until all of the texts stand on the screen."""
        return self.wait_until(lambda shown: all(text in shown for text in texts), timeout=timeout)

    def wait_for_pattern(self, pattern: re.Pattern[str], *, timeout: float = 20.0) -> re.Match[str]:
        """Draw until a pattern is found on the screen; what it found is returned."""
        found = pattern.search(self.wait_until(lambda shown: bool(pattern.search(shown)), timeout=timeout))
        assert found
        return found

    def wait_gone(self, text: str, *, timeout: float = 20.0) -> str:
        """Draw until a text does not stand on the screen any more."""
        return self.wait_until(lambda shown: text not in shown, timeout=timeout)

    def wait_end(self, *, timeout: float = 10.0) -> int:
        """Draw until the program has ended; its exit code, or minus the signal, is returned.

        Raises:
            AssertionError: it did not end in time.
        """
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            self.pump(0.05)
            if not self.process.isalive():
                while self.pump(0):
                    if not select.select([self.process.fd], [], [], 0)[0]:
                        break
                code = self.process.exitstatus
                return -int(self.process.signalstatus or 0) if code is None else int(code)
        raise AssertionError(f"The program did not end:\n{self.text}")

    def hang_up(self) -> int:
        """Close the terminal under the program; its exit code is returned once it has ended."""
        self.process.fileobj.close()
        self.process.closed = True
        _, status = os.waitpid(self.process.pid, 0)
        self.process.terminated = True
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """End the program, however it stands."""
        if self.process.closed:
            return
        if self.process.isalive():
            self.process.kill(signal.SIGKILL)
        self.process.close(force=True)
