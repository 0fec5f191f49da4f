"""Failure groups and refused lines, one a row."""

from __future__ import annotations

from collections.abc import Sequence

from batchdeck.models.lines import FailureGroup
from batchdeck.services.failures import RefusedLine
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.glyphs import UNICODE, Glyphs
from batchdeck.ui.widgets.line_view import ACCENT, BAD, GOOD, MUTED, STRONG, WARN, LineView, Piece

_BAR = 10


class GroupList(LineView):
    """Code, count, share, whether sending again helps, and a sample of the service's words."""

    DEFAULT_CSS = """
    GroupList { height: 1fr; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._groups: Sequence[FailureGroup] = ()

    def show(self, groups: Sequence[FailureGroup]) -> None:
        """Show these groups."""
        self._groups = groups
        self.set_count(len(groups))

    @property
    def chosen(self) -> FailureGroup | None:
        """The group under the cursor."""
        return self._groups[self.cursor] if self._groups else None

    def row(self, index: int, width: int) -> list[Piece]:
        """From the right they go when it is narrow."""
        group = self._groups[index]
        count_width = max(len(words.count(each.count)) for each in self._groups)
        code_width = max(8, min(max(len(each.code) for each in self._groups), 30, width - count_width - 18))
        pieces: list[Piece] = [
            (text.fit(group.code, code_width), STRONG),
            (f" {words.count(group.count).rjust(count_width)} ", ""),
        ]
        left = width - code_width - count_width - 2
        if left >= 50:
            largest = max(each.count for each in self._groups)
            filled = max(1, round(group.count / largest * _BAR)) if group.count else 0
            pieces += [
                (self._glyphs.bar_full * filled, BAD),
                (self._glyphs.bar_empty * (_BAR - filled), MUTED),
            ]
            left -= _BAR
        pieces.append((words.percent(group.share).rjust(5) + "  ", MUTED))
        left -= 7
        helps = "retryable" if group.retryable else "not retryable"
        pieces.append((text.fit(helps, min(15, left)), GOOD if group.retryable else WARN))
        left -= 15
        if left > 8:
            pieces.append((text.fit(group.message, left), MUTED))
        return pieces


class RefusedList(LineView):
    """Why the service refused a file: line, code, message."""

    DEFAULT_CSS = """
    RefusedList { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[RefusedLine] = ()

    def show(self, lines: Sequence[RefusedLine]) -> None:
        """Show these errors."""
        self._lines = lines
        self.set_count(len(lines))

    @property
    def chosen(self) -> RefusedLine | None:
        """The error under the cursor."""
        return self._lines[self.cursor] if self._lines else None

    def row(self, index: int, width: int) -> list[Piece]:
        """Line number, code, message."""
        refused = self._lines[index]
        number_width = max(len(_where(each)) for each in self._lines)
        code_width = max(len(each.code) for each in self._lines)
        return [
            (f"{_where(refused).ljust(number_width)}  ", ACCENT),
            (text.fit(refused.code, min(code_width, 26)) + "  ", BAD),
            (text.clean_line(refused.message), ""),
        ]


def _where(refused: RefusedLine) -> str:
    return "file" if refused.line is None else f"line {words.count(refused.line)}"
