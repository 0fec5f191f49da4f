"""Where each row of a file lies and what it says in short, in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jiter

from batchdeck.jsonl.content import tokens_of
from batchdeck.jsonl.read import file_stat, is_blank, parse_object, read_blocks, read_row
from batchdeck.jsonl.result import TORN_CODE, classify
from batchdeck.jsonl.ticker import Ticker
from batchdeck.models.lines import IndexedRow, Outcome
from batchdeck.models.progress import OnProgress, ShouldStop

__all__ = ["BATCH_ROWS", "InputLine", "custom_id_of", "index_input", "index_results", "read_row"]

BATCH_ROWS = 1_000
"""Rows in one list of an index."""
_MESSAGE_CHARACTERS = 300

_SIMPLE_ID = re.compile(rb'[ \t]*\{[ \t]*"custom_id"[ \t]*:[ \t]*"([^"\\\x00-\x1f\x80-\xff]*)"').match
"""A line whose first key is `custom_id`, with a value that needs no decoding."""


class InputLine(NamedTuple):
    """One line of a request file."""

    line: int
    """From 1."""
    offset: int
    length: int
    """Bytes without the line end."""
    custom_id: str | None
    """None when the line is no JSON object or has none."""


def custom_id_of(raw: bytes) -> str | None:
    """Return the custom_id of a line, or None when it has none.

    A line that begins with its custom_id is not parsed further, as long as the key is spelled out nowhere
    else in it; what is sent again is parsed whole before it is.

    Raises:
        ValueError: The line is not a JSON object.
    """
    match = _SIMPLE_ID(raw)
    if match is not None and raw.count(b'"custom_id"') == 1:
        return match[1].decode("ascii")
    return custom_id_in(parse_object(raw))


def custom_id_in(row: dict[str, object]) -> str | None:
    """Return a parsed row's custom_id; a whole number is taken as its digits."""
    custom_id = row.get("custom_id")
    if type(custom_id) is str:
        return custom_id
    return str(custom_id) if type(custom_id) is int else None


def index_input(
    path: Path, *, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> Iterator[list[InputLine]]:
    """Yield the lines of a request file in lists of about 1,000; blank lines are left out.

    Raises:
        FileProblem: The file cannot be read.
        Interrupted: `should_stop` said so.
    """
    ticker = Ticker(on_progress, f"indexing {path.name}", file_stat(path).st_size, "bytes")
    batch: list[InputLine] = []
    offset = 0
    for number, offset, lines, skipped in read_blocks(path, should_stop=should_stop):
        if skipped:
            batch.append(InputLine(number, offset, skipped, None))
        position = offset
        for line, raw in enumerate(lines, number):
            length = len(raw)
            try:
                custom_id = custom_id_of(raw)
            except ValueError:
                custom_id = None
                if is_blank(raw):
                    position += length + 1
                    continue
            ends_with_return = raw.endswith(b"\r")
            batch.append(InputLine(line, position, length - ends_with_return, custom_id))
            position += length + 1
        ticker.at(position)
        if len(batch) >= BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch
    ticker.end(offset)


def index_results(
    path: Path, *, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> Iterator[list[IndexedRow]]:
    """Yield the rows of an output or error file in lists of about 1,000; blank lines are left out.

    A line that is not a JSON object comes as a failed row with code `torn_line` and no custom_id.

    Raises:
        FileProblem: The file cannot be read.
        Interrupted: `should_stop` said so.
    """
    ticker = Ticker(on_progress, f"indexing {path.name}", file_stat(path).st_size, "bytes")
    from_json, ok = jiter.from_json, Outcome.OK
    batch: list[IndexedRow] = []
    offset = 0
    for number, offset, lines, skipped in read_blocks(path, should_stop=should_stop):
        if skipped:
            batch.append(_torn(number, offset, skipped, "The line is too long to be read."))
        position = offset
        for line, raw in enumerate(lines, number):
            length = len(raw)
            try:
                row = from_json(raw, cache_mode="keys")
            except ValueError:
                row = None
            if type(row) is not dict:
                try:
                    row = parse_object(raw)
                except ValueError as error:
                    if not is_blank(raw):
                        batch.append(
                            _torn(line, position, length, f"The line is not a JSON object: {error}.")
                        )
                    position += length + 1
                    continue
            try:
                response = row["response"]
                status = response["status_code"]
                body = response["body"]
                custom_id = row["custom_id"]
                model = body["model"]
                is_plain = (
                    row["error"] is None
                    and type(status) is int
                    and 200 <= status < 300
                    and type(custom_id) is str
                    and type(model) is str
                )
            except (TypeError, KeyError, IndexError):
                is_plain = False
            if is_plain:
                # What `classify` would say, with as few steps as can be: most rows are like this.
                taken, given, cached, _ = tokens_of(body)
                length -= raw.endswith(b"\r")
                batch.append(
                    IndexedRow(
                        line,
                        position,
                        length,
                        custom_id,
                        ok,
                        status,
                        "",
                        False,
                        "",
                        taken,
                        given,
                        cached,
                        model,
                    )
                )
                position += len(raw) + 1
                continue
            said = classify(row)
            ends_with_return = raw.endswith(b"\r")
            batch.append(
                IndexedRow(
                    line,
                    position,
                    length - ends_with_return,
                    said.custom_id,
                    said.outcome,
                    said.status_code,
                    said.code,
                    said.retryable,
                    said.message[:_MESSAGE_CHARACTERS],
                    said.input_tokens,
                    said.output_tokens,
                    said.cached_tokens,
                    said.model,
                )
            )
            position += length + 1
        ticker.at(position)
        if len(batch) >= BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch
    ticker.end(offset)


def _torn(line: int, offset: int, length: int, message: str) -> IndexedRow:
    return IndexedRow(
        line, offset, length, None, Outcome.FAILED, None, TORN_CODE, False, message[:_MESSAGE_CHARACTERS]
    )
