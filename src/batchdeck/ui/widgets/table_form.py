"""For a table: the template, where to build to, and the first requests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from batchdeck.models.lines import LineProblem
from batchdeck.services.readable import ReadableLine, pretty
from batchdeck.services.tables import TablePreview
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.widgets.field import Field
from batchdeck.ui.widgets.path_input import PathInput
from batchdeck.ui.widgets.text_view import TextView

_SHOWN = 8
"""Problems that are told one by one."""


class TableForm(Vertical):
    """Two paths and a preview."""

    DEFAULT_CSS = """
    TableForm { height: auto; }
    TableForm > #table-words { height: auto; margin: 1 0 0 0; }
    TableForm > #table-preview { height: auto; max-height: 14; background: $surface; }
    """

    def compose(self) -> ComposeResult:
        """Template, target, preview."""
        yield Field(
            "template",
            PathInput(placeholder="a JSON file with {column} places, or a TOML file", id="table-template"),
        )
        yield Field("build to", PathInput(id="table-out"))
        yield Static(id="table-words", markup=False)
        preview = TextView(id="table-preview")
        preview.display = False
        yield preview

    @property
    def template(self) -> Path | None:
        """The template's path."""
        return self.query_one("#table-template", PathInput).path

    @property
    def out(self) -> Path | None:
        """Where the request file goes."""
        return self.query_one("#table-out", PathInput).path

    def begin(self, table: Path) -> None:
        """A table was chosen."""
        self.query_one("#table-out", PathInput).value = str(table.with_name(f"{table.stem}.requests.jsonl"))
        self.say("This is a table. Name a template: enter shows the first requests, ctrl+s builds them all.")

    def focus_template(self) -> None:
        """Go on with the template."""
        self.query_one("#table-template", PathInput).focus()

    def say(self, sentence: str, style: str = "$text-muted") -> None:
        """A sentence under the fields."""
        self.query_one("#table-words", Static).update(text.content(sentence, style))

    def show_problems(self, problems: Sequence[LineProblem], count: int) -> None:
        """Say what is wrong with the rows."""
        sentences = [f"row {words.count(each.line)}: {each.message}" for each in problems[:_SHOWN]]
        if count > _SHOWN:
            sentences.append(f"and {words.count(count - _SHOWN)} more; nothing was written.")
        self.say("\n".join(sentences), "$text-error")

    def show(self, preview: TablePreview) -> None:
        """Show the first requests, or what is wrong with the rows."""
        view = self.query_one("#table-preview", TextView)
        if preview.problems:
            self.show_problems(preview.problems, len(preview.problems))
        else:
            self.say(f"Columns: {', '.join(preview.columns)}. The first requests, ctrl+s builds them all:")
        lines: list[ReadableLine] = []
        for line in preview.lines:
            shift = len(lines)
            lines.extend(
                ReadableLine(each.depth, each.pieces, each.last + shift, each.members)
                for each in pretty(line)
            )
        view.display = bool(lines)
        view.show(lines)
