"""A label and what is typed beside it."""

from __future__ import annotations

from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static

from batchdeck.ui import text


class Field(Horizontal):
    """One line: a label of fixed width, the input, and a word about it underneath when there is one."""

    DEFAULT_CSS = """
    Field { height: 1; margin: 0; }
    Field > .field--label { width: 16; color: $text-muted; }
    Field > Input { width: 1fr; background: $panel; }
    """

    def __init__(self, label: str, editor: Widget, *, id: str | None = None) -> None:
        super().__init__(Static(text.line(label), classes="field--label", markup=False), editor, id=id)
