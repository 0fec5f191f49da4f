"""Results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from batchdeck.models.progress import Progress
from batchdeck.models.text import clean, clean_line

_ELLIPSIS = "…"


class Output:
    """Where a sub-command writes.

    Args:
        as_json: True prints one JSON object a line and nothing else on standard output.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._progress_shown = False

    def json(self, row: Mapping[str, Any]) -> None:
        """One JSON object on a line of its own, ASCII, so that no byte of it can act on a terminal."""
        self._clear_progress()
        _write(sys.stdout, json.dumps(row, ensure_ascii=True))

    def line(self, text: str) -> None:
        """One line of a result meant for a person; nothing under `--json`."""
        if not self.as_json:
            self._clear_progress()
            _write(sys.stdout, clean(text))

    def say(self, text: str) -> None:
        """One line beside the results."""
        self._clear_progress()
        _write(sys.stderr, clean_line(text))

    def complain(self, text: str) -> None:
        """One line that says what failed."""
        self.say(f"batchdeck: {text}")

    def progress(self, progress: Progress) -> None:
        """The state of long work, on a terminal alone."""
        if not sys.stderr.isatty():
            return
        text = clean_line(f"{progress.stage} {_amount(progress)}".strip())
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write("\r\x1b[K" + _printable(text[:width], sys.stderr.encoding))
        sys.stderr.flush()
        self._progress_shown = True

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int]) -> None:
        """Rows under headings, cut to the terminal's width from the widest text column.

        Args:
            headings: One for each column.
            rows: Cells as text; remote text is made harmless here.
            right: Columns of numbers, set to the right.
        """
        cells = [[clean_line(cell) for cell in row] for row in rows]
        widths = _fit([[*headings], *cells], _line_width(), keep=right)
        for row in [[*headings], *cells]:
            parts = [_cell(text, widths[place], place in right) for place, text in enumerate(row)]
            self.line("  ".join(parts).rstrip())

    def _clear_progress(self) -> None:
        if self._progress_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._progress_shown = False


def _write(stream: TextIO, line: str) -> None:
    stream.write(_printable(line, stream.encoding) + "\n")
    stream.flush()


def _printable(text: str, encoding: str | None) -> str:
    """The text with what the stream's encoding lacks replaced."""
    name = encoding or "ascii"
    return text.encode(name, "replace").decode(name)


def _line_width() -> int | None:
    """Cells of a line, or None where the output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _cell_width(text: str) -> int:
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _cut(text: str, width: int) -> str:
    """The text shortened in the middle to a number of cells."""
    if _cell_width(text) <= width:
        return text
    if width <= 1:
        return _ELLIPSIS[:width]
    head, tail = text, text
    while _cell_width(head) > width // 2:
        head = head[:-1]
    while _cell_width(tail) > width - 1 - _cell_width(head):
        tail = tail[1:]
    return head + _ELLIPSIS + tail


def _cell(text: str, width: int, to_right: bool) -> str:
    shown = _cut(text, width)
    padding = " " * (width - _cell_width(shown))
    return padding + shown if to_right else shown + padding


def _fit(rows: Sequence[Sequence[str]], line_width: int | None, *, keep: frozenset[int]) -> list[int]:
    """Column widths that fit a line; columns in `keep` are never cut."""
    widths = [max(_cell_width(row[place]) for row in rows) for place in range(len(rows[0]))]
    if line_width is None:
        return widths
    room = line_width - 2 * (len(widths) - 1)
    while sum(widths) > room:
        candidates = [place for place in range(len(widths)) if place not in keep and widths[place] > 6]
        if not candidates:
            break
        widths[max(candidates, key=lambda place: widths[place])] -= 1
    return widths


def _amount(progress: Progress) -> str:
    if progress.unit == "bytes":
        done = f"{progress.done / 1e6:.1f}"
        return f"{done} of {progress.total / 1e6:.1f} MB" if progress.total else f"{done} MB"
    if progress.total:
        return f"{progress.done:,} of {progress.total:,} {progress.unit}".rstrip()
    return f"{progress.done:,} {progress.unit}".rstrip() if progress.done else ""
