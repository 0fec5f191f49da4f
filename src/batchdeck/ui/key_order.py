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
BURST_SECONDS = 0.1
"""A key that comes later than this after the one before it has done its work is no part of a burst."""
PATIENCE = 1.0
"""Seconds after which the next key goes on though the one before it is still at work."""


class KeyPassed(Message, bubble=True):
    """Follows a key through the same queues, round by round."""

    def __init__(self, number: int, round_number: int) -> None:
        super().__init__()
        self.number = number
        self.round_number = round_number


class OrderedKeysApp(App[int]):
    """An app that lets a key go only when the one before it has done what it does."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._held_back: deque[events.Key | events.Paste] = deque()
        self._number = 0
        self._waits_for: int | None = None
        self._passed_at = 0.0
        self._patience: asyncio.TimerHandle | None = None

    async def on_event(self, event: events.Event) -> None:
        """Hold keys and pastes back while one is on its way."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._waits_for is not None or self._held_back:
            self._held_back.append(event)
        elif asyncio.get_running_loop().time() - self._passed_at < BURST_SECONDS:
            self._held_back.append(event)
            self._follow(self._begin(), 2)
        else:
            await self._let_go(event)

    async def _let_go(self, event: events.Key | events.Paste) -> None:
        number = self._begin()
        await super().on_event(event)
        self._follow(number, 1)

    def _begin(self) -> int:
        self._number += 1
        self._waits_for = self._number
        self._patience = asyncio.get_running_loop().call_later(PATIENCE, self._passed, self._number)
        return self._number

    def _follow(self, number: int, round_number: int) -> None:
        marker = KeyPassed(number, round_number)
        if not self.screen_stack or not (self.focused or self.screen).post_message(marker):
            self._passed(number)

    def on_key_passed(self, marker: KeyPassed) -> None:
        """The marker came back: while keys wait send it round once more, else let the next one go."""
        if marker.round_number < ROUNDS and self._held_back:
            self._follow(marker.number, marker.round_number + 1)
        else:
            self._passed(marker.number)

    def _passed(self, number: int) -> None:
        if self._waits_for != number:
            return
        self._waits_for = None
        self._passed_at = asyncio.get_running_loop().time()
        if self._patience is not None:
            self._patience.cancel()
        if self._held_back:
            self.call_next(self._next)

    async def _next(self) -> None:
        if self._waits_for is None and self._held_back:
            await self._let_go(self._held_back.popleft())
