"""A new file that is whole or not there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from batchdeck.errors import FileProblem, InvalidInput


class NewFile:
    """A file written beside its target under another name, flushed, then renamed.

    Used in a `with`: leaving it without an error puts the file in place, leaving it with one removes it. Only
    its owner may read it.
    """

    def __init__(self, path: Path, *, is_durable: bool = True) -> None:
        self._path = path
        self._is_durable = is_durable
        """True when it must outlive a power cut the moment it is in place."""
        self._partial: Path | None = None
        self._stream: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._is_wanted = True
        self.bytes = 0
        """Written so far."""

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hex."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            FileProblem: The disk is full, or the file cannot be written.
        """
        if self._stream is None:
            raise FileProblem(f"{self._path} is not open.")
        try:
            self._stream.write(data)
        except OSError as error:
            raise _problem(self._path, error) from error
        self._digest.update(data)
        self.bytes += len(data)

    def discard(self) -> None:
        """Let the file go: leaving the `with` puts nothing in place."""
        self._is_wanted = False

    def __enter__(self) -> Self:
        try:
            descriptor, name = tempfile.mkstemp(
                prefix=f".{self._path.name[:80]}.", suffix=".part", dir=self._path.parent
            )
        except OSError as error:
            raise _problem(self._path, error) from error
        self._partial = Path(name)
        self._stream = os.fdopen(descriptor, "wb", buffering=1 << 18)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stream, partial = self._stream, self._partial
        self._stream = None
        if stream is None or partial is None:
            return
        try:
            if error is None and self._is_wanted:
                stream.flush()
                if self._is_durable:
                    os.fsync(stream.fileno())
                stream.close()
                partial.replace(self._path)
                return
        except OSError as problem:
            raise _problem(self._path, problem) from problem
        finally:
            _close_quietly(stream)
            partial.unlink(missing_ok=True)


def require_other_file(out: Path, *inputs: Path) -> None:
    """Refuse to write over a file that is being read.

    Raises:
        InvalidInput: `out` is one of them.
        FileProblem: `out` is a folder or its folder is not there.
    """
    if out.is_dir():
        raise FileProblem(f"{out} is a folder; give a file name.")
    if not out.parent.is_dir():
        raise FileProblem(f"There is no folder {out.parent}.")
    for path in inputs:
        if out.exists() and path.exists() and os.path.samefile(out, path):
            raise InvalidInput(f"{out} is read from; it is not overwritten.", hint="Give another name.")


def _close_quietly(stream: IO[bytes]) -> None:
    """Close a stream whose unwritten rest does not matter any more."""
    try:
        stream.close()
    except OSError:
        return


def _problem(path: Path, error: OSError) -> FileProblem:
    if isinstance(error, PermissionError):
        return FileProblem(f"{path} may not be written: permission denied. Nothing was left there.")
    if isinstance(error, FileNotFoundError):
        return FileProblem(f"There is no folder {path.parent}.")
    return FileProblem(f"{path} cannot be written: {error.strerror or error}. Nothing was left there.")
