"""Several processes on one history: nothing is lost, nothing is locked out, a killed one leaves it whole."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from batchdeck.models.account import Account
from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort
from batchdeck.store.database import History
from tests.fakes.batches import NOON, make_batch

pytestmark = pytest.mark.anyio

WRITER = """
import asyncio, pathlib, sys
sys.path.insert(0, sys.argv[4])
from batchdeck.models.account import Account
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.store.database import History
from tests.fakes.batches import NOON, make_batch

async def main():
    path, name, rounds = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    async with History.open(path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        for number in range(rounds):
            batches = [make_batch(f"{name}_{number}_{n}", age=number) for n in range(20)]
            await history.batches.upsert(account_id, batches, seen_at=NOON, profile="p")
            shared = [make_batch(f"shared_{n}", counts=(100, number % 100, 0)) for n in range(20)]
            await history.batches.upsert(account_id, shared, seen_at=NOON, profile="p")
            title = f"{name} {number}"
            operation = await history.operations.begin(account_id, OperationKind.CREATE, title, {})
            await history.operations.step(operation.id, OperationState.DONE)
            print(number, flush=True)
asyncio.run(main())
"""
ROOT = Path(__file__).parents[2]


def _writer(path: Path, name: str, rounds: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(rounds), str(ROOT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _is_whole(path: Path) -> bool:
    connection = sqlite3.connect(path)
    found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    broken_links = connection.execute("PRAGMA foreign_key_check").fetchall()
    tallied = connection.execute("SELECT sum(batches) FROM status_tallies").fetchone()[0]
    counted = connection.execute("SELECT count(*) FROM batches").fetchone()[0]
    connection.close()
    return found == "ok" and not broken_links and tallied == counted


async def test_processes_that_open_a_new_file_at_once(history_path: Path) -> None:
    writers = [_writer(history_path, f"w{n}", 1) for n in range(5)]
    for writer in writers:
        _, errors = await asyncio.to_thread(writer.communicate, timeout=60)
        assert (writer.returncode, errors) == (0, "")
    assert _is_whole(history_path)
    async with History.open(history_path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        assert sum((await history.batches.counts(account_id)).values()) == 5 * 20 + 20


async def test_processes_that_write_at_once_lose_nothing(history_path: Path) -> None:
    rounds = 25
    writers = [_writer(history_path, f"w{n}", rounds) for n in range(3)]
    pages = 0
    async with History.open(history_path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        done = asyncio.gather(*(asyncio.to_thread(writer.communicate, timeout=60) for writer in writers))
        while not done.done():
            window = await history.batches.window(
                account_id, BatchFilter.parse("batch"), BatchSort(), offset=0, limit=40, now=NOON
            )
            assert len(window.rows) == min(40, window.total)
            await history.batches.upsert(account_id, [make_batch(f"own_{pages}")], seen_at=NOON, profile="p")
            pages += 1
        for writer, (_, errors) in zip(writers, done.result(), strict=True):
            assert (writer.returncode, errors) == (0, "")
        assert sum((await history.batches.counts(account_id)).values()) == 3 * rounds * 20 + 20 + pages
        assert len(await history.operations.recent(account_id, 10**6)) == 3 * rounds
        assert history.warnings == []
    assert _is_whole(history_path)


@pytest.mark.parametrize("seed", range(4))
async def test_a_process_killed_at_any_moment_leaves_it_whole(seed: int, history_path: Path) -> None:
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("there is no SIGKILL here")
    writer = _writer(history_path, "killed", 10**6)

    def kill_after_some_rounds() -> int:
        assert writer.stdout is not None
        finished = -1
        for _ in range(random.Random(seed).randrange(1, 12)):
            finished = int(writer.stdout.readline())
        writer.kill()
        writer.communicate(timeout=20)
        return finished

    finished = await asyncio.to_thread(kill_after_some_rounds)
    async with History.open(history_path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        assert history.warnings == []
        for number in range(finished + 1):
            assert await history.batches.get(account_id, f"batch_killed_{number}_19") is not None
        done = {op.title for op in await history.operations.recent(account_id, 10**6)}
        assert done >= {f"killed {number}" for number in range(finished + 1)}
        await history.batches.upsert(account_id, [make_batch()], seen_at=NOON, profile="p")
    assert _is_whole(history_path)
