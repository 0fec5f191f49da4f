"""Looking for a text in the rows of local files."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from batchdeck.errors import Interrupted

if TYPE_CHECKING:
    from batchdeck.models.progress import ShouldStop
    from batchdeck.store.request_views import Span

BLOCK_BYTES = 1 << 20
_STOP_EVERY = 200
"""Rows between two questions whether to stop."""


class Needles:
    """The ways in which a text may be written in a line of JSON.

    Lower-case text is found in any case, text with an upper-case letter only as it is.
    """

    def __init__(self, text: str) -> None:
        self.any_case = text == text.lower()
        forms = {text}
        if self.any_case and not text.isascii():
            forms |= {text.upper(), text.capitalize(), text.title()}
        found: set[bytes] = set()
        for form in forms:
            for written in (form, json.dumps(form, ensure_ascii=False)[1:-1], json.dumps(form)[1:-1]):
                raw = written.encode("utf-8", "surrogatepass")
                if b"\n" not in raw:
                    found.add(raw.lower() if self.any_case else raw)
        self._needles = sorted(found, key=len)
        self.longest = max(map(len, found))
        """Bytes of the longest form."""

    def are_in(self, row: bytes) -> bool:
        """True when a row holds the text in one of its forms."""
        if self.any_case:
            row = row.lower()
        return any(needle in row for needle in self._needles)

    def places_in(self, block: bytes) -> Iterator[tuple[int, int]]:
        """Start and end of every hit in some bytes that are in lower case already where any case will do."""
        for needle in self._needles:
            place = block.find(needle)
            while place >= 0:
                yield place, place + len(needle)
                place = block.find(needle, place + 1)


class RowReader:
    """Reads rows of some files by offset; used in a `with`.

    Raises:
        FileProblem: on entering, when a file cannot be opened.
    """

    def __init__(self, paths: Mapping[int, Path]) -> None:
        self._paths = paths
        self._descriptors: dict[int, int] = {}

    def __enter__(self) -> Self:
        from batchdeck.jsonl.read import open_file

        try:
            for file, path in self._paths.items():
                self._descriptors[file] = open_file(path)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def read(self, file: int, offset: int, length: int) -> bytes:
        """The bytes of a row; fewer when the file is shorter than it was."""
        descriptor = self._descriptors[file]
        os.lseek(descriptor, offset, os.SEEK_SET)
        row = os.read(descriptor, length)
        while len(row) < length and (more := os.read(descriptor, length - len(row))):
            row += more
        return row

    def rows_with(
        self,
        file: int,
        needles: Needles,
        offsets: Sequence[int],
        lengths: Sequence[int],
        should_stop: ShouldStop | None,
        *,
        block_bytes: int = BLOCK_BYTES,
    ) -> set[int]:
        """Which of a file's rows, by their place in `offsets`, hold the text: the whole file in blocks.

        Raises:
            Interrupted: told to stop.
        """
        found: set[int] = set()
        descriptor = self._descriptors[file]
        os.lseek(descriptor, 0, os.SEEK_SET)
        start, kept = 0, b""
        while block := os.read(descriptor, block_bytes):
            if should_stop is not None and should_stop():
                raise Interrupted("The search was stopped.")
            block = kept + (block.lower() if needles.any_case else block)
            for begin, end in needles.places_in(block):
                row = bisect_right(offsets, start + begin) - 1
                # Between the rows that count there may be others.
                if row >= 0 and start + end <= offsets[row] + lengths[row]:
                    found.add(row)
            # A hit may lie across two blocks.
            kept = block[-(needles.longest - 1) :] if needles.longest > 1 else b""
            start += len(block) - len(kept)
        return found


def first_match(
    reader: RowReader,
    input_file: int | None,
    spans: Sequence[Span],
    needles: Needles,
    should_stop: ShouldStop | None,
) -> int | None:
    """The position of the first of some rows whose request or answer holds the text, or None.

    Raises:
        Interrupted: told to stop.
    """
    for place, span in enumerate(spans):
        if place % _STOP_EVERY == 0 and should_stop is not None and should_stop():
            raise Interrupted("The search was stopped.")
        if input_file is not None and span.request is not None:
            offset, length = span.request
            if needles.are_in(reader.read(input_file, offset, length)):
                return span.position
        if span.answer is not None:
            file, offset, length = span.answer
            if needles.are_in(reader.read(file, offset, length)):
                return span.position
    return None
