"""Compressed copies of files, streamed and checked. Blocking: run in threads."""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.services.digest import CHUNK, Digest
from batchdeck.services.disk import file_problem, make_private_folder
from batchdeck.services.pulse import Pulse, stop_when_told

if TYPE_CHECKING:
    from batchdeck.models.progress import OnProgress, ShouldStop

_GZIP = 31
"""zlib's window bits for the gzip format."""


class CopyDamaged(Exception):
    """A compressed copy does not hold what it was made of."""


def _temporary(target: Path) -> tuple[Path, int]:
    """A new file beside the target that nobody else writes."""
    path = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)


def compress(
    source: Path,
    target: Path,
    *,
    start: int,
    end: int,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Digest:
    """Write bytes `start` to `end` of a file as gzip under a name that appears only when it is whole.

    Returns:
        The digest of the plain bytes that were read.

    Raises:
        FileProblem: the source cannot be read or the copy cannot be written; nothing is left of it.
        Interrupted: told to stop; nothing is left of it.
    """
    make_private_folder(target.parent)
    pulse = Pulse(on_progress, f"keeping a copy of {source.name}", end - start)
    squeeze = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    digest = Digest()
    try:
        file = source.open("rb", buffering=0)
    except OSError as error:
        raise file_problem(error, source, doing="read") from error
    with file:
        try:
            part, descriptor = _temporary(target)
        except OSError as error:
            raise file_problem(error, target, doing="write") from error
        try:
            with os.fdopen(descriptor, "wb") as out:
                file.seek(start)
                while digest.bytes < end - start:
                    data = file.read(min(CHUNK, end - start - digest.bytes))
                    if not data:
                        break
                    digest.feed(data)
                    out.write(squeeze.compress(data))
                    pulse(digest.bytes)
                    stop_when_told(
                        should_stop, f"Stopped before {source.name} was sent; nothing was created."
                    )
                out.write(squeeze.flush())
            os.replace(part, target)
        except OSError as error:
            raise file_problem(error, target, doing="write") from error
        finally:
            with suppress(OSError):
                part.unlink()
    return digest


def expand(
    source: Path,
    target: Path,
    *,
    sha256: str,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> int:
    """Write a compressed copy out as a plain file that appears only when its SHA-256 is right.

    Returns:
        Its length in bytes.

    Raises:
        CopyDamaged: the copy is torn or holds something else.
        FileProblem: the plain file cannot be written; nothing is left of it.
        Interrupted: told to stop; nothing is left of it.
    """
    make_private_folder(target.parent)
    pulse = Pulse(on_progress, "unpacking the kept input")
    digest = Digest()
    grow = zlib.decompressobj(_GZIP)
    try:
        part, descriptor = _temporary(target)
    except OSError as error:
        raise file_problem(error, target, doing="write") from error
    try:
        with os.fdopen(descriptor, "wb") as out:
            for packed in _blocks(source):
                while packed:
                    data = grow.decompress(packed, 4 * CHUNK)
                    packed = grow.unconsumed_tail
                    digest.feed(data)
                    out.write(data)
                    pulse(digest.bytes)
                stop_when_told(should_stop, "Stopped while the kept input was unpacked.")
        if not grow.eof or digest.sha256 != sha256:
            raise CopyDamaged(f"{source} does not hold what it was made of")
        os.replace(part, target)
    except zlib.error as error:
        raise CopyDamaged(f"{source} is damaged") from error
    except OSError as error:
        raise file_problem(error, target, doing="write") from error
    finally:
        with suppress(OSError):
            part.unlink()
    return digest.bytes


def _blocks(source: Path) -> Iterator[bytes]:
    """The blocks of a copy; one that cannot be read is a damaged one."""
    try:
        with source.open("rb", buffering=0) as file:
            while data := file.read(CHUNK):
                yield data
    except OSError as error:
        raise CopyDamaged(f"{source} cannot be read") from error


def copy_range(
    source: Path,
    target: Path,
    *,
    start: int,
    end: int,
    sha256: str,
    should_stop: ShouldStop | None = None,
) -> None:
    """Write bytes `start` to `end` of a file as a file of their own when their SHA-256 is right.

    Raises:
        CopyDamaged: the source holds something else by now.
        FileProblem: the target cannot be written; nothing is left of it.
        Interrupted: told to stop.
    """
    make_private_folder(target.parent)
    digest = Digest()
    try:
        part, descriptor = _temporary(target)
    except OSError as error:
        raise file_problem(error, target, doing="write") from error
    try:
        with os.fdopen(descriptor, "wb") as out, source.open("rb", buffering=0) as file:
            file.seek(start)
            while digest.bytes < end - start and (data := file.read(min(CHUNK, end - start - digest.bytes))):
                digest.feed(data)
                out.write(data)
                stop_when_told(should_stop, f"Stopped while {source.name} was read.")
        if digest.sha256 != sha256:
            raise CopyDamaged(f"{source} holds something else by now")
        os.replace(part, target)
    except FileNotFoundError as error:
        raise CopyDamaged(f"{source} is gone") from error
    except OSError as error:
        raise file_problem(error, target, doing="write") from error
    finally:
        with suppress(OSError):
            part.unlink()
