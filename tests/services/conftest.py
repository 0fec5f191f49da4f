"""What the tests of the services share: a real history, a scripted service, a clock that does not wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from batchdeck.models.account import Account, Profile
from batchdeck.services.context import Context
from batchdeck.services.files import Files
from batchdeck.services.inputs import Inputs
from batchdeck.services.results import Results
from batchdeck.store.database import History
from tests.fakes import FakeBatchApi, FakeClock


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves only when told to."""
    return FakeClock()


@pytest.fixture
def api(clock: FakeClock) -> FakeBatchApi:
    """An empty service that tells the fake clock's time."""
    return FakeBatchApi(now=clock.now)


@pytest.fixture
async def history(tmp_path: Path, clock: FakeClock) -> AsyncIterator[History]:
    """An empty history in a file."""
    async with History.open(tmp_path / "data" / "history.sqlite3") as opened:
        yield opened


@pytest.fixture
async def context(history: History, api: FakeBatchApi, clock: FakeClock) -> Context:
    """One account at the scripted service."""
    profile = Profile(name="test")
    account_id = await history.accounts.key(Account(profile.base_url, "0123456789ab"), profile.name)
    return Context(api, history, account_id, profile, clock)


@pytest.fixture
def files(context: Context, tmp_path: Path) -> Files:
    """The service's files as local copies."""
    inputs = Inputs(context, inputs_dir=tmp_path / "inputs", outbox_dir=tmp_path / "outbox")
    return Files(context, inputs, results_dir=tmp_path / "results")


@pytest.fixture
def results(context: Context, files: Files) -> Results:
    """The row index over those files."""
    return Results(context, files)
