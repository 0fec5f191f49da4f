"""A question before something that costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.widget import Widget
from textual.widgets import Static

from batchdeck.ui import text
from batchdeck.ui.screens.dialog import Dialog


class ConfirmScreen(Dialog[bool]):
    """Asks, and is dismissed with True only by `y` or by moving to the yes button.

    Args:
        title: What is asked.
        lines: What it is about: the batches, their number, what happens.
        yes_label: What yes does, such as `Cancel 2 batches`.
        no_label: What no does.
        danger: True when it ends or spends something.
    """

    def __init__(
        self,
        title: str,
        lines: Sequence[str],
        yes_label: str = "Yes",
        *,
        no_label: str = "No",
        danger: bool = True,
    ) -> None:
        super().__init__()
        self.title_text = title
        self.lines = tuple(lines)
        self.yes_label = yes_label
        self.no_label = no_label
        self.danger = danger

    def compose_body(self) -> Iterable[Widget]:
        """The lines, as text."""
        yield Static(text.content("\n".join(self.lines)), id="confirm-lines", markup=False)

    def answer_yes(self) -> None:
        """Yes."""
        self.dismiss(True)

    def answer_no(self) -> None:
        """No."""
        self.dismiss(False)
