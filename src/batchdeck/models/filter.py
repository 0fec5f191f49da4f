"""The filter language of the list: words and terms, all of which must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from batchdeck.models.filter_values import (
    ACTIVE_STATUSES,
    ENDED_STATUSES,
    STATUS_WORDS,
    NumberValue,
    SpanValue,
    TextValue,
    Value,
    Wrong,
    age_value,
    date_value,
    number_value,
    status_value,
    text_value,
    yes_no_value,
)

__all__ = [
    "ACTIVE_STATUSES",
    "ENDED_STATUSES",
    "STATUS_WORDS",
    "BatchFilter",
    "NumberValue",
    "SpanValue",
    "Term",
    "TextValue",
    "Value",
    "fields",
]

Kind = Literal["status", "text", "number", "age", "date", "flag"]


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: a word, or a field with values of which one must hold."""

    field: str
    """`word` for a bare word or quoted text, `meta` for a metadata key, else the field's name."""
    values: tuple[Value, ...]
    is_negated: bool = False
    key: str = ""
    """The metadata key of a `meta` term, as typed."""
    position: int = 0
    """Where it starts, in characters of the filter text."""
    length: int = 0


_FIELDS: dict[str, tuple[str, Callable[[str, bool], Value], str]] = {
    "status": ("status", status_value, "a status such as failed,expired, or active, or ended"),
    "state": ("status", status_value, "a status such as failed,expired, or active, or ended"),
    "model": ("model", text_value, "a model name such as gpt-4o*"),
    "endpoint": ("endpoint", text_value, "an endpoint such as embeddings"),
    "name": ("name", text_value, "part of a name"),
    "id": ("id", text_value, "part of a batch id"),
    "file": ("file", text_value, "part of a file name or file id"),
    "age": ("age", age_value, "an age such as <7d, >12h or <=30m"),
    "created": ("created", date_value, "a day such as >=2026-11-01 or <2026-11-05"),
    "ended": ("ended", date_value, "a day such as >=2026-11-01 or <2026-11-05"),
    "requests": ("requests", number_value, "a number such as >1000"),
    "completed": ("completed", number_value, "a number such as >0"),
    "failed": ("failed", number_value, "a number such as >0"),
    "done": ("done", number_value, "a percentage such as <50"),
    "cost": ("cost", number_value, "US dollars such as >1.50"),
    "lineage": ("lineage", text_value, "a batch id"),
    "group": ("group", text_value, "the id of a split file's group"),
    "gone": ("gone", yes_no_value, "yes or no"),
}


def fields() -> tuple[str, ...]:
    """The names a term can begin with."""
    return (*_FIELDS, "meta.KEY")


@dataclass(frozen=True, slots=True)
class BatchFilter:
    """What the list shows. `BatchFilter()` shows everything."""

    text: str = ""
    """As typed."""
    terms: tuple[Term, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, text: str) -> BatchFilter:
        """Read a filter.

        Raises:
            FilterError: a term is wrong; the error says where and what was expected.
        """
        return cls(text.strip(), tuple(_terms(text)))

    @property
    def is_empty(self) -> bool:
        """True when every batch passes."""
        return not self.terms

    @property
    def depends_on_time(self) -> bool:
        """True when the passing of time alone changes what it shows."""
        return any(term.field == "age" for term in self.terms)


def _terms(text: str) -> list[Term]:
    terms: list[Term] = []
    place = 0
    while True:
        while place < len(text) and text[place].isspace():
            place += 1
        if place >= len(text):
            return terms
        term, place = _term(text, place)
        terms.append(term)


def _term(text: str, start: int) -> tuple[Term, int]:
    """Read one term; the place after it is returned too."""
    place = start
    is_negated = text[place] == "-"
    if is_negated:
        place += 1
        if place >= len(text) or text[place].isspace():
            raise Wrong("A lone - says nothing.", "a term or a word after -").at(start, 1)
    if text[place] != '"':
        name_end = place
        while name_end < len(text) and not text[name_end].isspace() and text[name_end] not in ':"':
            name_end += 1
        if name_end < len(text) and text[name_end] == ":":
            return _field_term(text, start, place, name_end, is_negated)
    pieces, end = _pieces(text, place, split_commas=False)
    word, is_quoted, word_at = pieces[0]
    if not word:
        raise Wrong("The quotes are empty.", "a word or text between the quotes").at(word_at, end - word_at)
    value = text_value(word, is_quoted)
    return Term("word", (value,), is_negated, "", start, end - start), end


def _field_term(text: str, start: int, place: int, name_end: int, is_negated: bool) -> tuple[Term, int]:
    typed = text[place:name_end]
    name = typed.casefold()
    key = ""
    read: Callable[[str, bool], Value] = text_value
    if name.startswith("meta."):
        key = typed[5:]
        if not key:
            raise Wrong("A metadata key is missing.", "a key after meta., such as meta.team:search").at(
                place, name_end - place
            )
        canonical, expected = "meta", "a metadata value"
    elif name in _FIELDS:
        canonical, read, expected = _FIELDS[name]
    else:
        known = ", ".join(fields())
        raise Wrong(
            f"There is no field {typed!r} to filter by." if typed else "The field before : is missing.",
            f'one of {known}, or "quoted text"',
        ).at(place, max(1, name_end - place))
    pieces, end = _pieces(text, name_end + 1, split_commas=True)
    values: list[Value] = []
    for piece, is_quoted, piece_at in pieces:
        if not piece and not (is_quoted and canonical == "meta"):
            raise Wrong(f"A value is missing after {typed}:.", expected).at(piece_at, 1)
        try:
            values.append(read(piece, is_quoted))
        except Wrong as wrong:
            raise wrong.at(piece_at, len(piece) + (2 if is_quoted else 0)) from None
    return Term(canonical, tuple(values), is_negated, key, start, end - start), end


def _pieces(text: str, place: int, *, split_commas: bool) -> tuple[list[tuple[str, bool, int]], int]:
    """The values from `place` on: text, whether it was quoted, where it starts; and the place after them."""
    pieces: list[tuple[str, bool, int]] = []
    while True:
        begin = place
        if place < len(text) and text[place] == '"':
            close = text.find('"', place + 1)
            if close < 0:
                raise Wrong("A quote is not closed.", 'a closing "').at(place, len(text) - place)
            pieces.append((text[place + 1 : close], True, begin))
            place = close + 1
            if place < len(text) and not text[place].isspace() and not (split_commas and text[place] == ","):
                raise Wrong("Text goes on after the closing quote.", "a space").at(place, 1)
        else:
            while place < len(text) and not text[place].isspace():
                if split_commas and text[place] == ",":
                    break
                place += 1
            pieces.append((text[begin:place], False, begin))
        if split_commas and place < len(text) and text[place] == ",":
            place += 1
            continue
        return pieces, place
