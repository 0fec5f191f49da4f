"""A driver that ends in order when the terminal is gone."""

from __future__ import annotations

from typing import IO, Any

from textual.drivers.linux_driver import LinuxDriver


class DeckDriver(LinuxDriver):
    """Textual's driver, with output that may vanish.

    When the terminal is closed, Textual's writer thread dies of the failed write and the app then waits
    for ever to hand it more. Output to a terminal that is gone is dropped instead.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self._file is not None:
            self._file = _VanishingFile(self._file)  # type: ignore[assignment]


class _VanishingFile:
    """A text file whose failing writes are dropped."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._is_gone = False

    def write(self, text: str) -> None:
        """Write, unless the other side is gone."""
        if not self._is_gone:
            try:
                self._file.write(text)
            except OSError:
                self._is_gone = True

    def flush(self) -> None:
        """Flush, unless the other side is gone."""
        if not self._is_gone:
            try:
                self._file.flush()
            except OSError:
                self._is_gone = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
