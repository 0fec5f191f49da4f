"""The keys of the view the user came from, and why some of them do nothing just now."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import ModalScreen

from batchdeck.actions import BY_ID, Action
from batchdeck.ui.bindings import APP_ACTIONS, shown_key
from batchdeck.ui.format import status_words
from batchdeck.ui.glyphs import glyphs
from batchdeck.ui.screens.base import ActionScreen
from batchdeck.ui.widgets.columns import STATUS_STYLES
from batchdeck.ui.widgets.painted import Line
from batchdeck.ui.widgets.pane import MUTED, Pane, heading, paragraph

_KEY = "$text-accent bold"
_OFF = "$text-disabled"
_KEY_WIDTH = 14
_GROUPS = ("Move", "List", "Batch", "Own", "View", "Program")
_OWN = _GROUPS.index("Own")
"""Where the actions that only this view has stand."""
_FILTERS = (
    ("words", "sought in id, name, metadata, file names and model"),
    ("status:failed,expired", "one of several; also active, ended"),
    ("-status:completed", "not"),
    ("model:gpt-4o*", "a pattern"),
    ("meta.team:search", "a metadata value"),
    ("age:<7d  created:>=2026-11-01", "when it was made"),
    ("failed:>0  requests:>1000", "counts"),
    ("lineage:ID", "a batch and its retries"),
)


class KeyTable(Pane):
    """The lines of the help."""

    DEFAULT_CSS = """
    KeyTable { height: auto; max-height: 100%; background: $surface; border-left: none; padding: 1 2; }
    KeyTable:focus { border-left: none; }
    """

    def __init__(
        self, title: str, words: str, actions: list[tuple[Action, list[str], str | None]], *, ascii_only: bool
    ) -> None:
        super().__init__()
        self._title = title
        self._words = words
        self._actions = actions
        self._glyphs = glyphs(ascii_only)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One row a line."""
        return len(self.lines_for(width))

    def lines_for(self, width: int) -> list[Line]:
        """A heading for each group, a line for each action."""
        lines: list[Line] = [[(self._title, "bold")]]
        if self._words:
            lines += paragraph(self._words, MUTED, width)
        groups = list(dict.fromkeys(action.group for action, _, _ in self._actions))
        groups.sort(key=lambda group: _GROUPS.index(group) if group in _GROUPS else _OWN)
        for group in groups:
            lines += [[], heading(group)]
            for action, keys, reason in self._actions:
                if action.group == group:
                    lines += self._action_lines(action, keys, reason, width)
        if any(action.id == "list.filter" for action, _, _ in self._actions):
            lines += [[], heading("Filter")]
            for term, meaning in _FILTERS:
                lines.append([(f"{term:<31} ", _KEY), (meaning[: max(0, width - 32)], "")])
            lines += [[], heading("States")]
            lines += [
                [(f"{self._glyphs.status[status]} ", style), (status_words(status), style)]
                for status, style in STATUS_STYLES.items()
            ]
        return lines

    @staticmethod
    def _action_lines(action: Action, keys: list[str], reason: str | None, width: int) -> list[Line]:
        shown = "  ".join(keys)
        words = action.help if reason is None else f"{action.help} Not now: {reason}"
        body = paragraph(words, "" if reason is None else _OFF, width - _KEY_WIDTH)
        style = _KEY if reason is None else _OFF
        lines: list[Line] = []
        for place, line in enumerate(body):
            lead = f"{shown:<{_KEY_WIDTH - 1}} " if place == 0 else " " * _KEY_WIDTH
            lines.append([(lead, style), *line])
        return lines


class HelpScreen(ModalScreen[None]):
    """A box over the view; any of the usual keys closes it."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > Container {
        width: 84; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $border;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "close", "Close", show=False),
    ]

    def __init__(self, table: KeyTable) -> None:
        super().__init__()
        self._table = table

    @classmethod
    def about(cls, screen: ActionScreen[Any]) -> Self:
        """The help of a screen as its focus and its batches stand."""
        ascii_only = screen.deck.is_ascii
        title = screen.HELP_TITLE or type(screen).__name__.removesuffix("Screen")
        return cls(KeyTable(title, screen.HELP_TEXT, reachable(screen), ascii_only=ascii_only))

    def compose(self) -> ComposeResult:
        """The table in a box."""
        with Container() as box:
            box.border_subtitle = "esc closes"
            yield self._table

    def action_close(self) -> None:
        """Back."""
        self.dismiss()


def reachable(screen: ActionScreen[Any]) -> list[tuple[Action, list[str], str | None]]:
    """The actions whose keys do something on a screen: with the keys as shown, and why one is off."""
    keys: dict[str, list[str]] = {}
    for key, active in screen.active_bindings.items():
        action_id = active.binding.id
        if action_id in BY_ID:
            shown = shown_key(key, ascii_only=screen.deck.is_ascii)
            found = keys.setdefault(action_id, [])
            if shown not in found:
                found.append(shown)
    return [
        (action, keys[action.id], None if action.id in APP_ACTIONS else screen.why_not(action.id))
        for action in BY_ID.values()
        if action.id in keys
    ]
