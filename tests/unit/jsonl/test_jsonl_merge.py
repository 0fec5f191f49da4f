"""Merged answers of a lineage."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from batchdeck.errors import FileProblem, Interrupted, InvalidInput
from batchdeck.jsonl.merge import Join, RunFiles, merge
from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import MergeSummary

COMPLETED, EXPIRED, ACTIVE = BatchStatus.COMPLETED, BatchStatus.EXPIRED, BatchStatus.IN_PROGRESS
CSV_HEAD = (
    "custom_id,outcome,batch_id,status_code,error_code,error_message,content,model,input_tokens,output_tokens"
)


def request(custom_id: str) -> str:
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": {}})


def answer(custom_id: Any, text: str = "hi", status: int = 200) -> str:
    body: dict[str, Any] = {
        "model": "m-1",
        "choices": [{"message": {"content": text}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
    if status != 200:
        body = {"error": {"message": text, "code": "broke"}}
    response = {"status_code": status, "request_id": "r", "body": body}
    return json.dumps({"id": "i", "custom_id": custom_id, "response": response, "error": None})


def unrun(custom_id: str, code: str) -> str:
    error = {"code": code, "message": "never run"}
    return json.dumps({"id": "i", "custom_id": custom_id, "response": None, "error": error})


class Case:
    """Files of a lineage in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs: list[RunFiles] = []
        self.out = folder / "merged"

    def write(self, name: str, lines: list[str]) -> Path:
        path = self.folder / name
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return path

    def run(
        self, batch_id: str, status: BatchStatus, *files: list[str], input: list[str] | None = None
    ) -> None:
        paths = tuple(self.write(f"{batch_id}-{place}", lines) for place, lines in enumerate(files))
        kept = (
            self.write(f"{batch_id}-input", [request(name) for name in input]) if input is not None else None
        )
        self.runs.append(RunFiles(batch_id, status, paths, kept))

    def merge(self, ids: str | list[str] | None, **options: Any) -> MergeSummary:
        source = None if ids is None else self.write("input", [request(name) for name in ids])
        return merge(source, self.runs, self.out, **options)

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_bytes().splitlines()]

    def short(self) -> list[tuple[str, str, str | None]]:
        return [(row["custom_id"], row["outcome"], row["batch_id"]) for row in self.rows()]

    def cells(self) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self.out.read_bytes().decode(), newline="")))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_a_chain_of_three_has_every_request_once_with_its_newest_answer(case: Case) -> None:
    case.run(
        "A",
        EXPIRED,
        [answer("c", "A"), answer("a", "A")],
        [unrun("d", "batch_expired"), answer("b", "x", 500)],
    )
    case.run("B", COMPLETED, [answer("d", "B")], [answer("b", "y", 500), answer("e", "z", 400)])
    case.run("C", COMPLETED, [answer("b", "C")])
    summary = case.merge("abcdef")
    assert case.short() == [
        ("a", "ok", "A"),
        ("b", "ok", "C"),
        ("c", "ok", "A"),
        ("d", "ok", "B"),
        ("e", "failed", "B"),
        ("f", "missing", "C"),
    ]
    rows = case.rows()
    assert list(rows[0]) == ["custom_id", "outcome", "batch_id", "status_code", "response", "error"]
    assert rows[0]["response"] == json.loads(answer("a", "A"))["response"]
    assert (rows[4]["status_code"], rows[4]["response"]["body"]["error"]["code"]) == (400, "broke")
    assert (rows[5]["status_code"], rows[5]["response"], rows[5]["error"]) == (None, None, None)
    assert (summary.rows, summary.ok, dict(summary.by_code)) == (6, 4, {"broke": 1, "missing": 1})
    assert (summary.repeated_ids, summary.unknown_ids, summary.notes) == (0, 0, ())
    assert summary.bytes == case.out.stat().st_size


def test_an_older_ok_answer_goes_before_a_newer_failure(case: Case) -> None:
    case.run("A", COMPLETED, [answer("a", "old")])
    case.run("B", COMPLETED, [answer("a", "new", 500)])
    case.merge("a")
    assert case.short() == [("a", "ok", "A")]


