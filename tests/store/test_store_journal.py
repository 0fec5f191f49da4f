"""The journal: steps in order, one owner at a time, on the disk before anything is sent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from batchdeck.errors import HistoryError
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.store.database import History
from batchdeck.store.process import is_alive, this_process

pytestmark = pytest.mark.anyio

CHILD = """
import asyncio, json, pathlib, sys
from batchdeck.models.account import Account
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.store.database import History

async def main():
    path, doing = pathlib.Path(sys.argv[1]), sys.argv[2]
    async with History.open(path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        if doing == "begin":
            operation = await history.operations.begin(account_id, OperationKind.CREATE, "in.jsonl", {})
            await history.operations.step(operation.id, OperationState.SENDING, note="sent")
            print(json.dumps([account_id, operation.id]), flush=True)
            sys.stdin.read()
        else:
            sys.stdin.readline()
            won = [op for op in sys.argv[3:] if await history.operations.claim(op)]
            print(json.dumps(won), flush=True)
            sys.stdin.read()
asyncio.run(main())
"""


def _child(path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _kill(child: subprocess.Popen[str]) -> None:
    """End a process as a power cut would, and wait until it is gone."""
    child.kill()
    child.communicate(timeout=20)


def _answer(child: subprocess.Popen[str]) -> list[str]:
    assert child.stdout is not None
    answer: list[str] = json.loads(child.stdout.readline())
    return answer


async def test_steps_are_kept_in_order(history: History, account_id: int) -> None:
    operations = history.operations
    begun = await operations.begin(
        account_id, OperationKind.RETRY, "tickets.jsonl", {"sha": "x", "n": [1, 2]}
    )
    assert begun.state is OperationState.INTENT
    assert (begun.pid, begun.payload) == (os.getpid(), {"sha": "x", "n": [1, 2]})
    assert len(begun.id) == 32
    await operations.step(begun.id, OperationState.UPLOADED, input_file_id="file-1", request_id="req-1")
    await operations.step(begun.id, OperationState.SENDING, note="POST /batches", error="it broke")
    done = await operations.step(begun.id, OperationState.DONE, batch_id="batch_1", payload={"left": 0})
    assert (done.batch_id, done.input_file_id, done.error) == ("batch_1", "file-1", None)
    assert (done.payload, done.pid) == ({"left": 0}, None)
    assert [(step.state.value, step.note, step.request_id) for step in done.steps] == [
        ("intent", "", None),
        ("uploaded", "", "req-1"),
        ("sending", "POST /batches", None),
        ("done", "", None),
    ]
    assert await operations.get(begun.id) == done
    assert await operations.get("none") is None


async def test_lists_are_by_account_and_state(history: History, account_id: int) -> None:
    operations = history.operations
    begun = [await operations.begin(account_id, OperationKind.CREATE, str(n), {}) for n in range(5)]
    await operations.step(begun[1].id, OperationState.DONE, batch_id="batch_1")
    await operations.step(begun[3].id, OperationState.ABANDONED)
    cancel = await operations.begin(account_id, OperationKind.CANCEL, "c", {}, batch_id="batch_1")
    assert [op.title for op in await operations.unsettled(account_id)] == ["0", "2", "4", "c"]
    assert [op.title for op in await operations.recent(account_id, 3, 1)] == ["4", "3", "2"]
    assert [op.id for op in await operations.by_batch(account_id, "batch_1")] == [cancel.id, begun[1].id]
    assert await operations.unsettled(account_id + 1) == []


async def test_a_step_of_an_unknown_operation_is_refused(history: History, account_id: int) -> None:
    with pytest.raises(HistoryError, match="no operation"):
        await history.operations.step("none", OperationState.DONE)
    rows = await history.read(lambda c: c.execute("SELECT count(*) FROM operation_steps").fetchone()[0])
    assert rows == 0


async def test_hostile_words_are_kept_as_text(history: History, account_id: int) -> None:
    begun = await history.operations.begin(
        account_id, OperationKind.CREATE, "a\x00b\ud800", {"k": "\ud800\x00"}
    )
    step = await history.operations.step(
        begun.id, OperationState.FAILED, note="\ud800", error="\x1b]52;\ud800"
    )
    assert step.payload == {"k": "\ud800\x00"}
    assert step.error == "\x1b]52;\ufffd"


async def test_an_operation_of_a_living_process_is_not_taken(history_path: Path) -> None:
    async with History.open(history_path) as history:
        child = _child(history_path, "begin")
        try:
            _, op_id = await asyncio.to_thread(_answer, child)
            assert await history.operations.claim(op_id) is False
        finally:
            await asyncio.to_thread(_kill, child)
        assert await history.operations.claim(op_id) is True
        found = await history.operations.get(op_id)
        assert found is not None
        assert (found.pid, found.state) == (os.getpid(), OperationState.SENDING)
        assert await history.operations.claim(op_id) is True


async def test_one_of_many_gets_an_orphan(history_path: Path) -> None:
    """Several processes try to take the same operations at once."""
    async with History.open(history_path) as history:
        orphans = []
        for _ in range(2):
            child = _child(history_path, "begin")
            orphans.append((await asyncio.to_thread(_answer, child))[1])
            await asyncio.to_thread(_kill, child)
        takers = [_child(history_path, "claim", *orphans) for _ in range(4)]
        try:
            for taker in takers:
                assert taker.stdin is not None
                taker.stdin.write("go\n")
                taker.stdin.flush()
            taken = [op for taker in takers for op in await asyncio.to_thread(_answer, taker)]
            assert sorted(taken) == sorted(orphans)
            for op_id in orphans:
                assert await history.operations.claim(op_id) is False
        finally:
            for taker in takers:
                await asyncio.to_thread(_kill, taker)
        for op_id in orphans:
            assert await history.operations.claim(op_id) is True


async def test_a_settled_or_released_operation(history: History, account_id: int) -> None:
    settled = await history.operations.begin(account_id, OperationKind.CREATE, "x", {})
    await history.operations.step(settled.id, OperationState.FAILED)
    assert await history.operations.claim(settled.id) is False
    assert await history.operations.claim("none") is False
    released = await history.operations.begin(account_id, OperationKind.CREATE, "x", {})
    await history.operations.release(released.id)
    found = await history.operations.get(released.id)
    assert found is not None
    assert found.pid is None
    assert await history.operations.claim(released.id) is True


async def test_a_reused_process_number_is_not_mistaken(history: History, account_id: int) -> None:
    """The row names a process with a living number that began at another time."""
    if not sys.platform.startswith("linux"):
        pytest.skip("this system does not tell when a process began")
    begun = await history.operations.begin(account_id, OperationKind.CREATE, "x", {})

    def work(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE operations SET pid = ?, process = ?", (os.getppid(), f"{os.getppid()}:old-1")
        )

    await history.write(work)
    assert await history.operations.claim(begun.id) is True


def test_processes_are_told_apart() -> None:
    assert is_alive(os.getpid(), this_process())
    assert not is_alive(os.getpid(), f"{os.getpid()}:another-start")
    assert is_alive(os.getppid(), None)
    assert is_alive(os.getppid(), f"{os.getppid()}:-0123456789ab")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(child.pid, None)
    child.kill()
    child.wait()
    assert not is_alive(child.pid, None)
    assert not is_alive(-1, None)


async def test_a_killed_process_loses_no_step(history_path: Path) -> None:
    """What `begin` and `step` returned for is in the file, however the process ended."""
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("there is no SIGKILL here")
    expected = []
    for _ in range(5):
        child = _child(history_path, "begin")
        account_id, op_id = await asyncio.to_thread(_answer, child)
        await asyncio.to_thread(_kill, child)
        expected.append(op_id)
    async with History.open(history_path) as history:
        found = await history.operations.unsettled(int(account_id))
        assert [op.id for op in found] == expected
        assert {op.state for op in found} == {OperationState.SENDING}
        assert history.warnings == []
