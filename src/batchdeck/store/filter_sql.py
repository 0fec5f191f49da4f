"""Filters and sorts as SQL."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from batchdeck.models.filter import (
    ACTIVE_STATUSES,
    ENDED_STATUSES,
    BatchFilter,
    NumberValue,
    SpanValue,
    Term,
    TextValue,
    Value,
)
from batchdeck.models.query import BatchSort, SortKey

KEY_END = "\x1f"
"""Stands between a metadata key and its value in a batch's text."""

FILE_LINE = KEY_END + KEY_END
"""Begins a line with a file's name or id in a batch's text; no metadata key can."""

_OPPOSITE = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_SORT_COLUMNS = {
    SortKey.CREATED: None,
    SortKey.STATE: "state_rank",
    SortKey.NAME: "name_key",
    SortKey.REQUESTS: "total",
    SortKey.DONE: "done",
    SortKey.FAILED: "failed",
    SortKey.MODEL: "model",
    SortKey.ENDPOINT: "endpoint",
    SortKey.COST: "cost",
}


@dataclass(slots=True)
class Conditions:
    """A WHERE clause over `batches b` and, where words are sought, `batch_texts t`."""

    clauses: list[str] = field(default_factory=list)
    parameters: list[object] = field(default_factory=list)
    needs_text: bool = False

    @property
    def sql(self) -> str:
        """The clause, without WHERE."""
        return " AND ".join(self.clauses)

    @property
    def tables(self) -> str:
        """What to put after FROM."""
        if self.needs_text:
            return "batch_texts t JOIN batches b ON b.place = t.place"
        return "batches b"


def conditions(account_id: int, batch_filter: BatchFilter, now: datetime) -> Conditions:
    """What a batch of the account must be to pass the filter at the time `now`."""
    result = Conditions(["b.account_id = ?"], [account_id])
    for term in batch_filter.terms:
        compiler = _Compiler(result, account_id, now.timestamp())
        pieces = [compiler.value(term, value) for value in term.values]
        clause = " OR ".join(pieces)
        # `IS NOT TRUE` lets a row whose column is NULL pass the negated term.
        result.clauses.append(f"(({clause}) IS NOT TRUE)" if term.is_negated else f"({clause})")
    return result


def order_by(sort: BatchSort) -> str:
    """The ORDER BY list; ties go newest first, rows without a value last."""
    column = _SORT_COLUMNS[sort.key]
    direction = "DESC" if sort.descending else "ASC"
    if column is None:
        return f"b.place {direction}"
    if column == "cost" and not sort.descending:
        return "b.cost IS NULL, b.cost ASC, b.place DESC"
    return f"b.{column} {direction}, b.place DESC"