def test_the_newest_of_two_ok_answers_wins(case: Case) -> None:
    case.run("A", COMPLETED, [answer("a", "old")])
    case.run("B", COMPLETED, [answer("a", "new")])
    assert case.merge("a").repeated_ids == 0
    assert case.short() == [("a", "ok", "B")]


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (unrun("a", "batch_expired"), "expired"),
        (unrun("a", "batch_cancelled"), "cancelled"),
        (unrun("a", "server_error"), "failed"),
        (answer("b"), "missing"),
        ("{torn", "missing"),
    ],
)
def test_outcomes_without_an_answer(case: Case, row: str, outcome: str) -> None:
    case.run("A", EXPIRED, [row])
    case.merge("a")
    assert case.short() == [("a", outcome, "A")]


def test_a_request_is_pending_while_a_run_may_hold_it(case: Case) -> None:
    case.run("A", EXPIRED, [answer("a")], [answer("b", "x", 500)])
    case.run("B", ACTIVE)
    summary = case.merge("abc")
    assert case.short() == [("a", "ok", "A"), ("b", "failed", "A"), ("c", "pending", "B")]
    assert dict(summary.by_code) == {"broke": 1, "pending": 1}


def test_the_input_of_an_active_run_tells_what_is_pending(case: Case) -> None:
    case.run("A", EXPIRED, [answer("a")], [answer("b", "x", 500), answer("d", "x", 400)])
    case.run("B", ACTIVE, input=["b", "c"])
    case.merge("abcde")
    assert case.short() == [
        ("a", "ok", "A"),
        ("b", "pending", "B"),
        ("c", "pending", "B"),
        ("d", "failed", "A"),
        ("e", "missing", "A"),
    ]


def test_parts_of_a_split_file_merge_as_one(case: Case) -> None:
    case.run("A", COMPLETED, [answer("b"), answer("a")])
    case.run("B", COMPLETED, [answer("d"), answer("c")])
    parts = [case.write("p1", [request("a"), request("b")]), case.write("p2", [request("c"), request("d")])]
    merge(parts, case.runs, case.out)
    assert case.short() == [("a", "ok", "A"), ("b", "ok", "A"), ("c", "ok", "B"), ("d", "ok", "B")]


def test_a_repeated_custom_id_keeps_all_its_rows_and_is_reported(case: Case) -> None:
    case.run("A", COMPLETED, [answer("b"), answer("a", "first"), answer("a", "second")])
    summary = case.merge(["a", "b", "a"])
    texts = [row["response"]["body"]["choices"][0]["message"]["content"] for row in case.rows()]
    assert texts == ["first", "hi", "second"]
    assert summary.repeated_ids == 1
    assert "repeated" in summary.notes[0]


def test_a_repeated_custom_id_over_a_lineage(case: Case) -> None:
    case.run("A", COMPLETED, [answer("a", "first")], [answer("a", "x", 500)])
    case.run("B", COMPLETED, [answer("a", "second")])
    case.merge(["a", "a", "a"])
    assert case.short() == [("a", "ok", "A"), ("a", "ok", "B"), ("a", "failed", "A")]
    case.runs.pop(0)
    case.merge(["a", "a"])
    assert case.short() == [("a", "ok", "B"), ("a", "missing", "B")]


def test_a_request_answered_twice_has_one_row_and_is_reported(case: Case) -> None:
    case.run("A", COMPLETED, [answer("a", "first"), answer("a", "second")])
    summary = case.merge("a")
    assert [row["response"]["body"]["choices"][0]["message"]["content"] for row in case.rows()] == ["second"]
    assert summary.repeated_ids == 1


def test_unknown_and_torn_rows_are_counted(case: Case) -> None:
    case.run("A", COMPLETED, [answer("a"), answer("x"), answer("x"), "{torn", "[]", "", answer(None)])
    summary = case.merge("a")
    assert (summary.rows, summary.unknown_ids, summary.torn_lines) == (1, 2, 2)
    assert len(summary.notes) == 3


