"""One merged row, as JSON and as cells of a CSV file."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from batchdeck.jsonl.content import content_text
from batchdeck.jsonl.pattern import text_of
from batchdeck.jsonl.result import body_of
from batchdeck.models.lines import Outcome, ResultRow

Format = Literal["jsonl", "csv"]

JSON_COLUMNS = ("custom_id", "outcome", "batch_id", "status_code", "response", "error")
CSV_COLUMNS = (
    "custom_id",
    "outcome",
    "batch_id",
    "status_code",
    "error_code",
    "error_message",
    "content",
    "model",
    "input_tokens",
    "output_tokens",
)
CLASH_PREFIX = "batch_"
"""Put before a result column's name when the joined table has a column of that name."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Answer(NamedTuple):
    """What is known of one request."""

    custom_id: str
    said: ResultRow
    batch_id: str
    row: Mapping[str, Any] | None = None
    """The result row, or None where there is none or `response` stands for it."""
    response: bytes | None = None
    """The response of an ok row, byte for byte as it stands in the file."""


def json_values(answer: Answer) -> list[Any]:
    """Return the values of `JSON_COLUMNS`; `response` and `error` are the result row's own."""
    row = answer.row
    return [
        answer.custom_id,
        str(answer.said.outcome),
        answer.batch_id or None,
        answer.said.status_code,
        row.get("response") if row is not None else None,
        row.get("error") if row is not None else None,
    ]


def csv_values(answer: Answer) -> list[Any]:
    """Return the values of `CSV_COLUMNS`."""
    said = answer.said
    is_ok = said.outcome is Outcome.OK
    return [
        answer.custom_id,
        str(said.outcome),
        answer.batch_id,
        "" if said.status_code is None else said.status_code,
        said.code,
        said.message,
        content_text(body_of(answer.row)) if is_ok and answer.row is not None else "",
        said.model,
        said.input_tokens if is_ok else "",
        said.output_tokens if is_ok else "",
    ]


def named_apart(columns: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Return result columns with `batch_` before those whose name a table's column has already."""
    names: list[str] = []
    for column in columns:
        name = column
        while name in taken or (name != column and (name in columns or name in names)):
            name = CLASH_PREFIX + name
        names.append(name)
    return names


def json_line(record: Mapping[str, Any]) -> bytes:
    """Return a record as a line of JSON in UTF-8; NaN and infinities become null."""
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(record), ensure_ascii=False)
    try:
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(_finite(record)).encode("utf-8") + b"\n"


class CsvLines:
    """Turns cells into lines of CSV."""

    def __init__(self, *, raw: bool) -> None:
        self._raw = raw
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer)

    def line(self, cells: Sequence[Any]) -> bytes:
        """Return a row in UTF-8, a lone surrogate replaced, formulas made harmless unless it is to be raw."""
        self._writer.writerow([self._cell(cell) for cell in cells])
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:
            return _SURROGATE.sub("\ufffd", text).encode("utf-8")

    def _cell(self, value: Any) -> Any:
        if type(value) is not str:
            return value if type(value) is int else text_of(value)
        if not self._raw and value.startswith(_FORMULA_STARTS):
            return "'" + value
        return value


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value


def spliced_line(head: Mapping[str, Any], response_name: str, response: bytes, error_name: str) -> bytes:
    """Return a line of JSON that ends with a response taken over byte for byte, and no error."""
    try:
        begun = json.dumps(head, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except ValueError:
        begun = json_line(head)[:-1]
    return b"%s, %s: %s, %s: null}\n" % (begun[:-1], _key(response_name), response, _key(error_name))


@cache
def _key(name: str) -> bytes:
    return json.dumps(name).encode("ascii")


class RowWriter:
    """Turns answers into lines of the wanted format."""

    def __init__(self, format: Format, *, raw: bool) -> None:
        self._csv = CsvLines(raw=raw) if format == "csv" else None
        self.columns: Sequence[str] = JSON_COLUMNS if self._csv is None else CSV_COLUMNS

    @property
    def is_csv(self) -> bool:
        """True when there is a header, and every row has the same columns."""
        return self._csv is not None

    def header(self, names: Sequence[str]) -> bytes:
        """Return the column names as a line, or nothing where the format has no such line."""
        return self._csv.line(names) if self._csv is not None else b""

    def line(
        self, own: Mapping[str, Any] | Sequence[Any], names: Sequence[str], answer: Answer | None
    ) -> bytes:
        """Return one row.

        Args:
            own: What stands before the result: cells for CSV, names and values for JSON.
            names: Of the result's columns.
            answer: None leaves the result's columns empty.
        """
        if self._csv is not None:
            values = csv_values(answer) if answer is not None else [""] * len(names)
            return self._csv.line([*own, *values])
        record = dict(own) if isinstance(own, Mapping) else {}
        values = json_values(answer) if answer is not None else [None] * len(names)
        if answer is not None and answer.response is not None:
            record.update(zip(names[:-2], values[:-2], strict=True))
            return spliced_line(record, names[-2], answer.response, names[-1])
        record.update(zip(names, values, strict=True))
        return json_line(record)