@dataclass(slots=True)
class _Compiler:
    into: Conditions
    account_id: int
    now: float

    def value(self, term: Term, value: Value) -> str:
        if isinstance(value, TextValue):
            return self._text(term, value)
        if isinstance(value, NumberValue):
            return self._number(term, value)
        return self._span(term, value)

    def _put(self, *parameters: object) -> None:
        self.into.parameters.extend(parameters)

    def _text(self, term: Term, value: TextValue) -> str:
        match term.field:
            case "status":
                return self._status(value.text)
            case "model":
                return self._like("b.model", value, whole=True)
            case "endpoint":
                return self._like("b.endpoint", value, whole=False)
            case "id":
                return self._like("b.id", value, whole=False)
            case "name":
                return self._like("b.name_key", value, whole=False)
            case "group":
                return self._like("b.group_id", value, whole=True)
            case "lineage":
                self._put(self.account_id, plain(value.raw), plain(value.raw))
                return (
                    "b.lineage_root = coalesce("
                    "(SELECT lineage_root FROM batches WHERE account_id = ? AND id = ?), ?)"
                )
            case "meta":
                return self._line(term.key.casefold() + KEY_END, value, whole=True)
            case "file":
                return self._line(FILE_LINE, value, whole=False)
            case _:
                self.into.needs_text = True
                if value.has_wildcards:
                    return self._pattern("", value, whole=False)
                self._put(flat(value.text))
                return "instr(t.text, ?) > 0"

    def _status(self, word: str) -> str:
        if word in ("active", "ended"):
            names = sorted(ACTIVE_STATUSES if word == "active" else ENDED_STATUSES)
            self._put(*names)
            return f"b.status IN ({', '.join('?' * len(names))})"
        self._put(word)
        return "b.status = ?"

    def _like(self, column: str, value: TextValue, *, whole: bool) -> str:
        pattern = _like_pattern(value)
        self._put(pattern if whole or value.has_wildcards else f"%{pattern}%")
        return f"{column} LIKE ? ESCAPE '\\'"

    def _line(self, prefix: str, value: TextValue, *, whole: bool) -> str:
        """A line of the batch's text that begins with `prefix` and goes on as `value` says."""
        self.into.needs_text = True
        if whole and not value.has_wildcards:
            self._put(f"\n{prefix}{flat(value.text)}\n")
            return "instr(t.text, ?) > 0"
        if whole and "?" not in value.text and value.text.find("*") == len(value.text) - 1:
            self._put(f"\n{prefix}{flat(value.text[:-1])}")
            return "instr(t.text, ?) > 0"
        return self._pattern(prefix, value, whole=whole)

    def _pattern(self, prefix: str, value: TextValue, *, whole: bool) -> str:
        """As `_line`, by a regular expression over the rows that hold its longest literal part."""
        text = flat(value.text)
        parts = re.split(r"[*?]", text) if value.has_wildcards else [text]
        self._put("\n" + prefix if prefix else "", max(parts, key=len), line_pattern(prefix, value, whole))
        return "(instr(t.text, ?) > 0 AND instr(t.text, ?) > 0 AND text_matches(?, t.text))"

    def _number(self, term: Term, value: NumberValue) -> str:
        if term.field == "gone":
            return "b.gone_at IS NOT NULL" if value.number else "b.gone_at IS NULL"
        if term.field == "age":
            self._put(int(self.now - value.number))
            return f"b.created_at {_OPPOSITE[value.comparison]} ?"
        column = {
            "requests": "b.total",
            "completed": "b.completed",
            "failed": "b.failed",
            "done": "b.done",
            "cost": "b.cost",
        }[term.field]
        self._put(value.number / 100 if term.field == "done" else value.number)
        return f"{column} {value.comparison} ?"

    def _span(self, term: Term, value: SpanValue) -> str:
        column = "b.created_at" if term.field == "created" else "b.ended_at"
        match value.comparison:
            case "<":
                self._put(value.start)
                return f"{column} < ?"
            case "<=":
                self._put(value.end)
                return f"{column} < ?"
            case ">":
                self._put(value.end)
                return f"{column} >= ?"
            case ">=":
                self._put(value.start)
                return f"{column} >= ?"
            case _:
                self._put(value.start, value.end)
                return f"({column} >= ? AND {column} < ?)"


def line_pattern(prefix: str, value: TextValue, whole: bool) -> str:
    """A regular expression for a line of a batch's text."""
    text = flat(value.text)
    if value.has_wildcards:
        body = "".join(
            "[^\n]*" if char == "*" else "[^\n]" if char == "?" else re.escape(char) for char in text
        )
    else:
        body = re.escape(text)
    if whole:
        return f"\n{re.escape(prefix)}{body}\n"
    return f"\n{re.escape(prefix)}[^\n]*{body}" if prefix else body


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def text_matches(pattern: str, text: str) -> bool:
    """The SQL function `text_matches`."""
    return _compiled(pattern).search(text) is not None


def register(connection: sqlite3.Connection) -> None:
    """Make the functions that the conditions use known to a connection."""
    connection.create_function("text_matches", 2, text_matches, deterministic=True)


def plain(text: str) -> str:
    """Text that SQLite can hold: without lone surrogates and NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def plain_or_none(text: str | None) -> str | None:
    """As `plain`; empty text is none."""
    return plain(text) if text else None


def flat(text: str) -> str:
    """Text as it stands in one line of a batch's text: case-folded, without line or key ends."""
    return plain(text).casefold().translate(_FLAT)


_FLAT = {ord("\n"): " ", ord("\r"): " ", ord(KEY_END): " "}


def _like_pattern(value: TextValue) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", plain(value.text))
    if value.has_wildcards:
        escaped = escaped.replace("*", "%").replace("?", "_")
    return escaped
