"""A scripted service, one history, and processes that come and go on it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from batchdeck.models.account import Account, Limits, Profile
from batchdeck.models.batch import Batch
from batchdeck.models.operation import Operation
from batchdeck.services.cancel import Cancel
from batchdeck.services.context import Context
from batchdeck.services.creation import Created, Creation
from batchdeck.services.download import Download, Downloaded
from batchdeck.services.files import FileKind, Files
from batchdeck.services.inputs import Inputs
from batchdeck.services.journal import Journal
from batchdeck.services.retry_failed import Retry
from batchdeck.services.room import Room
from batchdeck.services.settle import Settle
from batchdeck.services.submit import Submit
from batchdeck.store.database import History
from tests.fakes import FakeBatchApi, FakeClock

ENDPOINT = "/v1/chat/completions"


def request_line(custom_id: str, text: str = "hello") -> str:
    """One chat request."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body})


def ok_row(custom_id: str) -> str:
    """One answered request."""
    body = {"choices": [{"message": {"content": "yes"}}]}
    response = {"status_code": 200, "request_id": "r", "body": body}
    return json.dumps({"id": f"x{custom_id}", "custom_id": custom_id, "response": response, "error": None})


def failed_row(custom_id: str, status: int = 500, code: str = "server_error") -> str:
    """One request that failed with a status."""
    response = {"status_code": status, "request_id": "r", "body": {"error": {"message": "no", "code": code}}}
    return json.dumps({"id": f"x{custom_id}", "custom_id": custom_id, "response": response, "error": None})


def lines(rows: list[str]) -> bytes:
    """Rows as a file's content."""
    return "".join(f"{row}\n" for row in rows).encode()


@dataclass
class World:
    """What outlives a process: the service, the clock, the history and the folders."""

    folder: Path
    clock: FakeClock = field(default_factory=lambda: FakeClock(datetime.now(UTC)))
    profile: Profile = field(default_factory=lambda: Profile(name="test", settle_seconds=8.0))

    def __post_init__(self) -> None:
        self.api = FakeBatchApi(now=self.clock.now)
        self.data = self.folder / "data"

    def write(self, name: str, ids: list[str], text: str = "hello") -> Path:
        """A request file."""
        path = self.folder / name
        path.write_bytes(lines([request_line(custom_id, text) for custom_id in ids]))
        return path

    @asynccontextmanager
    async def process(self, *, inputs_budget: int = 10_000_000) -> AsyncIterator[Process]:
        """One run of the program on the history."""
        async with History.open(self.data / "history.sqlite3") as history:
            account_id = await history.accounts.key(Account(self.profile.base_url, "0" * 12), "test")
            yield Process(self, history, account_id, inputs_budget=inputs_budget)


class Process:
    """The services of one process."""

    def __init__(
        self, world: World, history: History, account_id: int, *, inputs_budget: int = 10_000_000
    ) -> None:
        self.world = world
        self.history = history
        self.context = Context(world.api, history, account_id, world.profile, world.clock)
        outbox = world.data / "outbox"
        self.journal = Journal(history, account_id)
        self.inputs = Inputs(
            self.context, inputs_dir=world.data / "inputs", outbox_dir=outbox, budget_bytes=inputs_budget
        )
        self.files = Files(self.context, self.inputs, results_dir=world.data / "results")
        self.creation = Creation(self.context, self.journal, self.inputs, outbox_dir=outbox)
        self.room = Room(self.context, self.creation)
        self.submit = Submit(self.context, self.creation, self.room)
        self.settle = Settle(self.context, self.creation)
        self.cancel = Cancel(self.context, self.journal)
        self.downloads = Download(self.context, self.journal, self.files, self.inputs)
        self.retry = Retry(self.context, self.creation, self.room, self.files, self.inputs, outbox_dir=outbox)

    async def create(
        self,
        path: Path,
        *,
        split: bool = False,
        wait_for_room: bool = False,
        metadata: dict[str, str] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> list[Created]:
        """Plan and create."""
        plan = await self.submit.plan(path, split=split, metadata=metadata)
        made = self.submit.create(plan, wait_for_room=wait_for_room, should_stop=should_stop)
        return [created async for created in made]

    async def download(
        self,
        batch_id: str,
        to: Path,
        kinds: tuple[FileKind, ...] = ("output", "errors"),
        *,
        force: bool = False,
    ) -> list[Downloaded]:
        """Download all of these kinds."""
        return [found async for found in self.downloads.download(batch_id, kinds, to, force=force)]

    async def operations(self) -> list[Operation]:
        """All operations, newest first."""
        return await self.journal.recent()


def small_limits(requests: int) -> Profile:
    """A profile whose batches hold few requests."""
    return Profile(name="test", settle_seconds=8.0, limits=Limits(max_requests=requests))


def ended(world: World, ids: list[str], output: list[str], errors: list[str], **fields: Any) -> Batch:
    """A batch at the service with its input and result files."""
    api = world.api
    number = len(api.files)
    input_id = api.add_file(f"file-in{number}", lines([request_line(custom_id) for custom_id in ids]))
    output_id = api.add_file(f"file-out{number}", lines(output)) if output else None
    error_id = api.add_file(f"file-err{number}", lines(errors)) if errors else None
    return api.add(
        input_file_id=input_id,
        output_file_id=output_id,
        error_file_id=error_id,
        total=len(ids),
        model="gpt-4o-mini",
        **fields,
    )
