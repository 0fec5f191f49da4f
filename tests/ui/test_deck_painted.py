"""Which cells are drawn again when a line changes, and what is written for them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.strip import Strip

from batchdeck.ui.terminal import ExactUpdate, clipboard_sequence, notification_sequences
from batchdeck.ui.widgets.painted import differing

RED, BLUE = Style(color="red"), Style(color="blue")
Pieces = list[tuple[str, Style]]
LINES = st.lists(st.tuples(st.text("ab日 e\u0301", max_size=8), st.sampled_from([RED, BLUE])), max_size=5)


def strip(*pieces: tuple[str, Style], width: int = 40) -> Strip:
    return Strip([Segment(text, style) for text, style in pieces if text]).adjust_cell_length(width)


def test_equal_lines_differ_nowhere_however_they_are_cut_up() -> None:
    assert differing(strip(("ab", RED)), strip(("a", RED), ("b", RED))) == []


def test_only_what_differs_is_named_and_near_spans_are_one() -> None:
    assert differing(strip(("aaaaXaaa", RED)), strip(("aaaaYaaa", RED))) == [(4, 5)]
    assert differing(strip(("X" + "a" * 20 + "X", RED)), strip(("Y" + "a" * 20 + "Y", RED))) == [
        (0, 1),
        (21, 22),
    ]
    assert differing(strip(("XaaX", RED)), strip(("YaaY", RED))) == [(0, 4)]


def test_another_style_is_a_difference() -> None:
    assert differing(strip(("ab", RED)), strip(("ab", BLUE))) == [(0, 2)]


def test_a_wide_character_is_drawn_whole() -> None:
    assert differing(strip(("a日b", RED)), strip(("a本b", RED))) == [(1, 3)]
    assert differing(strip(("a日b", RED)), strip(("axxb", RED))) == [(1, 3)]


@given(LINES, LINES)
def test_outside_the_spans_nothing_differs(one: Pieces, other: Pieces) -> None:
    before, after = strip(("|", RED), *one), strip(("|", RED), *other)
    inside = [x for start, end in differing(before, after) for x in range(start, end)]
    for x in range(40):
        if x not in inside:
            assert list(before.crop(x, x + 1).simplify()) == list(after.crop(x, x + 1).simplify())


def test_an_update_writes_the_span_and_nothing_before_it() -> None:
    line = strip(("left ", RED), ("middle", BLUE), (" right", RED), width=17)
    update = ChopsUpdate([{0: line}], [(0, 5, 11)], [[17]])
    written = ExactUpdate(update).render_segments(Console(color_system="truecolor"))
    assert "middle" in written
    assert "left" not in written
    assert "right" not in written
    assert written.startswith("\x1b[1;6H")


def test_the_clipboard_takes_so_much_and_no_more() -> None:
    assert clipboard_sequence("hi") == "\x1b]52;c;aGk=\x07"
    assert clipboard_sequence("x" * 100_000) is None


def test_notifications_carry_no_sequence_of_others() -> None:
    written = notification_sequences(("bell", "osc9", "osc777"), "done", "a;b\x1b]0;evil\x07")
    assert written.count("\x1b]") == 2
    assert written.count("\x07") == 3
    assert "evil" in written