def test_without_an_input_the_order_is_that_of_the_oldest_results(case: Case) -> None:
    case.run("A", COMPLETED, [answer("c"), answer("a")], [answer("b", "x", 500)])
    case.run("B", COMPLETED, [answer("z"), answer("b", "B")])
    summary = case.merge(None)
    assert case.short() == [("c", "ok", "A"), ("a", "ok", "A"), ("b", "ok", "B"), ("z", "ok", "B")]
    assert summary.is_input_lost
    assert "input is lost" in summary.notes[0]


def test_without_an_input_repeated_rows_are_all_kept(case: Case) -> None:
    case.run("A", COMPLETED, [answer("a", "1"), answer("b"), answer("a", "2")])
    case.run("B", COMPLETED, [answer("c")])
    summary = case.merge(None)
    assert [row["custom_id"] for row in case.rows()] == ["a", "b", "a", "c"]
    assert summary.repeated_ids == 1


def test_values_survive(case: Case) -> None:
    body = {
        "a": [1e-7, 0.1, 10**30, -0.5],
        "b": "\ud800 é \u2028 \x00",
        "choices": [{"message": {"content": None}}],
    }
    row = {"custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None}
    case.run("A", COMPLETED, [json.dumps(row)])
    case.merge("a")
    assert case.rows()[0]["response"]["body"] == body
    case.runs.clear()
    case.run(
        "A",
        COMPLETED,
        ['{"custom_id": "a", "response": {"status_code": 200, "body": {"x": NaN, "y": [-Infinity]}}}'],
    )
    case.merge("a")
    assert case.rows()[0]["response"]["body"] == {"x": None, "y": [None]}


@pytest.mark.parametrize(
    "response",
    [
        '{"status_code": 200, "body": {"x": [1.0, 1e-07, 1E+2, 0.10000000000000000555], "y": "\\u00e9 \\/"}}',
        '{ "body":{"error": null} ,"status_code":200 }',
        '{"status_code": 299, "body": "{\\"a\\": 1}"}',
    ],
)
@pytest.mark.parametrize(
    "row",
    [
        '{"id": "i", "custom_id": "a \\"b\\"", "response": %s, "error": null}',
        '{"id":null,"custom_id":"a \\"b\\"","response":%s,"error":null} ',
        ' { "id" : 7 , "custom_id" : "a \\"b\\"" , "response" : %s , "error" : null }\r',
    ],
)
def test_an_ok_response_is_taken_over_byte_for_byte(case: Case, row: str, response: str) -> None:
    case.run("A", COMPLETED, [row % response])
    case.merge(['a "b"'])
    line = case.out.read_bytes()
    assert b'"response": ' + response.strip().encode() + b", " in line
    found = json.loads(line)
    assert list(found) == ["custom_id", "outcome", "batch_id", "status_code", "response", "error"]
    assert found["response"] == json.loads(response)
    assert (found["custom_id"], found["outcome"], found["error"]) == ('a "b"', "ok", None)


@pytest.mark.parametrize(
    "row",
    [
        '{"custom_id": "a", "id": "i", "response": {"status_code": 200, "body": 1}, "error": null}',
        '{"id": "i", "custom_id": "a", "response": {"status_code": 200, "body": 1}, "x": 2, "error": null}',
        '{"id": "i", "custom_id": "a", "response": {"status_code": 200, "body": 1}, "error": null, "x": 2}',
        '{"id": "i", "custom_id": "a", "response": {"status_code": 500}, "response": {"status_code": 200, '
        '"body": 1}, "error": null}',
        '{"id": 1, "custom_id": "a", "response": {"status_code": 200, "body": 1}, "error": 5, "error": null}',
        '{"id": "i", "custom_id": "a", "response": {"status_code": 200, "body": 1}}',
        '{"id": "i\\u0041", "custom_id": "a", "response": {"status_code": 200, "body": 1}, "error": null}',
    ],
)
def test_rows_of_another_shape_are_read_whole(case: Case, row: str) -> None:
    case.run("A", COMPLETED, [row])
    case.merge("a")
    assert case.rows() == [
        {
            "custom_id": "a",
            "outcome": "ok",
            "batch_id": "A",
            "status_code": 200,
            "response": {"status_code": 200, "body": 1},
            "error": None,
        }
    ]


def test_results_changed_meanwhile_are_not_merged(case: Case) -> None:
    case.run("A", COMPLETED, [answer("a")])
    source = case.write("source", [request("a")])
    asked = 0

    def meanwhile() -> bool:
        nonlocal asked
        asked += 1
        if asked == 3:
            case.write("A-0", [answer("a", "other")])
        return False

    with pytest.raises(FileProblem, match="changed"):
        merge(source, case.runs, case.out, should_stop=meanwhile)
    assert not case.out.exists()


def test_csv_has_the_text_of_the_answer(case: Case) -> None:
    case.run("A", COMPLETED, [answer("a", 'say "hi",\nthere')], [answer("b", "no good", 400)])
    case.merge("abc", format="csv")
    text = case.out.read_bytes().decode()
    assert text.splitlines()[0] == CSV_HEAD
    assert case.cells()[1:] == [
        ["a", "ok", "A", "200", "", "", 'say "hi",\nthere', "m-1", "5", "2"],
        ["b", "failed", "A", "400", "broke", "no good", "", "", "", ""],
        [
            "c",
            "missing",
            "A",
            "",
            "missing",
            "The batch ended without a row for this request.",
            "",
            "",
            "",
            "",
        ],
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_csv_is_safe_to_open_and_exact_when_raw(case: Case, text: str) -> None:
    case.run("A", COMPLETED, [answer(text, text)])
    case.merge([text], format="csv")
    assert (case.cells()[1][0], case.cells()[1][6]) == ("'" + text, "'" + text)
    case.merge([text], format="csv", raw=True)
    assert (case.cells()[1][0], case.cells()[1][6]) == (text, text)


def test_csv_replaces_what_utf8_cannot_hold(case: Case) -> None:
    case.run("A", COMPLETED, [answer("a", "x\ud800y\x00z")])
    case.merge("a", format="csv")
    assert case.cells()[1][6] == "x\ufffdy\x00z"


def table(case: Case, text: str, name: str = "table.csv") -> Path:
    path = case.folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_a_join_has_every_table_row_in_table_order(case: Case) -> None:
    case.run("A", COMPLETED, [answer("comment-1", "one"), answer("comment-3", "three"), answer("comment-9")])
    join = Join(table(case, "id,words\n3,c\n7,nothing\n1,a\n2,b\n"), "comment-{id}")
    summary = case.merge(["comment-1", "comment-2", "comment-3", "comment-9"], format="csv", join=join)
    assert case.out.read_text().splitlines()[0] == "id,words," + CSV_HEAD
    assert [(row[0], row[1], row[2], row[3], row[8]) for row in case.cells()[1:]] == [
        ("3", "c", "comment-3", "ok", "three"),
        ("7", "nothing", "", "", ""),
        ("1", "a", "comment-1", "ok", "one"),
        ("2", "b", "comment-2", "missing", ""),
    ]
    assert (summary.rows, summary.ok, dict(summary.by_code)) == (4, 2, {"missing": 1})
    assert (summary.table_rows_without_request, summary.requests_without_table_row) == (1, 1)
    assert len(summary.notes) == 2


def test_a_join_to_json(case: Case) -> None:
    case.run("A", COMPLETED, [answer("1", "one")])
    case.merge(["1", "2"], join=Join(table(case, "id,words\n2,b\n1,a\n5,e\n"), "{id}"))
    rows = case.rows()
    assert [(row["id"], row["words"], row["outcome"]) for row in rows] == [
        ("2", "b", "missing"),
        ("1", "a", "ok"),
        ("5", "e", None),
    ]
    assert list(rows[0])[:4] == ["id", "words", "custom_id", "outcome"]


def test_a_join_to_a_jsonl_table_keeps_its_values(case: Case) -> None:
    case.run("A", COMPLETED, [answer("1", "one"), answer("2", "two")])
    path = table(case, '{"id": 2, "tags": ["x"]}\n{"id": 1, "extra": null}\n', "table.jsonl")
    case.merge(["1", "2"], join=Join(path, "{id}"))
    rows = case.rows()
    assert [(row["id"], row["custom_id"]) for row in rows] == [(2, "2"), (1, "1")]
    assert (rows[0]["tags"], rows[1]["extra"]) == (["x"], None)
    assert "tags" not in rows[1]
    case.merge(["1", "2"], join=Join(path, "{id}"), format="csv")
    assert [row[:4] for row in case.cells()] == [
        ["id", "tags", "extra", "custom_id"],
        ["2", '["x"]', "", "2"],
        ["1", "", "", "1"],
    ]


def test_clashing_columns_keep_the_table_s_name(case: Case) -> None:
    case.run("A", COMPLETED, [answer("1", "one")])
    path = table(case, "id,model,outcome,batch_outcome\n1,mine,good,odd\n")
    case.merge("1", join=Join(path, "{id}"), format="csv")
    head, row = case.cells()
    found = dict(zip(head, row, strict=True))
    assert len(set(head)) == len(head)
    assert (found["model"], found["outcome"], found["batch_outcome"]) == ("mine", "good", "odd")
    assert (found["batch_model"], found["batch_batch_outcome"], found["batch_id"]) == ("m-1", "ok", "A")


def test_table_rows_that_share_a_request_share_its_answer(case: Case) -> None:
    case.run("A", COMPLETED, [answer("1", "one")])
    summary = case.merge("1", join=Join(table(case, "id,n\n1,a\n1,b\n"), "{id}"), format="csv")
    assert [row[8] for row in case.cells()[1:]] == ["one", "one"]
    assert (summary.rows, summary.ok) == (2, 1)


def test_a_repeated_id_is_joined_in_order(case: Case) -> None:
    case.run("A", COMPLETED, [answer("1", "first"), answer("1", "second")])
    case.merge("11", join=Join(table(case, "id,n\n1,a\n1,b\n1,c\n"), "{id}"), format="csv")
    assert [row[8] for row in case.cells()[1:]] == ["first", "second", "second"]


def test_formulas_of_the_table_are_made_harmless_too(case: Case) -> None:
    path = table(case, 'id,"=head"\n1,=cell\n')
    case.merge("1", join=Join(path, "{id}"), format="csv")
    assert [row[1] for row in case.cells()] == ["'=head", "'=cell"]


def test_empty_rows_of_the_table_stay(case: Case) -> None:
    case.merge("1", join=Join(table(case, "id,n\n1,a\n\n"), "{id}"), format="csv")
    assert [row[:3] for row in case.cells()[1:]] == [["1", "a", "1"], ["", "", ""]]


@pytest.mark.parametrize(
    ("text", "on", "told"),
    [
        ("id,n\n1,a\n", "always", "names no column"),
        ("id,n\n1,a\n", "{key}", "no column 'key'"),
        ("id,id\n1,a\n", "{id}", "twice"),
        ("id,n,n\n1,a,b\n", "{id}", "twice"),
        ("id,n\n1,a,b\n", "{id}", "Row 2"),
    ],
)
def test_a_table_that_cannot_be_joined_says_why(case: Case, text: str, on: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        case.merge("1", join=Join(table(case, text), on))
    assert not case.out.exists()


def test_nothing_is_overwritten_or_left_behind(case: Case) -> None:
    case.run("A", COMPLETED, [answer("a")])
    source = case.write("source", [request(str(number)) for number in range(600)])
    for path in (source, case.runs[0].result_paths[0]):
        with pytest.raises(InvalidInput, match="not overwritten"):
            merge(source, case.runs, path)
    before = sorted(case.folder.iterdir())
    with pytest.raises(Interrupted):
        merge(source, case.runs, case.out, should_stop=lambda: case.out.parent.joinpath("source").exists())
    calls = iter([False] * 3 + [True])
    with pytest.raises(Interrupted):
        merge(source, case.runs, case.out, should_stop=lambda: next(calls))
    assert sorted(case.folder.iterdir()) == before
    with pytest.raises(FileProblem):
        merge(case.folder / "missing", case.runs, case.out)


def test_more_files_than_may_be_open(case: Case) -> None:
    names = [f"r{number}" for number in range(90)]
    for name in names:
        case.run(f"batch_{name}", COMPLETED, [answer(name, name)])
    case.merge(names[::-1])
    assert case.short() == [(name, "ok", f"batch_{name}") for name in names[::-1]]
