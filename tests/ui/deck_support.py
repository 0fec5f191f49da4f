"""The deck over a real history, a scripted service and a clock that stands still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.message import Message
from textual.pilot import Pilot
from textual.strip import Strip

from batchdeck.config.settings import Settings
from batchdeck.errors import BatchdeckError
from batchdeck.models.account import Account, Profile
from batchdeck.models.batch import Batch
from batchdeck.services.facade import Folders, Services
from batchdeck.store.database import History
from batchdeck.ui.app import BatchdeckApp
from batchdeck.ui.list_state import ListState
from batchdeck.ui.screens.main import MainScreen
from batchdeck.ui.widgets.batch_table import BatchTable
from tests.fakes import FakeBatchApi, FakeClock
from tests.fakes.batches import NOON

HOSTILE = "[@click=app.quit]x[/] [/nope] \x1b]52;c;aGk=\x07"
"""Acts on a terminal or an app that shows it as it is."""
PATIENCE = 20.0
"""Seconds before a test gives up on something that should come by itself."""
PROFILE = Profile(name="test", base_url="http://service.invalid/v1", refresh_seconds=3_600.0)


class Deck:
    """The app, its pilot, and what a test needs besides."""

    def __init__(
        self, app: BatchdeckApp, pilot: Pilot[int], api: FakeBatchApi, clock: FakeClock, history: History
    ) -> None:
        self.app = app
        self.pilot = pilot
        self.api = api
        self.clock = clock
        self.history = history

    @property
    def main(self) -> MainScreen:
        """The list's screen."""
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def listing(self) -> ListState:
        """Where the list stands."""
        return self.main.listing

    @property
    def table(self) -> BatchTable:
        """The list."""
        return self.main.query_one(BatchTable)

    @property
    def shown(self) -> list[str]:
        """Ids on the page, from the top."""
        return [record.id for record in self.listing.page_rows]

    @property
    def account_id(self) -> int:
        """The account shown."""
        return self.app.services.account_id

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the app work until something holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"never came; on screen: {self.app.screen}\n{self.text()}"
            await self.pilot.pause()
            await asyncio.sleep(0.002)
        await self.pilot.pause()

    async def sees(self, words: str) -> None:
        """Wait until words stand on the screen."""
        await self.until(lambda: words in self.text())

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def strips(self) -> list[Strip]:
        """The screen as it would be drawn whole."""
        return self.app.screen._compositor.render_strips(self.app.size)[: self.app.size.height]

    def lines(self) -> list[str]:
        """What stands on the screen, row by row."""
        return ["".join(segment.text for segment in strip).rstrip() for strip in self.strips()]

    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines())

    @property
    def status(self) -> str:
        """The status line."""
        return self.lines()[self.main.query_one("StatusLine").region.y]

    async def refreshed(self) -> None:
        """Have the service asked once more, and what it says shown."""
        poller = self.app.poller
        assert poller is not None
        before = len(self.api.calls)
        self.app.refresh_now()
        await self.until(lambda: len(self.api.calls) > before and not poller.is_asking)

    def toasts(self) -> list[str]:
        """The toasts that stand, as text."""
        return [notification.message for notification in self.app._notifications]


def ages(count: int, **fields: Any) -> list[Batch]:
    """Batches a minute apart, the newest first: `batch_000`, `batch_001`..."""
    from datetime import timedelta

    from tests.fakes.batches import make_batch

    return [
        make_batch(f"{number:03d}", created_at=NOON - timedelta(minutes=number + 1), **fields)
        for number in range(count)
    ]


@asynccontextmanager
async def deck(
    folder: Path,
    batches: Iterable[Batch] = (),
    *,
    stored: Iterable[Batch] | None = None,
    size: tuple[int, int] = (120, 40),
    settings: Mapping[str, Any] | None = None,
    profile: Profile = PROFILE,
    refuses: Callable[[], BatchdeckError | None] = lambda: None,
    message_hook: Callable[[Message], None] | None = None,
    settle: bool = True,
) -> AsyncIterator[Deck]:
    """Open the deck.

    Args:
        folder: For the history.
        batches: What the service lists, newest first.
        stored: What the history holds already; None for the same.
        size: Of the terminal.
        settings: Beside profile and profiles.
        profile: In use.
        refuses: Why there is no client, asked for each time; None makes one.
        message_hook: Sees every message of the app.
        settle: False to be handed the app before it has asked the service.
    """
    api = FakeBatchApi(now=lambda: NOON, batches=list(batches))
    clock = FakeClock(NOON)
    async with History.open(folder / "data" / "history.sqlite3") as history:

        async def services_of(chosen: Profile, client: FakeBatchApi | None) -> Services:
            account = Account(chosen.base_url, "0123456789ab")
            return Services(
                history=history,
                account_id=await history.accounts.key(account, chosen.name),
                profile=chosen,
                clock=clock,
                folders=Folders(folder / "inputs", folder / "results", folder / "outbox", folder),
                name_keys=("description", "name"),
                inputs_budget_bytes=10**9,
                api=client,
            )

        async def open_services(chosen: Profile) -> Services:
            return await services_of(chosen, None)

        async def connect(services: Services) -> Services:
            error = refuses()
            if error is not None:
                raise error
            return await services_of(services.profile, api)

        first = await services_of(profile, None)
        known = list(api.batches if stored is None else stored)
        if known:
            await history.batches.upsert(
                first.account_id, known, seen_at=NOON, profile=profile.name, name_keys=("description", "name")
            )
        chosen = Settings(profile=profile, profiles={profile.name: profile})
        chosen = replace(chosen, **(settings or {}))
        app = BatchdeckApp(chosen, open_services, connect)
        async with app.run_test(size=size, notifications=True, message_hook=message_hook) as pilot:
            opened = Deck(app, pilot, api, clock, history)
            if settle:
                await opened.until(lambda: not app.is_connecting and hasattr(app, "services"))
                await opened.until(lambda: app.trouble or (app.poller and app.poller.next_in is not None))
            yield opened
