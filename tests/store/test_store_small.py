"""Accounts, inputs, downloads and the state of syncing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from batchdeck.models.account import Account
from batchdeck.models.batch import BatchStatus
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.models.stored import SyncState
from batchdeck.store.database import History
from tests.fakes.batches import NOON, make_batch

pytestmark = pytest.mark.anyio


# --- accounts ---------------------------------------------------------------


async def test_an_account_is_known_by_everything_that_tells_it_apart(history: History) -> None:
    base = Account("https://a/v1", "f1", "org", "project")
    others = [
        replace(base, base_url="https://b/v1"),
        replace(base, key_fingerprint="f2"),
        replace(base, organization=""),
        replace(base, project="p2"),
    ]
    ids = [await history.accounts.key(account, "p") for account in (base, *others)]
    assert len(set(ids)) == 5
    assert [await history.accounts.key(account, "p") for account in (base, *others)] == ids
    assert await history.accounts.key(base, "another profile") == ids[0]


async def test_the_same_account_has_the_same_id_in_every_history() -> None:
    ids: set[int] = set()
    for _ in range(2):
        async with History.open_memory() as history:
            await history.accounts.key(Account("x", str(len(ids))), "p")
            ids.add(await history.accounts.key(Account("u", "f"), "p"))
    assert len(ids) == 1


async def test_the_last_used_account_is_remembered(history: History) -> None:
    first, second = Account("https://a/v1", "f1"), Account("https://a/v1", "f2")
    assert await history.accounts.last_used("p", "https://a/v1") is None
    first_id = await history.accounts.key(first, "p")
    second_id = await history.accounts.key(second, "p")
    assert await history.accounts.last_used("p", "https://a/v1/") == (second_id, second)
    await history.accounts.key(first, "p")
    assert await history.accounts.last_used("p", "https://a/v1") == (first_id, first)
    await history.accounts.key(second, "q")
    assert await history.accounts.last_used("p", "https://a/v1") == (first_id, first)
    assert await history.accounts.last_used("p", "https://b/v1") is None


async def test_using_the_same_account_again_writes_nothing(history: History) -> None:
    account = Account("https://a/v1", "f1")
    await history.accounts.key(account, "p")
    generation = history.generation
    await history.accounts.key(account, "p")
    assert history.generation == generation


# --- inputs -----------------------------------------------------------------


async def _remember(history: History, account_id: int, name: str, kept: Path | None = None) -> None:
    await history.inputs.remember(
        account_id, f"file-{name}", f"sha-{name}", 100, f"/in/{name}", str(kept) if kept else None, 3, name
    )


def _make(path: Path, size: int) -> Path:
    path.write_bytes(b"x" * size)
    return path


async def test_an_input_is_remembered(history: History, account_id: int, tmp_path: Path) -> None:
    await history.batches.upsert(
        account_id, [make_batch(1, input_file_id="file-a")], seen_at=NOON, profile="p"
    )
    await _remember(history, account_id, "a", _make(tmp_path / "a.gz", 40))
    found = await history.inputs.of_file(account_id, "file-a")
    assert found is not None
    assert (found.sha256, found.bytes, found.original_path) == ("sha-a", 100, "/in/a")
    assert (found.kept_path, found.kept_bytes, found.requests) == (str(tmp_path / "a.gz"), 40, 3)
    record = await history.batches.get(account_id, "batch_1")
    assert record is not None
    assert (record.name, record.input_name) == ("a", "a")
    assert await history.inputs.of_file(account_id + 1, "file-a") is None
    assert [kept.name for kept in await history.inputs.of_sha256(account_id, "sha-a")] == ["a"]


async def test_kept_bytes_count_a_shared_copy_once(history: History, account_id: int, tmp_path: Path) -> None:
    assert await history.inputs.total_kept_bytes() == 0
    copy = _make(tmp_path / "a.gz", 40)
    await _remember(history, account_id, "a", copy)
    await _remember(history, account_id, "b", copy)
    await _remember(history, account_id, "c", _make(tmp_path / "c.gz", 7))
    await _remember(history, account_id, "d")
    assert await history.inputs.total_kept_bytes() == 47
    await history.inputs.forget_copy(str(copy))
    assert await history.inputs.total_kept_bytes() == 7
    found = await history.inputs.of_file(account_id, "file-b")
    assert found is not None
    assert found.kept_path is None


async def test_only_copies_of_ended_batches_may_go(history: History, account_id: int, tmp_path: Path) -> None:
    shared = _make(tmp_path / "shared.gz", 1)
    for name in ("ended", "active", "unused", "gone"):
        await _remember(history, account_id, name, _make(tmp_path / f"{name}.gz", 1))
    await _remember(history, account_id, "shared-1", shared)
    await _remember(history, account_id, "shared-2", shared)
    batches = [
        make_batch("e", BatchStatus.EXPIRED, input_file_id="file-ended"),
        make_batch("a", BatchStatus.FINALIZING, input_file_id="file-active"),
        make_batch("a2", BatchStatus.COMPLETED, input_file_id="file-active"),
        make_batch("g", BatchStatus.IN_PROGRESS, input_file_id="file-gone"),
        make_batch("s", BatchStatus.UNKNOWN, input_file_id="file-shared-2"),
    ]
    await history.batches.upsert(account_id, batches, seen_at=NOON, profile="p")
    await history.batches.mark_gone(account_id, ["batch_g"], NOON)
    assert [kept.name for kept in await history.inputs.evictable()] == ["ended", "unused", "gone"]


# --- downloads --------------------------------------------------------------


async def test_downloads_are_remembered_by_path(history: History, account_id: int) -> None:
    downloads = history.downloads
    await downloads.remember(account_id, "file-o", "/a", 10, "s1", NOON)
    await downloads.remember(account_id, "file-o", "/b", 10, "s1", NOON + timedelta(hours=1))
    await downloads.remember(account_id, "file-o", "/a", 11, "s2", NOON + timedelta(hours=2))
    found = await downloads.of_file(account_id, "file-o")
    assert [(known.path, known.bytes, known.sha256) for known in found] == [
        ("/a", 11, "s2"),
        ("/b", 10, "s1"),
    ]
    await downloads.forget(account_id, "file-o", "/a")
    assert [known.path for known in await downloads.of_file(account_id, "file-o")] == ["/b"]
    assert await downloads.of_file(account_id + 1, "file-o") == []


# --- sync state -------------------------------------------------------------


async def test_the_state_of_syncing_is_kept_by_account(history: History, account_id: int) -> None:
    other = await history.accounts.key(Account("https://other", "f"), "p")
    assert await history.sync_state.get(account_id) == SyncState()
    state = SyncState("batch_9", True, NOON, "batch_1", NOON - timedelta(seconds=1), NOON - timedelta(days=1))
    await history.sync_state.set(account_id, state)
    assert await history.sync_state.get(account_id) == state
    assert await history.sync_state.get(other) == SyncState()
    await history.sync_state.set(account_id, SyncState())
    assert await history.sync_state.get(account_id) == SyncState()


async def test_paths_and_ids_no_text_can_hold(history: History) -> None:
    """A path that is no UTF-8, as the system hands it over, and whatever a service calls things."""
    odd = "odd/\udcff\x00"
    account_id = await history.accounts.key(Account(odd, odd, odd, odd), odd)
    assert (await history.accounts.last_used(odd, odd) or (0,))[0] == account_id
    await history.batches.upsert(account_id, [make_batch(odd)], seen_at=NOON, profile=odd)
    await history.inputs.remember(account_id, odd, "sha", 1, odd, "kept\udcff", 1, odd)
    await history.downloads.remember(account_id, odd, odd, 1, "sha", NOON)
    await history.sync_state.set(account_id, SyncState(backfill_cursor=odd))
    operation = await history.operations.begin(account_id, OperationKind.CREATE, odd, {odd: odd}, odd)
    step = await history.operations.step(
        operation.id,
        OperationState.DONE,
        note=odd,
        request_id=odd,
        batch_id=odd,
        input_file_id=odd,
        error=odd,
    )
    assert step.payload == {odd: odd}
    assert len(await history.operations.by_batch(account_id, odd)) == 1
    assert len(await history.downloads.of_file(account_id, odd)) == 1
    assert await history.inputs.of_file(account_id, odd) is not None
    await history.inputs.forget_copy("kept\udcff")
    assert await history.inputs.total_kept_bytes() == 0
