"""JSONL files line by line, in blocks, never whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import jiter

from batchdeck.errors import Interrupted
from batchdeck.jsonl.files import file_stat, open_file, read_at, read_problem, read_row
from batchdeck.models.progress import ShouldStop

__all__ = [
    "BLOCK_BYTES",
    "BOM",
    "MAX_LINE_BYTES",
    "Block",
    "file_stat",
    "is_blank",
    "kind_of",
    "open_file",
    "parse",
    "parse_object",
    "parse_strictly",
    "read_at",
    "read_blocks",
    "read_row",
]

BLOCK_BYTES = 256 * 1024
"""Read at once: small enough to stay in the processor's cache, large enough to make calls rare."""
MAX_LINE_BYTES = 64 * 1024 * 1024
"""A longer line is stepped over and never held."""
BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r"
"""What JSON takes for space and can stand within a line."""


class Block(NamedTuple):
    """Some lines that follow each other; a carriage return before the line feed is still on them."""

    number: int
    """Line number of the first."""
    offset: int
    """First byte of the first."""
    lines: list[bytes]
    skipped: int = 0
    """Above zero, `lines` is empty and this is the length of one line too long to be held."""


def read_blocks(
    path: Path,
    *,
    start: int = 0,
    end: int | None = None,
    max_line: int = MAX_LINE_BYTES,
    block_bytes: int = BLOCK_BYTES,
    on_chunk: Callable[[bytes], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> Iterator[Block]:
    """Yield the lines of a byte range in blocks; a byte order mark at the file's start is left out.

    Args:
        path: A regular file.
        start: First byte, which must begin a line.
        end: Byte after the last, or None for the end of the file.
        block_bytes: How much is read at once; at least 3.
        max_line: A line of more bytes comes as a block with `skipped` set.
        on_chunk: Given every byte read, in order, before the lines in it are yielded.
        should_stop: Asked before each read.

    Raises:
        FileProblem: The file cannot be read.
        Interrupted: `should_stop` said so.
    """
    descriptor = open_file(path)
    try:
        if start:
            os.lseek(descriptor, start, os.SEEK_SET)
        yield from _blocks(descriptor, path, start, end, max_line, block_bytes, on_chunk, should_stop)
    finally:
        os.close(descriptor)


def _blocks(
    descriptor: int,
    path: Path,
    start: int,
    end: int | None,
    max_line: int,
    block_bytes: int,
    on_chunk: Callable[[bytes], None] | None,
    should_stop: ShouldStop | None,
) -> Iterator[Block]:
    number = 1
    offset = position = start
    pieces: list[bytes] = []
    held = 0
    """Bytes of the line in `pieces`, counted even where they were let go."""
    while True:
        if should_stop is not None and should_stop():
            raise Interrupted(f"Stopped while reading {path.name}; nothing was sent.")
        wanted = block_bytes if end is None else min(block_bytes, end - position)
        try:
            chunk = os.read(descriptor, wanted) if wanted > 0 else b""
        except OSError as error:
            raise read_problem(path, error) from error
        if not chunk:
            break
        if on_chunk is not None:
            on_chunk(chunk)
        if position == 0 and chunk.startswith(BOM):
            offset = len(BOM)
            position = len(chunk)
            lines = chunk[offset:].split(b"\n")
        else:
            position += len(chunk)
            lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines:
            if held:
                held += len(lines[0])
                if held > max_line:
                    yield Block(number, offset, [], held)
                    number += 1
                    offset += held + 1
                    del lines[0]
                else:
                    pieces.append(lines[0])
                    lines[0] = b"".join(pieces)
            pieces = []
            held = 0
            if lines:
                yield Block(number, offset, lines)
                number += len(lines)
                offset = position - len(rest)
        if rest:
            held += len(rest)
            if held <= max_line:
                pieces.append(rest)
            else:
                pieces = []
    if held > max_line:
        yield Block(number, offset, [], held)
    elif held:
        yield Block(number, offset, [b"".join(pieces)])


def is_blank(raw: bytes) -> bool:
    """Tell whether a line holds nothing but space."""
    return not raw.strip(_SPACE)


def parse(raw: bytes) -> Any:
    """Return the JSON value of a line; NaN and infinities, which Python servers write, are let pass.

    Raises:
        ValueError: It is not JSON in UTF-8.
    """
    try:
        return jiter.from_json(raw, cache_mode="keys")
    except ValueError:
        return _parse_slowly(raw)


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a line.

    Raises:
        ValueError: It is not a JSON object in UTF-8.
    """
    value = parse(raw)
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, not {kind_of(value)}")
    return value


def parse_strictly(raw: bytes, pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the JSON value of a line by the letter of the standard, lone surrogates in escapes included.

    Args:
        raw: The line.
        pairs_hook: Called with the pairs of each object, innermost first.

    Raises:
        ValueError: It is not JSON in UTF-8; the sentence says why.
    """
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=pairs_hook)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _parse_slowly(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def kind_of(value: object) -> str:
    """Name a JSON value's type as a person would."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    for kind, name in (
        (str, "a string"),
        ((int, float), "a number"),
        (list, "an array"),
        (dict, "an object"),
    ):
        if isinstance(value, kind):
            return name
    return type(value).__name__
