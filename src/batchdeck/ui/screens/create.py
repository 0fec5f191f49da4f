"""A batch from a file: check, options, send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input, Static

from batchdeck.errors import BatchdeckError, Interrupted
from batchdeck.ui import create_steps as steps
from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.reading import Reading
from batchdeck.ui.screens.create_sending import CreateSending
from batchdeck.ui.widgets.create_form import CreateForm
from batchdeck.ui.widgets.key_bar import KeyBar
from batchdeck.ui.widgets.path_input import PathInput

if TYPE_CHECKING:
    pass

BESIDE = 100
"""Columns from which the options stand beside the check."""
_BREAKPOINTS = [(0, "-narrow"), (BESIDE, "-beside")]
_INTRO = (
    "A JSONL file with one request a line, or a CSV, TSV or JSONL table to build requests from.\n"
    "Tab completes the path, ctrl+o opens a tree, enter checks. Nothing is sent before you say so."
)


class CreateScreen(CreateSending):
    """Checks a file, shows what is wrong with it, and creates batches from it.

    Args:
        path: A file to begin with.
    """

    CSS_PATH = "../styles/create.tcss"
    HELP_TITLE: ClassVar[str] = "Create a batch"
    HELP_TEXT: ClassVar[str] = _INTRO
    ACTION_IDS: ClassVar[tuple[str, ...]] = (
        "view.back",
        "create.check",
        "create.browse",
        "create.send",
        "create.stop",
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(*ACTION_IDS)
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    AUTO_FOCUS: ClassVar[str | None] = "#create-path"

    @dataclass
    class Refused(Message, bubble=False):
        """A step could not be done."""

        reading: Reading
        words: str

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self._first_path = path
        self._table: Path | None = None
        self._checked: steps.Checked | None = None
        self._reading: Reading | None = None

    def compose(self) -> ComposeResult:
        """A head line, the form, the keys."""
        yield Static("Create a batch", id="create-head", markup=False)
        yield CreateForm(
            self._first_path, self.deck.profile.completion_window, self.deck.glyphs, id="create-form"
        )
        yield KeyBar()

    def on_mount(self) -> None:
        """Check the file that was given."""
        self.set_class(self.deck.is_ascii, "-ascii")
        self._forget()
        if self._first_path is not None:
            self.do_create_check()

    def _forget(self) -> None:
        """Another file: what was found is of no use."""
        if self._reading is not None:
            self._reading.stop()
        self._reading = self._checked = self._table = None
        self.form.say(_INTRO)
        self.form.show_only("create-words")
        self.refresh_bindings()

    def _step(self, step: Callable[[Reading], Awaitable[Message]], sentence: str) -> None:
        """Run a step that only reads; a newer one takes its place."""
        if self._reading is not None:
            self._reading.stop()
        reading = self._reading = Reading(self)
        self.form.say(sentence)

        async def run() -> None:
            try:
                self.post_message(await step(reading))
            except Interrupted:
                return
            except BatchdeckError as error:
                self.post_message(self.Refused(reading, error.line))

        self.read(run(), "create-step")

    def _step_ended(self) -> None:
        self._reading = None
        self.form.show_progress(None)

    @on(Reading.Progressed)
    def _show_progress(self, event: Reading.Progressed) -> None:
        if event.reading is self._reading:
            self.form.show_progress(event.progress)

    @on(Refused)
    def _show_refusal(self, event: Refused) -> None:
        if event.reading is self._reading:
            self._step_ended()
            self.form.say(event.words, "$text-error")

    # --- the file -------------------------------------------------------------

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "create-path":
            self.do_create_check()
        elif self._table is not None:
            self._preview()
        else:
            self.focus_next()

    @on(Input.Changed, "#create-path")
    def _path_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._checked is not None or self._table is not None:
            self._forget()

    def do_create_browse(self) -> None:
        """Choose the file from a tree."""
        from batchdeck.ui.screens.file_tree import FileTreeScreen

        typed = self.query_one("#create-path", PathInput).folder

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._check(path)

        self.app.push_screen(FileTreeScreen(typed), chosen)

    def do_create_check(self) -> None:
        """Find out what the file is, and judge it."""
        path = self.form.path
        if path is not None and self.work is None:
            self._check(path)

    def _check(self, path: Path) -> None:
        if self.work is not None:
            return
        self._forget()
        self.form.set_path(path)
        services = self.deck.services
        self._step(lambda reading: steps.look(services, path, reading), f"Checking {path.name}. Esc stops.")

    @on(steps.TableFound)
    def _table_found(self, event: steps.TableFound) -> None:
        self._step_ended()
        self._table = event.path
        self.form.show_only("create-table")
        form = self.form.table
        form.begin(event.path)
        form.focus_template()

    def _preview(self) -> None:
        table, template = self._table, self.form.table.template
        if table is not None and template is not None:
            self._step(lambda _: steps.preview(table, template), "Building the first requests.")

    @on(steps.Previewed)
    def _show_preview(self, event: steps.Previewed) -> None:
        self._step_ended()
        self.form.show_only("create-table")
        self.form.table.show(event.preview)

    def _build(self, table: Path) -> None:
        form = self.form.table
        template, out = form.template, form.out
        if template is None or out is None:
            form.say("A template and a file to build to are needed.", "$text-error")
            return
        services = self.deck.services
        self._step(
            lambda reading: steps.build(services, table, template, out, reading),
            f"Building {out.name}. Esc stops.",
        )

    @on(steps.Built)
    def _built(self, event: steps.Built) -> None:
        self._step_ended()
        if event.report.problem_count:
            self.form.show_only("create-table")
            self.form.table.show_problems(event.report.problems, event.report.problem_count)
            return
        self._check(Path(event.report.path))

    @on(steps.Checked)
    def _show_check(self, event: steps.Checked) -> None:
        self._step_ended()
        self._checked = event
        self.form.show_check(event.report, event.estimate)
        self.refresh_bindings()

    # --- sending --------------------------------------------------------------

    def why_not(self, action_id: str) -> str | None:
        """Besides read-only: what has to come first."""
        if action_id == "create.send" and self.work is None:
            if self._table is not None:
                return None
            if self._checked is None:
                return "Check a file first."
            report = self._checked.report
            if not report.is_valid and not report.is_valid_when_split:
                return "The file has errors: correct it and check again."
        if action_id == "create.stop" and self.work is None:
            return "Nothing is being sent."
        return super().why_not(action_id)

    def do_create_send(self) -> None:
        """Build a table; plan a checked file, to ask."""
        checked = self._checked
        if self.work is not None:
            return
        if self._table is not None:
            self._build(self._table)
        elif checked is not None:
            try:
                options = self.form.options.read()
            except ValueError as error:
                self.notify(str(error), severity="warning", markup=False)
                return
            services = self.deck.services
            self._step(
                lambda reading: steps.plan(services, checked.path, checked.report, options, reading),
                "Looking what would be sent.",
            )

    @on(steps.Planned)
    def _plan_known(self, event: steps.Planned) -> None:
        self._step_ended()
        self.form.say("")
        self.ask(
            event.plan, self._checked.estimate if self._checked is not None else None, event.wait_for_room
        )

    def sending_began(self) -> None:
        """What was checked is on its way: it is not to be sent twice."""
        self._checked = None

    def do_view_back(self) -> None:
        """Stop a check; else leave."""
        if self._reading is not None:
            self._forget()
            self.form.say("Stopped. Nothing was sent.")
        else:
            self.dismiss(None)
