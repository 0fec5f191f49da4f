"""Text as the history keeps it: what SQLite can hold, and lines that words are sought in."""

from __future__ import annotations

import re

KEY_END = "\x1f"
"""Stands between a metadata key and its value in a batch's text."""

FILE_LINE = KEY_END + KEY_END
"""Begins a line with a file's name or id in a batch's text; no metadata key can."""

_UNSTORABLE = re.compile("[\ud800-\udfff\0]")


def plain(text: str) -> str:
    """Text that SQLite can hold: without lone surrogates and NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def plain_or_none(text: str | None) -> str | None:
    """As `plain`; empty text is none."""
    return plain(text) if text else None


def flat(text: str) -> str:
    """Text as it stands in one line of a batch's text: case-folded, without line or key ends."""
    folded = plain(text).casefold()
    return folded if folded.isprintable() else folded.translate(_FLAT)


_FLAT = {ord("\n"): " ", ord("\r"): " ", ord(KEY_END): " "}
