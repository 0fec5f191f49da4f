"""The file a download is written to until it is whole."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import FileProblem, TargetExists
from batchdeck.services.digest import CHUNK, Digest
from batchdeck.services.disk import file_problem, publish
from batchdeck.services.lock import LockBusy, NoLocks, lock
from batchdeck.services.names import safe_stem
from batchdeck.services.pulse import stop_when_told

if TYPE_CHECKING:
    from batchdeck.models.progress import ShouldStop

OVERLAP = 65_536
"""Bytes at the end of a part that are fetched again: after a power cut they may be zeros."""
_MOST_PIECES = 512
"""Below what any system takes in one call."""
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_FLAGS |= getattr(os, "O_BINARY", 0)


_SUFFIX = ".part"


def _prefix(target: Path) -> str:
    return f".{safe_stem(target.name)}."


def clear_left_behind(target: Path) -> None:
    """Take away the parts of a target that is whole: a process that was killed while it named it left one.

    One that somebody writes right now stays, and so does one that cannot be removed. Blocks.
    """
    prefix = _prefix(target)
    try:
        names = [name for name in os.listdir(target.parent) if name.startswith(prefix) and _SUFFIX in name]
    except OSError:
        return
    for name in names:
        with suppress(OSError, LockBusy, NoLocks):
            descriptor = os.open(target.with_name(name), _FLAGS & ~os.O_CREAT)
            try:
                lock(descriptor)
                os.unlink(target.with_name(name))
            finally:
                os.close(descriptor)


class PartFile:
    """A hidden file beside its target, locked while it is written. Every method blocks.

    Args:
        target: The name the file gets when it is whole.
        key: What is fetched; the same key finds what an earlier download left.

    Raises:
        LockBusy: somebody else writes it right now.
        FileProblem: it cannot be made there.
    """

    def __init__(self, target: Path, key: str) -> None:
        self.target = target
        mark = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:10]
        self.path = target.with_name(f"{_prefix(target)}{mark}{_SUFFIX}")
        self.digest = Digest()
        self._busy = threading.RLock()
        try:
            self._descriptor = self._open()
        except OSError as error:
            raise file_problem(error, target, doing="write") from error

    def _open(self) -> int:
        """Open and lock the part, whatever others do to its name meanwhile."""
        while True:
            descriptor = os.open(self.path, _FLAGS, 0o600)
            try:
                lock(descriptor)
            except LockBusy:
                os.close(descriptor)
                raise
            except NoLocks:
                # Nobody else may write to a file that only this process knows the name of.
                os.close(descriptor)
                self.path = self.path.with_name(f"{self.path.name}{secrets.token_hex(4)}")
                return os.open(self.path, _FLAGS | os.O_EXCL, 0o600)
            mine = os.fstat(descriptor)
            try:
                named = os.stat(self.path, follow_symlinks=False)
            except FileNotFoundError:
                os.close(descriptor)
                continue
            if (mine.st_ino, mine.st_dev) != (named.st_ino, named.st_dev):
                os.close(descriptor)
                continue
            if mine.st_nlink > 1:
                # It already has its final name too: writing on would change the finished file.
                os.unlink(self.path)
                os.close(descriptor)
                continue
            return descriptor

    @property
    def is_open(self) -> bool:
        """True until it is published, discarded or closed."""
        return self._descriptor >= 0

    @property
    def size(self) -> int:
        """Bytes that stand in it."""
        return os.fstat(self._descriptor).st_size

    def keep(self, length: int, *, should_stop: ShouldStop | None = None) -> None:
        """Cut it to `length` bytes and take them into the digest; writing goes on behind them.

        Raises:
            FileProblem: it cannot be read.
            Interrupted: told to stop.
        """
        self.digest = Digest()
        try:
            os.ftruncate(self._descriptor, length)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            while self.digest.bytes < length:
                data = os.read(self._descriptor, min(CHUNK, length - self.digest.bytes))
                if not data:
                    break
                self.digest.feed(data)
                stop_when_told(should_stop, f"Stopped before {self.target.name} was fetched.")
        except OSError as error:
            raise file_problem(error, self.target, doing="write") from error

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append.

        Raises:
            FileProblem: the disk is full or gone; nothing of the part is left.
        """
        with self._busy:
            if self._descriptor < 0:
                return
            try:
                _write_all(self._descriptor, pieces)
                for piece in pieces:
                    self.digest.feed(piece)
            except OSError as error:
                self.discard()
                raise self._nothing_left(error) from error

    def sync(self) -> None:
        """Have the disk take what was written so far, while more may be written.

        Raises:
            FileProblem: the disk refused; nothing of the part is left.
        """
        descriptor = self._descriptor
        if descriptor < 0 or not hasattr(os, "fdatasync"):
            return
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            if self._descriptor != descriptor:
                return  # closed meanwhile
            self.discard()
            raise self._nothing_left(error) from error

    def publish(self, *, replace: bool) -> None:
        """Write everything through to the disk and give the file its name.

        Raises:
            TargetExists: another file took the name, and not `replace`; the part is gone.
            FileProblem: it could not be done; nothing of the part is left.
        """
        try:
            os.fsync(self._descriptor)
            if os.name == "nt":
                os.close(self._descriptor)
                self._descriptor = -1
            publish(self.path, self.target, replace=replace)
        except TargetExists:
            self.discard()
            raise
        except OSError as error:
            self.discard()
            raise self._nothing_left(error) from error
        self.close()

    def _nothing_left(self, error: OSError) -> FileProblem:
        problem = file_problem(error, self.target, doing="write")
        return FileProblem(f"{problem.sentence} Nothing half-made was left.", hint=problem.hint)

    def discard(self) -> None:
        """Take it away. Does nothing when it is gone already."""
        if os.name == "nt":
            self.close()
        with suppress(FileNotFoundError):
            os.unlink(self.path)
        self.close()

    def close(self) -> None:
        """Let go of it; what was written stays for the next download."""
        with self._busy:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1


def _write_all(descriptor: int, pieces: Sequence[bytes]) -> None:
    """Append pieces in one call where the system can: each call has to wait for the interpreter again."""
    written = 0
    if hasattr(os, "writev") and len(pieces) <= _MOST_PIECES:
        written = os.writev(descriptor, pieces)
        if written == sum(map(len, pieces)):
            return
    view = memoryview(b"".join(pieces))[written:]
    while view:
        view = view[os.write(descriptor, view) :]
