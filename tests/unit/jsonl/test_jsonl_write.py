"""New files are whole or not there."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchdeck.errors import FileProblem
from batchdeck.jsonl.write import NewFile


@pytest.mark.parametrize("is_durable", [True, False])
def test_a_file_is_put_in_place_whole(tmp_path: Path, is_durable: bool) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"earlier")
    with NewFile(path, is_durable=is_durable) as new:
        new.write(b"one\n")
        new.write(b"two\n")
        assert path.read_bytes() == b"earlier"
    assert path.read_bytes() == b"one\ntwo\n"
    assert (new.bytes, new.sha256) == (8, hashlib.sha256(b"one\ntwo\n").hexdigest())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.posix
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    with NewFile(tmp_path / "out") as new:
        new.write(b"x")
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_earlier_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"earlier")
    with pytest.raises(error), NewFile(path) as new:
        new.write(b"half")
        raise error
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="nowhere"), NewFile(tmp_path / "nowhere" / "out"):
        pass


@pytest.fixture
def small_disk() -> Iterator[int]:
    """Let no file grow over some bytes, as a full disk would."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, small_disk: int) -> None:
    path = tmp_path / "out"
    with pytest.raises(FileProblem) as told, NewFile(path) as new:
        for _ in range(100):
            new.write(os.urandom(small_disk // 10))
    assert "cannot be written" in told.value.sentence
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_at_the_end_is_an_error_too(tmp_path: Path, small_disk: int) -> None:
    path = tmp_path / "out"
    with pytest.raises(FileProblem), NewFile(path) as new:
        new.write(b"x" * (small_disk + 1))
    assert list(tmp_path.iterdir()) == []
