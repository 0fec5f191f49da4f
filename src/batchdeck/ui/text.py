"""The only door from remote text to the screen.

Whatever the service, a file or the user's file names say goes through `clean`, `clean_line` or
`content` before a widget sees it, and never becomes a markup string.
"""

from __future__ import annotations

import re

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from batchdeck.models.text import clean as _clean

_ellipsis = "…"
"""Stands for what was cut off; one cell."""

_JOINERS = re.compile("[\u200b-\u200d\u2060-\u2064\ufe00-\ufe0f\ufeff]|[\U000e0000-\U000e0fff]")
"""Characters of no width that change the width of their neighbours in some terminals and not in others."""


def use_ascii(is_ascii: bool) -> None:
    """Cut with `~` instead of `…` from now on, for a terminal that shows nothing but ASCII."""
    global _ellipsis
    _ellipsis = "~" if is_ascii else "…"


def clean(text: str) -> str:
    """The text without anything that could act on a terminal or upset its columns; tab and newline stay."""
    cleaned = _clean(text)
    return cleaned if cleaned.isascii() else _JOINERS.sub("", cleaned)


def clean_line(text: str) -> str:
    """The same on one line: tabs and newlines become spaces."""
    return clean(text).replace("\n", " ").replace("\t", " ")


def content(text: str, style: str = "") -> Content:
    """Remote text as content that Textual shows as it is.

    Args:
        text: Anything.
        style: A style of theme variables, such as `$text-error bold`.
    """
    return Content.styled(clean(text), style)


def line(text: str, style: str = "") -> Content:
    """The same on one line."""
    return Content.styled(clean_line(text), style)


def fit(text: str, width: int) -> str:
    """Clean one-line text cut or padded at the right to exactly `width` cells."""
    if width <= 0:
        return ""
    shown = clean_line(text)
    if shown.isascii():
        if len(shown) <= width:
            return shown.ljust(width)
        return shown[: width - 1] + _ellipsis
    if cell_len(shown) <= width:
        return set_cell_size(shown, width)
    return set_cell_size(set_cell_size(shown, width - 1).rstrip(" ") + _ellipsis, width)


def fit_right(text: str, width: int) -> str:
    """Clean one-line text padded at the left to exactly `width` cells; what is too long loses its end."""
    shown = clean_line(text)
    length = cell_len(shown)
    return " " * (width - length) + shown if length <= width else fit(shown, width)


def shorten_middle(text: str, width: int) -> str:
    """Clean one-line text of at most `width` cells; what is too long loses its middle, as suits ids."""
    shown = clean_line(text)
    if cell_len(shown) <= width:
        return shown
    if width <= 1:
        return _ellipsis[:width]
    head = (width - 1 + 1) // 2
    tail = width - 1 - head
    start = set_cell_size(shown, head)
    end = ""
    for character in reversed(shown):
        if cell_len(character + end) > tail:
            break
        end = character + end
    return f"{start.rstrip(' ')}{_ellipsis}{end}"


def width_of(text: str) -> int:
    """Cells that clean one-line text takes."""
    return len(text) if text.isascii() else cell_len(text)
