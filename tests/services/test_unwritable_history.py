"""A history that cannot be written any more, at the worst moment: when the batch is made."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from batchdeck.errors import UnsettledOperation
from batchdeck.models.operation import OperationState
from batchdeck.models.remote import CallResult, NewBatch
from batchdeck.store.database import History
from tests.fakes import FakeBatchApi
from tests.services.money import World

pytestmark = pytest.mark.anyio


async def set_writable(history: History, writable: bool) -> None:
    """Let SQLite refuse writes as it does on a file system that has become read-only, or take them again."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA query_only = {int(not writable)}")

    await history._writer.run(work)


class DiskFailsAtCreate(FakeBatchApi):
    """A service during whose create the disk becomes unwritable."""

    history: History | None = None

    async def create_batch(self, new: NewBatch) -> CallResult:
        result = await super().create_batch(new)
        if self.history is not None:
            await set_writable(self.history, False)
        return result


async def test_a_batch_that_cannot_be_written_down_is_told_and_found_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.api = api = DiskFailsAtCreate(now=world.clock.now)
    path = world.write("night.jsonl", ["a", "b"])
    async with world.process() as process:
        api.history = process.history
        with pytest.raises(UnsettledOperation) as raised:
            await process.create(path)
        (batch,) = api.batches
        assert batch.id in raised.value.sentence
        assert "nothing was sent" not in raised.value.line.lower()
        await set_writable(process.history, True)
    api.history = None

    async with world.process() as process:
        (created,) = await process.create(path)
        assert created.batch.id == batch.id
        assert created.continued
        assert [operation.state for operation in await process.operations()] == [OperationState.DONE]
    assert len(api.batches) == 1
    assert api.count("upload_file") == 1
