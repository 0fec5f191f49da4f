"""Text with `{column}` places, filled from the rows of a table."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r'\{\{|\}\}|\{([^{}\n"]*)\}')
_IDENTIFIER = re.compile(r"[^\W\d]\w*(?:[-.]\w+)*")


@dataclass(frozen=True, slots=True)
class Place:
    """A column's place in a pattern."""

    column: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """Literal text and places, in order."""

    pieces: tuple[str | Place, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it asks for, each once, in order."""
        return tuple(dict.fromkeys(piece.column for piece in self.pieces if isinstance(piece, Place)))

    def fill(self, values: Mapping[str, Any]) -> str:
        """Return the text for one row.

        Raises:
            KeyError: The row lacks a column.
        """
        return "".join(
            piece if isinstance(piece, str) else text_of(values[piece.column]) for piece in self.pieces
        )


def parse_pattern(text: str, columns: Collection[str] = ()) -> Pattern:
    """Take a text apart.

    `{name}` is a place when `name` is one of the columns or looks like one: letters, digits, `_`, inner `-`
    and `.`. Every other brace stands for itself, so JSON and regular expressions may stand in a text. `{{`
    stands for `{`, and a `}}` after it for `}`.

    Args:
        text: The pattern.
        columns: Names that are places whatever they look like.
    """
    pieces: list[str | Place] = []
    literal: list[str] = []
    doubled = 0
    position = 0
    for match in _TOKEN.finditer(text):
        literal.append(text[position : match.start()])
        position = match.end()
        found = match[0]
        if found == "{{":
            doubled += 1
            literal.append("{")
        elif found == "}}":
            literal.append("}" if doubled else found)
            doubled = max(0, doubled - 1)
        else:
            name = match[1]
            if name not in columns:
                name = name.strip()
            if name in columns or _IDENTIFIER.fullmatch(name):
                if any(literal):
                    pieces.append("".join(literal))
                literal = []
                pieces.append(Place(name))
            else:
                literal.append(found)
    literal.append(text[position:])
    if any(literal):
        pieces.append("".join(literal))
    return Pattern(tuple(pieces))


def text_of(value: Any) -> str:
    """Return a cell as text: strings as they are, null as nothing, everything else as JSON."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
