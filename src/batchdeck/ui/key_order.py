"""Keys that come in a burst act one after another, each where the one before it left the focus.

Textual hands every key to the widget that has the focus when the key arrives, while the key before it may
still be on its way to what moves the focus. Over a slow line, where keys arrive together, the text after `/`
would then act as commands on the list, which spend money.
"""

from __future__ import annotations

import asyncio
from collections import deque

from textual import events
from textual.app import App
from textual.message import Message

ROUNDS = 3
"""A key may set off a message, and that one another, before the focus is where it is to stay."""
PATIENCE = 1.0
"""Seconds after which the next key goes on though the one before it is still at work."""


class KeyPassed(Message, bubble=True):
    """Follows a key through the same queues."""

    def __init__(self, number: int, rounds_left: int) -> None:
        super().__init__()
        self.number = number
        self.rounds_left = rounds_left


class OrderedKeysApp(App[int]):
    """An app that lets a key go only when the one before it has done what it does."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._held_back: deque[events.Key | events.Paste] = deque()
        self._number = 0
        self._waits_for: int | None = None
        self._patience: asyncio.TimerHandle | None = None

    async def on_event(self, event: events.Event) -> None:
        """Hold keys and pastes back while one is on its way."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._waits_for is not None or self._held_back:
            self._held_back.append(event)
        else:
            await self._let_go(event)

    async def _let_go(self, event: events.Key | events.Paste) -> None:
        self._number += 1
        self._waits_for = number = self._number
        self._patience = asyncio.get_running_loop().call_later(PATIENCE, self._passed, number)
        await super().on_event(event)
        self._follow(KeyPassed(number, ROUNDS))

    def _follow(self, marker: KeyPassed) -> None:
        if not self.screen_stack or not (self.focused or self.screen).post_message(marker):
            self._passed(marker.number)

    def on_key_passed(self, marker: KeyPassed) -> None:
        """The marker came back: send it once more, or let the next key go."""
        if marker.rounds_left > 1:
            self._follow(KeyPassed(marker.number, marker.rounds_left - 1))
        else:
            self._passed(marker.number)

    def _passed(self, number: int) -> None:
        if self._waits_for != number:
            return
        self._waits_for = None
        if self._patience is not None:
            self._patience.cancel()
        if self._held_back:
            self.call_next(self._next)

    async def _next(self) -> None:
        if self._waits_for is None and self._held_back:
            await self._let_go(self._held_back.popleft())
