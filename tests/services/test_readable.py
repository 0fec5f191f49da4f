"""Requests and answers as lines for a person."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from batchdeck.services.readable import Kind, ReadableLine, plain, pretty

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def joined(lines: list[ReadableLine]) -> str:
    return "\n".join("  " * line.depth + "".join(text for text, _ in line.pieces) for line in lines)


@given(JSON, st.booleans())
def test_pretty_lines_are_the_same_json(value: object, ascii_only: bool) -> None:
    lines = pretty(json.dumps(value, ensure_ascii=ascii_only))
    assert json.loads(joined(lines)) == value
    assert all(place <= line.last < len(lines) for place, line in enumerate(lines))


@given(st.text(alphabet='{}[],:" \\ae1') | st.text())
def test_no_text_breaks_it(text: str) -> None:
    pretty(text)
    plain(text)


def test_digits_and_repeated_keys_stay_as_they_are() -> None:
    assert joined(pretty(b'{"a":1.50,"a":1e5}')) == '{\n  "a": 1.50,\n  "a": 1e5\n}'


def test_an_opening_line_knows_where_it_closes_and_how_much_it_holds() -> None:
    lines = pretty(b'{"a":[{"b":1},2],"c":{}}')
    assert [(line.last, line.members) for line in lines if line.members] == [(8, 2), (6, 2), (4, 1)]


def test_a_torn_line_is_shown_as_far_as_it_goes() -> None:
    assert joined(pretty(b'{"a": [1, {"b": "tor')) == '{\n  "a": [\n    1,\n    {\n      "b": "tor'


def test_a_vector_stays_on_one_line_and_a_lone_surrogate_stays_escaped() -> None:
    assert joined(pretty(b'{"e":[0.1,-2,3,4.50],"s":"\\u00e9\\ud800"}')) == (
        '{\n  "e": [0.1, -2, 3, 4.50],\n  "s": "\N{LATIN SMALL LETTER E WITH ACUTE}\\ud800"\n}'
    )


def test_plain_texts_have_their_own_line_breaks_under_their_path() -> None:
    lines = plain(b'{"messages":[{"role":"user","content":"one\\ntwo"}],"n":2}')
    assert [line.pieces for line in lines] == [
        (("messages[0].role", Kind.PATH), ("  ", Kind.MARK), ("user", Kind.TEXT)),
        (("messages[0].content", Kind.PATH),),
        (("one", Kind.TEXT),),
        (("two", Kind.TEXT),),
        (("n", Kind.PATH), ("  ", Kind.MARK), ("2", Kind.NUMBER)),
    ]
    assert (lines[1].last, lines[1].members) == (3, 2)


def test_nesting_beyond_the_parser_is_shown_all_the_same() -> None:
    assert len(plain("[" * 100_000)) == 100_000
