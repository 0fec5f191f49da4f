"""One request or answer as lines a person can read: indented JSON that folds, or the plain texts in it.

Works on the text itself, not on parsed values, so numbers keep their digits, repeated keys stay and a torn
line is shown as far as it goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_TOKEN = re.compile(
    r'\s*(?:(?P<string>"[^"\\]*(?:\\.[^"\\]*)*"?)|(?P<mark>[{}\[\],:])|(?P<word>[^\s{}\[\],:"]+))', re.DOTALL
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT_TEXT = 60


class Kind(StrEnum):
    """What a piece of a line is, for its colour."""

    MARK = "mark"
    KEY = "key"
    STRING = "string"
    NUMBER = "number"
    WORD = "word"
    """`true`, `false`, `null`, or what is no JSON at all."""
    PATH = "path"
    """Where a plain text stood: `body.messages[0].content`."""
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class ReadableLine:
    """One line, before it is wrapped."""

    depth: int
    """Levels of indentation."""
    pieces: tuple[tuple[str, Kind], ...]
    """The text of the line in order; remote text, not cleaned."""
    last: int
    """Place of the line that closes what this one opens; its own place when it opens nothing."""
    members: int = 0
    """How many values stand directly inside what it opens."""


def pretty(raw: bytes | str) -> list[ReadableLine]:
    """JSON with one value a line, two levels apart by `depth`; never raises, whatever the text is."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    lines: list[ReadableLine] = []
    pieces: list[tuple[str, Kind]] = []
    opened: list[tuple[int, int]] = []
    """Place and member count so far of each open bracket."""
    expects_key = False
    containers: list[str] = []

    def flush(depth: int) -> None:
        nonlocal pieces
        if pieces:
            lines.append(ReadableLine(depth, tuple(pieces), len(lines)))
            pieces = []

    tokens = list(_tokens(text))
    position = 0
    while position < len(tokens):
        part, kind = tokens[position]
        following = tokens[position + 1][0] if position + 1 < len(tokens) else ""
        position += 1
        if kind is not Kind.MARK:
            if kind is Kind.STRING:
                is_key = expects_key and following == ":"
                pieces.append((_shown(part), Kind.KEY if is_key else Kind.STRING))
            else:
                pieces.append((part, kind))
        elif part == "[" and (end := _end_of_vector(tokens, position)):
            pieces.append((_vector(tokens[position : end - 1]), Kind.NUMBER))
            position = end
        elif part in "{[":
            closing = "}" if part == "{" else "]"
            if following == closing:
                pieces.append((part + closing, Kind.MARK))
                position += 1
                continue
            pieces.append((part, Kind.MARK))
            flush(len(opened))
            opened.append((len(lines) - 1, 1))
            containers.append(part)
            expects_key = part == "{"
        elif part in "}]":
            flush(len(opened))
            pieces.append((part, Kind.MARK))
            if opened:
                start, members = opened.pop()
                containers.pop()
                line = lines[start]
                lines[start] = ReadableLine(line.depth, line.pieces, len(lines), members)
                expects_key = False
        elif part == ",":
            pieces.append((part, Kind.MARK))
            flush(len(opened))
            if opened:
                start, members = opened[-1]
                opened[-1] = (start, members + 1)
            expects_key = bool(containers) and containers[-1] == "{"
        else:
            pieces.append((": ", Kind.MARK))
            expects_key = False
    flush(len(opened))
    return lines


def plain(raw: bytes | str) -> list[ReadableLine]:
    """Every value with its path before it, texts with their own line breaks; `pretty` for what is no JSON."""
    try:
        leaves = list(_leaves("", json.loads(raw)))
    except (ValueError, RecursionError):
        return pretty(raw)
    lines: list[ReadableLine] = []

    def add(*pieces: tuple[str, Kind]) -> None:
        lines.append(ReadableLine(0, pieces, len(lines)))

    for path, leaf in leaves:
        if isinstance(leaf, str) and ("\n" in leaf or len(leaf) > _SHORT_TEXT):
            start = len(lines)
            add((path, Kind.PATH))
            for row in leaf.split("\n"):
                lines.append(ReadableLine(1, ((row, Kind.TEXT),), len(lines)))
            lines[start] = ReadableLine(0, lines[start].pieces, len(lines) - 1, len(lines) - start - 1)
        elif isinstance(leaf, str):
            add((path, Kind.PATH), ("  ", Kind.MARK), (leaf, Kind.TEXT))
        else:
            kind = Kind.NUMBER if isinstance(leaf, int | float) and not isinstance(leaf, bool) else Kind.WORD
            add((path, Kind.PATH), ("  ", Kind.MARK), (json.dumps(leaf), kind))
    return lines


def _tokens(text: str) -> Iterator[tuple[str, Kind]]:
    """The tokens of a JSON text; whatever is no token stands as a word."""
    for match in _TOKEN.finditer(text):
        part = match.group(match.lastgroup or 0)
        if match.lastgroup == "string":
            yield part, Kind.STRING
        elif match.lastgroup == "mark":
            yield part, Kind.MARK
        elif part[0] in "-0123456789":
            yield part, Kind.NUMBER
        else:
            yield part, Kind.WORD


def _end_of_vector(tokens: list[tuple[str, Kind]], start: int) -> int:
    """Place after the bracket that closes a list of more than three numbers, or 0 for anything else.

    An embedding on a line of its own per number would hide all else.
    """
    place = start
    while place + 1 < len(tokens) and tokens[place][1] is Kind.NUMBER and tokens[place + 1][0] == ",":
        place += 2
    is_closed = place + 1 < len(tokens) and tokens[place][1] is Kind.NUMBER and tokens[place + 1][0] == "]"
    return place + 2 if is_closed and place - start >= 6 else 0


def _vector(tokens: list[tuple[str, Kind]]) -> str:
    """A list of numbers on one line, in their own digits."""
    return "[" + "".join(", " if part == "," else part for part, _ in tokens) + "]"


def _shown(part: str) -> str:
    """A string token with escaped letters shown as letters and everything else as the text has it."""
    if "\\u" not in part:
        return part
    try:
        shown = json.dumps(json.loads(part), ensure_ascii=False)
    except ValueError:
        return part
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", shown)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Path and value of everything that holds nothing else, in the text's order."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list) and value and not _is_vector(value):
        for place, inner in enumerate(value):
            yield from _leaves(f"{path}[{place}]", inner)
    else:
        yield path or "value", value


def _is_vector(value: list[Any]) -> bool:
    """True for a list of numbers, such as an embedding, which reads better on one line."""
    return len(value) > 3 and all(isinstance(item, int | float) for item in value)


def as_json(value: Any) -> str:
    """A value as indented JSON in its own letters."""
    return json.dumps(value, ensure_ascii=False, indent=2)
