"""The filter: typed here, applied as it is typed, with a wrong term marked where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from batchdeck.errors import FilterError
from batchdeck.models.filter import BatchFilter
from batchdeck.ui import text

_DELAY = 0.15
"""Seconds without a key before what was typed is applied."""
_PROMPT = " / "


class _WrongTerm(Highlighter):
    """Underlines the wrong part of the input."""

    def __init__(self) -> None:
        self.span: tuple[int, int] | None = None

    def highlight(self, text: Text) -> None:
        """Mark the wrong part."""
        if self.span is not None:
            text.stylize("underline bold", *self.span)


class _FilterInput(Input):
    """An input that gives the arrows and enter back to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "To the list"),
        Binding("escape", "leave(True)", "Clear"),
        Binding("down", "leave(False)", show=False),
    ]

    def action_leave(self, clear: bool) -> None:
        """Go back to the list, taking the filter off or not."""
        self.post_message(FilterBar.Left(clear))


class FilterBar(Vertical):
    """One line for the filter and, while it is wrong, one for what was expected."""

    DEFAULT_CSS = """
    FilterBar {
        height: auto;
        width: 1fr;
        display: none;
        background: $surface;
        & > Horizontal { height: 1; }
        .filter-prompt { width: 3; color: $text-accent; text-style: bold; }
        Input, Input:focus { border: none; height: 1; padding: 0; background: $surface; width: 1fr; }
        .filter-problem { height: auto; padding: 0 0 0 3; color: $text-error; display: none; }
        &.-wrong .filter-problem { display: block; }
    }
    """

    @dataclass
    class Applied(Message):
        """Another filter is to be shown."""

        filter: BatchFilter

    @dataclass
    class Left(Message):
        """The keys are to go back to the list."""

        clear: bool

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marker = _WrongTerm()
        self._timer: Timer | None = None
        self._applied = ""

    def compose(self) -> ComposeResult:
        """Prompt, input, problem."""
        with Horizontal():
            yield Static(_PROMPT, classes="filter-prompt", markup=False)
            yield _FilterInput(
                compact=True,
                select_on_focus=False,
                highlighter=self._marker,
                placeholder="status:failed  model:gpt-4o*  age:<7d  failed:>0  meta.team:search  words",
            )
        yield Static("", classes="filter-problem", markup=False)

    def on_mount(self) -> None:
        """No blinking: it would write to the terminal all the time."""
        self.query_one(Input).cursor_blink = False

    @property
    def value(self) -> str:
        """What is typed."""
        return self.query_one(Input).value

    def open(self, applied: str) -> None:
        """Show the bar and take the keys."""
        self._applied = applied
        self.display = True
        line = self.query_one(Input)
        if line.value != applied and not self.has_class("-wrong"):
            line.value = applied
        line.focus()

    def close(self) -> None:
        """Empty and hide the bar."""
        self._stop_timer()
        self._applied = ""
        self._tell_problem(None)
        self.query_one(Input).value = ""
        self.display = False

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._stop_timer()
        self._tell_problem(None)
        if event.value.strip() != self._applied:
            self._timer = self.set_timer(_DELAY, self._apply)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self._apply():
            self.post_message(self.Left(clear=False))

    def on_unmount(self, _: events.Unmount) -> None:
        """Apply nothing any more."""
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _apply(self) -> bool:
        """Read the filter and tell it; False and marked where it is wrong."""
        self._stop_timer()
        value = self.query_one(Input).value
        try:
            parsed = BatchFilter.parse(value)
        except FilterError as error:
            self._tell_problem(error)
            return False
        self._tell_problem(None)
        if parsed.text != self._applied:
            self._applied = parsed.text
            self.post_message(self.Applied(parsed))
        return True

    def _tell_problem(self, error: FilterError | None) -> None:
        """Mark the wrong part, with what was expected right below it."""
        line = self.query_one(Input)
        span = (error.position, error.position + max(1, error.length)) if error else None
        if span != self._marker.span:
            self._marker.span = span
            line.refresh()
        self.set_class(error is not None, "-wrong")
        if error is None:
            return
        shown = text.clean_line(line.value)
        start = max(0, text.width_of(shown[: error.position]) - round(line.scroll_x))
        room = self.size.width - len(_PROMPT)
        marks = " " * start + "^" * max(1, min(error.length, room - start))
        words = f"expected {error.expected}"
        between = " " if len(marks) + 1 + len(words) < room else "\n"
        self.query_one(".filter-problem", Static).update(text.content(f"{marks}{between}{words}"))
