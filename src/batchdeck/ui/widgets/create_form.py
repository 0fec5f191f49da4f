"""The form of a create: the file, what a check found, the options."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from batchdeck.models.lines import CheckReport
from batchdeck.models.progress import Progress
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.widgets.check_summary import check_summary
from batchdeck.ui.widgets.create_options import CreateOptions
from batchdeck.ui.widgets.field import Field
from batchdeck.ui.widgets.line_view import LineView
from batchdeck.ui.widgets.path_input import PathInput
from batchdeck.ui.widgets.problem_list import ProblemList
from batchdeck.ui.widgets.progress_line import ProgressLine
from batchdeck.ui.widgets.table_form import TableForm

_PARTS = ("create-table", "create-progress", "create-words", "create-checked")


class CreateForm(VerticalScroll, can_focus=False):
    """Shows one stage of a create at a time under the file's path.

    Args:
        path: A file to begin with, or None.
        window: The profile's completion window.
        glyphs: Unicode or ASCII.
    """

    def __init__(self, path: Path | None, window: str, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._first_path = path
        self._window = window
        self._glyphs = glyphs
        self._report: CheckReport | None = None

    def compose(self) -> ComposeResult:
        """File at the top; the check at the left, the options at the right."""
        yield Field("file", PathInput(str(self._first_path or ""), id="create-path"))
        yield TableForm(id="create-table")
        yield ProgressLine(self._glyphs, id="create-progress")
        yield Static(id="create-words", markup=False)
        with Container(id="create-checked"):
            with Vertical(id="create-found"):
                yield Static(id="create-summary", markup=False)
                yield ProblemList(id="create-problems")
                yield Static(id="create-line", markup=False)
            yield CreateOptions(self._window, self._glyphs, id="create-options")

    @property
    def path(self) -> Path | None:
        """What is typed."""
        return self.query_one("#create-path", PathInput).path

    def set_path(self, path: Path) -> None:
        """Show another path without taking it for typed."""
        field = self.query_one("#create-path", PathInput)
        with field.prevent(Input.Changed):
            field.value = str(path)

    @property
    def table(self) -> TableForm:
        """Template, target and preview of a table."""
        return self.query_one(TableForm)

    @property
    def options(self) -> CreateOptions:
        """Metadata and the rest."""
        return self.query_one(CreateOptions)

    def show_only(self, *names: str) -> None:
        """Show these parts of the form and no others."""
        for name in _PARTS:
            self.query_one(f"#{name}").display = name in names

    def say(self, sentence: str, style: str = "$text-muted") -> None:
        """Show a sentence, beside whatever part is shown."""
        shown = self.query_one("#create-words", Static)
        shown.update(text.content(sentence, style))
        shown.display = bool(sentence)

    def show_progress(self, progress: Progress | None) -> None:
        """Show how far a step is; None takes the line away."""
        line = self.query_one("#create-progress", ProgressLine)
        line.display = progress is not None
        if progress is not None:
            line.show(progress)

    def show_check(self, report: CheckReport, estimate: float | None) -> None:
        """Show what was found, and the options when the file can be sent."""
        self._report = report
        self.show_only("create-checked")
        self.query_one("#create-summary", Static).update(check_summary(report, estimate, self._glyphs))
        problems = self.query_one(ProblemList)
        problems.display = bool(report.problems)
        problems.show(report.problems)
        self._show_line()
        self.options.display = report.is_valid or report.is_valid_when_split
        self.options.offer(report)
        if report.problems and not self.options.display:
            problems.focus()

    def begin_sending(self) -> None:
        """From now on nothing can be changed."""
        self.show_only("create-progress", "create-words")
        self.say("Esc leaves this view; the work goes on.")
        self.query_one("#create-path", PathInput).disabled = True

    def end_sending(self) -> None:
        """Another file may be chosen."""
        self.show_only("create-words")
        self.query_one("#create-path", PathInput).disabled = False

    @on(LineView.Moved)
    def _moved(self, event: LineView.Moved) -> None:
        event.stop()
        self._show_line()

    def _show_line(self) -> None:
        """The text of the line with the problem under the cursor."""
        problem, report = self.query_one(ProblemList).chosen, self._report
        line = self.query_one("#create-line", Static)
        line.display = problem is not None
        if problem is None or report is None:
            return
        hidden = report.error_count + report.warning_count - len(report.problems)
        line.update(
            Content.assemble(
                text.content(problem.message, "bold"),
                text.content(f"\n{problem.text}" if problem.text else "", "$text-muted"),
                f"\n{words.count(hidden)} more problems are not listed." if hidden > 0 else "",
            )
        )
