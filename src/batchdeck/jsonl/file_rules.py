"""What is said of a request file as a whole."""

from __future__ import annotations

import os
from pathlib import Path

from batchdeck.errors import FileProblem
from batchdeck.jsonl.index import custom_id_of
from batchdeck.jsonl.problems import excerpt
from batchdeck.jsonl.read import file_stat, read_blocks
from batchdeck.models.account import Limits
from batchdeck.models.lines import LineProblem


def repeated_lines(path: Path, pairs: list[tuple[int, int]]) -> list[LineProblem]:
    """Read the lines that repeat a custom_id again, for what they hold."""
    wanted = dict(pairs)
    last = pairs[-1][0]
    found: list[LineProblem] = []
    for number, _, lines, _ in read_blocks(path):
        for line in range(number, number + len(lines)):
            first = wanted.get(line)
            if first is None:
                continue
            raw = lines[line - number]
            try:
                name = f"The custom_id {custom_id_of(raw)!r}"
            except ValueError:
                name = "Its custom_id"
            found.append(
                LineProblem(
                    line, "duplicate_custom_id", f"{name} stands on line {first} too.", True, excerpt(raw)
                )
            )
        if number + len(lines) > last:
            break
    return found


def over_limits(limits: Limits, requests: int, size: int, inputs: int) -> list[tuple[str, str]]:
    """Return code and sentence of each limit of one batch that a file is over."""
    found: list[tuple[str, str]] = []
    if requests > limits.max_requests:
        sentence = f"The file holds {requests:,} requests; one batch takes {limits.max_requests:,}."
        found.append(("too_many_tasks", sentence))
    if size > limits.max_bytes:
        found.append(
            ("file_too_large", f"The file has {size:,} bytes; one batch takes {limits.max_bytes:,}.")
        )
    if inputs > limits.max_embedding_inputs:
        sentence = (
            f"The requests hold {inputs:,} inputs to embed; one batch takes {limits.max_embedding_inputs:,}."
        )
        found.append(("too_many_inputs", sentence))
    return found


def was_changed(path: Path, before: os.stat_result, size: int) -> bool:
    """Tell whether a file is another than before, or had another size when it was read."""
    try:
        after = file_stat(path)
    except FileProblem:
        return True
    return (after.st_size, after.st_mtime_ns, after.st_ino, size) != (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
        before.st_size,
    )


def looks_like_utf16(lines: list[bytes]) -> bool:
    """Tell whether a file that begins with these lines is UTF-16."""
    start = lines[0][:4] if lines else b""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return len(start) == 4 and (start[0::2] == b"\0\0") != (start[1::2] == b"\0\0")
