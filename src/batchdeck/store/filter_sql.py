"""Filters and sorts as SQL."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from batchdeck.models.batch import ALSO_KEY, BatchStatus
from batchdeck.models.filter import (
    BatchFilter,
    NumberValue,
    SpanValue,
    Term,
    TextValue,
    Value,
)
from batchdeck.models.query import BatchSort, SortKey
from batchdeck.store.states import LAST_ACTIVE, PLACE_BITS, STATE_RANKS
from batchdeck.store.texts import FILE_LINE, KEY_END, flat, plain

_OPPOSITE = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
SORT_COLUMNS: dict[SortKey, str] = {
    SortKey.CREATED: "place",
    SortKey.STATE: "state_rank",
    SortKey.NAME: "name_key",
    SortKey.REQUESTS: "total",
    SortKey.DONE: "done",
    SortKey.FAILED: "failed",
    SortKey.MODEL: "model",
    SortKey.ENDPOINT: "endpoint",
    SortKey.COST: "cost",
}

SORT_INDEXES: dict[SortKey, str] = {
    SortKey.CREATED: "batches_by_place",
    SortKey.STATE: "batches_by_state",
    SortKey.NAME: "batches_by_name",
    SortKey.REQUESTS: "batches_by_total",
    SortKey.DONE: "batches_by_done",
    SortKey.FAILED: "batches_by_failed",
    SortKey.MODEL: "batches_by_model",
    SortKey.ENDPOINT: "batches_by_endpoint",
    SortKey.COST: "batches_by_cost",
}


@dataclass(slots=True)
class Conditions:
    """A WHERE clause over `batches b` and, where words are sought, `batch_texts t`."""

    keys: list[str] = field(default_factory=list)
    """Conditions on `b`."""
    key_parameters: list[object] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """Conditions on `t`."""
    text_parameters: list[object] = field(default_factory=list)
    account_id: int = 0

    def source(self, *, by_place: bool, index: str | None = None) -> str:
        """What to put after FROM; the place is `b.place`.

        Without an index the tables are read in the order of places: most filters let through too much for an
        index to pay. Where both tables are needed, each row of the first costs a look-up in the second, so
        the one with conditions of its own comes first.

        Args:
            by_place: True when nothing but the place is wanted of `b`.
            index: The index of `batches` whose order is wanted, or None.
        """
        keys, texts = _and(self.keys), _and(self.texts)
        how = f"INDEXED BY {index}" if index else "NOT INDEXED"
        if not self.texts:
            return f"batches b {how} WHERE b.account_id = ?{keys}"
        if self.keys or index:
            join = "CROSS JOIN batch_texts t ON t.place = b.place"
            return f"batches b {how} {join} WHERE b.account_id = ?{keys}{texts}"
        if by_place:
            return f"batch_texts b NOT INDEXED WHERE b.account_id = ?{texts.replace('t.text', 'b.text')}"
        join = "CROSS JOIN batches b ON b.place = t.place"
        return f"batch_texts t NOT INDEXED {join} WHERE t.account_id = ?{texts}"

    @property
    def parameters(self) -> list[object]:
        """Of `source`."""
        return [self.account_id, *self.key_parameters, *self.text_parameters]


def _and(clauses: list[str]) -> str:
    return "".join(f" AND {clause}" for clause in clauses)


def conditions(account_id: int, batch_filter: BatchFilter, now: datetime) -> Conditions:
    """What a batch of the account must be to pass the filter at the time `now`."""
    result = Conditions(account_id=account_id)
    for term in batch_filter.terms:
        compiler = _Compiler(account_id, now.timestamp())
        clause = " OR ".join(compiler.value(term, value) for value in term.values)
        # `IS NOT TRUE` lets a row whose column is NULL pass the negated term.
        clause = f"(({clause}) IS NOT TRUE)" if term.is_negated else f"({clause})"
        if compiler.is_about_text:
            result.texts.append(clause)
            result.text_parameters.extend(compiler.parameters)
        else:
            result.keys.append(clause)
            result.key_parameters.extend(compiler.parameters)
    return result


def order_by(sort: BatchSort, *, is_reversed: bool = False) -> str:
    """The ORDER BY list; ties go newest first, rows without a cost last."""
    column = SORT_COLUMNS[sort.key]
    direction = "DESC" if sort.descending != is_reversed else "ASC"
    if sort.key is SortKey.CREATED:
        return f"b.place {direction}"
    ties = "ASC" if is_reversed else "DESC"
    if sort.key is SortKey.COST and not sort.descending:
        unknown_last = "DESC" if is_reversed else "ASC"
        return f"b.cost IS NULL {unknown_last}, b.cost {direction}, b.place {ties}"
    return f"b.{column} {direction}, b.place {ties}"


@dataclass(slots=True)
class _Compiler:
    """Makes the SQL of one term."""

    account_id: int
    now: float
    parameters: list[object] = field(default_factory=list)
    is_about_text: bool = False

    def value(self, term: Term, value: Value) -> str:
        if isinstance(value, TextValue):
            return self._text(term, value)
        if isinstance(value, NumberValue):
            return self._number(term, value)
        return self._span(term, value)

    def _put(self, *parameters: object) -> None:
        self.parameters.extend(parameters)

    def _text(self, term: Term, value: TextValue) -> str:
        match term.field:
            case "status":
                return self._status(value.text)
            case "model":
                return self._like("b.model", value, whole=True)
            case "endpoint":
                return self._like("b.endpoint", value, whole=False)
            case "name":
                return self._like("b.name_key", value, whole=False)
            case "id":
                self._put(self.account_id)
                return self._places(self._like("d.id", value, whole=False))
            case "group":
                self._put(self.account_id)
                return self._places(self._like("d.group_id", value, whole=True))
            case "lineage":
                return self._lineage(plain(value.raw))
            case "meta":
                return self._line(flat(term.key) + KEY_END, value, whole=True)
            case "file":
                return self._line(FILE_LINE, value, whole=False)
            case _:
                return self._line("", _without_outer_stars(value), whole=False)

    def _status(self, word: str) -> str:
        if word in ("active", "ended"):
            return f"b.state_rank {'<=' if word == 'active' else '>'} {LAST_ACTIVE}"
        return f"b.state_rank = {STATE_RANKS[BatchStatus(word)]}"

    def _like(self, column: str, value: TextValue, *, whole: bool) -> str:
        pattern = _like_pattern(value)
        self._put(pattern if whole or value.has_wildcards else f"%{pattern}%")
        return f"{column} LIKE ? ESCAPE '\\'"

    def _places(self, condition: str) -> str:
        return f"b.place IN (SELECT d.place FROM batch_details d WHERE d.account_id = ? AND {condition})"

    def _lineage(self, batch_id: str) -> str:
        """All with the same root, which has none written down itself, and joint retries of this one."""
        root = (
            "coalesce((SELECT coalesce(r.lineage_root, r.id) FROM batch_details r"
            " WHERE r.account_id = ? AND r.id = ?), ?)"
        )
        own = f"SELECT d.place FROM batch_details d WHERE d.account_id = ? AND d.id = {root}"
        others = f"SELECT d.place FROM batch_details d WHERE d.account_id = ? AND d.lineage_root = {root}"
        joint = (
            "SELECT j.place FROM batch_texts j WHERE j.account_id = ? AND j.text GLOB ?"
            " AND text_matches(?, j.text)"
        )
        key, sought = ALSO_KEY + KEY_END, flat(batch_id)
        self._put(*(self.account_id, self.account_id, batch_id, batch_id) * 2)
        self._put(self.account_id, f"*\n{key}*{_glob(sought)}*")
        self._put(f"\n{key}([^\n]*,)?{re.escape(sought)}[,\n]")
        return f"b.place IN ({own} UNION ALL {others} UNION ALL {joint})"

    def _line(self, prefix: str, value: TextValue, *, whole: bool) -> str:
        """A line of the batch's text that begins with `prefix` and goes on as `value` says."""
        self.is_about_text = True
        text = flat(value.text)
        begin = f"\n{_glob(prefix)}" if prefix else ""
        if not value.has_wildcards and (whole or not prefix):
            self._put(f"*{begin}{_glob(text)}\n*" if whole else f"*{_glob(text)}*")
            return "t.text GLOB ?"
        if whole and "?" not in text and text.find("*") == len(text) - 1:
            self._put(f"*{begin}{_glob(text[:-1])}*")
            return "t.text GLOB ?"
        # `*` and `?` of GLOB reach over the end of a line, so what passes is looked at again.
        loose = _glob(text, keep_wildcards=value.has_wildcards)
        self._put(f"*{begin}{'' if whole or not prefix else '*'}{loose}{chr(10) if whole else ''}*")
        self._put(line_pattern(prefix, value, whole))
        return "(t.text GLOB ? AND text_matches(?, t.text))"

    def _number(self, term: Term, value: NumberValue) -> str:
        if term.field == "gone":
            return "b.gone_at IS NOT NULL" if value.number else "b.gone_at IS NULL"
        if term.field == "age":
            return self._created(_OPPOSITE[value.comparison], int(self.now - value.number))
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
        bounds: dict[str, tuple[tuple[str, int], ...]] = {
            "<": (("<", value.start),),
            "<=": (("<", value.end),),
            ">": ((">=", value.end),),
            ">=": ((">=", value.start),),
            "=": ((">=", value.start), ("<", value.end)),
        }
        pieces = [self._time(term.field, *bound) for bound in bounds[value.comparison]]
        return f"({' AND '.join(pieces)})"

    def _time(self, name: str, comparison: str, second: int) -> str:
        if name == "created":
            return self._created(comparison, second)
        self._put(second)
        return f"b.ended_at {comparison} ?"

    def _created(self, comparison: str, second: int) -> str:
        """A comparison of the second of creation, said of the place, which the table is ordered by."""
        if comparison in (">", "<="):
            second += 1
            comparison = ">=" if comparison == ">" else "<"
        first = max(0, min(second, 2**42)) << PLACE_BITS
        if comparison == "=":
            self._put(first, first + (1 << PLACE_BITS) - 1)
            return "b.place BETWEEN ? AND ?"
        self._put(first)
        return f"b.place {comparison} ?"


