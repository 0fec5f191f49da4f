"""Another file stands under the name a download would take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from batchdeck.ui import text
from batchdeck.ui.screens.dialog import Dialog


class ExistsScreen(Dialog[str]):
    """Answers `skip`, `overwrite` or `other`; the safe one has the focus.

    Args:
        question: What stands where.
        other: Name of the folder that the file could go into instead.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("o", "other", "Other place", show=False)]
    title_text = "There is another file of that name"
    yes_label = "Overwrite it"
    no_label = "Leave it"
    danger = True

    def __init__(self, question: str, other: str) -> None:
        super().__init__()
        self.question = question
        self.other = other

    def compose_body(self) -> Iterable[Widget]:
        """What stands there, and the third way."""
        yield Static(
            text.content(f"{self.question}\n\no puts it into a folder {self.other} instead."), markup=False
        )

    def answer_yes(self) -> None:
        """Overwrite."""
        self.dismiss("overwrite")

    def answer_no(self) -> None:
        """Leave it."""
        self.dismiss("skip")

    def action_other(self) -> None:
        """Put it elsewhere."""
        self.dismiss("other")
