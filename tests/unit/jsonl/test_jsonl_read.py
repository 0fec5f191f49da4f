"""Lines of files: places, numbers and bytes are exact, whatever the block size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdeck.errors import FileProblem, Interrupted
from batchdeck.jsonl.read import (
    open_file,
    parse,
    parse_object,
    parse_strictly,
    read_blocks,
    read_row,
)

QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(
    data=st.binary(max_size=80) | st.text("\nab\r", max_size=60).map(str.encode),
    block_bytes=st.integers(3, 20),
    max_line=st.integers(1, 30),
)
def test_blocks_hold_every_line_with_its_place(
    tmp_path: Path, data: bytes, block_bytes: int, max_line: int
) -> None:
    path = tmp_path / "lines"
    path.write_bytes(data)
    seen = bytearray()
    found: list[tuple[int, int, bytes | int]] = []
    for number, offset, lines, skipped in read_blocks(
        path, block_bytes=block_bytes, max_line=max_line, on_chunk=seen.extend
    ):
        if skipped:
            assert lines == []
            found.append((number, offset, skipped))
        for place, raw in enumerate(lines):
            found.append((number + place, offset, raw))
            offset += len(raw) + 1
    expected: list[tuple[int, int, bytes | int]] = []
    position = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    pieces = data[position:].split(b"\n")
    if not pieces[-1]:
        pieces.pop()
    for number, raw in enumerate(pieces, 1):
        expected.append((number, position, raw))
        position += len(raw) + 1
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        whole = other[2]
        assert isinstance(whole, bytes)
        if isinstance(one[2], int):
            assert len(whole) > max_line
            assert one == (other[0], other[1], len(whole))
        else:
            assert one == other
    assert bytes(seen) == data


def test_a_line_over_the_limit_is_never_held(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"short\n" + b"x" * 5_000 + b"\nshort\n" + b"y" * 5_000)
    blocks = list(read_blocks(path, block_bytes=64, max_line=1_000))
    assert [(block.number, block.skipped) for block in blocks if block.skipped] == [(2, 5_000), (4, 5_000)]
    assert max(len(raw) for block in blocks for raw in block.lines) == len(b"short")
    assert [block.offset for block in blocks if block.skipped] == [6, 5_013]


def test_a_byte_range_is_read_on_its_own(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\r\ntwo\nthree\nfour")
    assert [tuple(block) for block in read_blocks(path)] == [
        (1, 0, [b"one\r", b"two", b"three"], 0),
        (4, 15, [b"four"], 0),
    ]
    assert [tuple(block) for block in read_blocks(path, start=5, end=15)] == [(1, 5, [b"two", b"three"], 0)]
    assert read_row(path, 9, 5) == b"three"


def test_a_row_past_the_end_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"abc")
    with pytest.raises(FileProblem, match="shorter"):
        read_row(path, 1, 5)


def test_reading_stops_when_told(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"a\n" * 100)
    asked = iter([False, False, True])
    with pytest.raises(Interrupted):
        list(read_blocks(path, block_bytes=10, should_stop=lambda: next(asked)))


@pytest.mark.parametrize("name", ["missing", "folder", "loop"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(FileProblem) as told:
        list(read_blocks(tmp_path / name))
    assert name in told.value.sentence


@pytest.mark.posix
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_a_device_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), (Path(os.devnull), "a device")):
        with pytest.raises(FileProblem, match=kind):
            open_file(path)


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(FileProblem):
        list(read_blocks(Path("a\0b")))


def test_lone_surrogates_are_let_pass_and_broken_utf8_is_not() -> None:
    assert parse(rb'"\ud800"') == "\ud800"
    assert parse_strictly(rb'"\ude00 \ud83d\ude00"') == "\ude00 \U0001f600"
    for raw in (b'"\xed\xa0\x80"', b'"\xe9"', b'{"a": 1'):
        with pytest.raises(ValueError):
            parse(raw)
        with pytest.raises(ValueError):
            parse_strictly(raw)


def test_only_the_strict_reading_refuses_what_python_servers_write() -> None:
    for raw in (b"NaN", b"-Infinity"):
        assert isinstance(parse(raw), float)
        with pytest.raises(ValueError, match="no JSON value"):
            parse_strictly(raw)


def test_depth_does_not_crash() -> None:
    for raw in (b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(ValueError):
            parse(raw)
        with pytest.raises(ValueError):
            parse_strictly(raw)


@pytest.mark.parametrize("raw", [b"[]", b"1", b"null", b'"x"', b"true"])
def test_a_line_that_is_no_object_says_what_it_is(raw: bytes) -> None:
    with pytest.raises(ValueError, match="expected an object, not"):
        parse_object(raw)
