"""The last line: what the most needed keys do here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from textual import events
from textual.strip import Strip

from batchdeck.actions import ACTIONS, BY_ID, VIEW_ACTIONS
from batchdeck.ui.bindings import shown_key
from batchdeck.ui.widgets.painted import Painted, Piece

if TYPE_CHECKING:
    from batchdeck.ui.app import BatchdeckApp
    from batchdeck.ui.screens.base import ActionScreen

_KEY = "$text-accent bold"
_LABEL = "$text-muted"
_OFF = "$text-disabled"
_ALWAYS = ("view.help",)
"""Kept however narrow it is."""


class KeyHint(NamedTuple):
    """One key and what it does."""

    action_id: str
    """Empty for a key of a widget that is no action, such as those of an input."""
    key: str
    """As shown."""
    label: str
    press: str = ""
    """As Textual names it."""

    @property
    def width(self) -> int:
        """Cells of key, space, label and the gap after it."""
        return len(self.key) + 1 + len(self.label) + 2


class KeyBar(Painted):
    """Shows the footer actions of the screen it stands on; one that cannot run now is dimmed."""

    DEFAULT_CSS = """
    KeyBar {
        height: 1;
        width: 1fr;
        background: $background;
        color: $text;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._placed: list[tuple[int, KeyHint]] = []
        self._hints: list[KeyHint] | None = None

    def on_mount(self) -> None:
        """Follow the focus: another pane has other keys."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, _: object) -> None:
        self._hints = None
        self.redraw()

    def build(self, width: int) -> list[Strip]:
        """The one line."""
        self._placed = []
        line: list[Piece] = []
        x = 0
        for hint in fitting(self._current_hints(), width - 1):
            line.append((" " if x == 0 else "  ", ""))
            x += 1 if x == 0 else 2
            self._placed.append((x, hint))
            is_on = self._is_on(hint)
            line.append((hint.key, _KEY if is_on else _OFF))
            line.append((f" {hint.label}", _LABEL if is_on else _OFF))
            x += len(hint.key) + 1 + len(hint.label)
        return [self.strip_of(line, width)]

    async def on_click(self, event: events.Click) -> None:
        """A click does what the key does."""
        event.stop()
        for x, hint in self._placed:
            if x <= event.x < x + hint.width:
                self.app.simulate_key(hint.press)

    def _is_on(self, hint: KeyHint) -> bool:
        return not hint.action_id or cast("ActionScreen[object]", self.screen).why_not(hint.action_id) is None

    def _current_hints(self) -> list[KeyHint]:
        """The footer actions that a key reaches from where the focus is."""
        if self._hints is None:
            ascii_only = cast("BatchdeckApp", self.app).is_ascii
            own: list[KeyHint] = []
            hints: dict[str, KeyHint] = {}
            focused = self.screen.focused
            for key, active in self.screen.active_bindings.items():
                action_id = active.binding.id
                shown = shown_key(key, ascii_only=ascii_only)
                if focused and focused.check_consume_key(key, shown if len(shown) == 1 else None):
                    continue
                if action_id in BY_ID and BY_ID[action_id].footer and action_id not in hints:
                    hints[action_id] = KeyHint(action_id, shown, BY_ID[action_id].label, key)
                elif action_id is None and active.binding.show:
                    own.append(KeyHint("", shown, active.binding.description, key))
            ordered = (action.id for action in (*VIEW_ACTIONS, *ACTIONS))
            self._hints = [*own, *(hints[action_id] for action_id in ordered if action_id in hints)]
        return self._hints


def fitting(hints: list[KeyHint], width: int) -> list[KeyHint]:
    """The hints that fit into so many cells, the last dropped first but for the way to the help."""
    shown = list(hints)
    while shown and sum(hint.width for hint in shown) > width:
        droppable = [hint for hint in shown if hint.action_id not in _ALWAYS]
        if not droppable:
            break
        shown.remove(droppable[-1])
    return shown
