"""What the tests of the history share: a real file in a folder of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from batchdeck.models.account import Account
from batchdeck.store.database import History

ACCOUNT = Account("https://api.example.com/v1", "0123456789ab", "org", "project")


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture
def history_path(tmp_path: Path) -> Path:
    """Where the history's file will be."""
    return tmp_path / "data" / "history.sqlite3"


@pytest.fixture
async def history(history_path: Path) -> AsyncIterator[History]:
    """An empty history in a file."""
    async with History.open(history_path) as opened:
        yield opened


@pytest.fixture
async def account_id(history: History) -> int:
    """An account of the history."""
    return await history.accounts.key(ACCOUNT, "default")
