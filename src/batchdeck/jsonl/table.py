"""Tables as CSV, TSV or JSONL, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from batchdeck.errors import InvalidInput
from batchdeck.jsonl.read import file_stat, is_blank, parse_object, read_blocks
from batchdeck.models.progress import ShouldStop

csv.field_size_limit(2**31 - 1)

_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_JSONL = frozenset({".jsonl", ".ndjson"})
_ENCODING_HINT = "Save the table as UTF-8."


class TableRow(NamedTuple):
    """One row of a table."""

    number: int
    """As a spreadsheet counts: a CSV file's header is row 1, and so is a JSONL file's first line."""
    values: Mapping[str, Any]
    """By column; empty where the row has a problem."""
    cells: Sequence[Any] = ()
    """In the order of the table's columns; of a JSONL file, only what the row itself holds."""
    code: str = ""
    """What is wrong with the row, or empty."""
    message: str = ""


class Table:
    """A table in a file; every iteration reads it anew."""

    def __init__(self, path: Path, columns: tuple[str, ...], delimiter: str | None) -> None:
        self.path = path
        self.columns = columns
        """Of a JSONL file: the keys of its first row."""
        self._delimiter = delimiter
        """None for JSONL."""

    @property
    def is_jsonl(self) -> bool:
        """True when each row names its own columns."""
        return self._delimiter is None

    @property
    def repeated_columns(self) -> frozenset[str]:
        """Column names that stand twice in the header."""
        return frozenset(name for name in self.columns if self.columns.count(name) > 1)

    def rows(self, *, should_stop: ShouldStop | None = None) -> Iterator[TableRow]:
        """Yield the rows below the header, wrong ones included.

        Raises:
            FileProblem: The file cannot be read.
            Interrupted: `should_stop` said so.
        """
        if self._delimiter is None:
            yield from self._jsonl_rows(should_stop)
        else:
            yield from self._cell_rows(self._delimiter, should_stop)

    def every_column(self) -> tuple[str, ...]:
        """Return the columns of all rows, in the order they first appear; reads a JSONL file through."""
        if self._delimiter is not None:
            return self.columns
        found = dict.fromkeys(self.columns)
        for row in self.rows():
            if row.values.keys() - found.keys():
                found.update(dict.fromkeys(row.values))
        return tuple(found)

    def _cell_rows(self, delimiter: str, should_stop: ShouldStop | None) -> Iterator[TableRow]:
        columns = self.columns
        reader = csv.reader(_decoded(self.path, should_stop), delimiter=delimiter, strict=True)
        number = 0
        try:
            for number, cells in enumerate(reader, 1):
                if number == 1:
                    continue
                if not any(cells) or not any(cell.strip() for cell in cells):
                    yield TableRow(number, {}, cells, "empty_row", f"Row {number} is empty.")
                elif len(cells) != len(columns):
                    yield TableRow(
                        number,
                        {},
                        cells,
                        "ragged_row",
                        f"Row {number} has {len(cells)} cells, the header has {len(columns)}.",
                    )
                else:
                    yield TableRow(number, dict(zip(columns, cells, strict=True)), cells)
        except csv.Error as error:
            row = number + 1
            yield TableRow(row, {}, (), "invalid_row", f"Row {row} (line {reader.line_num}): {error}.")
        except _BadText as error:
            row = number + 1
            yield TableRow(row, {}, (), "wrong_encoding", f"Row {row} ({error}) is not UTF-8.")

    def _jsonl_rows(self, should_stop: ShouldStop | None) -> Iterator[TableRow]:
        for first, _, lines, skipped in read_blocks(self.path, should_stop=should_stop):
            if skipped:
                yield TableRow(first, {}, (), "invalid_row", f"Row {first} is too long: {skipped:,} bytes.")
            for number, raw in enumerate(lines, first):
                try:
                    values = parse_object(raw)
                except UnicodeDecodeError as error:
                    message = f"Row {number} (byte {error.start + 1}) is not UTF-8."
                    yield TableRow(number, {}, (), "wrong_encoding", message)
                    continue
                except ValueError as error:
                    if not is_blank(raw):
                        message = f"Row {number} is not a JSON object: {error}."
                        yield TableRow(number, {}, (), "invalid_row", message)
                    else:
                        yield TableRow(number, {}, (), "empty_row", f"Row {number} is empty.")
                    continue
                if any(value is not None and value != "" for value in values.values()):
                    yield TableRow(number, values, tuple(values.values()))
                else:
                    yield TableRow(number, {}, (), "empty_row", f"Row {number} is empty.")


def open_table(path: Path) -> Table:
    """Look at a table's header.

    The file's suffix tells what it is: `.csv`, `.tsv`, `.tab`, `.jsonl`, `.ndjson`; any other is judged by
    its first line. A CSV file whose header has semicolons or tabs and no comma is split at those.

    Raises:
        FileProblem: The file cannot be read.
        InvalidInput: It has no header or is not UTF-8.
    """
    file_stat(path)
    first = next((line for line in _first_lines(path) if line.strip()), None)
    if first is None:
        raise InvalidInput(f"{path.name} is empty; a table begins with its column names.")
    suffix = path.suffix.lower()
    if suffix in _JSONL or (suffix not in _DELIMITERS and first.lstrip().startswith(b"{")):
        return Table(path, _keys(path, first), None)
    delimiter = _DELIMITERS.get(suffix) or ("\t" if b"\t" in first else ",")
    if delimiter == "," and b"," not in first:
        delimiter = ";" if b";" in first else "\t" if b"\t" in first else ","
    try:
        header = next(csv.reader(_decoded(path, None), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise InvalidInput(f"The header of {path.name} cannot be read: {error}.") from error
    except _BadText as error:
        raise InvalidInput(
            f"The header of {path.name} ({error}) is not UTF-8.", hint=_ENCODING_HINT
        ) from error
    if not any(name.strip() for name in header):
        raise InvalidInput(f"{path.name} begins with an empty line; a table begins with its column names.")
    return Table(path, tuple(name.strip() for name in header), delimiter)


class _BadText(Exception):
    """A line of a table is not UTF-8; the text says where."""


def _decoded(path: Path, should_stop: ShouldStop | None) -> Iterator[str]:
    """Yield the lines of a text file with their line ends."""
    for number, _, lines, skipped in read_blocks(path, should_stop=should_stop):
        if skipped:
            raise _BadText(f"line {number}, {skipped:,} bytes long,")
        for line, raw in enumerate(lines, number):
            try:
                yield raw.decode("utf-8") + "\n"
            except UnicodeDecodeError as error:
                raise _BadText(f"line {line}, byte {error.start + 1}") from error


def _first_lines(path: Path) -> Iterator[bytes]:
    for block in read_blocks(path):
        yield from block.lines


def _keys(path: Path, first: bytes) -> tuple[str, ...]:
    try:
        return tuple(parse_object(first))
    except ValueError as error:
        raise InvalidInput(f"The first line of {path.name} is not a JSON object: {error}.") from error
