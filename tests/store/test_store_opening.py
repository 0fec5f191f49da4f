"""The history's file: made, migrated, private, quick to open, refused when it is newer."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from batchdeck.errors import HistoryError, NewerHistory
from batchdeck.models.account import Account
from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort
from batchdeck.store.database import History
from batchdeck.store.migrate import migrate, migrations, newest, statements, version_of
from tests.fakes.batches import NOON, make_batch

pytestmark = pytest.mark.anyio
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")


def _schema(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY 1"
    ).fetchall()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _content(path: Path) -> bytes:
    return path.read_bytes()


@posix
async def test_files_are_their_owners_alone(history: History, account_id: int, history_path: Path) -> None:
    await history.batches.upsert(account_id, [make_batch()], seen_at=NOON, profile="p")
    assert _mode(history_path.parent) == 0o700
    modes = {path.name: _mode(path) for path in history_path.parent.iterdir()}
    assert set(modes) >= {"history.sqlite3", "history.sqlite3-wal", "history.sqlite3-shm"}
    assert set(modes.values()) == {0o600}


@posix
async def test_a_file_others_could_read_is_closed_to_them(history_path: Path) -> None:
    async with History.open(history_path):
        pass
    os.chmod(history_path, 0o644)
    async with History.open(history_path):
        assert _mode(history_path) == 0o600


async def test_what_was_written_is_there_next_time(history_path: Path) -> None:
    for count in range(3):
        async with History.open(history_path) as history:
            account_id = await history.accounts.key(Account("u", "f"), "p")
            await history.batches.upsert(account_id, [make_batch(count)], seen_at=NOON, profile="p")
            assert len(await history.batches.newest_ids(account_id, 10)) == count + 1
            assert history.warnings == []
            assert not history.is_in_memory


async def test_the_file_is_in_wal_mode_with_foreign_keys(history: History) -> None:
    def pragmas(connection: sqlite3.Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "user_version")
        return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    assert await history.write(pragmas) == {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "user_version": newest(),
    }


async def test_a_write_that_fails_leaves_nothing(history: History, account_id: int) -> None:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO input_names VALUES (?, 'file', 'name')", (account_id,))
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        await history.write(work)
    count = await history.read(lambda c: c.execute("SELECT count(*) FROM input_names").fetchone()[0])
    assert count == 0
    await history.batches.upsert(account_id, [make_batch()], seen_at=NOON, profile="p")


async def test_readers_cannot_write(history: History, account_id: int) -> None:
    for read in (history.read, history.read_aside):
        with pytest.raises(HistoryError):
            await read(lambda c: c.execute("INSERT INTO input_names VALUES (1, 'file', 'name')"))


async def test_a_long_write_holds_up_no_page_turn(history: History, account_id: int) -> None:
    """A page is read while another connection is in the middle of a write."""
    await history.batches.upsert(account_id, [make_batch()], seen_at=NOON, profile="p")
    assert history.path is not None
    other = sqlite3.connect(history.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE batches SET cost = 1")
    window = await history.batches.window(account_id, BatchFilter(), BatchSort(), offset=0, limit=9, now=NOON)
    other.execute("ROLLBACK")
    other.close()
    assert [row.cost_usd for row in window.rows] == [None]


# --- migrations -------------------------------------------------------------


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [number for number, _ in migrations()] == list(range(1, newest() + 1))


@pytest.mark.parametrize("version", range(newest() + 1))
def test_every_older_version_becomes_the_newest(version: int, tmp_path: Path) -> None:
    fresh = sqlite3.connect(tmp_path / "fresh.sqlite3", isolation_level=None)
    migrate(fresh)
    old = sqlite3.connect(tmp_path / "old.sqlite3", isolation_level=None)
    migrate(old, upto=version)
    assert version_of(old) == version
    migrate(old)
    assert version_of(old) == newest()
    assert _schema(old) == _schema(fresh)
    assert old.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert old.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("version", range(1, newest() + 1))
async def test_rows_of_every_older_version_are_kept(version: int, history_path: Path) -> None:
    history_path.parent.mkdir()
    old = sqlite3.connect(history_path, isolation_level=None)
    migrate(old, upto=version)
    old.executescript("""
        INSERT INTO accounts VALUES (5, 'u', 'f', '', '', 0);
        INSERT INTO account_uses VALUES ('p', 'u', 5, 0);
        INSERT INTO inputs VALUES (5, 'file', 'sha', 3, '/in', NULL, 0, 1, 'in.jsonl', 0);
        INSERT INTO operations VALUES ('op', 5, 'create', 'sending', 0, 1, 2, 't', NULL, NULL, NULL, '{}',
            NULL, NULL);
    """)
    old.close()
    async with History.open(history_path) as history:
        assert await history.accounts.key(Account("u", "f"), "p") == 5
        assert [operation.id for operation in await history.operations.unsettled(5)] == ["op"]
        assert await history.inputs.of_file(5, "file") is not None


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    whole = sqlite3.connect(tmp_path / "whole.sqlite3", isolation_level=None)
    migrate(whole)
    last_made = whole.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()[-1][0]
    connection = sqlite3.connect(tmp_path / "h.sqlite3", isolation_level=None)
    migrate(connection, upto=1)
    before = _schema(connection)
    connection.execute(f"CREATE TABLE {last_made} (x)")
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(connection)
    connection.execute(f"DROP TABLE {last_made}")
    assert version_of(connection) == 1
    assert _schema(connection) == before
    migrate(connection)
    assert version_of(connection) == newest()


def test_statements_keep_triggers_whole() -> None:
    script = """
        -- why
        CREATE TABLE a (x);

        CREATE TRIGGER t AFTER INSERT ON a BEGIN
            SELECT 1;
            SELECT 2;
        END;
    """
    assert [statement.split()[1] for statement in statements(script)] == ["TABLE", "TRIGGER"]


async def test_a_newer_history_is_refused_and_left_alone(history_path: Path) -> None:
    async with History.open(history_path):
        pass
    connection = sqlite3.connect(history_path)
    connection.execute("PRAGMA user_version = 9999")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = _content(history_path)
    with pytest.raises(NewerHistory) as raised:
        await History.open(history_path)
    assert "9999" in raised.value.sentence
    assert str(history_path) in raised.value.sentence
    assert raised.value.hint
    assert _content(history_path) == before


async def test_another_programs_database_is_refused_and_left_alone(history_path: Path) -> None:
    history_path.parent.mkdir()
    connection = sqlite3.connect(history_path)
    connection.execute("CREATE TABLE precious (x)")
    connection.close()
    with pytest.raises(HistoryError, match="no history of batchdeck"):
        await History.open(history_path)
    connection = sqlite3.connect(history_path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]
    connection.close()


def test_an_opening_that_fails_lets_the_process_end(history_path: Path) -> None:
    """An aiosqlite connection that is left open keeps the process alive for ever."""
    history_path.parent.mkdir()
    connection = sqlite3.connect(history_path)
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    script = (
        "import asyncio, pathlib, sys\n"
        "from batchdeck.store.database import History\n"
        "async def main():\n"
        "    async with History.open(pathlib.Path(sys.argv[1])): pass\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(history_path)], capture_output=True, timeout=20, check=False
    )
    assert done.returncode == 1
    assert b"NewerHistory" in done.stderr
