"""What can go wrong with a local file, in a person's words, and files that appear whole."""

from __future__ import annotations

import errno
import filecmp
import os
import stat
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from batchdeck.errors import FileProblem, TargetExists

T = TypeVar("T")

_NO_LINKS = frozenset(
    getattr(errno, name) for name in ("EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV", "EINVAL")
)


def file_problem(error: OSError, path: Path, *, doing: str) -> FileProblem:
    """The error for a local file or folder that cannot be used.

    Args:
        doing: What was tried, for the sentence: `write`.
    """
    hint: str | None = None
    code = error.errno
    if code in (errno.ENOSPC, errno.EDQUOT):
        why, hint = "the disk is full", "Make room or choose another folder."
    elif code == errno.EFBIG:
        why, hint = "the file would be larger than the file system allows", "Choose another folder."
    elif code == errno.EROFS:
        why, hint = "the file system is read-only", "Choose another folder."
    elif code in (errno.EACCES, errno.EPERM):
        why, hint = "permission denied", "Check who may use the folder and the file."
    elif code == errno.ENOENT:
        why = "there is no such file or folder"
    elif code == errno.ENOTDIR:
        why = "part of the path is not a folder"
    elif code == errno.EISDIR:
        why = "it is a folder"
    elif code == errno.ENAMETOOLONG:
        why = "the name is too long"
    elif code in (errno.EMFILE, errno.ENFILE):
        why = "too many files are open"
    else:
        why = (error.strerror or type(error).__name__).lower()
    return FileProblem(f"Cannot {doing} {path}: {why}.", hint=hint)


def publish(part: Path, target: Path, *, replace: bool) -> None:
    """Give a finished file its name, in one step, and make the name last.

    Args:
        replace: Take the place of what stands there. Without it nothing is ever overwritten, even when
            the other file appears at the last moment.

    Raises:
        TargetExists: another file stands there and not `replace`.
        OSError: the folder cannot be written.
    """
    if replace:
        os.replace(part, target)
    else:
        try:
            os.link(part, target)
        except FileExistsError:
            raise target_exists(target) from None
        except (OSError, NotImplementedError, AttributeError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_LINKS:
                raise
            # A file system without hard links: looking first is all that can be done there.
            if os.path.lexists(target):
                raise target_exists(target) from None
            os.rename(part, target)
        else:
            os.unlink(part)
    sync_folder(target.parent)


def target_exists(target: Path) -> TargetExists:
    """The error for another file under the name."""
    return TargetExists(
        f"Another file stands at {target}; it was not touched.",
        hint="Move it, choose another folder, or use --force to replace it.",
    )


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a power cut, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        with suppress(OSError):  # some network file systems cannot sync a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_folder(folder: Path) -> None:
    """Make a folder that its owner alone can open, and those above it.

    Raises:
        FileProblem: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise file_problem(error, folder, doing="make the folder") from error


def write_whole(write: Callable[[Path], T], target: Path, *, replace: bool) -> T:
    """Have a file written under another name beside its target, then give it its name. Blocking.

    The same content that already stands there is left as it is.

    Args:
        write: Writes the path it is given, whole; what it returns is returned.
        replace: Take the place of another file.

    Raises:
        TargetExists: another file stands there, and not `replace`.
        FileProblem: the folder cannot be made or written; nothing is left behind.
    """
    make_private_folder(target.parent)
    new = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        written = write(new)
        if not (target.is_file() and filecmp.cmp(new, target, shallow=False)):
            publish(new, target, replace=replace)
        return written
    except OSError as error:
        raise file_problem(error, target, doing="write") from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def path_text(path: Path) -> str:
    """A path as text that any database takes, whatever bytes it has."""
    return os.fsencode(path).decode("utf-8", "replace")


def plain_size(path: Path) -> int | None:
    """Length in bytes of a regular file, or None when there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
