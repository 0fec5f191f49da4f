"""The tabs of a batch on one line, each with the key that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from batchdeck.ui.widgets.line_view import standing_out


class TabBar(Widget):
    """Names side by side; the one that is shown stands out."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tab-bar--active", "tab-bar--key"}
    DEFAULT_CSS = """
    TabBar {
        height: 1;
        color: $text-muted;
        & > .tab-bar--active { background: $primary; color: $text; text-style: bold; }
        & > .tab-bar--key { color: $text-accent; }
    }
    """

    active = reactive("")
    """The tab that is shown."""

    @dataclass
    class Clicked(Message):
        """A tab was clicked."""

        tab: str

    def __init__(self, tabs: Mapping[str, str], keys: Mapping[str, str], *, id: str | None = None) -> None:
        """Show tabs.

        Args:
            tabs: Tab to its name, in order.
            keys: Tab to its key as a person reads it.
        """
        super().__init__(id=id)
        self._tabs = dict(tabs)
        self._keys = dict(keys)
        self._notes: dict[str, str] = {}

    def note(self, tab: str, note: str) -> None:
        """Show a short word, such as a count, after a tab's name."""
        if self._notes.get(tab) != note:
            self._notes[tab] = note
            self.refresh()

    def _labels(self, width: int) -> Sequence[tuple[str, str, str]]:
        """Tab, key and text of each, shortened until they fit."""
        labels = [
            (tab, self._keys[tab], f"{name} {self._notes[tab]}" if self._notes.get(tab) else name)
            for tab, name in self._tabs.items()
        ]
        if sum(cell_len(key) + cell_len(label) + 4 for _, key, label in labels) > width:
            labels = [(tab, self._keys[tab], name) for tab, name in self._tabs.items()]
        if sum(cell_len(key) + cell_len(label) + 4 for _, key, label in labels) > width:
            labels = [(tab, key, label if tab == self.active else "") for tab, key, label in labels]
        return labels

    def render_line(self, y: int) -> Strip:
        """The one line."""
        base = self.rich_style
        active = standing_out(self, "tab-bar--active")
        key_style = self.get_component_rich_style("tab-bar--key", partial=True)
        segments: list[Segment] = []
        for tab, key, label in self._labels(self.size.width):
            style = active if tab == self.active else base
            text = f" {label}" if label else ""
            segments += [
                Segment(" ", style),
                Segment(key, style if tab == self.active else base + key_style),
                Segment(f"{text} ", style),
                Segment(" ", base),
            ]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def on_click(self, event: events.Click) -> None:
        """Say which tab was clicked."""
        at = 0
        for tab, key, label in self._labels(self.size.width):
            at += cell_len(key) + (cell_len(label) + 1 if label else 0) + 3
            if event.x < at:
                self.post_message(self.Clicked(tab))
                return
