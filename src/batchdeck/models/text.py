"""Making text that someone else wrote harmless for a terminal."""

from __future__ import annotations

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks, overrides and isolates
    "\u2028\u2029\ufff9-\ufffb\ud800-\udfff]"  # line separators, interlinear marks, lone surrogates
)


def clean(text: str) -> str:
    """The text with every character replaced that could act on a terminal; tab and newline stay."""
    return _UNSAFE.sub(REPLACEMENT, text)


def clean_line(text: str) -> str:
    """The same on one line: tabs and newlines become spaces."""
    return clean(text).replace("\n", " ").replace("\t", " ")
