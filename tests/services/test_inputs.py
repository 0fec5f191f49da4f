"""What was sent is found again: the kept copy, the original, the service's file."""

from __future__ import annotations

import gzip
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from batchdeck.errors import FileProblem, InputLost, Unreachable
from batchdeck.models.batch import BatchStatus
from tests.services.money import World, small_limits

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _copies(world: World) -> list[Path]:
    return sorted((world.data / "inputs").glob("*.gz"))


async def test_the_kept_copy_comes_first(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "b"])
    content = path.read_bytes()
    async with world.process() as process:
        [created] = await process.create(path)
        path.unlink()
        world.api.files.clear()
        source = await process.inputs.find(created.batch)
    assert source.origin == "kept"
    assert source.path.read_bytes() == content
    [copy] = _copies(world)
    assert gzip.decompress(copy.read_bytes()) == content
    assert os.name == "nt" or copy.stat().st_mode & 0o777 == 0o600


async def test_then_the_original_if_it_is_the_same(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "b"])
    async with world.process() as process:
        [created] = await process.create(path)
        _copies(world)[0].unlink()
        source = await process.inputs.find(created.batch)
    assert (source.origin, source.path) == ("original", path)


async def test_then_the_services_file(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "b"])
    content = path.read_bytes()
    async with world.process() as process:
        [created] = await process.create(path)
        _copies(world)[0].unlink()
        path.write_bytes(content.replace(b"hello", b"HELLO"))
        source = await process.inputs.find(created.batch)
        again = await process.inputs.find(created.batch)
    assert source.origin == "service"
    assert source.path.read_bytes() == content
    assert again == source
    assert world.api.count("stream_file") == 1


async def test_a_damaged_copy_is_passed_over(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "b"])
    for damage in (b"no gzip", gzip.compress(b"another file"), b""):
        async with world.process() as process:
            [created] = await process.create(path)
            _copies(world)[0].write_bytes(damage)
            source = await process.inputs.find(created.batch)
        assert source.origin == "original"
        for copy in _copies(world):
            copy.unlink()


async def test_a_copy_cut_short_is_passed_over(world: World) -> None:
    path = world.write("tickets.jsonl", [f"id-{number}" for number in range(500)])
    async with world.process() as process:
        [created] = await process.create(path)
        copy = _copies(world)[0]
        copy.write_bytes(copy.read_bytes()[:-20])
        assert (await process.inputs.find(created.batch)).origin == "original"


async def test_a_plain_copy_that_was_tampered_with_is_made_again(world: World) -> None:
    path = world.write("tickets.jsonl", ["a", "b"])
    content = path.read_bytes()
    async with world.process() as process:
        [created] = await process.create(path)
        source = await process.inputs.find(created.batch)
        source.path.write_bytes(content.replace(b"hello", b"HELLO"))
        again = await process.inputs.find(created.batch)
    assert again.path.read_bytes() == content


async def test_a_lost_input_is_told(world: World) -> None:
    foreign = world.api.add(input_file_id="file-gone")
    nameless = world.api.add()
    async with world.process() as process:
        with pytest.raises(InputLost, match="file-gone"):
            await process.inputs.find(foreign)
        with pytest.raises(InputLost, match="does not say"):
            await process.inputs.find(nameless)
        world.api.crash("get_file", Unreachable("No connection."))
        with pytest.raises(Unreachable):
            await process.inputs.find(foreign)


async def test_the_part_of_a_split_file_is_found_in_the_original(world: World) -> None:
    world.profile = small_limits(2)
    path = world.write("big.jsonl", ["a", "b", "c"])
    async with world.process() as process:
        created = await process.create(path, split=True)
        for copy in _copies(world):
            copy.unlink()
        source = await process.inputs.find(created[1].batch)
    assert source.origin == "original"
    assert source.path.read_bytes() == path.read_bytes().splitlines(keepends=True)[2]


async def test_the_oldest_copies_of_ended_batches_go_first(world: World) -> None:
    paths = [world.write(f"{name}.jsonl", [name], text=os.urandom(3_000).hex()) for name in "abcd"]
    async with world.process(inputs_budget=12_000) as process:
        made = []
        for number, path in enumerate(paths):
            [created] = await process.create(path)
            made.append(created.batch)
            if number == 1:
                world.api.change(created.batch.id, status=BatchStatus.COMPLETED)
                await process.context.note_batches([world.api.batches[0]])
        kept = []
        for batch in made:
            known = await process.history.inputs.of_file(
                process.context.account_id, batch.input_file_id or ""
            )
            kept.append(known is not None and known.kept_path is not None)
    assert kept == [True, False, True, True]
    assert len(_copies(world)) == 3


async def test_a_copy_over_the_budget_is_not_kept_and_nothing_fails(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"], text=os.urandom(5_000).hex())
    async with world.process(inputs_budget=1_000) as process:
        [created] = await process.create(path)
        source = await process.inputs.find(created.batch)
    assert _copies(world) == []
    assert source.origin == "original"


async def test_copies_that_a_killed_process_left_are_swept(world: World) -> None:
    (world.data / "inputs").mkdir(parents=True)
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        stray = world.data / "inputs" / f"{'0' * 64}-{process.context.account_id}.jsonl.gz"
        young = world.data / "inputs" / f"{'1' * 64}-{process.context.account_id}.jsonl.gz"
        for file in (stray, young):
            file.write_bytes(b"x")
        old = time.time() - 200_000
        os.utime(stray, (old, old))
        await process.create(path)
    assert not stray.exists()
    assert young.exists()


async def test_bytes_other_than_the_checked_ones_are_not_kept(world: World) -> None:
    path = world.write("tickets.jsonl", ["a"])
    async with world.process() as process:
        with pytest.raises(FileProblem, match="changed"):
            await process.inputs.keep(path, start=0, end=path.stat().st_size, sha256="0" * 64)
    assert _copies(world) == []


async def test_local_copies_are_fetched_once_and_within_a_budget(world: World) -> None:
    world.api.add_file("file-out", b'{"a": 1}\n')
    batch = world.api.add(output_file_id="file-out")
    async with world.process() as process:
        assert await process.files.cached(batch, "output") is None
        first = await process.files.local(batch, "output")
        second = await process.files.local(batch, "output")
        assert first == second is not None
        assert world.api.count("stream_file") == 1
        assert first is not None
        first.write_bytes(b'{"a": 2}\n')
        stamp = time.time() + 100
        os.utime(first, (stamp, stamp))
        assert await process.files.local(batch, "output") == first
        assert first.read_bytes() == b'{"a": 1}\n'
    assert world.api.count("stream_file") == 2


async def test_an_id_of_another_account_is_another_file(world: World) -> None:
    world.api.add_file("file-out", b'{"a": 1}\n')
    batch = world.api.add(output_file_id="file-out")
    async with world.process() as process:
        mine = await process.files.local(batch, "output")
        from batchdeck.models.account import Account
        from batchdeck.services.files import Files

        other = await process.history.accounts.key(Account("https://other/v1", "1" * 12), "test")
        context = replace(process.context, account_id=other)
        theirs = await Files(context, process.inputs, results_dir=world.data / "results").local(
            batch, "output"
        )
    assert mine != theirs
    assert world.api.count("stream_file") == 2
