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


class Digest:
    """SHA-256, length and lines that are not blank, of a stream fed in pieces."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.bytes = 0
        self._rows = 0
        self._line_has_text = False

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""
        self._hash.update(data)
        self.bytes += len(data)
        piece = bytes(data)
        if not piece:
            return
        # Nearly every line is `{...}\n`; only where newlines touch may a line be blank.
        if b"\n\n" not in piece and b"\r\n\r" not in piece and b" \n" not in piece and b"\t\n" not in piece:
            first, newline, _ = piece.partition(b"\n")
            if not newline:
                self._line_has_text = self._line_has_text or bool(first.strip())
                return
            self._rows += int(self._line_has_text or bool(first.strip())) + piece.count(b"\n") - 1
            self._line_has_text = bool(piece[piece.rfind(b"\n") + 1 :].strip())
            return
        lines = piece.split(b"\n")
        lines[0] = lines[0].strip() or (b"x" if self._line_has_text else b"")
        self._rows += sum(1 for line in lines[:-1] if line.strip())
        self._line_has_text = bool(lines[-1].strip())

    @property
    def rows(self) -> int:
        """Lines that are not blank, the last one counted with or without a line end."""
        return self._rows + int(self._line_has_text)

    @property
    def sha256(self) -> str:
        """Hex digest of all that was fed."""
        return self._hash.hexdigest()


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
