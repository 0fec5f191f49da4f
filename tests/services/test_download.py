"""A download is whole or not there."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from batchdeck.errors import (
    BatchdeckError,
    FileProblem,
    IncompleteDownload,
    InputLost,
    Interrupted,
    NotFound,
    ServerFailed,
    TargetExists,
)
from batchdeck.models.batch import BatchStatus
from batchdeck.models.operation import OperationState
from tests.fakes import Killed
from tests.services.money import World, ended, failed_row, lines, ok_row

pytestmark = pytest.mark.anyio

BIG = random.Random(7).randbytes(600_000).hex().encode() + b"\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.api.chunk_bytes = 10_000
    return world


def _big(world: World, content: bytes = BIG) -> str:
    world.api.add_file("file-big", content)
    return world.api.add(output_file_id="file-big").id


def _parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".part"))


def _left(folder: Path, batch_id: str) -> list[str]:
    return [path.name for path in folder.iterdir() if batch_id in path.name]


async def test_files_come_whole_under_their_names_for_their_owner_alone(world: World, tmp_path: Path) -> None:
    batch = ended(world, ["a", "b"], [ok_row("a")], [failed_row("b")])
    to = tmp_path / "here" / "new"
    async with world.process() as process:
        files = await process.download(batch.id, to, ("output", "errors", "input"))
        known = await process.history.downloads.of_file(
            process.context.account_id, batch.output_file_id or ""
        )
        operations = await process.operations()
    assert [file.path.name for file in files] == [
        f"{batch.id}_output.jsonl",
        f"{batch.id}_errors.jsonl",
        f"{batch.id}_input.jsonl",
    ]
    assert [file.rows for file in files] == [1, 1, 2]
    for file in files:
        assert os.name == "nt" or stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert files[0].path.read_bytes() == world.api.contents[batch.output_file_id or ""]
    assert known[0].sha256 == hashlib.sha256(files[0].path.read_bytes()).hexdigest()
    assert {operation.state for operation in operations} == {OperationState.DONE}
    assert len(operations) == 3
    assert _parts(to) == []


async def test_the_same_content_is_not_fetched_twice(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    async with world.process() as process:
        await process.download(batch_id, tmp_path, ("output",))
        [again] = await process.download(batch_id, tmp_path, ("output",))
        [elsewhere] = await process.download(batch_id, tmp_path / "else", ("output",))
    assert again.was_there
    assert elsewhere.path.read_bytes() == BIG
    assert world.api.count("stream_file") == 1


async def test_a_part_that_a_kill_left_beside_the_whole_file_is_taken_away(
    world: World, tmp_path: Path
) -> None:
    batch_id = _big(world)
    async with world.process() as process:
        (file,) = await process.download(batch_id, tmp_path, ("output",))
        # Killed between giving the file its name and taking the part's away, it has both names.
        mark = hashlib.sha256(f"{process.context.profile.base_url} file-big".encode()).hexdigest()[:10]
        os.link(file.path, tmp_path / f".{file.path.name}.{mark}.part")
        assert len(_parts(tmp_path)) == 1
        (again,) = await process.download(batch_id, tmp_path, ("output",))
    assert again.was_there
    assert _parts(tmp_path) == []
    assert file.path.read_bytes() == BIG


async def test_the_same_content_from_elsewhere_is_recognised(world: World, tmp_path: Path) -> None:
    """The history has never seen the file, for example because it was damaged and begun anew."""
    batch_id = _big(world)
    target = tmp_path / f"{batch_id}_output.jsonl"
    target.write_bytes(BIG)
    async with world.process() as process:
        [file] = await process.download(batch_id, tmp_path, ("output",))
        [again] = await process.download(batch_id, tmp_path, ("output",))
    assert file.was_there
    assert again.was_there
    assert world.api.count("stream_file") == 1
    assert _parts(tmp_path) == []


@pytest.mark.parametrize("other", [b"another\n", BIG[:-2] + b"x\n"], ids=["other length", "same length"])
async def test_another_file_is_not_overwritten_unless_forced(
    world: World, tmp_path: Path, other: bytes
) -> None:
    batch_id = _big(world)
    target = tmp_path / f"{batch_id}_output.jsonl"
    target.write_bytes(other)
    async with world.process() as process:
        with pytest.raises(TargetExists, match=batch_id):
            await process.download(batch_id, tmp_path, ("output",))
        assert target.read_bytes() == other
        assert _parts(tmp_path) == []
        [file] = await process.download(batch_id, tmp_path, ("output",), force=True)
    assert file.path.read_bytes() == BIG


async def test_a_file_that_appears_at_the_last_moment_is_not_overwritten(
    world: World, tmp_path: Path
) -> None:
    batch_id = _big(world)
    target = tmp_path / f"{batch_id}_output.jsonl"
    async with world.process() as process:
        remember = process.history.downloads.remember

        async def late(*arguments: object) -> None:
            target.write_bytes(b"somebody else's")
            await remember(*arguments)  # type: ignore[arg-type]

        process.history.downloads.remember = late  # type: ignore[method-assign,assignment]
        with pytest.raises(TargetExists):
            await process.download(batch_id, tmp_path, ("output",))
        assert await process.files.cached(world.api.batches[0], "output") is None
    assert target.read_bytes() == b"somebody else's"
    assert _parts(tmp_path) == []


async def test_a_folder_under_the_name_is_told(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    (tmp_path / f"{batch_id}_output.jsonl").mkdir()
    async with world.process() as process:
        with pytest.raises(FileProblem, match="folder"):
            await process.download(batch_id, tmp_path, ("output",), force=True)


async def test_a_cut_goes_on_with_the_missing_bytes(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    world.api.cut_at = 700_000
    async with world.process() as process:
        [file] = await process.download(batch_id, tmp_path, ("output",))
    assert file.path.read_bytes() == BIG
    assert "broke 1 time" in file.words
    starts = [call.arguments["start"] for call in world.api.calls if call.method == "stream_file"]
    assert starts == [0, 700_000]


async def test_a_service_that_ignores_range_is_begun_anew(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    world.api.cut_at = 700_000
    world.api.ignores_range = True
    async with world.process() as process:
        [file] = await process.download(batch_id, tmp_path, ("output",))
    assert file.path.read_bytes() == BIG
    assert "anew" in file.words


async def test_a_killed_download_is_resumed_by_the_next(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    world.api.cut_at = 700_000
    world.api.crash("stream_file", Killed(), skip=1)
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.download(batch_id, tmp_path, ("output",))
    assert len(_parts(tmp_path)) == 1
    assert not (tmp_path / f"{batch_id}_output.jsonl").exists()
    world.api.forget_calls()
    async with world.process() as process:
        [file] = await process.download(batch_id, tmp_path, ("output",))
    assert file.resumed
    assert "Went on" in file.words
    assert file.path.read_bytes() == BIG
    [start] = [call.arguments["start"] for call in world.api.calls if call.method == "stream_file"]
    assert 600_000 < start < 700_000
    assert _parts(tmp_path) == []


async def test_a_part_that_is_longer_than_the_file_is_not_trusted(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    world.api.cut_at = 700_000
    world.api.crash("stream_file", Killed(), skip=1)
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.download(batch_id, tmp_path, ("output",))
        [part] = _parts(tmp_path)
        with (tmp_path / part).open("ab") as file:
            file.write(b"x" * 2_000_000)
        [done] = await process.download(batch_id, tmp_path, ("output",))
    assert done.path.read_bytes() == BIG


async def test_a_kill_between_naming_and_noting_is_recognised(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    async with world.process() as process:
        step = process.journal.step

        async def die(operation: object, state: OperationState, **named: object) -> object:
            if state is OperationState.DONE:
                raise Killed
            return await step(operation, state, **named)  # type: ignore[arg-type]

        process.journal.step = die  # type: ignore[method-assign,assignment]
        with pytest.raises(Killed):
            await process.download(batch_id, tmp_path, ("output",))
    async with world.process() as process:
        [settled] = await process.settle.reconcile(finish=True)
        [file] = await process.download(batch_id, tmp_path, ("output",))
    assert settled.operation.state is OperationState.DONE
    assert file.was_there
    assert world.api.count("stream_file") == 1


async def test_a_part_that_has_its_final_name_too_is_never_written_to(world: World, tmp_path: Path) -> None:
    """Killed between the link and the unlink of the rename."""
    batch_id = _big(world)
    target = tmp_path / f"{batch_id}_output.jsonl"
    world.api.cut_at = 700_000
    world.api.crash("stream_file", Killed(), skip=1)
    async with world.process() as process:
        with pytest.raises(Killed):
            await process.download(batch_id, tmp_path, ("output",))
        [part] = _parts(tmp_path)
        os.link(tmp_path / part, tmp_path / "finished")
        finished = (tmp_path / "finished").read_bytes()
        await process.download(batch_id, tmp_path, ("output",))
    assert (tmp_path / "finished").read_bytes() == finished
    assert target.read_bytes() == BIG


async def test_fewer_bytes_than_announced_put_nothing_there(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    world.api.contents["file-big"] = BIG[:-100]
    async with world.process() as process:
        with pytest.raises(IncompleteDownload, match="1,199,901"):
            await process.download(batch_id, tmp_path, ("output",))
        [operation] = await process.operations()
    assert operation.state is OperationState.FAILED
    assert _left(tmp_path, batch_id) == []


async def test_more_bytes_than_announced_put_nothing_there(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    world.api.contents["file-big"] = BIG + b"more"
    async with world.process() as process:
        with pytest.raises(IncompleteDownload):
            await process.download(batch_id, tmp_path, ("output",))
    assert _left(tmp_path, batch_id) == []


async def test_a_service_that_stays_down_is_given_up_and_the_part_stays(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    world.api.cut_at = 700_000
    world.api.crash("stream_file", ServerFailed("It answered 500."), skip=1, times=99)
    async with world.process() as process:
        with pytest.raises(ServerFailed):
            await process.download(batch_id, tmp_path, ("output",))
    assert len(_parts(tmp_path)) == 1
    assert world.api.count("stream_file") == 6


async def test_a_refused_download_leaves_nothing(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    world.api.crash("stream_file", NotFound("No such file.", status=404))
    async with world.process() as process:
        with pytest.raises(NotFound, match="deleted"):
            await process.download(batch_id, tmp_path, ("output",))
    assert _parts(tmp_path) == []


async def test_stopping_keeps_what_came(world: World, tmp_path: Path) -> None:
    batch_id = _big(world, BIG * 3)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    async with world.process() as process:
        with pytest.raises(Interrupted):
            _ = [
                file
                async for file in process.downloads.download(
                    batch_id, ("output",), tmp_path, should_stop=stop
                )
            ]
        [operation] = await process.operations()
        assert operation.state is OperationState.ABANDONED
        [file] = await process.download(batch_id, tmp_path, ("output",))
    assert file.resumed
    assert file.path.read_bytes() == BIG * 3


async def test_empty_and_missing_files_are_passed_over(world: World, tmp_path: Path) -> None:
    world.api.add_file("file-empty", b"")
    world.api.add_file("file-out", lines([ok_row("a")]))
    batch = world.api.add(output_file_id="file-out", error_file_id="file-empty")
    bare = world.api.add(output_file_id="", error_file_id=None, status=BatchStatus.EXPIRED)
    async with world.process() as process:
        assert [file.kind for file in await process.download(batch.id, tmp_path)] == ["output"]
        assert await process.files.local(batch, "errors") is None
        with pytest.raises(BatchdeckError, match="expired and has no output or errors"):
            await process.download(bare.id, tmp_path)


async def test_the_files_of_an_active_batch_are_not_trusted(world: World, tmp_path: Path) -> None:
    world.api.add_file("file-out", b"")
    batch = world.api.add(status=BatchStatus.IN_PROGRESS, output_file_id="file-out")
    async with world.process() as process:
        with pytest.raises(BatchdeckError, match="no output or errors yet"):
            await process.download(batch.id, tmp_path)
    assert world.api.count("stream_file") == 0


@pytest.mark.parametrize("hostile", ["../../etc/x", "/abs", ".hidden", "a/b\\c\0d", "x" * 400, "é\n"])
async def test_a_servers_id_never_becomes_a_path(world: World, tmp_path: Path, hostile: str) -> None:
    world.api.add_file(hostile, lines([ok_row("a")]))
    batch = world.api.add(hostile, output_file_id=hostile)
    to = tmp_path / "to"
    async with world.process() as process:
        [file] = await process.download(batch.id, to, ("output",))
        local = await process.files.local(batch, "output")
    assert file.path.parent == to
    assert not file.path.name.startswith(".")
    assert len(file.path.name) < 200
    assert local is not None
    assert [path.name for path in to.iterdir()] == [file.path.name]


async def test_a_folder_that_cannot_be_made_is_told(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    (tmp_path / "file").write_text("no folder")
    async with world.process() as process:
        with pytest.raises(FileProblem, match="file"):
            await process.download(batch_id, tmp_path / "file" / "deeper", ("output",))


async def test_a_disk_without_room_is_told_before_anything_is_fetched(world: World, tmp_path: Path) -> None:
    from dataclasses import replace

    batch_id = _big(world)
    world.api.files["file-big"] = replace(world.api.files["file-big"], bytes=1 << 60)
    async with world.process() as process:
        with pytest.raises(FileProblem, match="room for"):
            await process.download(batch_id, tmp_path, ("output",))
    assert world.api.count("stream_file") == 0
    assert _parts(tmp_path) == []


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from batchdeck.errors import FileProblem
from batchdeck.services.partfile import PartFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
part = PartFile(Path(sys.argv[1]), "key")
part.keep(0)
try:
    part.write([b"x" * 200_000])
except FileProblem as error:
    print(error.line)
"""