def _without_outer_stars(value: TextValue) -> TextValue:
    """A word sought anywhere: `*` at its ends says nothing."""
    if not value.has_wildcards:
        return value
    text = value.text.strip("*")
    return TextValue(text, value.raw, "*" in text or "?" in text)


def _glob(text: str, *, keep_wildcards: bool = False) -> str:
    """Text as it stands in a GLOB pattern."""
    return re.sub(r"[\[]" if keep_wildcards else r"[*?\[]", lambda match: f"[{match[0]}]", text)


_WITHIN = f"[^\n{KEY_END}]"
"""Any character of a key or a value: wildcards do not reach from one to the other."""


def line_pattern(prefix: str, value: TextValue, whole: bool) -> str:
    """A regular expression for a line of a batch's text."""
    text = flat(value.text)
    if value.has_wildcards:
        body = "".join(
            f"{_WITHIN}*" if char == "*" else _WITHIN if char == "?" else re.escape(char) for char in text
        )
    else:
        body = re.escape(text)
    if whole:
        return f"\n{re.escape(prefix)}{body}\n"
    return f"\n{re.escape(prefix)}{_WITHIN}*{body}" if prefix else body


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def text_matches(pattern: str, text: str) -> bool:
    """The SQL function `text_matches`."""
    return _compiled(pattern).search(text) is not None


def register(connection: sqlite3.Connection) -> None:
    """Make the functions that the conditions use known to a connection."""
    connection.create_function("text_matches", 2, text_matches, deterministic=True)


def _like_pattern(value: TextValue) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", plain(value.text))
    if value.has_wildcards:
        escaped = escaped.replace("*", "%").replace("?", "_")
    return escaped
