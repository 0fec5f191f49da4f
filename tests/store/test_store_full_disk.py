"""A history that cannot be written: what the service says is kept in memory, nothing is journaled unseen."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batchdeck.errors import HistoryError
from batchdeck.models.account import Account
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.store.database import History
from tests.fakes.batches import NOON, make_batch

pytestmark = pytest.mark.anyio


async def _fill_up(history: History) -> None:
    """Let the file grow no more: SQLite then answers exactly as on a full disk."""

    def work(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await history.write(work)


async def _make_room(history: History) -> None:
    await history._writer.run(lambda connection: connection.execute("PRAGMA max_page_count = 1000000"))


async def test_sync_goes_on_in_memory_and_says_so(
    history: History, account_id: int, history_path: Path
) -> None:
    await history.batches.upsert(account_id, [make_batch("before")], seen_at=NOON, profile="p")
    await _fill_up(history)
    for number in range(3):
        batches = [make_batch(f"{number}_{n}", age=n + 1, metadata={"x": "y" * 400}) for n in range(100)]
        changes = await history.batches.upsert(account_id, batches, seen_at=NOON, profile="p")
        assert len(changes.new) == 100
    assert history.is_in_memory
    assert len(history.warnings) == 1
    assert "disk is full" in history.warnings[0]
    assert str(history_path) in history.warnings[0]
    assert len(await history.batches.newest_ids(account_id, 1_000)) == 301
    assert await history.batches.get(account_id, "batch_before") is not None


async def test_nothing_is_sent_that_is_not_journaled(history: History, account_id: int) -> None:
    await _fill_up(history)
    with pytest.raises(HistoryError, match="nothing was sent"):
        for _ in range(50):
            await history.operations.begin(account_id, OperationKind.CREATE, "x", {"x": "y" * 4000})
    before = len(await history.operations.recent(account_id, 100))
    await _make_room(history)
    operation = await history.operations.begin(account_id, OperationKind.CREATE, "x", {})
    assert operation.state is OperationState.INTENT
    assert len(await history.operations.recent(account_id, 100)) == before + 1


async def test_the_journal_in_the_file_is_whole_afterwards(history_path: Path) -> None:
    async with History.open(history_path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        operation = await history.operations.begin(account_id, OperationKind.CREATE, "x", {})
        await _fill_up(history)
        batches = [make_batch(n, age=n, metadata={"x": "y" * 400}) for n in range(200)]
        await history.batches.upsert(account_id, batches, seen_at=NOON, profile="p")
        assert history.is_in_memory
        await _make_room(history)
        await history.operations.step(operation.id, OperationState.DONE)
        assert [found.state for found in await history.operations.recent(account_id)] == [OperationState.DONE]
    async with History.open(history_path) as history:
        assert history.warnings == []
        assert [found.state for found in await history.operations.recent(account_id)] == [OperationState.DONE]
        assert await history.batches.newest_ids(account_id, 10) == []


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that can be entered by everybody."""
    made = Path(tempfile.mkdtemp(prefix="batchdeck-test-"))
    made.chmod(0o755)
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


def _close_to_writing(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)


@contextmanager
def _nobody() -> Iterator[None]:
    """Be a user to whom permissions mean something."""
    if os.name != "posix":
        pytest.skip("Windows has no such permissions")
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


async def test_a_folder_that_may_not_be_written(folder: Path) -> None:
    _close_to_writing(folder)
    with _nobody():
        async with History.open(folder / "history.sqlite3") as history:
            account_id = await history.accounts.key(Account("u", "f"), "p")
            await history.batches.upsert(account_id, [make_batch()], seen_at=NOON, profile="p")
            assert await history.batches.newest_ids(account_id, 9) == ["batch_1"]
            assert history.is_in_memory
            with pytest.raises(HistoryError, match="written down first"):
                await history.operations.begin(account_id, OperationKind.CREATE, "x", {})


@pytest.mark.parametrize("is_open_elsewhere", [False, True])
async def test_a_file_that_may_only_be_read_is_shown(folder: Path, is_open_elsewhere: bool) -> None:
    path = folder / "history.sqlite3"
    async with History.open(path) as writer:
        account_id = await writer.accounts.key(Account("u", "f"), "p")
        await writer.batches.upsert(account_id, [make_batch()], seen_at=NOON, profile="p")
        if not is_open_elsewhere:
            await writer.close()
        _close_to_writing(folder)
        with _nobody():
            async with History.open(path) as history:
                assert await history.batches.newest_ids(account_id, 9) == ["batch_1"]
                await history.batches.upsert(account_id, [make_batch(2, age=9)], seen_at=NOON, profile="p")
                assert history.is_in_memory
                assert len(history.warnings) == 1
                assert "may not be written" in history.warnings[0]
                assert len(await history.batches.newest_ids(account_id, 9)) == 2
                with pytest.raises(HistoryError, match="may not be written"):
                    await history.operations.begin(account_id, OperationKind.CREATE, "x", {})


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    async with History.open(tmp_path / "file" / "history.sqlite3") as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        await history.batches.upsert(account_id, [make_batch()], seen_at=NOON, profile="p")
        assert await history.batches.newest_ids(account_id, 9) == ["batch_1"]
        assert history.is_in_memory
        assert "kept in memory" in history.warnings[0]
        with pytest.raises(HistoryError, match="written down first"):
            await history.operations.begin(account_id, OperationKind.CREATE, "x", {})
        assert await history.operations.recent(account_id) == []
