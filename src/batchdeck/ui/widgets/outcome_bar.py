"""How many requests ended in which way, one of the outcomes chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from batchdeck.models.lines import Outcome
from batchdeck.ui import format as words
from batchdeck.ui.glyphs import UNICODE, Glyphs
from batchdeck.ui.outcomes import outcome_glyph
from batchdeck.ui.widgets.line_view import standing_out

ALL = "all"


class OutcomeBar(Widget):
    """One line: all, then each outcome that occurs; the chosen one stands out."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"outcome-bar--chosen"}
    DEFAULT_CSS = """
    OutcomeBar {
        height: 1;
        color: $text-muted;
        & > .outcome-bar--chosen { background: $secondary-muted; color: $text; text-style: bold; }
    }
    """

    chosen = reactive(ALL)
    """`all` or the value of an outcome."""

    @dataclass
    class Chosen(Message):
        """Another outcome is to be shown."""

        outcome: Outcome | None

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._counts: dict[str, int] = {ALL: 0}

    def show(self, rows: int, outcomes: Mapping[Outcome, int]) -> None:
        """Show these counts."""
        self._counts = {ALL: rows} | {
            outcome.value: outcomes[outcome] for outcome in Outcome if outcomes.get(outcome)
        }
        if self.chosen not in self._counts:
            self.chosen = ALL
        self.refresh()

    def step(self, by: int) -> None:
        """Choose the outcome after or before."""
        names = list(self._counts)
        self._choose(names[(names.index(self.chosen) + by) % len(names)])

    def _choose(self, name: str) -> None:
        if name != self.chosen:
            self.chosen = name
            self.post_message(self.Chosen(None if name == ALL else Outcome(name)))

    def _labels(self) -> list[tuple[str, str]]:
        labels = []
        for name, number in self._counts.items():
            sign = "" if name == ALL else f"{outcome_glyph(Outcome(name), self._glyphs)} "
            labels.append((name, f" {sign}{name} {words.count(number)} "))
        if sum(cell_len(label) for _, label in labels) > self.size.width:
            labels = [
                (name, label if name in (ALL, self.chosen) else f" {label.split()[0]} {label.split()[-1]} ")
                for name, label in labels
            ]
        return labels

    def render_line(self, y: int) -> Strip:
        """The one line."""
        base = self.rich_style
        chosen = standing_out(self, "outcome-bar--chosen")
        segments = [Segment(label, chosen if name == self.chosen else base) for name, label in self._labels()]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def on_click(self, event: events.Click) -> None:
        """A click chooses."""
        at = 0
        for name, label in self._labels():
            at += cell_len(label)
            if event.x < at:
                self._choose(name)
                return
