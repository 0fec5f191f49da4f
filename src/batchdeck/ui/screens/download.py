"""Which files of a batch to bring here, and how that goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from batchdeck.errors import BatchdeckError, Interrupted, TargetExists
from batchdeck.services.names import safe_stem
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.messages import WorkChanged
from batchdeck.ui.screens.dialog import Dialog
from batchdeck.ui.screens.exists import ExistsScreen
from batchdeck.ui.telling import unless_seen_on
from batchdeck.ui.widgets.check_list import CheckList, Choice
from batchdeck.ui.widgets.field import Field
from batchdeck.ui.widgets.path_input import PathInput
from batchdeck.ui.widgets.progress_line import ProgressLine
from batchdeck.ui.work import WorkState

if TYPE_CHECKING:
    from batchdeck.services.facade import Services
    from batchdeck.ui.work import Work

FileChoice = Literal["output", "errors", "input"]
Kind = FileChoice | Literal["merged", "merged csv"]
CHOICES: tuple[tuple[Kind, str], ...] = (
    ("output", "the answers"),
    ("errors", "the rows of the requests that failed"),
    ("input", "the requests as they were sent"),
    ("merged", "one row a request in the input's order, over all retries"),
    ("merged csv", "the same as a table"),
)
MERGED = frozenset({"merged", "merged csv"})


class DownloadScreen(Dialog[None]):
    """Asks what and where to, then shows how each file does; the work goes on when it is hidden.

    Args:
        batch_ids: The batches.
        kinds: What is ticked at the start.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j,up,k", "focus_kinds", show=False),
        Binding("s", "stop", "Stop", show=False),
    ]
    yes_label = "Download"
    no_label = "Not now"

    @dataclass
    class FileDone(Message, bubble=False):
        """One file is here, or is not and why."""

        words: str
        is_good: bool

    def __init__(self, batch_ids: Sequence[str], kinds: Sequence[Kind] = ("output", "errors")) -> None:
        super().__init__()
        self.batch_ids = tuple(batch_ids)
        only = self.batch_ids[0] if len(self.batch_ids) == 1 else words.plural(len(self.batch_ids), "batch")
        self.title_text = f"Download {only}"
        self._first_kinds = frozenset(kinds)
        self._work: Work | None = None
        self._outcomes: list[tuple[str, bool]] = []

    def compose_body(self) -> Iterable[Widget]:
        """What, where to, and the table to join."""
        yield CheckList(self.deck.glyphs, id="download-kinds")
        yield Field(
            "to folder", PathInput(folders_only=True, id="download-folder"), id="download-folder-field"
        )
        yield Field(
            "join to table",
            PathInput(placeholder="tickets.csv", id="download-join"),
            id="download-join-field",
        )
        yield Field(
            "its custom_id",
            Input(placeholder="ticket-{id}", compact=True, id="download-on"),
            id="download-on-field",
        )
        yield ProgressLine(self.deck.glyphs, id="download-progress")
        yield Static(id="download-outcomes", markup=False)
        yield Static(id="download-hint", markup=False)

    def on_mount(self) -> None:
        """Tick what was asked for."""
        self.query_one(CheckList).show(
            [Choice(kind, kind, note=note) for kind, note in CHOICES], self._first_kinds
        )
        self.query_one("#download-folder", PathInput).value = str(self.deck.services.folders.downloads)
        for name in ("#download-progress", "#download-outcomes", "#download-hint"):
            self.query_one(name).display = False
        self._ticked()

    @on(CheckList.Ticked)
    def _ticked(self) -> None:
        ticked = self.query_one(CheckList).ticked
        self.query_one("#download-join-field").display = bool(ticked & MERGED)
        self.query_one("#download-on-field").display = bool(ticked & MERGED)
        self.allow_yes(bool(ticked))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one("#yes").focus()

    def action_focus_kinds(self) -> None:
        """From the buttons into the list."""
        kinds = self.query_one(CheckList)
        if kinds.display and not isinstance(self.focused, CheckList | Input):
            kinds.focus()

    def answer_yes(self) -> None:
        """Download; the dialog stays to show how it goes."""
        if self._work is not None:
            return
        folder = self.query_one("#download-folder", PathInput).path or Path()
        ticked = self.query_one(CheckList).ticked
        kinds: list[Kind] = [kind for kind, _ in CHOICES if kind in ticked]
        table = self.query_one("#download-join", PathInput).path
        on_template = self.query_one("#download-on", Input).value.strip()
        if bool(table) != bool(on_template) and ticked & MERGED:
            self._hint("To join a table, give the table and how its rows are called, such as ticket-{id}.")
            return
        join = (table, on_template) if table is not None and on_template else None
        services = self.deck.services

        async def download(work: Work) -> str | None:
            good = 0
            for batch_id in self.batch_ids:
                there = [kind for kind in kinds if await _has(services, batch_id, kind)]
                if not there:
                    self._tell(f"{batch_id} has none of these files.", is_good=False)
                for kind in there:
                    good += await self._one(services, work, batch_id, kind, folder, join)
            return f"{words.plural(good, 'file')} in {folder}." if good else None

        self._show_running()
        what = self.batch_ids[0] if len(self.batch_ids) == 1 else words.plural(len(self.batch_ids), "batch")
        self._work = self.deck.start_work(f"Downloading {what}", download, on_end=unless_seen_on(self))

    async def _one(
        self,
        services: Services,
        work: Work,
        batch_id: str,
        kind: Kind,
        folder: Path,
        join: tuple[Path, str] | None,
    ) -> int:
        """Bring one file; the number of files that stand there now."""
        force, to = False, folder
        while True:
            try:
                sentences = await _bring(services, work, batch_id, kind, to, join, force=force)
            except Interrupted:
                raise
            except TargetExists as error:
                choice = await self._ask(error.line, batch_id)
                if choice == "skip":
                    self._tell(f"{error.sentence} Left as it is.", is_good=False)
                    return 0
                force, to = (True, to) if choice == "overwrite" else (force, folder / safe_stem(batch_id))
            except BatchdeckError as error:
                self._tell(error.line, is_good=False)
                return 0
            else:
                for sentence in sentences:
                    self._tell(sentence, is_good=True)
                return len(sentences)

    async def _ask(self, question: str, batch_id: str) -> str:
        """What to do about a file that stands there; nobody watching means to leave it."""
        if not self.is_attached or not self.is_current:
            return "skip"
        return await self.app.push_screen_wait(ExistsScreen(question, safe_stem(batch_id)))

    def _tell(self, sentence: str, *, is_good: bool) -> None:
        """Say it here, or as a toast when the dialog is hidden."""
        if self.is_attached:
            self.post_message(self.FileDone(sentence, is_good))
        elif not is_good:
            self.deck.notify(text.clean(sentence), severity="warning", markup=False)

    @on(FileDone)
    def _file_done(self, event: FileDone) -> None:
        self._outcomes.append((event.words, event.is_good))
        glyphs = self.deck.glyphs
        lines = [
            text.line(f"{glyphs.done if good else glyphs.warning} {line}", "" if good else "$text-warning")
            for line, good in self._outcomes
        ]
        outcomes = self.query_one("#download-outcomes", Static)
        outcomes.display = True
        outcomes.update(Content("\n").join(lines))

    @on(WorkChanged)
    def _work_changed(self, event: WorkChanged) -> None:
        work = event.work
        if work is not self._work:
            return
        progress = self.query_one("#download-progress", ProgressLine)
        if work.state is WorkState.RUNNING:
            if work.progress is not None:
                progress.show(work.progress)
            return
        progress.display = False
        self.set_no_label("Close")
        if work.state is WorkState.STOPPED:
            self._hint("Stopped. What was whole stays; the rest goes on where it was when asked for again.")
        elif work.state is WorkState.FAILED and isinstance(work.error, BatchdeckError):
            self._hint(work.error.line)
        else:
            self._hint("")

    def _show_running(self) -> None:
        for name in (
            "#download-kinds",
            "#download-folder-field",
            "#download-join-field",
            "#download-on-field",
        ):
            self.query_one(name).display = False
        self.query_one("#download-progress").display = True
        self.query_one("#yes").display = False
        self.set_no_label("Hide")
        self.query_one("#no").focus()
        self._hint("s stops it. Hidden, it goes on.")

    def _hint(self, sentence: str) -> None:
        hint = self.query_one("#download-hint", Static)
        hint.display = bool(sentence)
        hint.update(text.content(sentence, "$text-muted"))

    def action_stop(self) -> None:
        """Stop the download."""
        if self._work is not None:
            self._work.stop()


