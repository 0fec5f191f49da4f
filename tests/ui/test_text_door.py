"""Remote text on its way to the screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from batchdeck.ui import text

HOSTILE = "[@click=app.quit]x[/] [/nope] \x1b]52;c;aGk=\x07"
ANY = st.text(st.characters(), max_size=60)


def test_controls_become_a_visible_sign_and_markup_stays_text() -> None:
    shown = text.clean(HOSTILE)
    assert shown.startswith("[@click=app.quit]x[/] [/nope] ")
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_tab_and_newline_stay_but_not_on_one_line() -> None:
    assert text.clean("a\tb\nc") == "a\tb\nc"
    assert text.clean_line("a\tb\nc") == "a b c"


def test_bidirectional_marks_and_joiners_do_not_survive() -> None:
    assert "\u202e" not in text.clean("abc\u202edef")
    assert text.clean("\U0001f469\u200d\U0001f4bb") == "\U0001f469\U0001f4bb"
    assert text.clean("\u2764\ufe0f") == "\u2764"


def test_content_is_never_markup() -> None:
    content = text.content(HOSTILE, "$text-error")
    assert content.plain == text.clean(HOSTILE)
    assert [span.style for span in content.spans] == ["$text-error"]


@given(ANY, st.integers(0, 40))
def test_fitting_gives_exactly_the_cells_asked_for(words: str, width: int) -> None:
    assert cell_len(text.fit(words, width)) == width
    assert cell_len(text.fit_right(words, width)) == width


@given(ANY, st.integers(0, 40))
def test_shortening_keeps_to_the_width(words: str, width: int) -> None:
    shown = text.shorten_middle(words, width)
    assert cell_len(shown) <= width or (width == 0 and shown == "")


def test_an_id_loses_its_middle() -> None:
    assert text.shorten_middle("batch_0123456789abcdef", 11) == "batch…bcdef"
    assert text.shorten_middle("short", 11) == "short"


def test_what_is_cut_ends_in_a_sign_that_ascii_can_show() -> None:
    text.use_ascii(True)
    try:
        assert text.fit("abcdef", 4) == "abc~"
        assert text.shorten_middle("abcdef", 4).isascii()
    finally:
        text.use_ascii(False)
    assert text.fit("abcdef", 4) == "abc…"


def test_wide_characters_are_not_cut_in_two() -> None:
    assert text.fit("日本語", 4) == "日… "
    assert text.fit("日本語", 5) == "日本…"
