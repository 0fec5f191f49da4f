"""Indexes of files, and rows opened by their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batchdeck.errors import FileProblem, Interrupted
from batchdeck.jsonl.index import BATCH_ROWS, index_input, index_results
from batchdeck.jsonl.read import MAX_LINE_BYTES, read_row
from batchdeck.models.lines import IndexedRow, Outcome


def answer(custom_id: Any, status: int = 200, text: str = "hi") -> dict[str, Any]:
    body = {
        "model": "m-1",
        "choices": [{"message": {"content": text}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    }
    return {"custom_id": custom_id, "response": {"status_code": status, "body": body}, "error": None}


def test_every_row_has_its_place_and_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "output.jsonl"
    expired = {"custom_id": "c", "response": None, "error": {"code": "batch_expired", "message": "w" * 400}}
    lines = [
        json.dumps(answer("a")).encode(),
        b"",
        b'{"torn": ',
        json.dumps(expired).encode() + b"\r",
        b"[1, 2]",
        json.dumps(answer("d", 500)).encode(),
    ]
    path.write_bytes(b"\n".join(lines))
    (rows,) = index_results(path)
    assert [row.line for row in rows] == [1, 3, 4, 5, 6]
    for row in rows:
        assert read_row(path, row.offset, row.length) == lines[row.line - 1].rstrip(b"\r")
    assert rows[0] == IndexedRow(1, 0, len(lines[0]), "a", Outcome.OK, 200, "", False, "", 7, 3, 0, "m-1")
    assert [(row.outcome, row.code, row.custom_id) for row in rows[1:]] == [
        (Outcome.FAILED, "torn_line", None),
        (Outcome.EXPIRED, "batch_expired", "c"),
        (Outcome.FAILED, "torn_line", None),
        (Outcome.FAILED, "http_500", "d"),
    ]
    assert rows[2].message == "w" * 300
    assert rows[2].retryable
    assert not rows[1].retryable


def test_inputs_are_indexed_with_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "input.jsonl"
    lines = [b'{"custom_id": "a", "x": 1}', b"  ", b"nonsense", b'{"x": 1}', '{"custom_id": "é"}'.encode()]
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    (rows,) = index_input(path)
    assert [(row.line, row.custom_id) for row in rows] == [(1, "a"), (3, None), (4, None), (5, "é")]
    for row in rows:
        assert read_row(path, row.offset, row.length) == lines[row.line - 1]


def test_indexes_come_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(json.dumps(answer(f"r-{number}", text="x" * 200)) + "\n" for number in range(5_000))
    )
    for batches in (list(index_results(path)), list(index_input(path))):
        assert [row.custom_id for rows in batches for row in rows] == [
            f"r-{number}" for number in range(5_000)
        ]
        assert len(batches) > 2
        assert all(BATCH_ROWS <= len(rows) < 3 * BATCH_ROWS for rows in batches[:-1])


def test_a_line_too_long_to_be_held_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "output.jsonl"
    with path.open("wb") as stream:
        stream.truncate(MAX_LINE_BYTES + 5)
        stream.seek(MAX_LINE_BYTES + 5)
        stream.write(b"\n" + json.dumps(answer("b")).encode())
    (rows,) = index_results(path)
    assert [(row.line, row.code, row.length) for row in rows] == [
        (1, "torn_line", MAX_LINE_BYTES + 5),
        (2, "", rows[1].length),
    ]


def test_indexing_stops_when_told_and_needs_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(answer("a")) + "\n")
    for index in (index_input, index_results):
        with pytest.raises(Interrupted):
            list(index(path, should_stop=lambda: True))
        with pytest.raises(FileProblem):
            list(index(tmp_path / "missing"))