async def _has(services: Services, batch_id: str, kind: Kind) -> bool:
    """False when the history says that a batch has no such file."""
    record = await services.browse.batch(batch_id)
    if record is None or kind in MERGED:
        return True
    batch = record.batch
    ids = {"output": batch.output_file_id, "errors": batch.error_file_id, "input": batch.input_file_id}
    return bool(ids[kind])


async def _bring(
    services: Services,
    work: Work,
    batch_id: str,
    kind: Kind,
    to: Path,
    join: tuple[Path, str] | None,
    *,
    force: bool,
) -> list[str]:
    """One file of one batch; a sentence for each file that stands there now."""
    if kind == "merged" or kind == "merged csv":
        merged = await services.merge.merged(
            batch_id,
            to,
            format="csv" if kind == "merged csv" else "jsonl",
            join=join,
            force=force,
            on_progress=work.on_progress,
            should_stop=work.should_stop,
        )
        return [
            " ".join((_size(merged.path, merged.summary.rows, merged.summary.bytes) + ".", *merged.notes))
        ]
    sentences = []
    async for done in services.download.download(
        batch_id, [kind], to, force=force, on_progress=work.on_progress, should_stop=work.should_stop
    ):
        sentence = _size(done.path, done.rows, done.bytes)
        if done.was_there:
            sentence += ", was there already"
        elif done.resumed:
            sentence += ", went on where it was cut off"
        sentences.append(f"{sentence}. {done.words}".strip())
    return sentences


def _size(path: Path, rows: int, size: int) -> str:
    return f"{path.name}  {words.plural(rows, 'row')}, {words.size(size)}"
