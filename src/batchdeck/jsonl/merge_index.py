"""Which row answers which request, over all the runs of a lineage: places of rows, not the rows."""

from __future__ import annotations

import os
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import jiter

from batchdeck.errors import FileProblem
from batchdeck.jsonl.index import custom_id_of
from batchdeck.jsonl.read import file_stat, is_blank, open_file, parse_object, read_at, read_blocks
from batchdeck.jsonl.result import classify
from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import Outcome
from batchdeck.models.progress import ShouldStop

_OPEN_FILES = 32
_NO_ROW = -1
_ROW_KEYS = ("id", "custom_id", "response", "error")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """One batch of a lineage or group, and the files it left."""

    batch_id: str
    status: BatchStatus
    result_paths: tuple[Path, ...]
    """Output and error file, whichever exist."""
    input: Path | None = None
    """Its own input, where it is at hand: tells which requests an active run has not answered yet."""


class MergeIndex:
    """Numbers the custom_ids as they are met, and chains the rows of each from the newest to the oldest."""

    def __init__(self) -> None:
        self.names: list[str] = []
        """Custom_id by number."""
        self.order = array("q")
        """The numbers in the order of the requests, one for each request."""
        self.occurrences = array("Q")
        """Requests under each number."""
        self._numbers: dict[str, int] = {}
        self._newest = array("q")
        self._is_repeated = bytearray()
        self._file = array("L")
        self._offset = array("Q")
        self._length = array("Q")
        self._is_ok = bytearray()
        self._status = array("H")
        self._older = array("q")
        self._paths: list[Path] = []
        self.versions: dict[Path, tuple[int, int]] = {}
        """Size and time of each file when it was indexed."""
        self._runs: list[int] = []
        """Run of each file."""
        self._chosen: dict[int, list[int]] = {}
        """Rows of the numbers that have several requests, as they are asked for."""
        self.pending_in: dict[int, int] = {}
        """Number to the active run that has it in its input."""
        self.torn_lines = 0
        self.rows_without_id = 0

    def add_results(self, path: Path, run: int, should_stop: ShouldStop | None) -> None:
        """Take in the rows of one file; files come oldest first.

        Raises:
            FileProblem: The file cannot be read.
            Interrupted: `should_stop` said so.
        """
        file = len(self._paths)
        self._paths.append(path)
        found = file_stat(path)
        self.versions[path] = (found.st_size, found.st_mtime_ns)
        self._runs.append(run)
        from_json = jiter.from_json
        for _, offset, lines, skipped in read_blocks(path, should_stop=should_stop):
            if skipped:
                self.torn_lines += 1
            for raw in lines:
                length = len(raw)
                try:
                    row = from_json(raw, allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True)
                    status = row["response"]["status_code"]
                    custom_id = row["custom_id"]
                    is_plain = (
                        row["error"] is None
                        and type(status) is int
                        and 200 <= status < 300
                        and type(custom_id) is str
                        and tuple(row) == _ROW_KEYS
                    )
                except (ValueError, TypeError, KeyError, IndexError):
                    is_plain = False
                if is_plain:
                    self._add_row(custom_id, file, offset, length, True, status)
                else:
                    self._add_odd_row(raw, file, offset)
                offset += length + 1

    def _add_odd_row(self, raw: bytes, file: int, offset: int) -> None:
        try:
            said = classify(parse_object(raw))
        except ValueError:
            if not is_blank(raw):
                self.torn_lines += 1
            return
        if said.custom_id is None:
            self.rows_without_id += 1
        else:
            self._add_row(said.custom_id, file, offset, len(raw), said.outcome is Outcome.OK, 0)

    def _add_row(self, custom_id: str, file: int, offset: int, length: int, is_ok: bool, status: int) -> None:
        number = self.number(custom_id)
        older = self._newest[number]
        if older != _NO_ROW and self._runs[self._file[older]] == self._runs[file]:
            self._is_repeated[number] = True
        self._newest[number] = len(self._file)
        self._file.append(file)
        self._offset.append(offset)
        self._length.append(length)
        self._is_ok.append(is_ok)
        self._status.append(status)
        self._older.append(older)

    def add_input(self, path: Path, should_stop: ShouldStop | None) -> int:
        """Take in the requests of an input, in order; return how many of its lines have no custom_id."""
        without_id = 0
        for custom_id in _ids(path, should_stop):
            if custom_id is None:
                without_id += 1
            else:
                self._add_request(self.number(custom_id))
        return without_id

    def add_pending(self, path: Path, run: int, should_stop: ShouldStop | None) -> None:
        """Take in the input of a run that has not ended."""
        for custom_id in _ids(path, should_stop):
            number = self._numbers.get(custom_id) if custom_id is not None else None
            if number is not None:
                self.pending_in[number] = run

    def order_by_results(self) -> None:
        """Make one request of each custom_id, in the order of the oldest rows; of a repeated one, several."""
        counted: dict[tuple[int, int], int] = {}
        number_of_row = array("q", bytes(8 * len(self._file)))
        for number in range(len(self.names)):
            for row in self._rows(number):
                number_of_row[row] = number
        for row, number in enumerate(number_of_row):
            if not self._is_repeated[number]:
                if not self.occurrences[number]:
                    self._add_request(number)
                continue
            key = (number, self._runs[self._file[row]])
            counted[key] = counted.get(key, 0) + 1
            if counted[key] > self.occurrences[number]:
                self._add_request(number)

    def _add_request(self, number: int) -> None:
        self.order.append(number)
        self.occurrences[number] += 1

    def number(self, custom_id: str) -> int:
        """Return the number of a custom_id, a new one when it was not met before."""
        number = self._numbers.get(custom_id)
        if number is None:
            number = self._numbers[custom_id] = len(self.names)
            self.names.append(custom_id)
            self.occurrences.append(0)
            self._newest.append(_NO_ROW)
            self._is_repeated.append(False)
        return number

    def find(self, custom_id: str) -> int | None:
        """Return the number of a custom_id that a request has, or None."""
        number = self._numbers.get(custom_id)
        return number if number is not None and self.occurrences[number] else None

    def _rows(self, number: int) -> Iterator[int]:
        row = self._newest[number]
        while row != _NO_ROW:
            yield row
            row = self._older[row]

    def row_for(self, number: int, place: int) -> int | None:
        """Return the row for one of the requests under a number, or None when there is none.

        Args:
            number: Of the custom_id.
            place: Which of its requests, from 0.
        """
        if self.occurrences[number] == 1:
            chosen = self._choose(number)
        elif number in self._chosen:
            chosen = self._chosen[number]
        else:
            chosen = self._chosen[number] = self._choose(number)
        return chosen[place] if place < len(chosen) else None

    def _choose(self, number: int) -> list[int]:
        """Return the rows for the requests under a number, oldest first: the newest ok ones, then others.

        There are at most as many as there are requests.
        """
        wanted = self.occurrences[number]
        ok = [row for row in self._rows(number) if self._is_ok[row]][:wanted]
        others = [row for row in self._rows(number) if not self._is_ok[row]][: wanted - len(ok)]
        return ok[::-1] + others[::-1]

    def run_of(self, row: int) -> int:
        """Return the run that a row comes from."""
        return self._runs[self._file[row]]

    def spliceable_status(self, row: int) -> int:
        """Return the status of an ok row whose keys are the usual ones in the usual order, else 0."""
        return self._status[row]

    def place(self, row: int) -> tuple[Path, int, int]:
        """Return a row's file, offset and length."""
        return self._paths[self._file[row]], self._offset[row], self._length[row]

    @property
    def repeated_ids(self) -> int:
        """Custom_ids of several requests, or with several rows in one run."""
        return sum(
            1
            for repeated, occurrences in zip(self._is_repeated, self.occurrences, strict=True)
            if occurrences > 1 or (repeated and occurrences)
        )

    @property
    def unknown_rows(self) -> int:
        """Rows whose custom_id no request has."""
        return sum(
            1
            for number, occurrences in enumerate(self.occurrences)
            if not occurrences
            for _ in self._rows(number)
        )


