"""An exclusive lock on an open file that its process's death releases."""

from __future__ import annotations

import errno
import os
import sys

_BUSY = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})


class LockBusy(Exception):
    """Another process, or another download of this one, holds the lock."""


class NoLocks(Exception):
    """The file system knows no locks."""


def lock(descriptor: int) -> None:
    """Take the lock of an open file without waiting; closing the file gives it back.

    Raises:
        LockBusy: somebody else has it.
        NoLocks: the file system has none.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            # One byte far behind the end: a locked byte cannot be written on Windows.
            os.lseek(descriptor, 1 << 40, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            raise LockBusy from error
        raise NoLocks from error
