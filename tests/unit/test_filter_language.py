"""The filter language: what it reads, and how it says what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdeck.errors import FilterError
from batchdeck.models.filter import BatchFilter, NumberValue, SpanValue, Term, TextValue


def _one(text: str) -> Term:
    (term,) = BatchFilter.parse(text).terms
    return term


def _second(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp())  # type: ignore[misc,arg-type]


def test_nothing_is_everything() -> None:
    for text in ("", "   ", "\n\t"):
        assert BatchFilter.parse(text).is_empty
        assert BatchFilter.parse(text) == BatchFilter()
    assert not BatchFilter.parse("x").is_empty


def test_words_and_quoted_text() -> None:
    terms = BatchFilter.parse('Nightly -old "two words" -"not this" ni*ly "a*b"').terms
    assert [(term.field, term.is_negated) for term in terms] == [
        ("word", False),
        ("word", True),
        ("word", False),
        ("word", True),
        ("word", False),
        ("word", False),
    ]
    values = [term.values[0] for term in terms]
    assert [value.text for value in values if isinstance(value, TextValue)] == [
        "nightly",
        "old",
        "two words",
        "not this",
        "ni*ly",
        "a*b",
    ]
    assert [value.has_wildcards for value in values if isinstance(value, TextValue)] == [
        False,
        False,
        False,
        False,
        True,
        False,
    ]


def test_places_of_terms() -> None:
    text = '  one  -status:failed "x y"'
    found = [
        (term.position, text[term.position : term.position + term.length])
        for term in BatchFilter.parse(text).terms
    ]
    assert found == [(2, "one"), (7, "-status:failed"), (22, '"x y"')]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("status:failed,expired", ["failed", "expired"]),
        ("STATE:In-Progress", ["in_progress"]),
        ("status:canceled,canceling", ["cancelled", "cancelling"]),
        ("status:active,ended,unknown", ["active", "ended", "unknown"]),
    ],
)
def test_statuses(text: str, words: list[str]) -> None:
    term = _one(text)
    assert term.field == "status"
    assert [value.text for value in term.values if isinstance(value, TextValue)] == words


def test_text_fields() -> None:
    term = _one('model:GPT-4o*,"o3, mini"')
    assert term.values == (TextValue("gpt-4o*", "GPT-4o*", True), TextValue("o3, mini", "o3, mini"))
    term = _one("lineage:batch_Abc")
    assert term.values == (TextValue("batch_abc", "batch_Abc"),)


def test_metadata_terms() -> None:
    term = _one('-meta.Team.Sub:"a b",c')
    assert (term.field, term.key, term.is_negated) == ("meta", "Team.Sub", True)
    assert [value.text for value in term.values if isinstance(value, TextValue)] == ["a b", "c"]
    assert _one('meta.team:""').values == (TextValue("", ""),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("requests:>1000", NumberValue(">", 1000)),
        ("requests:>=1_000", NumberValue(">=", 1000)),
        ("failed:0", NumberValue("=", 0)),
        ("failed:=3", NumberValue("=", 3)),
        ("completed:<50k", NumberValue("<", 50_000)),
        ("requests:<=1.5M", NumberValue("<=", 1_500_000)),
        ("done:<50%", NumberValue("<", 50)),
        ("cost:>$1.50", NumberValue(">", 1.5)),
        ("cost:>.5", NumberValue(">", 0.5)),
        ("age:<7d", NumberValue("<", 7 * 86400)),
        ("age:>=90s", NumberValue(">=", 90)),
        ("age:>1.5h", NumberValue(">", 5400)),
        ("gone:YES", NumberValue("=", 1)),
        ("gone:no", NumberValue("=", 0)),
    ],
)
def test_numbers(text: str, expected: NumberValue) -> None:
    assert _one(text).values == (expected,)


@pytest.mark.parametrize(
    ("text", "comparison", "start", "end"),
    [
        ("created:2026-11-01", "=", (2026, 11, 1), (2026, 11, 2)),
        ("created:>=2026-11-01", ">=", (2026, 11, 1), (2026, 11, 2)),
        ("created:<2026-11", "<", (2026, 11, 1), (2026, 12, 1)),
        ("ended:>2026-12", ">", (2026, 12, 1), (2027, 1, 1)),
        ("created:2026", "=", (2026, 1, 1), (2027, 1, 1)),
        ("created:<=2026-11-1T09:30", "<=", (2026, 11, 1, 9, 30), (2026, 11, 1, 9, 31)),
        ("created:2026-02-28T23:59:59Z", "=", (2026, 2, 28, 23, 59, 59), (2026, 3, 1)),
        ("created:2024-02", "=", (2024, 2, 1), (2024, 3, 1)),
    ],
)
def test_dates_are_days_in_utc(
    text: str, comparison: str, start: tuple[int, ...], end: tuple[int, ...]
) -> None:
    (value,) = _one(text).values
    assert isinstance(value, SpanValue)
    assert (value.comparison, value.start, value.end) == (comparison, _second(*start), _second(*end))


@pytest.mark.parametrize(
    ("text", "position", "length", "expected"),
    [
        ("status:done", 7, 4, "one of validating"),
        ("ok status:failed,broke", 17, 5, "one of validating"),
        ("colour:red", 0, 6, "one of status"),
        ("-colour:red", 1, 6, "one of status"),
        ("http://x", 0, 4, '"quoted text"'),
        (":x", 0, 1, "one of status"),
        ("status:", 7, 1, "a status"),
        ("status:failed,", 14, 1, "a status"),
        ("meta.:x", 0, 5, "a key after meta."),
        ("meta.team:", 10, 1, "a metadata value"),
        ("requests:>many", 9, 5, "a number"),
        ("requests:1000000000000000000", 9, 19, "a number"),
        ("age:7d", 4, 2, "< or >"),
        ("age:=7d", 4, 3, "< or >"),
        ("age:<7", 4, 2, "an age"),
        ("age:<٣d", 4, 3, "an age"),
        ("created:>yesterday", 8, 10, "a day"),
        ("created:2026-02-30", 8, 10, "a day"),
        ("created:9999", 8, 4, "a day"),
        ("created:0000-01-01", 8, 10, "a day"),
        ("gone:maybe", 5, 5, "yes or no"),
        ('one "two', 4, 4, 'a closing "'),
        ('"one"two', 5, 1, "a space"),
        ('model:"a"b', 9, 1, "a space"),
        ('x ""', 2, 2, "a word or text"),
        ("x - y", 2, 1, "a term"),
        ("-", 0, 1, "a term"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(text: str, position: int, length: int, expected: str) -> None:
    with pytest.raises(FilterError) as raised:
        BatchFilter.parse(text)
    assert (raised.value.position, raised.value.length) == (position, length)
    assert raised.value.expected.startswith(expected) or expected in raised.value.expected
    assert raised.value.exit_code == 2


@given(st.text() | st.text(alphabet=' -:,.*?"<>=0123456789abcdefghilmnoqrstuvy'))
def test_no_text_does_anything_but_parse_or_say_what_is_wrong(text: str) -> None:
    try:
        parsed = BatchFilter.parse(text)
    except FilterError as error:
        assert 0 <= error.position <= len(text)
        assert error.length >= 1
        assert error.expected
        return
    for term in parsed.terms:
        assert text[term.position : term.position + term.length].strip()
    again = BatchFilter.parse(parsed.text)
    assert [(t.field, t.values, t.is_negated, t.key) for t in again.terms] == [
        (t.field, t.values, t.is_negated, t.key) for t in parsed.terms
    ]


def test_only_ages_depend_on_the_time() -> None:
    assert BatchFilter.parse("x age:<1d").depends_on_time
    assert not BatchFilter.parse("x created:2026").depends_on_time
