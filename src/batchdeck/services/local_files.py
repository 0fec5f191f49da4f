"""The user's own files: finding them by the start of their path, telling what they are, saving text."""

from __future__ import annotations

import asyncio
import os
from enum import StrEnum
from pathlib import Path

from batchdeck.errors import TargetExists
from batchdeck.services.disk import file_problem

_TABLES = frozenset({".csv", ".tsv"})
_MOST_NAMES = 2_000
"""Names of one folder that are looked at for a completion."""
_HEAD_BYTES = 1_000_000


class SourceKind(StrEnum):
    """What a file is made of, as far as a create is concerned."""

    REQUESTS = "requests"
    TABLE = "table"


async def complete_path(start: str, *, folders_only: bool = False) -> str | None:
    """The start of a path made longer by what there is on disk, or None when there is nothing to add.

    Goes on to where the candidates part; a folder that is the only one gets its separator.
    """
    return await asyncio.to_thread(_complete, start, folders_only)


def _complete(start: str, folders_only: bool) -> str | None:
    folder, name = os.path.split(start)
    where = os.path.expanduser(folder) or "."
    try:
        with os.scandir(where) as entries:
            found = []
            for entry in entries:
                is_hidden = entry.name.startswith(".") and not name.startswith(".")
                if is_hidden or not entry.name.startswith(name):
                    continue
                is_folder = entry.is_dir()
                if is_folder or not folders_only:
                    found.append(entry.name + (os.sep if is_folder else ""))
                if len(found) >= _MOST_NAMES:
                    break
    except OSError:
        return None
    common = _common_start(found)
    return os.path.join(folder, common) if len(common) > len(name) else None


def _common_start(names: list[str]) -> str:
    """The characters that all names begin with."""
    if not names:
        return ""
    first, last = min(names), max(names)
    length = next(
        (place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:length]


async def kind_of(path: Path) -> SourceKind:
    """Whether a file holds requests or a table to build requests from.

    Raises:
        FileProblem: it cannot be read.
    """
    if path.suffix.lower() in _TABLES:
        return SourceKind.TABLE
    return await asyncio.to_thread(_kind_by_content, path)


def _kind_by_content(path: Path) -> SourceKind:
    """A JSONL file whose first object has none of the fields of a request is a table."""
    from batchdeck.jsonl.read import parse_object

    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise file_problem(error, path, doing="read") from error
    for line in head.removeprefix(b"\xef\xbb\xbf").splitlines():
        if not line.strip():
            continue
        try:
            first = parse_object(line)
        except ValueError:
            return SourceKind.REQUESTS
        is_request = any(field in first for field in ("custom_id", "body", "url", "method"))
        return SourceKind.REQUESTS if is_request else SourceKind.TABLE
    return SourceKind.REQUESTS


async def save_text(path: Path, text: str) -> None:
    """Write a text to a file that is not there yet, readable by its owner alone.

    Raises:
        TargetExists: a file of that name stands there; it is left as it is.
        FileProblem: it cannot be written.
    """
    await asyncio.to_thread(_save, path, text)


def _save(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise TargetExists(
            f"{path} is there already; nothing was written.", hint="Choose another name."
        ) from error
    except OSError as error:
        raise file_problem(error, path, doing="write") from error
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        file.write(text)
