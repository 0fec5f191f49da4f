"""Rows of a large file by their place, and the place of a text: nothing is read whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from batchdeck.errors import Interrupted
from batchdeck.jsonl.files import open_file, read_at, read_problem
from batchdeck.models.progress import ShouldStop

_CHUNK_BYTES = 1 << 20


class FileWindow:
    """An open file of rows. Used in a `with`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = open_file(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def rows(self, places: Iterable[tuple[int, int]]) -> list[bytes]:
        """Return the rows at these offsets and lengths.

        Raises:
            FileProblem: The file cannot be read, or is shorter than it was.
        """
        return [read_at(self._descriptor, self._path, offset, length) for offset, length in places]

    def find(
        self,
        text: str,
        *,
        start: int = 0,
        end: int | None = None,
        backwards: bool = False,
        should_stop: ShouldStop | None = None,
    ) -> int | None:
        """Return the byte at which a text next stands in the file, or None.

        Letters a to z match in either case. The text is sought as JSON writes it, with and without escapes.

        Args:
            text: What is sought; it need not be a whole value.
            start: First byte looked at.
            end: Byte after the last looked at, or None for the file's end.
            backwards: True to return the last place instead of the first.
            should_stop: Asked between blocks.

        Raises:
            FileProblem: The file cannot be read.
            Interrupted: `should_stop` said so.
        """
        needles = _needles(text)
        if not needles:
            return None
        stop = os.fstat(self._descriptor).st_size if end is None else end
        overlap = max(map(len, needles)) - 1
        steps = range(start, stop, _CHUNK_BYTES)
        for begin in reversed(steps) if backwards else steps:
            if should_stop is not None and should_stop():
                raise Interrupted(f"Stopped searching {self._path.name}.")
            chunk = self._read(begin, min(_CHUNK_BYTES + overlap, stop - begin)).lower()
            places = [chunk.rfind(needle) if backwards else chunk.find(needle) for needle in needles]
            found = [begin + place for place in places if place >= 0]
            if found:
                return max(found) if backwards else min(found)
        return None

    def _read(self, offset: int, length: int) -> bytes:
        try:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            return os.read(self._descriptor, length)
        except OSError as error:
            raise read_problem(self._path, error) from error


def _needles(text: str) -> list[bytes]:
    """Return the spellings of a text inside a JSON string, lower case."""
    plain = json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")
    escaped = json.dumps(text)[1:-1].encode("ascii")
    return sorted({needle.lower() for needle in (plain, escaped) if needle})