@pytest.mark.posix
@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_write_that_the_disk_refuses_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "x.jsonl")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Nothing half-made was left" in done.stdout
    assert list(tmp_path.iterdir()) == []


async def test_two_downloads_of_one_file_at_once_do_not_mix(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    async with world.process() as one, world.process() as other:
        done = await asyncio.gather(
            one.download(batch_id, tmp_path, ("output",)), other.download(batch_id, tmp_path, ("output",))
        )
    assert (tmp_path / f"{batch_id}_output.jsonl").read_bytes() == BIG
    assert sorted(files[0].was_there for files in done) == [False, True]
    assert _parts(tmp_path) == []


async def test_a_lost_input_says_what_is_still_possible(world: World, tmp_path: Path) -> None:
    batch = world.api.add(input_file_id="file-gone")
    async with world.process() as process:
        with pytest.raises(InputLost) as lost:
            await process.download(batch.id, tmp_path, ("input",))
    assert "results can still be downloaded" in (lost.value.hint or "")


async def test_a_batch_the_service_forgot_gives_what_is_here(world: World, tmp_path: Path) -> None:
    batch_id = _big(world)
    async with world.process() as process:
        await process.download(batch_id, tmp_path / "one", ("output",))
        world.api.remove(batch_id)
        [file] = await process.download(batch_id, tmp_path / "two", ("output",))
        with pytest.raises(NotFound):
            await process.download("batch_unknown", tmp_path)
    assert file.path.read_bytes() == BIG


async def test_the_answer_of_a_lost_connection_is_written_before_the_next_try(
    world: World, tmp_path: Path
) -> None:
    """Many cuts, each after a few bytes: every byte is kept."""
    batch_id = _big(world)
    original = world.api.stream_file
    cuts = iter(range(30_000, 2_000_000, 30_000))

    def cut(file_id: str, *, start: int = 0) -> object:
        world.api.cut_at = next(cuts) - start if start < len(BIG) - 60_000 else None
        return original(file_id, start=start)

    world.api.stream_file = cut  # type: ignore[method-assign,assignment]
    async with world.process() as process:
        [file] = await process.download(batch_id, tmp_path, ("output",))
    assert file.path.read_bytes() == BIG
    starts = [call.arguments["start"] for call in world.api.calls if call.method == "stream_file"]
    assert starts == sorted(set(starts))
    assert len(starts) > 20
