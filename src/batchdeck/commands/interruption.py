"""ctrl+c in a sub-command: the first asks long work to stop in order, the second ends at once."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interruption:
    """Whether the user asked for an end, and how it comes.

    Args:
        say: Tells the user something on standard error.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._is_asked = False
        self._in_order = 0
        self._task = asyncio.current_task()

    def listen(self) -> None:
        """Answer SIGINT from now on, where the event loop can; elsewhere it ends the program at once."""
        if sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self.interrupt)

    def interrupt(self) -> None:
        """What ctrl+c does."""
        if self._in_order and not self._is_asked:
            self._is_asked = True
            self._say("Stopping in order; ctrl+c again stops at once.")
        elif self._task is not None:
            self._task.cancel()

    @contextmanager
    def in_order(self) -> Iterator[Callable[[], bool]]:
        """Work that looks whether it should stop; what it is given says so."""
        self._in_order += 1
        try:
            yield lambda: self._is_asked
        finally:
            self._in_order -= 1
