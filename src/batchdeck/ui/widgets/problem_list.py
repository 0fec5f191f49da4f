"""What is wrong with a file, line by line, and the text of the line under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from batchdeck.models.lines import LineProblem
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.widgets.line_view import ACCENT, BAD, WARN, LineView, Piece


class ProblemList(LineView):
    """Line number, code and sentence; errors and warnings told apart by a word, too."""

    DEFAULT_CSS = """
    ProblemList { height: auto; max-height: 12; min-height: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._problems: Sequence[LineProblem] = ()

    def show(self, problems: Sequence[LineProblem]) -> None:
        """Show these, in line order."""
        self._problems = problems
        self.cursor = 0
        self.set_count(len(problems))

    @property
    def chosen(self) -> LineProblem | None:
        """The problem under the cursor."""
        return self._problems[self.cursor] if self._problems else None

    def row(self, index: int, width: int) -> list[Piece]:
        """One problem."""
        problem = self._problems[index]
        where_width = max(len(_where(each)) for each in (self._problems[-1], self._problems[0]))
        code_width = min(26, max(len(each.code) for each in self._problems[:200]))
        style = BAD if problem.is_error else WARN
        pieces: list[Piece] = [
            (_where(problem).ljust(where_width) + "  ", ACCENT),
            ("error   " if problem.is_error else "warning ", style),
        ]
        left = width - where_width - 10
        if left > code_width + 20:
            pieces.append((text.fit(problem.code, code_width) + "  ", style))
            left -= code_width + 2
        pieces.append((text.fit(problem.message, max(1, left)), ""))
        return pieces


def _where(problem: LineProblem) -> str:
    return "file" if problem.line == 0 else f"line {words.count(problem.line)}"
