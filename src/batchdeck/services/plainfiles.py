"""Plain files made for reading, checked by their SHA-256 and swept by a budget. Blocking."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.services.digest import digest_file
from batchdeck.services.disk import plain_size

if TYPE_CHECKING:
    from batchdeck.models.progress import OnProgress, ShouldStop

_FRESH_SECONDS = 900.0
"""A file used so lately is not taken away, whatever the budget."""


class PlainFiles:
    """A folder of files that can be made again.

    Args:
        folder: Made when it is first needed.
        budget_bytes: What they may take together.
    """

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        self.folder = folder
        self._budget_bytes = budget_bytes
        self._seen: dict[Path, tuple[int, int, str]] = {}
        """Files whose SHA-256 this process knows: size, mtime_ns, SHA-256."""

    def is_whole(
        self,
        path: Path,
        size: int,
        sha256: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> bool:
        """True when a file, in the folder or anywhere, has this length and SHA-256.

        It is read once in a process, unless it changes.

        Raises:
            FileProblem: it is there and cannot be read.
            Interrupted: told to stop.
        """
        if plain_size(path) != size:
            return False
        known = (size, path.stat().st_mtime_ns, sha256)
        if self._seen.get(path) != known:
            if digest_file(path, on_progress=on_progress, should_stop=should_stop).sha256 != sha256:
                return False
            self._seen[path] = known
        return True

    def note(self, path: Path, sha256: str) -> None:
        """Remember that a file was written with this SHA-256."""
        with suppress(OSError):
            found = path.stat()
            self._seen[path] = (found.st_size, found.st_mtime_ns, sha256)

    def make_room(self, wanted: int) -> None:
        """Take the files longest not used away until `wanted` more bytes fit the budget."""
        files = []
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                    found = entry.stat()
                    files.append((max(found.st_mtime, found.st_atime), found.st_size, entry.path))
        excess = sum(size for _, size, _ in files) + wanted - self._budget_bytes
        for used, size, path in sorted(files):
            if excess <= 0 or used > time.time() - _FRESH_SECONDS:
                return
            with suppress(OSError):
                os.unlink(path)
                excess -= size
