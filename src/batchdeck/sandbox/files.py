"""The files the sandbox holds, on disk in a folder of their own."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE_LIFE = 30 * 86_400.0
"""Seconds that a file lives when nothing else was said."""


@dataclass(slots=True)
class StoredFile:
    """One file object; its content may be made only when it is asked for."""

    id: str
    filename: str
    purpose: str
    created_at: float
    expires_at: float | None = None
    path: Path | None = None
    size: int | None = None
    """Bytes, or None while they are not known."""
    make: Callable[[StoredFile], None] | None = None
    """Writes the content and sets `path` and `size`; runs in a thread."""
    _making: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_ready(self) -> bool:
        """True when the content lies on disk."""
        return self.path is not None and self.size is not None

    def is_there(self, now: float) -> bool:
        """True when it has been made and has not expired."""
        return self.created_at <= now and (self.expires_at is None or self.expires_at > now)

    @property
    def content_path(self) -> Path:
        """Where the content lies.

        Raises:
            FileNotFoundError: it was not made yet.
        """
        if self.path is None:
            raise FileNotFoundError(self.id)
        return self.path

    def ensure(self) -> None:
        """Make the content if it is not there; for a thread."""
        with self._making:
            if not self.is_ready and self.make is not None:
                self.make(self)

    def as_json(self) -> dict[str, Any]:
        """As the Files API tells it."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.size,
            "created_at": int(self.created_at),
            "expires_at": None if self.expires_at is None else int(self.expires_at),
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


class FileShelf:
    """All files by id, oldest first, with a folder that goes when the sandbox does."""

    def __init__(self, folder: Path | None = None) -> None:
        self._given_folder = folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._lock = threading.Lock()
        self._files: dict[str, StoredFile] = {}
        self._deleted: set[str] = set()
        self.uploads = 0

    def __len__(self) -> int:
        return len(self._files)

    @property
    def folder(self) -> Path:
        """Where the contents lie; made on first use."""
        with self._lock:
            if self._given_folder is not None:
                self._given_folder.mkdir(parents=True, exist_ok=True)
                return self._given_folder
            if self._temporary is None:
                self._temporary = tempfile.TemporaryDirectory(
                    prefix="batchdeck-sandbox-", ignore_cleanup_errors=True
                )
            return Path(self._temporary.name)

    def path_for(self, name: str) -> Path:
        """A path in the folder; `name` is one of our own ids."""
        return self.folder / name

    def add(self, file: StoredFile) -> StoredFile:
        """Keep a file."""
        self._files[file.id] = file
        return file

    def find(self, file_id: str, now: float) -> StoredFile | None:
        """A file that is there and has not expired."""
        file = self._files.get(file_id)
        return file if file is not None and file.is_there(now) else None

    def was_deleted(self, file_id: str) -> bool:
        """True for a file that is gone because someone deleted it."""
        return file_id in self._deleted

    def remove(self, file: StoredFile) -> None:
        """Delete a file and its content."""
        self._files.pop(file.id, None)
        self._deleted.add(file.id)
        if file.path is not None:
            file.path.unlink(missing_ok=True)

    def listed(self, now: float, *, purpose: str | None, newest_first: bool) -> list[StoredFile]:
        """The files that are there, in order of their making."""
        found = [
            file
            for file in self._files.values()
            if (purpose is None or file.purpose == purpose) and file.is_there(now)
        ]
        found.sort(key=lambda file: file.created_at, reverse=newest_first)
        return found

    def close(self) -> None:
        """Remove the folder, if it is our own."""
        with self._lock:
            if self._temporary is not None:
                self._temporary.cleanup()
                self._temporary = None
