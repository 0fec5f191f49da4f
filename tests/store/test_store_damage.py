"""A damaged file is put aside, never deleted, and what it still tells is saved."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from batchdeck.errors import HistoryError
from batchdeck.models.account import Account
from batchdeck.models.filter import BatchFilter
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.models.query import BatchSort
from batchdeck.store.damage import is_suspect, mark_suspect
from batchdeck.store.database import History
from tests.fakes.batches import NOON, make_batch

pytestmark = pytest.mark.anyio

BATCHES = 400
PAGE = 4096


async def _fill(path: Path) -> str:
    """Make a history; the id of its one operation is returned."""
    async with History.open(path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        batches = [
            make_batch(number, age=number, metadata={"description": f"job {number}"})
            for number in range(BATCHES)
        ]
        await history.batches.upsert(account_id, batches, seen_at=NOON, profile="p")
        operation = await history.operations.begin(account_id, OperationKind.CREATE, "in.jsonl", {"a": 1})
        await history.operations.step(operation.id, OperationState.SENDING, note="sent", input_file_id="file")
        await history.inputs.remember(account_id, "file", "sha", 9, "/in.jsonl", None, 3, "in.jsonl")
    return operation.id


def _put_aside(path: Path) -> list[Path]:
    return [
        found
        for found in path.parent.iterdir()
        if ".damaged-" in found.name and not found.name.endswith(("-wal", "-shm"))
    ]


async def _check_new(path: Path, warnings: list[str]) -> None:
    """The new file is whole and can be used."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    assert len(warnings) == 1
    assert str(_put_aside(path)[0]) in warnings[0]


@pytest.mark.parametrize("content", [b"no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_file_that_is_no_database_is_put_aside(content: bytes, history_path: Path) -> None:
    _write(history_path, content)
    async with History.open(history_path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        await history.batches.upsert(account_id, [make_batch()], seen_at=NOON, profile="p")
        warnings = history.warnings
    await _check_new(history_path, warnings)
    assert _put_aside(history_path)[0].read_bytes() == content
    assert "Nothing could be saved" in warnings[0]
    async with History.open(history_path) as history:
        assert history.warnings == []
        assert await history.batches.newest_ids(account_id, 9) == ["batch_1"]


async def test_what_can_be_read_is_saved(history_path: Path) -> None:
    """The schema's page is whole, a page of the batches is not."""
    operation_id = await _fill(history_path)
    _overwrite(history_path, _pages_of(history_path, "batches"))
    async with History.open(history_path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        operation = await history.operations.get(operation_id)
        assert operation is not None
        assert [step.note for step in operation.steps] == ["", "sent"]
        assert (operation.input_file_id, operation.payload) == ("file", {"a": 1})
        kept = await history.inputs.of_file(account_id, "file")
        assert kept is not None
        assert kept.name == "in.jsonl"
        assert "1 operation, 1 sent input" in history.warnings[0]
        warnings = history.warnings
    await _check_new(history_path, warnings)


async def test_batches_beside_the_damage_are_saved(history_path: Path) -> None:
    await _fill(history_path)
    leaves = _pages_of(history_path, "batch_texts")
    _overwrite(history_path, leaves[len(leaves) // 2 : len(leaves) // 2 + 1])
    mark_suspect(history_path)
    async with History.open(history_path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        found = await history.batches.newest_ids(account_id, BATCHES)
        assert BATCHES // 2 < len(found) < BATCHES
        assert {"batch_0", f"batch_{BATCHES - 1}"} <= set(found)
        window = await history.batches.window(
            account_id, BatchFilter.parse("job"), BatchSort(), offset=0, limit=BATCHES, now=NOON
        )
        assert [row.id for row in window.rows] == found
        assert sum((await history.batches.counts(account_id)).values()) == len(found)
        assert "known to the old file alone" in history.warnings[0]
        warnings = history.warnings
    await _check_new(history_path, warnings)


async def test_damage_that_is_met_in_use_is_told_and_mended_next_time(history_path: Path) -> None:
    await _fill(history_path)
    _overwrite(history_path, _pages_of(history_path, "batch_texts")[1:])
    async with History.open(history_path) as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        with pytest.raises(HistoryError, match="start batchdeck again"):
            await history.batches.window(
                account_id, BatchFilter.parse("job"), BatchSort(), offset=0, limit=9, now=NOON
            )
    async with History.open(history_path) as history:
        assert len(history.warnings) == 1
        await history.batches.window(
            account_id, BatchFilter.parse("job"), BatchSort(), offset=0, limit=9, now=NOON
        )
    async with History.open(history_path) as history:
        assert history.warnings == []


async def test_a_whole_file_under_suspicion_is_kept(history_path: Path) -> None:
    await _fill(history_path)
    mark_suspect(history_path)
    async with History.open(history_path) as history:
        assert history.warnings == []
    assert not is_suspect(history_path)
    assert _put_aside(history_path) == []


@pytest.mark.parametrize("seed", range(12))
async def test_damage_anywhere_never_stops_the_history(seed: int, history_path: Path) -> None:
    """Random bytes, cut ends and swapped pages: it opens, and every call answers or says why not."""
    await _fill(history_path)
    _damage(history_path, seed)
    for _ in range(3):
        async with History.open(history_path) as history:
            try:
                account_id = await history.accounts.key(Account("u", "f"), "p")
                batches = [make_batch(number, age=number) for number in range(BATCHES)]
                await history.batches.upsert(account_id, batches, seen_at=NOON, profile="p")
                window = await history.batches.window(
                    account_id, BatchFilter.parse("batch"), BatchSort(), offset=0, limit=BATCHES, now=NOON
                )
                operation = await history.operations.begin(account_id, OperationKind.CANCEL, "x", {})
                await history.operations.recent(account_id)
            except HistoryError:
                continue
            assert window.total >= BATCHES
            assert operation.state is OperationState.INTENT
            break
    else:
        pytest.fail("three openings did not make it usable")


def _pages_of(path: Path, table: str) -> list[int]:
    """The numbers of a table's leaf pages, in order, found by walking its tree."""
    connection = sqlite3.connect(path)
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    connection.close()
    data = path.read_bytes()
    leaves: list[int] = []
    pending = [int(root)]
    while pending:
        number = pending.pop(0)
        page = data[(number - 1) * PAGE : number * PAGE]
        if page[0] == 13:
            leaves.append(number)
            continue
        cells = int.from_bytes(page[3:5], "big")
        offsets = [int.from_bytes(page[12 + 2 * n : 14 + 2 * n], "big") for n in range(cells)]
        pending += [int.from_bytes(page[offset : offset + 4], "big") for offset in offsets]
        pending.append(int.from_bytes(page[8:12], "big"))
    return leaves


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def _overwrite(path: Path, pages: list[int]) -> None:
    assert pages
    data = bytearray(path.read_bytes())
    for number in pages:
        data[(number - 1) * PAGE : number * PAGE] = b"\xee" * PAGE
    path.write_bytes(data)


def _damage(path: Path, seed: int) -> None:
    dice = random.Random(seed)
    data = bytearray(path.read_bytes())
    match seed % 3:
        case 0:
            for _ in range(40):
                data[dice.randrange(len(data))] = dice.randrange(256)
        case 1:
            del data[dice.randrange(len(data)) :]
        case _:
            start = dice.randrange(len(data) // PAGE) * PAGE
            data[start : start + PAGE] = dice.randbytes(PAGE)
    path.write_bytes(data)
