"""Merged rows joined to the table that their requests were made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchdeck.errors import InvalidInput
from batchdeck.jsonl.merge_answers import Answers
from batchdeck.jsonl.merge_rows import RowWriter, named_apart
from batchdeck.jsonl.pattern import Pattern, parse_pattern
from batchdeck.jsonl.table import Table, TableRow, open_table
from batchdeck.models.progress import ShouldStop


@dataclass(frozen=True, slots=True)
class Join:
    """The table that the requests were made from."""

    table: Path
    on: str
    """Pattern that gives a row's custom_id, such as `comment-{id}`."""


def joined(
    answers: Answers, writer: RowWriter, join: Join, should_stop: ShouldStop | None
) -> Iterator[bytes]:
    """Yield the header, empty where the format has none, and a line for each row of the table.

    Raises:
        InvalidInput: The table or the pattern cannot be used.
    """
    table = open_table(join.table)
    pattern = _pattern(table, join)
    columns = table.every_column()
    if table.repeated_columns and not writer.is_csv:
        twice = ", ".join(sorted(table.repeated_columns))
        raise InvalidInput(f"{join.table.name} has a column twice: {twice}; JSON cannot hold both.")
    names = named_apart(writer.columns, columns)
    yield writer.header([*columns, *names])
    for row in table.rows(should_stop=should_stop):
        custom_id = _custom_id(row, pattern)
        number = answers.index.find(custom_id) if custom_id is not None else None
        if number is None:
            answers.table_rows_without_request += 1
        answer = None if number is None else answers.next(number)
        cells = _own_cells(row, columns, is_jsonl=table.is_jsonl)
        if writer.is_csv:
            yield writer.line(cells, names, answer)
        elif table.is_jsonl:
            yield writer.line(row.values, names, answer)
        else:
            yield writer.line(dict(zip(columns, cells, strict=True)), names, answer)


def _pattern(table: Table, join: Join) -> Pattern:
    """Return how a table's rows name their requests.

    Raises:
        InvalidInput: It names no column, or one that the table does not have.
    """
    pattern = parse_pattern(join.on, table.columns)
    if not pattern.columns:
        raise InvalidInput(
            f"{join.on!r} names no column of {table.path.name}.", hint="Such as 'comment-{id}'."
        )
    for column in pattern.columns:
        if column in table.repeated_columns:
            raise InvalidInput(f"{table.path.name} has the column {column!r} twice.")
        if column not in table.columns and not table.is_jsonl:
            raise InvalidInput(
                f"{table.path.name} has no column {column!r}; it has {', '.join(table.columns[:20])}."
            )
    return pattern


def _own_cells(row: TableRow, columns: Sequence[str], *, is_jsonl: bool) -> list[Any]:
    """Return a row's cells, one for each column.

    Raises:
        InvalidInput: The row cannot be read, or has too many or too few cells.
    """
    if row.code and row.code != "empty_row":
        raise InvalidInput(f"{row.message} Nothing was written.")
    if is_jsonl:
        return [row.values.get(column, "") for column in columns]
    cells = list(row.cells)[: len(columns)]
    return cells + [""] * (len(columns) - len(cells))


def _custom_id(row: TableRow, pattern: Pattern) -> str | None:
    try:
        return pattern.fill(row.values)
    except KeyError:
        return None
