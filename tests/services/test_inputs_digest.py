"""Rows are counted right however the bytes are cut."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from batchdeck.services.digest import Digest, digest_file

LINES = st.lists(
    st.sampled_from([b"", b" ", b"\t", b"\r", b"{}", b'{"a": 1}', b"x" * 50, b"y" * 900, b" z ", b"\x1f"]),
    max_size=30,
)


@given(LINES, st.booleans(), st.lists(st.integers(0, 3_000), max_size=6))
def test_rows_are_the_lines_that_are_not_blank(lines: list[bytes], ends: bool, cuts: list[int]) -> None:
    content = b"\n".join(lines) + (b"\n" if ends else b"")
    digest = Digest()
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    for start, end in pairwise(places):
        digest.feed(content[start:end])
    assert digest.rows == sum(1 for line in content.split(b"\n") if line.strip())
    assert digest.sha256 == hashlib.sha256(content).hexdigest()
    assert digest.bytes == len(content)


def test_a_run_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"one\ntwo\nthree")
    digest = digest_file(path, start=4, end=8)
    assert (digest.rows, digest.sha256) == (1, hashlib.sha256(b"two\n").hexdigest())
