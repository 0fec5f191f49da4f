"""The log: warnings, or everything of ours, in a file that its owner alone can read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TextIO

from batchdeck.config.paths import Paths, make_private_file
from batchdeck.errors import ConfigError


def start_log(paths: Paths, *, debug: bool) -> None:
    """Log warnings, or everything of ours, to a file that is made with its first line."""
    logger = logging.getLogger("batchdeck")
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    logger.propagate = False
    logger.addHandler(_PrivateLogHandler(paths.log_file))


class _PrivateLogHandler(logging.Handler):
    """Writes a log file that its owner alone can read; a log that cannot be written is done without."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._stream: TextIO | None = None
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            if self._stream is None:
                self._stream = make_private_file(self._path).open("a", encoding="utf-8", errors="replace")
            self._stream.write(self.format(record) + "\n")
            self._stream.flush()
        except (OSError, ConfigError):
            self._stream = None

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
        super().close()
