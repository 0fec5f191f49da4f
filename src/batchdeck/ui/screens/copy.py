"""Choose what to copy of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from batchdeck.services.readable import as_json
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.copying import copy_text
from batchdeck.ui.screens.dialog import Dialog
from batchdeck.ui.widgets.line_view import ACCENT, LineView, Piece
from batchdeck.ui.widgets.path_input import PathInput

if TYPE_CHECKING:
    from batchdeck.models.batch import BatchRecord
    from batchdeck.ui.work import Work


class CopyList(LineView):
    """What can be copied, with its value."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,y,space", "choose", "Copy", show=False)]
    DEFAULT_CSS = """
    CopyList { height: auto; max-height: 14; }
    """

    def __init__(self, things: Sequence[tuple[str, str]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._things = things

    def on_mount(self) -> None:
        """Show them."""
        self.set_count(len(self._things))

    def row(self, index: int, width: int) -> list[Piece]:
        """Name and value."""
        name, value = self._things[index]
        name_width = max(len(each) for each, _ in self._things) + 2
        return [
            (name.ljust(name_width), ACCENT),
            (text.shorten_middle(value, max(4, width - name_width)), ""),
        ]

    def clicked(self, index: int) -> None:
        """A click copies."""
        self.cursor = index
        self.choose()

    def action_choose(self) -> None:
        """Copy the row under the cursor."""
        self.choose()


class CopyScreen(Dialog[None]):
    """Everything of a batch that is worth having on the clipboard.

    Args:
        record: The batch.
    """

    AUTO_FOCUS: ClassVar[str | None] = "#copy-list"
    title_text = "Copy"
    no_label = "Close"
    yes_label = "Copy"

    def __init__(self, record: BatchRecord) -> None:
        super().__init__()
        self.things = things_of(record)

    def compose_body(self) -> Iterable[Widget]:
        """The list."""
        yield CopyList(self.things, id="copy-list")

    @on(LineView.Chosen)
    def _chosen(self, event: LineView.Chosen) -> None:
        event.stop()
        self.answer_yes()

    def answer_yes(self) -> None:
        """Copy what is under the cursor."""
        name, value = self.things[self.query_one(CopyList).cursor]
        deck = self.deck
        self.dismiss(None)
        copy_text(deck, value, f"the {name}" if not name.startswith("batchdeck ") else "the command")


def things_of(record: BatchRecord) -> list[tuple[str, str]]:
    """Name and value of what can be copied."""
    batch = record.batch
    things = [("id", batch.id)]
    if record.name != batch.id:
        things.append(("name", record.name))
    for name, value in (
        ("input file id", batch.input_file_id),
        ("output file id", batch.output_file_id),
        ("error file id", batch.error_file_id),
        ("input file name", record.input_name),
        ("model", batch.model),
        ("retried batch's id", batch.retry_of),
    ):
        if value:
            things.append((name, value))
    if batch.metadata:
        things.append(("metadata", as_json(dict(batch.metadata))))
    quoted = shell_quoted(batch.id)
    things += [
        ("batchdeck show", f"batchdeck show {quoted}"),
        ("batchdeck download", f"batchdeck download {quoted}"),
    ]
    return things


def shell_quoted(value: str) -> str:
    """A value that someone else wrote as one word of a shell command."""
    import shlex

    return shlex.quote(text.clean_line(value))


class SaveScreen(Dialog[None]):
    """For what is too long for the clipboard: a file instead.

    Args:
        value: The text.
        what: What it is, for the sentence.
    """

    title_text = "Too long for the clipboard"
    yes_label = "Save"
    no_label = "Close"

    def __init__(self, value: str, what: str) -> None:
        super().__init__()
        self.value = value
        self.what = what

    def compose_body(self) -> Iterable[Widget]:
        """Why, and where to."""
        size = words.size(len(self.value.encode("utf-8", "replace")))
        yield Static(
            f"Terminals take about 75 kB; this is {size}. It can be saved to a file instead.",
            markup=False,
        )
        yield PathInput(str(self.deck.services.folders.downloads / "batchdeck-copy.txt"), id="save-path")

    @on(PathInput.Submitted)
    def _submitted(self, event: PathInput.Submitted) -> None:
        event.stop()
        self.answer_yes()

    def answer_yes(self) -> None:
        """Save."""
        path = self.query_one(PathInput).path
        if path is None:
            return
        value, what = self.value, self.what

        async def save(_: Work) -> str | None:
            from batchdeck.services.local_files import save_text

            await save_text(path, value)
            return f"Saved {what} to {path}."

        self.deck.start_work(f"Saving {what}", save)
        self.dismiss(None)
