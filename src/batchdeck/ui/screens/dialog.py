"""What all dialogs have in common: a box, a safe answer that has the focus, and y / n / esc."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, ScreenResultType
from textual.widget import Widget
from textual.widgets import Button

from batchdeck.ui import text
from batchdeck.ui.screens.base import ActionScreen


class Dialog(ActionScreen[ScreenResultType], ModalScreen[ScreenResultType]):
    """A box over the view, answered with `y`, or with `n`, `esc` or the button that has the focus.

    `y` is the only key that says yes from anywhere in the box, so the key that opened it cannot.
    """

    CSS_PATH = "../styles/dialog.tcss"
    AUTO_FOCUS: ClassVar[str | None] = "#no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Yes", show=False),
        Binding("n,escape", "no", "No", show=False),
        Binding("left,h", "focus_button('no')", show=False),
        Binding("right,l", "focus_button('yes')", show=False),
    ]

    title_text: str = ""
    yes_label: str = "Yes"
    no_label: str = "No"
    danger: bool = False

    def compose(self) -> ComposeResult:
        """The box with a scrolling body and the two buttons under it."""
        with Vertical(id="dialog") as box:
            box.border_title = text.line(self.title_text)
            with VerticalScroll(id="dialog-body", can_focus=False):
                yield from self.compose_body()
            with Horizontal(id="dialog-buttons"):
                yield Button(self._label("n", self.no_label), id="no", compact=True)
                yield Button(
                    self._label("y", self.yes_label),
                    id="yes",
                    variant="error" if self.danger else "primary",
                    compact=True,
                )

    def on_mount(self) -> None:
        """Without Unicode the frame is drawn otherwise."""
        self.set_class(self.deck.is_ascii, "-ascii")

    def on_resize(self, event: events.Resize) -> None:
        """Leave room for the buttons; without much height the margins go first."""
        short = event.size.height < 12
        self.set_class(short, "-short")
        self.query_one("#dialog-body").styles.max_height = max(1, event.size.height - (3 if short else 6))

    def compose_body(self) -> Iterable[Widget]:
        """What stands above the buttons."""
        raise NotImplementedError

    def answer_yes(self) -> None:
        """What yes does."""
        raise NotImplementedError

    def answer_no(self) -> None:
        """What no and esc do."""
        self.app.pop_screen()

    @property
    def can_say_yes(self) -> bool:
        """False while there is nothing to say yes to."""
        return not self.query_one("#yes", Button).disabled

    def allow_yes(self, allowed: bool, label: str | None = None) -> None:
        """Switch the yes button on or off, with another label if given."""
        button = self.query_one("#yes", Button)
        button.disabled = not allowed
        if label is not None:
            button.label = self._label("y", label)
            button.refresh(layout=True)

    def set_no_label(self, label: str) -> None:
        """Call the safe button something else."""
        button = self.query_one("#no", Button)
        button.label = self._label("n", label)
        button.refresh(layout=True)

    def action_yes(self) -> None:
        """Say yes, if there is something to say yes to."""
        if self.can_say_yes:
            self.answer_yes()

    def action_no(self) -> None:
        """Say no."""
        self.answer_no()

    def action_focus_button(self, name: str) -> None:
        """Move to a button; only between buttons, so that lists and inputs keep their arrows."""
        self.query_one(f"#{name}", Button).focus()

    @on(Button.Pressed, "#yes")
    def _yes_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_yes()

    @on(Button.Pressed, "#no")
    def _no_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_no()

    @staticmethod
    def _label(key: str, label: str) -> Content:
        """A button's label with its key before it."""
        return Content.assemble((key, "underline"), " ", text.line(label))
