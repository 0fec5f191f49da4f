"""Boxes to tick, one a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from batchdeck.ui import text
from batchdeck.ui.glyphs import UNICODE, Glyphs
from batchdeck.ui.widgets.line_view import ACCENT, MUTED, LineView, Piece


@dataclass(frozen=True, slots=True)
class Choice:
    """One row of a check list; all text may be remote."""

    value: str
    label: str
    amount: str = ""
    """Right-aligned after the label."""
    note: str = ""
    """Muted, at the end, cut when there is no room."""


class CheckList(LineView):
    """Rows with a box; space, enter or a click ticks."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,enter", "tick", "Tick", show=False)]
    HAS_BLURRED_CURSOR: ClassVar[bool] = False
    DEFAULT_CSS = """
    CheckList { height: auto; max-height: 12; }
    """

    @dataclass
    class Ticked(Message):
        """Other boxes are ticked now."""

        check_list: CheckList
        values: frozenset[str]

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._choices: Sequence[Choice] = ()
        self._ticked: set[str] = set()

    @property
    def ticked(self) -> frozenset[str]:
        """Values of the ticked rows."""
        return frozenset(self._ticked)

    def show(self, choices: Sequence[Choice], ticked: frozenset[str]) -> None:
        """Show these rows with these ticked."""
        self._choices = choices
        self._ticked = set(ticked)
        self.set_count(len(choices))

    def row(self, index: int, width: int) -> list[Piece]:
        """Box, label, amount, note."""
        choice = self._choices[index]
        is_ticked = choice.value in self._ticked
        box = self._glyphs.ticked if is_ticked else self._glyphs.unticked
        amount_width = max(len(each.amount) for each in self._choices)
        room = width - len(box) - amount_width - 4
        label_width = max(4, min(max(len(each.label) for each in self._choices), room))
        style = "" if is_ticked else MUTED
        note_width = max(0, room - label_width)
        return [
            (f"{box} ", ACCENT if is_ticked else MUTED),
            (text.fit(choice.label, label_width), style),
            (f" {text.fit_right(choice.amount, amount_width)}", style),
            ("  " + text.fit(choice.note, note_width), MUTED),
        ]

    def do_tick(self) -> None:
        """Tick the row under the cursor, or take the tick off."""
        if not self._choices:
            return
        self._ticked.symmetric_difference_update({self._choices[self.cursor].value})
        self.refresh_lines(self.cursor)
        self.post_message(self.Ticked(self, self.ticked))

    def action_tick(self) -> None:
        """The same, by key."""
        self.do_tick()

    def clicked(self, index: int) -> None:
        """A click ticks the row it falls on."""
        self.cursor = index
        self.do_tick()
