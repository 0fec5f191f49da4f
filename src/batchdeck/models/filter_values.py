"""What the values of a filter's terms mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from batchdeck.errors import FilterError
from batchdeck.models.batch import BatchStatus

Comparison = Literal["<", "<=", "=", ">=", ">"]

ENDED_STATUSES = frozenset(status for status in BatchStatus if status.is_terminal)
ACTIVE_STATUSES = frozenset(BatchStatus) - ENDED_STATUSES


@dataclass(frozen=True, slots=True)
class TextValue:
    """Text to be found, case ignored."""

    text: str
    """Case-folded."""
    raw: str = ""
    """As typed."""
    has_wildcards: bool = False
    """True when `*` and `?` in it stand for any text and any character."""


@dataclass(frozen=True, slots=True)
class NumberValue:
    """A number to compare with: a count, a percentage, US dollars, or an age in seconds."""

    comparison: Comparison
    number: float


@dataclass(frozen=True, slots=True)
class SpanValue:
    """A span of time to compare with."""

    comparison: Comparison
    start: int
    """First second, since 1970 UTC."""
    end: int
    """The second after the last."""


Value = TextValue | NumberValue | SpanValue


class Wrong(FilterError):
    """A wrong value whose place is not known yet."""

    def __init__(self, sentence: str, expected: str) -> None:
        super().__init__(sentence, position=0, length=0, expected=expected)

    def at(self, position: int, length: int) -> FilterError:
        """The same, said of a place in the filter text."""
        return FilterError(self.sentence, position=position, length=length, expected=self.expected)


_ALIASES = {"canceled": "cancelled", "canceling": "cancelling", "complete": "completed", "error": "failed"}
STATUS_WORDS = (*(status.value for status in BatchStatus), "active", "ended")
"""What `status:` takes."""

_OPERATOR = re.compile(r"(<=|>=|<|>|=)?(.*)", re.DOTALL)
_NUMBER = re.compile(r"\$?(\d{1,15}(?:_\d{3})*(?:\.\d{1,9})?|\.\d{1,9})([km%]?)", re.IGNORECASE | re.ASCII)
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([smhdwy])", re.IGNORECASE | re.ASCII)
_DATE = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?Z?)?)?)?",
    re.IGNORECASE | re.ASCII,
)
_AGE_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31_557_600}


def text_value(text: str, is_quoted: bool) -> TextValue:
    """Read text; quoted text has no wildcards."""
    return TextValue(text.casefold(), text, not is_quoted and ("*" in text or "?" in text))


def status_value(text: str, is_quoted: bool) -> TextValue:
    """Read a status.

    Raises:
        Wrong: there is no such status.
    """
    word = text.casefold().replace("-", "_")
    word = _ALIASES.get(word, word)
    if word not in STATUS_WORDS:
        raise Wrong(f"There is no status {text!r}.", "one of " + ", ".join(STATUS_WORDS))
    return TextValue(word, text)


def yes_no_value(text: str, is_quoted: bool) -> NumberValue:
    """Read yes or no, as 1 or 0.

    Raises:
        Wrong: it is neither.
    """
    word = text.casefold()
    if word in ("yes", "y", "true", "1"):
        return NumberValue("=", 1)
    if word in ("no", "n", "false", "0"):
        return NumberValue("=", 0)
    raise Wrong(f"{text!r} is neither yes nor no.", "yes or no")


def number_value(text: str, is_quoted: bool) -> NumberValue:
    """Read a number with an optional comparison before it and k or m after it.

    Raises:
        Wrong: it is no number.
    """
    comparison, rest = _operator(text)
    match = _NUMBER.fullmatch(rest)
    if match is None:
        raise Wrong(f"{rest!r} is not a number.", "a number such as >1000, <=2.5 or 50k")
    factor = {"k": 1_000, "m": 1_000_000}.get(match[2].casefold(), 1)
    return NumberValue(comparison, float(match[1].replace("_", "")) * factor)


def age_value(text: str, is_quoted: bool) -> NumberValue:
    """Read an age such as `<7d`, in seconds.

    Raises:
        Wrong: it is no age, or nothing says whether younger or older is meant.
    """
    expected = "< or > and an age such as <7d, >12h or <=30m (s, m, h, d, w, y)"
    match = _OPERATOR.fullmatch(text)
    if match is None or match[1] in (None, "="):
        raise Wrong(f"{text!r} does not say younger or older.", expected)
    age = _AGE.fullmatch(match[2])
    if age is None:
        raise Wrong(f"{match[2]!r} is not an age.", expected)
    return NumberValue(_comparison(match[1]), float(age[1]) * _AGE_SECONDS[age[2].casefold()])


def date_value(text: str, is_quoted: bool) -> SpanValue:
    """Read a year, month, day or minute, UTC, with an optional comparison before it.

    Raises:
        Wrong: it is no date.
    """
    comparison, rest = _operator(text)
    expected = "a day (UTC) such as 2026-11-01 or >=2026-11-01"
    match = _DATE.fullmatch(rest)
    if match is None:
        raise Wrong(f"{rest!r} is not a day.", expected)
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups())
    try:
        start = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC)
        if second is not None:
            end = start + timedelta(seconds=1)
        elif minute is not None:
            end = start + timedelta(minutes=1)
        elif day is not None:
            end = start + timedelta(days=1)
        elif month is not None:
            end = (start + timedelta(days=32)).replace(day=1)
        else:
            end = start.replace(year=start.year + 1)
    except (ValueError, OverflowError):
        raise Wrong(f"There is no day {rest!r}.", expected) from None
    return SpanValue(comparison, int(start.timestamp()), int(end.timestamp()))


def _operator(text: str) -> tuple[Comparison, str]:
    match = _OPERATOR.fullmatch(text)
    if match is None:
        return "=", text
    return _comparison(match[1]), match[2]


def _comparison(text: str | None) -> Comparison:
    match text:
        case "<" | "<=" | ">" | ">=":
            return text
        case _:
            return "="