class RowReader:
    """Reads rows by their place, with no more than some files open at a time."""

    def __init__(self, versions: Mapping[Path, tuple[int, int]]) -> None:
        self._versions = versions
        """Size and time that each file must have."""
        self._open: OrderedDict[Path, int] = OrderedDict()

    def read(self, path: Path, offset: int, length: int) -> bytes:
        """Return the bytes of a row.

        Raises:
            FileProblem: The file cannot be read, or was changed since it was indexed.
        """
        descriptor = self._open.get(path)
        if descriptor is None:
            descriptor = self._open[path] = open_file(path)
            found = os.fstat(descriptor)
            if (found.st_size, found.st_mtime_ns) != self._versions[path]:
                raise FileProblem(f"{path.name} was changed while it was being merged.")
            if len(self._open) > _OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
        else:
            self._open.move_to_end(path)
        return read_at(descriptor, path, offset, length)

    def close(self) -> None:
        """Close every file."""
        while self._open:
            os.close(self._open.popitem()[1])


def _ids(path: Path, should_stop: ShouldStop | None) -> Iterator[str | None]:
    """Yield the custom_id of each line of an input that is not blank, None where it has none."""
    for block in read_blocks(path, should_stop=should_stop):
        if block.skipped:
            yield None
        for raw in block.lines:
            try:
                yield custom_id_of(raw)
            except ValueError:
                if not is_blank(raw):
                    yield None
