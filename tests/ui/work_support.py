"""A deck over a real history and a sandbox inside the process, for the tests of dialogs and views."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from textual import events
from textual.pilot import Pilot
from textual.screen import Screen

from batchdeck.api.openai_client import OpenAIBatchApi
from batchdeck.config.keys import Secret
from batchdeck.config.settings import Settings
from batchdeck.models.account import Account, Limits, Profile
from batchdeck.models.batch import BatchStatus
from batchdeck.sandbox.app import create_app
from batchdeck.sandbox.state import Sandbox
from batchdeck.services.clock import SystemClock
from batchdeck.services.facade import Folders, Services
from batchdeck.store.database import History
from batchdeck.ui.app import BatchdeckApp

HOSTILE = "[@click=app.quit]x[/] [/nope] \x1b]52;c;aGk=\x07"
"""Acts on a terminal or an app that shows it as it is."""
KEYS = {"slash": "/", "space": " ", "minus": "-", "plus": "+", "question_mark": "?"}
"""Names of keys whose characters are not their names."""
PATIENCE = 20.0
"""Seconds before a test gives up on something that should come by itself."""


def request(
    custom_id: str, words: str = "", *, model: str = "gpt-4o-mini", body: Mapping[str, Any] | None = None
) -> bytes:
    """One line of a request file; the words decide how the sandbox answers it."""
    content = {"model": model, "messages": [{"role": "user", "content": f"Label this. {words}"}]}
    line = {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {**content, **(body or {})},
    }
    return json.dumps(line).encode() + b"\n"


class Stage:
    """The app, its pilot, and what a test needs besides."""

    def __init__(self, app: BatchdeckApp, pilot: Pilot[int], sandbox: Sandbox, folder: Path) -> None:
        self.app = app
        self.pilot = pilot
        self.sandbox = sandbox
        self.folder = folder

    @property
    def services(self) -> Services:
        """With a client."""
        return self.app.services

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the app work until something holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"never came; on screen: {self.app.screen}\n{self.text()}"
            await asyncio.sleep(0.01)
        await self.settle()

    async def sees(self, words: str) -> None:
        """Wait until words stand on the screen."""
        await self.until(lambda: words in self.text())

    async def settle(self) -> None:
        """Let the app deal with what was posted so far, and draw."""
        for _ in range(3):
            await self.pilot.pause(0)

    async def resize(self, size: tuple[int, int]) -> None:
        """Give the terminal another size."""
        await self.pilot.resize_terminal(*size)
        await self.settle()

    async def press(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            character = KEYS.get(key, key)
            self.app.post_message(events.Key(key, character if len(character) == 1 else None))
            await self.settle()

    async def enter(self, text: str) -> None:
        """Paste text into what has the focus."""
        focused = self.app.focused
        assert focused is not None
        focused.post_message(events.Paste(text))
        await self.settle()

    def text(self) -> str:
        """What stands on the screen, row by row."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips(self.app.size)
        rows = ["".join(segment.text for segment in strip) for strip in lines[:height]]
        return "\n".join(row[: width * 2].rstrip() for row in rows)

    async def show(self, screen: Screen[Any]) -> None:
        """Push a screen."""
        await self.app.push_screen(screen)
        await self.settle()

    def write(self, name: str, lines: Sequence[bytes]) -> Path:
        """A file in the test's folder."""
        path = self.folder / name
        path.write_bytes(b"".join(lines))
        return path

    async def batch(
        self,
        lines: Sequence[bytes],
        metadata: Mapping[str, str] | None = None,
        *,
        name: str = "tickets.jsonl",
    ) -> str:
        """Create a batch of these lines and let it end; its id."""
        path = self.write(name, lines)
        plan = await self.services.submit.plan(path, metadata=metadata or {})
        created = [each async for each in self.services.submit.create(plan)]
        return await self.let_end(created[0].batch.id)

    async def let_end(self, batch_id: str) -> str:
        """Let a batch run to its end, and let the history know."""
        for _ in range(200):
            self.sandbox.advance_clock(3_600)
            await self.services.sync.refresh()
            record = await self.services.browse.batch(batch_id)
            if record is not None and record.batch.status.is_terminal:
                return batch_id
        raise AssertionError(f"{batch_id} never ended")

    async def batches(self) -> list[str]:
        """Ids of all batches of the history, oldest first."""
        await self.services.sync.refresh()
        return await self.services.history.batches.newest_ids(self.services.account_id, 1_000)

    async def status(self, batch_id: str) -> BatchStatus:
        """The status of a batch in the history."""
        record = await self.services.browse.batch(batch_id)
        assert record is not None
        return record.batch.status


@asynccontextmanager
async def stage(
    folder: Path,
    *,
    size: tuple[int, int] = (120, 40),
    settings: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    read_only: bool = False,
) -> AsyncIterator[Stage]:
    """Open the deck over an empty sandbox; closed at the end."""
    sandbox = Sandbox(folder=folder / "sandbox")
    profile = Profile(
        name="test",
        base_url="http://sandbox.invalid/v1",
        refresh_seconds=3_600.0,
        settle_seconds=1.0,
        limits=limits or Limits(),
        read_only=read_only,
    )
    clock = SystemClock()
    folders = Folders(folder / "inputs", folder / "results", folder / "outbox", folder / "downloads")
    clients: list[OpenAIBatchApi] = []

    async with History.open(folder / "data" / "history.sqlite3") as history:

        async def services_of(profile: Profile, api: OpenAIBatchApi | None) -> Services:
            account = Account(profile.base_url, "0123456789ab")
            return Services(
                history=history,
                account_id=await history.accounts.key(account, profile.name),
                profile=profile,
                clock=clock,
                folders=folders,
                name_keys=("description", "name"),
                inputs_budget_bytes=10**9,
                api=api,
            )

        async def open_services(profile: Profile) -> Services:
            return await services_of(profile, None)

        async def connect(services: Services) -> Services:
            transport = httpx2.ASGITransport(app=create_app(sandbox))
            api = OpenAIBatchApi(services.profile.base_url, Secret("test-key"), transport=transport)
            await api.warm_up()
            clients.append(api)
            return await services_of(services.profile, api)

        chosen = Settings(
            profile=profile,
            profiles={"test": profile},
            download_dir=folder / "downloads",
            **(settings or {}),
        )
        app = BatchdeckApp(chosen, open_services, connect)
        async with app.run_test(size=size, notifications=True) as pilot:
            opened = Stage(app, pilot, sandbox, folder)
            await opened.until(lambda: app.is_connected and not app.is_connecting)
            await opened.until(lambda: app.poller is not None and app.poller.next_in is not None)
            yield opened
        for client in clients:
            await client.close()
    sandbox.close()
