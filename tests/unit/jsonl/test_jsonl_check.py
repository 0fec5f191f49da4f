"""Judging request files."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from batchdeck.errors import FileProblem, Interrupted
from batchdeck.jsonl.check import check_file
from batchdeck.jsonl.read import MAX_LINE_BYTES
from batchdeck.models.account import Limits
from batchdeck.models.lines import CheckReport, LineProblem
from batchdeck.models.progress import Progress

LOOSE = Limits(strict_endpoints=False, one_model=False)


def request(number: int = 1, **changes: Any) -> dict[str, Any]:
    body = {"model": "m", "messages": [{"role": "user", "content": "12345678"}], "max_tokens": 10}
    line: dict[str, Any] = {
        "custom_id": f"r-{number}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body,
    }
    for key, value in changes.items():
        target = line if key in line else body
        if value is ...:
            del target[key]
        else:
            target[key] = value
    return line


def encoded(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def check(tmp_path: Path, data: bytes, limits: Limits | None = None, **options: Any) -> CheckReport:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(data)
    return check_file(path, limits or Limits(), **options)


def found(report: CheckReport) -> list[tuple[int, str]]:
    return [(problem.line, problem.code) for problem in report.problems]


def only(report: CheckReport) -> LineProblem:
    assert len(report.problems) == 1, report.problems
    return report.problems[0]


def test_a_file_in_order(tmp_path: Path) -> None:
    data = encoded(*(request(number) for number in range(3)))
    report = check(tmp_path, data)
    assert report.is_valid
    assert report.is_valid_when_split
    assert report.problems == ()
    assert (report.requests, report.bytes, report.endpoint) == (3, len(data), "/v1/chat/completions")
    assert dict(report.models) == {"m": 3}
    assert report.sha256 == hashlib.sha256(data).hexdigest()
    assert (report.estimated_input_tokens, report.estimated_output_tokens) == (6, 30)
    assert [(part.start, part.end, part.requests, part.first_line) for part in report.parts] == [
        (0, len(data), 3, 1)
    ]
    assert report.mtime_ns == (tmp_path / "requests.jsonl").stat().st_mtime_ns


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (request(custom_id=...), "missing_custom_id"),
        (request(custom_id=None), "missing_custom_id"),
        (request(custom_id=7), "invalid_custom_id"),
        (request(custom_id=""), "invalid_custom_id"),
        (request(custom_id=" "), "invalid_custom_id"),
        (request(method=...), "missing_method"),
        (request(method="GET"), "invalid_method"),
        (request(method="post"), "invalid_method"),
        (request(method=3), "invalid_method"),
        (request(url=...), "missing_url"),
        (request(url=["/v1/responses"]), "invalid_url"),
        (request(url="/v1/chat/completions/"), "invalid_url"),
        (request(url="/chat/completions"), "invalid_url"),
        (request(url="https://api.openai.com/v1/chat/completions"), "invalid_url"),
        (request(url="/v1/embeddings"), "url_mismatch"),
        (request(body=...), "missing_body"),
        (request(body="{}"), "invalid_body"),
        (request(body=[]), "invalid_body"),
        (request(model=...), "missing_model"),
        (request(model=4), "invalid_model"),
        (request(model=["m"]), "invalid_model"),
        (request(model=""), "invalid_model"),
        (request(model="other"), "model_mismatch"),
        (request(stream=True), "stream_not_supported"),
        (request(custom_id="first"), "duplicate_custom_id"),
    ],
)
def test_each_problem_has_its_line_and_code(tmp_path: Path, line: dict[str, Any], code: str) -> None:
    report = check(tmp_path, encoded(request(custom_id="first"), line, request(3)))
    errors = [problem for problem in report.problems if problem.is_error]
    assert [(problem.line, problem.code) for problem in errors] == [(2, code)]
    assert errors[0].message.endswith(".")
    assert errors[0].text == json.dumps(line)[:200]
    assert report.problem_counts[code] == report.error_count == 1
    assert not report.is_valid
    assert not report.is_valid_when_split
    assert report.requests == 3


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"a": 1,}',
        b"[1]",
        b"null",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"{} {}",
        b"[" * 5_000,
        b'{"a": "' + b"\x00" + b'"}',
        b"\x0c",
        b"9" * 10_000,
    ],
)
def test_lines_that_are_no_json_object(tmp_path: Path, raw: bytes) -> None:
    report = check(tmp_path, encoded(request(1)) + raw + b"\n" + encoded(request(3)))
    problem = only(report)
    assert (problem.line, problem.code, problem.is_error) == (2, "invalid_json_line", True)
    assert report.requests == 3


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a": 1,, "b": 2}', "The line is not JSON: expecting property name enclosed in double quotes"),
        (b'{"a": NaN}', "The line is not JSON: NaN is no JSON value."),
        (b'{"a": ' + b"9" * 5_000 + b"}", "The line is not JSON: a number has more digits"),
        (b"[" * 5_000, "The line is not JSON: it is nested too deep."),
        (b'"text"', "The line must be a JSON object, not a string."),
        (b"  ", "The line is empty."),
    ],
)
def test_the_sentence_says_what_is_wrong(tmp_path: Path, raw: bytes, message: str) -> None:
    assert only(check(tmp_path, raw + b"\n" + encoded(request()))).message.startswith(message)


def test_a_nul_byte_is_named(tmp_path: Path) -> None:
    assert "NUL byte at byte 3" in only(check(tmp_path, encoded(request()) + b'{"\x00": 1}\n')).message


def test_lone_surrogates_in_escapes_are_json(tmp_path: Path) -> None:
    line = json.dumps(request(messages=[{"role": "user", "content": "\ud800 tail"}])).encode()
    assert check(tmp_path, line).is_valid


@pytest.mark.parametrize("bad", [b"\xe9", b"\xff", b"\xed\xa0\x80"])
def test_a_wrong_encoding_is_named_by_line_and_byte(tmp_path: Path, bad: bytes) -> None:
    line = json.dumps(request(2)).encode().replace(b"12345678", b"ab" + bad + b"cd")
    problem = only(check(tmp_path, encoded(request(1)) + line))
    assert (problem.line, problem.code) == (2, "wrong_encoding")
    assert f"Byte {line.index(bad) + 1} of the line" in problem.message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_is_one_error(tmp_path: Path, encoding: str) -> None:
    data = encoded(*(request(number) for number in range(20))).decode().encode(encoding)
    problem = only(check(tmp_path, data))
    assert (problem.line, problem.code) == (1, "wrong_encoding")


def test_a_byte_order_mark_is_an_error_and_the_line_behind_it_is_judged(tmp_path: Path) -> None:
    report = check(tmp_path, b"\xef\xbb\xbf" + encoded(request(1), request(2, method="GET")))
    assert found(report) == [(1, "bom"), (2, "invalid_method")]
    assert report.requests == 2


def test_crlf_is_one_warning(tmp_path: Path) -> None:
    report = check(tmp_path, encoded(*(request(number) for number in range(5))).replace(b"\n", b"\r\n"))
    assert found(report) == [(1, "crlf")]
    assert report.is_valid
    assert (report.warning_count, report.error_count) == (1, 0)


def test_blank_lines_are_errors_but_at_the_end(tmp_path: Path) -> None:
    report = check(tmp_path, b"\n" + encoded(request(1)) + b" \t\r\n\n" + encoded(request(2)) + b"\n\n  \n")
    assert found(report) == [
        (1, "invalid_json_line"),
        (3, "invalid_json_line"),
        (4, "invalid_json_line"),
        (6, "blank_lines_at_end"),
    ]
    assert (report.error_count, report.warning_count, report.requests) == (3, 1, 2)


@pytest.mark.parametrize("data", [b"", b"\n", b" \n\r\n\t", b"\xef\xbb\xbf"])
def test_an_empty_file_says_so(tmp_path: Path, data: bytes) -> None:
    report = check(tmp_path, data)
    assert (0, "empty_file") in found(report)
    assert (report.requests, report.parts, report.is_valid_when_split) == (0, (), False)


def test_a_missing_last_line_feed_is_no_problem(tmp_path: Path) -> None:
    data = encoded(request(1), request(2))[:-1]
    report = check(tmp_path, data)
    assert report.is_valid
    assert report.parts[0].end == len(data)


@pytest.mark.parametrize(
    ("raw", "is_error"),
    [
        (b'{"custom_id": "a", "custom_id": "b", "method": "POST"', True),
        (b'{"custom_id": "a", "custom\\u005fid": "b", "method": "POST"', True),
    ],
)
def test_a_key_twice_in_the_line_is_an_error(tmp_path: Path, raw: bytes, is_error: bool) -> None:
    rest = b', "url": "/v1/chat/completions", "body": {"model": "m", "messages": [{}]}}'
    problem = only(check(tmp_path, raw + rest))
    assert (problem.code, problem.is_error) == ("duplicate_key", is_error)
    assert "'custom_id'" in problem.message


def test_a_key_twice_in_the_body_is_an_error_and_deeper_a_warning(tmp_path: Path) -> None:
    line = json.dumps(request()).encode()
    in_body = line.replace(b'"max_tokens": 10', b'"model": "m"')
    deep = line.replace(b'"role": "user"', b'"role": "user", "role": "user"')
    assert not check(tmp_path, in_body).is_valid
    report = check(tmp_path, deep)
    assert report.is_valid
    assert found(report) == [(1, "duplicate_key")]


def test_repeated_ids_name_the_line_they_stood_on_first(tmp_path: Path) -> None:
    report = check(tmp_path, encoded(*(request(number % 2) for number in range(5))))
    assert found(report) == [(line, "duplicate_custom_id") for line in (3, 4, 5)]
    assert "'r-0' stands on line 1 too" in report.problems[0].message
    assert "'r-1' stands on line 2 too" in report.problems[1].message
    assert report.problems[2].text.startswith('{"custom_id": "r-0"')


def test_the_first_thousand_problems_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    lines = [request(number, method="GET") for number in range(1_500)]
    lines.extend(request(number) for number in range(1_500))
    report = check(tmp_path, encoded(*lines) + b"\n" * 700 + encoded(request(9_999)))
    assert len(report.problems) == 1_000
    assert [problem.line for problem in report.problems] == list(range(1, 1_001))
    assert dict(report.problem_counts) == {
        "invalid_method": 1_500,
        "duplicate_custom_id": 1_500,
        "invalid_json_line": 700,
    }
    assert report.error_count == 3_700


def test_problems_found_late_stand_in_line_order(tmp_path: Path) -> None:
    report = check(tmp_path, encoded(request(1), request(1), request(2, method="GET"), request(1)))
    assert found(report) == [
        (2, "duplicate_custom_id"),
        (3, "invalid_method"),
        (4, "duplicate_custom_id"),
    ]


def test_a_long_custom_id_and_an_empty_request_are_warned_about(tmp_path: Path) -> None:
    report = check(tmp_path, encoded(request(custom_id="x" * 513), request(2, messages=[])))
    assert found(report) == [(1, "long_custom_id"), (2, "missing_messages")]
    assert report.is_valid
    assert report.warning_count == 2


def test_the_endpoint_asked_for_must_be_that_of_the_file(tmp_path: Path) -> None:
    report = check(tmp_path, encoded(request(1), request(2)), endpoint="/v1/embeddings")
    assert found(report) == [(1, "url_mismatch"), (2, "url_mismatch")]
    assert report.endpoint == "/v1/chat/completions"
    assert check(tmp_path, encoded(request(1)), endpoint="/v1/chat/completions").is_valid
    assert (0, "invalid_url") in found(check(tmp_path, encoded(request(1)), endpoint="/v1/chat"))


def test_other_services_have_other_endpoints_and_several_models(tmp_path: Path) -> None:
    lines = [request(number, url="/chat/completions", model=f"m{number % 3}") for number in range(7)]
    report = check(tmp_path, encoded(*lines), LOOSE, endpoint="/v1/chat/completions")
    assert report.is_valid
    assert report.endpoint == "/chat/completions"
    assert dict(report.models) == {"m0": 3, "m1": 2, "m2": 2}
    assert found(check(tmp_path, encoded(request(url="chat")), LOOSE)) == [(1, "invalid_url")]


def test_models_are_counted_right_when_some_lines_have_warnings(tmp_path: Path) -> None:
    lines = [request(number, custom_id=f"{number}" * (600 if number % 2 else 1)) for number in range(9)]
    assert dict(check(tmp_path, encoded(*lines)).models) == {"m": 9}


def test_embedding_inputs_are_counted_and_limited(tmp_path: Path) -> None:
    def embed(number: int, value: Any) -> dict[str, Any]:
        line = request(number, url="/v1/embeddings")
        line["body"] = {"model": "e", "input": value}
        return line

    data = encoded(
        embed(1, "one"), embed(2, ["a", "b", "c"]), embed(3, [5, 6, 7, 8]), embed(4, [[1, 2], [3]])
    )
    report = check(tmp_path, data)
    assert (report.is_valid, report.embedding_inputs) == (True, 7)
    assert report.estimated_input_tokens == 1 + 4 + 3
    limited = check(tmp_path, data, Limits(max_embedding_inputs=4))
    assert found(limited) == [(0, "too_many_inputs")]
    assert limited.is_valid_when_split
    assert [(part.requests, part.first_line) for part in limited.parts] == [(2, 1), (2, 3)]
    too_big = check(tmp_path, data, Limits(max_embedding_inputs=2))
    assert (too_big.parts, too_big.is_valid_when_split) == ((), False)


@pytest.mark.parametrize("limits", [Limits(max_requests=4), Limits(max_bytes=700), Limits(3, 650)])
def test_a_file_over_the_limits_is_split_by_whole_lines(tmp_path: Path, limits: Limits) -> None:
    data = encoded(*(request(number) for number in range(11)))
    report = check(tmp_path, data, limits)
    assert set(report.problem_counts) <= {"too_many_tasks", "file_too_large"}
    assert not report.is_valid
    assert report.is_valid_when_split
    parts = report.parts
    assert len(parts) > 1
    assert b"".join(data[part.start : part.end] for part in parts) == data
    line = 1
    for part in parts:
        piece = data[part.start : part.end]
        assert piece.endswith(b"\n")
        assert piece.count(b"\n") == part.requests <= limits.max_requests
        assert part.bytes <= limits.max_bytes
        assert part.first_line == line
        line += part.requests


def test_splitting_fills_each_part(tmp_path: Path) -> None:
    data = encoded(*(request(number) for number in range(10)))
    each = len(data) // 10
    report = check(tmp_path, data, Limits(max_bytes=each * 4))
    assert [part.requests for part in report.parts] == [4, 4, 2]
    exact = check(tmp_path, data[:-1], Limits(max_bytes=len(data) - 1))
    assert exact.is_valid
    assert len(exact.parts) == 1


def test_a_line_over_the_limits_cannot_be_split(tmp_path: Path) -> None:
    data = encoded(request(1), request(2, messages=[{"role": "user", "content": "x" * 5_000}]))
    report = check(tmp_path, data, Limits(max_bytes=1_000))
    assert (report.parts, report.is_valid_when_split) == ((), False)


def test_a_split_of_many_blocks_loses_nothing(tmp_path: Path) -> None:
    lines = [
        request(number, messages=[{"role": "user", "content": "x" * (number % 900)}])
        for number in range(4_000)
    ]
    data = encoded(*lines)
    report = check(tmp_path, data, Limits(max_requests=333, max_bytes=100_000))
    assert b"".join(data[part.start : part.end] for part in report.parts) == data
    assert sum(part.requests for part in report.parts) == 4_000
    for part in report.parts:
        assert part.requests == data[part.start : part.end].count(b"\n")
        assert part.requests <= 333
        assert part.bytes <= 100_000
        first = json.loads(data[part.start : part.end].split(b"\n", 1)[0])
        assert first["custom_id"] == f"r-{part.first_line - 1}"
    for one, other in zip(report.parts, report.parts[1:], strict=False):
        following = len(data[other.start :].split(b"\n", 1)[0]) + 1
        assert one.requests == 333 or one.bytes + following > 100_000
    assert report.sha256 == hashlib.sha256(data).hexdigest()


def test_a_line_too_long_to_be_held_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    with path.open("wb") as stream:
        stream.write(encoded(request(1)) + b'{"a": "')
        stream.truncate(MAX_LINE_BYTES + 1_000)
        stream.seek(0, os.SEEK_END)
        stream.write(b"\n" + encoded(request(3)))
    report = check_file(path, Limits())
    problem = only(report)
    assert (problem.line, problem.code) == (2, "line_too_long")
    assert report.requests == 3


@pytest.mark.parametrize("change", ["grow", "shrink", "replace", "remove"])
def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path, change: str) -> None:
    path = tmp_path / "requests.jsonl"
    lines = encoded(*(request(number) for number in range(9_000)))
    path.write_bytes(lines)
    other = tmp_path / "other"
    other.write_bytes(lines)
    asked = 0

    def meanwhile() -> bool:
        nonlocal asked
        asked += 1
        if asked == 3:
            if change == "grow":
                with path.open("ab") as stream:
                    stream.write(encoded(request(10_000)))
            elif change == "shrink":
                os.truncate(path, len(lines) - len(lines) % 1_000)
            elif change == "replace":
                other.replace(path)
            else:
                path.unlink()
        return False

    report = check_file(path, Limits(), should_stop=meanwhile)
    assert (0, "file_changed") in found(report)
    assert not report.is_valid
    assert not report.is_valid_when_split


def test_what_is_no_file_is_a_file_problem(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(FileProblem):
            check_file(path, Limits())


def test_it_stops_when_told_and_tells_how_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(encoded(*(request(number) for number in range(9_000))))
    asked = iter([False, False, True])
    with pytest.raises(Interrupted):
        check_file(path, Limits(), should_stop=lambda: next(asked))
    told: list[Progress] = []
    report = check_file(path, Limits(), on_progress=told.append)
    assert told[-1] == Progress("checking requests.jsonl", report.bytes, report.bytes, "bytes")
    assert [step.done for step in told] == sorted(step.done for step in told)


def test_the_estimate_counts_text_of_every_shape(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "x" * 40}, {"type": "image_url", "image_url": {"url": "y" * 999}}]
    lines = [
        request(1, messages=[{"role": "user", "content": parts}]),
        request(
            2, messages=[{"role": "user", "content": "é" * 20}], max_tokens=..., max_completion_tokens=7, n=3
        ),
    ]
    report = check(tmp_path, encoded(*lines))
    assert report.estimated_input_tokens == (40 + 40) // 4
    assert report.estimated_output_tokens == 10 + 21
