"""SHA-256 and the number of rows of bytes that pass by."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.services.disk import file_problem
from batchdeck.services.pulse import Pulse, stop_when_told

if TYPE_CHECKING:
    from batchdeck.models.progress import OnProgress, ShouldStop

CHUNK = 1 << 20
"""Bytes read at a time."""
_LONG_LINE = 250
"""Mean bytes of a line from which on it is quicker to look at each line than to seek blank ones."""


class Digest:
    """SHA-256, length and lines that are not blank, of a stream fed in pieces."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.bytes = 0
        self._rows = 0
        self._line_has_text = False
        self._lines_are_short = False

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""
        piece = bytes(data)
        self._hash.update(piece)
        self.bytes += len(piece)
        start, before = 0, self._rows
        if self._lines_are_short and b"\n" in piece and not _may_have_blank_lines(piece):
            # None of many lines is blank: they need not be looked at one by one.
            first = piece.index(b"\n")
            self._rows += int(self._line_has_text or _has_text(piece, 0, first)) + piece.count(b"\n") - 1
            self._line_has_text = False
            start = piece.rindex(b"\n") + 1
        while (end := piece.find(b"\n", start)) >= 0:
            self._rows += int(self._line_has_text or _has_text(piece, start, end))
            self._line_has_text = False
            start = end + 1
        self._line_has_text = self._line_has_text or _has_text(piece, start, len(piece))
        self._lines_are_short = (self._rows - before) * _LONG_LINE > len(piece)

    @property
    def rows(self) -> int:
        """Lines that are not blank, the last one counted with or without a line end."""
        return self._rows + int(self._line_has_text)

    @property
    def sha256(self) -> str:
        """Hex digest of all that was fed."""
        return self._hash.hexdigest()


def _has_text(piece: bytes, start: int, end: int) -> bool:
    """True when there is more than white space between two places."""
    return end > start and (piece[start] > 0x20 or bool(piece[start:end].strip()))


def _may_have_blank_lines(piece: bytes) -> bool:
    """False only when every line but the first and the last is sure to have text."""
    return any(pair in piece for pair in (b"\n\n", b"\r\n", b" \n", b"\t\n", b"\x0b\n", b"\x0c\n"))


def digest_file(
    path: Path,
    *,
    start: int = 0,
    end: int | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Digest:
    """Read a file, or bytes `start` to `end` of it, once. Blocking.

    Raises:
        FileProblem: it cannot be read.
        Interrupted: told to stop.
    """
    digest = Digest()
    pulse = Pulse(on_progress, f"reading {path.name}", None if end is None else end - start)
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            while True:
                wanted = CHUNK if end is None else min(CHUNK, end - start - digest.bytes)
                data = file.read(wanted) if wanted > 0 else b""
                if not data:
                    return digest
                digest.feed(data)
                pulse(digest.bytes)
                stop_when_told(should_stop, f"Stopped reading {path}.")
    except OSError as error:
        raise file_problem(error, path, doing="read") from error
