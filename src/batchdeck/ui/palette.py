"""The command palette: every action of the view by name, and the themes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from batchdeck.actions import Action
from batchdeck.ui.bindings import APP_ACTIONS
from batchdeck.ui.screens.base import ActionScreen
from batchdeck.ui.screens.help import reachable

if TYPE_CHECKING:
    from batchdeck.ui.app import BatchdeckApp

_Command = tuple[str, str, Callable[[], object]]


class ActionProvider(Provider):
    """The actions whose keys do something on the screen below; one that is off says why."""

    def _commands(self) -> list[_Command]:
        screen = self.screen
        if not isinstance(screen, ActionScreen):
            return []
        deck = screen.deck
        commands: list[_Command] = []
        for action, keys, reason in sorted(reachable(screen), key=lambda found: found[0].group == "Move"):
            if action.id == "view.palette":
                continue
            title = f"{action.label}  ({', '.join(keys)})"
            words = action.help if reason is None else f"Not now: {reason}"
            commands.append((title, words, partial(_press, deck, screen, action)))
        for name in deck.available_themes:
            title = f"Theme: {name}"
            commands.append(
                (title, "Change the colours until the end.", partial(setattr, deck, "theme", name))
            )
        return commands

    async def discover(self) -> Hits:
        """Everything but the themes, in the order of the help."""
        for title, words, run in self._commands():
            if not title.startswith("Theme: "):
                yield DiscoveryHit(Content(title), run, text=title, help=words)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher = self.matcher(query)
        for title, words, run in self._commands():
            score = max(matcher.match(title), matcher.match(words) * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(title), run, text=title, help=words)


def _press(deck: BatchdeckApp, screen: ActionScreen[Any], action: Action) -> None:
    """Do what the action's key does, where the focus is."""
    if action.id in APP_ACTIONS:
        deck.call_later(deck.action_act, action.id)
        return
    for active in screen.active_bindings.values():
        if active.binding.id == action.id:
            deck.call_later(deck.run_action, active.binding.action, active.node)
            return


def open_palette(deck: BatchdeckApp) -> None:
    """Open the palette over the current screen."""
    if not isinstance(deck.screen, CommandPalette):
        deck.push_screen(CommandPalette(providers=[ActionProvider], placeholder="What to do"))
