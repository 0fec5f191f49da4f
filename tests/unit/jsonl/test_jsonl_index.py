"""Indexes of files, rows opened by their place, and texts found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdeck.errors import FileProblem, Interrupted
from batchdeck.jsonl.index import BATCH_ROWS, index_input, index_results
from batchdeck.jsonl.read import MAX_LINE_BYTES, read_row
from batchdeck.jsonl.window import FileWindow
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


def test_a_window_opens_rows_by_place(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps(answer(f"r-{number}")) for number in range(50)]
    path.write_text("\n".join(lines))
    (rows,) = index_results(path)
    with FileWindow(path) as window:
        opened = window.rows((row.offset, row.length) for row in (rows[40], rows[0], rows[49]))
        assert opened == [lines[40].encode(), lines[0].encode(), lines[49].encode()]
        with pytest.raises(FileProblem):
            window.rows([(path.stat().st_size, 10)])


@pytest.mark.parametrize("text", ["straße", 'say "no"', "tab\there", "日本", "back\\slash", "\U0001f600"])
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_a_text_is_found_however_json_writes_it(tmp_path: Path, text: str, ensure_ascii: bool) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [
        json.dumps({"t": f"a {text} b" if number in (3, 7) else "-"}, ensure_ascii=ensure_ascii)
        for number in range(9)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    starts = [sum(len(line.encode()) + 1 for line in lines[:number]) for number in range(9)]
    with FileWindow(path) as window:
        first = window.find(text)
        assert first is not None
        assert starts[3] <= first < starts[4]
        second = window.find(text, start=starts[4])
        assert second is not None
        assert starts[7] <= second < starts[8]
        assert window.find(text, end=starts[7], backwards=True) == first
        assert window.find(text, backwards=True) == second
        assert window.find(text, start=starts[8]) is None
        assert window.find("") is None


def test_letters_match_in_either_case(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"t": "Hello World"}')
    with FileWindow(path) as window:
        assert window.find("HELLO wORLD") == 7
        with pytest.raises(Interrupted):
            window.find("x", should_stop=lambda: True)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=40),
    gap=st.integers((1 << 20) - 30, (1 << 20) + 5),
    sought=st.text("ab", min_size=1, max_size=4),
)
def test_a_text_across_blocks_is_found(tmp_path: Path, data: bytes, gap: int, sought: str) -> None:
    path = tmp_path / "big"
    content = b"." * gap + sought.encode() + data + b"ab"
    path.write_bytes(content)
    lowered = content.lower()
    with FileWindow(path) as window:
        assert window.find(sought) == lowered.find(sought.encode())
        assert window.find(sought, backwards=True) == lowered.rfind(sought.encode())
