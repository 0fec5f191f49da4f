"""Opening regular files, and reading rows of them by their place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from batchdeck.errors import FileProblem


def file_stat(path: Path) -> os.stat_result:
    """Return the stat of a regular file.

    Raises:
        FileProblem: It is not there, may not be looked at, or is no regular file.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise read_problem(path, error) from error
    except ValueError as error:
        raise FileProblem(f"{path!r} is not a file name: {error}.") from error
    _require_regular(path, found)
    return found


def open_file(path: Path) -> int:
    """Open a regular file for reading and return its descriptor, without waiting on a pipe.

    Raises:
        FileProblem: It cannot be opened or is no regular file.
    """
    file_stat(path)
    flags = (
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise read_problem(path, error) from error
    try:
        _require_regular(path, os.fstat(descriptor))
    except FileProblem:
        os.close(descriptor)
        raise
    return descriptor


def read_row(path: Path, offset: int, length: int) -> bytes:
    """Return the bytes of one row by its place.

    Raises:
        FileProblem: The file cannot be read, or ends before the row does.
    """
    descriptor = open_file(path)
    try:
        return read_at(descriptor, path, offset, length)
    finally:
        os.close(descriptor)


def read_at(descriptor: int, path: Path, offset: int, length: int) -> bytes:
    """Return `length` bytes from `offset` of an open file.

    Raises:
        FileProblem: The file cannot be read, or ends too early.
    """
    pieces: list[bytes] = []
    try:
        os.lseek(descriptor, offset, os.SEEK_SET)
        while length > 0 and (piece := os.read(descriptor, length)):
            pieces.append(piece)
            length -= len(piece)
    except OSError as error:
        raise read_problem(path, error) from error
    if length > 0:
        raise FileProblem(f"{path.name} is shorter than when it was indexed; it was changed meanwhile.")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _require_regular(path: Path, found: os.stat_result) -> None:
    mode = found.st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        kind = "a folder"
    elif stat.S_ISFIFO(mode):
        kind = "a pipe"
    elif stat.S_ISSOCK(mode):
        kind = "a socket"
    else:
        kind = "a device"
    raise FileProblem(
        f"{path} is {kind}, not a file.", hint="Give a regular file: it is read more than once."
    )


def read_problem(path: Path, error: OSError) -> FileProblem:
    """Return the error to raise when a file cannot be read."""
    if isinstance(error, FileNotFoundError):
        return FileProblem(f"There is no file {path}.")
    if isinstance(error, PermissionError):
        return FileProblem(f"{path} may not be read: permission denied.")
    return FileProblem(f"{path} cannot be read: {error.strerror or error}.")
