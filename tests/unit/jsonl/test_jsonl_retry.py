"""What has no answer, and the file that sends it again."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdeck.errors import FileProblem, Interrupted, InvalidInput, NothingToRetry
from batchdeck.jsonl.retry_set import RetrySet, find_unanswered, write_retry
from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import Outcome

COMPLETED = BatchStatus.COMPLETED


def request(custom_id: Any, **extra: Any) -> str:
    line = {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": [{"role": "user", "content": f"about {custom_id}"}]},
        **extra,
    }
    return json.dumps(line)


def answer(custom_id: Any, status: int = 200, code: str | None = None) -> str:
    body: dict[str, Any] = {"choices": []} if status == 200 else {"error": {"message": "no", "code": code}}
    response = {"status_code": status, "request_id": "r", "body": body}
    return json.dumps({"id": "b", "custom_id": custom_id, "response": response, "error": None})


def unrun(custom_id: str, code: str) -> str:
    return json.dumps(
        {"id": "b", "custom_id": custom_id, "response": None, "error": {"code": code, "message": "m"}}
    )


def write(path: Path, lines: list[str], end: str = "\n") -> Path:
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def look(
    tmp_path: Path, inputs: list[str], output: list[str], errors: list[str] | None = None, **options: Any
) -> tuple[Path, RetrySet]:
    path = write(tmp_path / "input.jsonl", inputs)
    results = [write(tmp_path / "output.jsonl", output)]
    if errors is not None:
        results.append(write(tmp_path / "errors.jsonl", errors))
    return path, find_unanswered(path, results, **{"ended": COMPLETED, **options})


def test_the_set_is_the_input_less_the_ok_answers(tmp_path: Path) -> None:
    path, found = look(
        tmp_path,
        [request(name) for name in "abcdefg"],
        [answer("d"), answer("a")],
        [
            answer("b", 500, "server_error"),
            answer("c", 400, "context_length_exceeded"),
            unrun("e", "batch_expired"),
            answer("f", 429, "insufficient_quota"),
        ],
        batch_id="batch_1",
    )
    assert [(one.custom_id, one.line, one.code, one.outcome, one.retryable) for one in found.unanswered] == [
        ("b", 2, "server_error", Outcome.FAILED, True),
        ("c", 3, "context_length_exceeded", Outcome.FAILED, False),
        ("e", 5, "batch_expired", Outcome.EXPIRED, True),
        ("f", 6, "insufficient_quota", Outcome.FAILED, False),
        ("g", 7, "missing", Outcome.MISSING, True),
    ]
    report = found.report
    assert (report.batch_id, report.requests, report.ok, report.failed) == ("batch_1", 7, 2, 5)
    assert {group.code: (group.count, group.custom_ids, group.message) for group in report.groups} == {
        "server_error": (1, ("b",), "no"),
        "context_length_exceeded": (1, ("c",), "no"),
        "batch_expired": (1, ("e",), "m"),
        "insufficient_quota": (1, ("f",), "no"),
        "missing": (1, ("g",), "The batch ended without a row for this request."),
    }
    assert sum(group.share for group in report.groups) == pytest.approx(5 / 7)
    assert report.notes == ()
    assert found.retryable_codes == {"server_error", "batch_expired", "missing"}
    lines = path.read_bytes().splitlines(keepends=True)
    written = write_retry(path, found, tmp_path / "retry.jsonl")
    assert (tmp_path / "retry.jsonl").read_bytes() == lines[1] + lines[4] + lines[6]
    assert written.by_code == {"server_error": 1, "batch_expired": 1, "missing": 1}


def test_chosen_codes_or_all_are_written(tmp_path: Path) -> None:
    path, found = look(
        tmp_path,
        [request(name) for name in "abcd"],
        [],
        [answer("a", 500), answer("b", 400), answer("c", 400), answer("d", 500)],
    )
    lines = path.read_bytes().splitlines(keepends=True)
    out = tmp_path / "retry.jsonl"
    assert write_retry(path, found, out, codes={"http_400"}).requests == 2
    assert out.read_bytes() == lines[1] + lines[2]
    assert write_retry(path, found, out, codes={"http_500"}).by_code == {"http_500": 2}
    written = write_retry(path, found, out, include_all=True)
    assert out.read_bytes() == b"".join(lines)
    assert (written.requests, written.bytes) == (4, len(b"".join(lines)))
    assert written.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    with pytest.raises(NothingToRetry, match="http_418"):
        write_retry(path, found, tmp_path / "none.jsonl", codes={"http_418"})
    assert not (tmp_path / "none.jsonl").exists()


@pytest.mark.parametrize("status", [BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING, BatchStatus.UNKNOWN])
def test_what_is_still_pending_is_never_sent_again(tmp_path: Path, status: BatchStatus) -> None:
    path, found = look(tmp_path, [request("a"), request("b")], [answer("a", 500)], ended=status)
    assert [one.outcome for one in found.unanswered] == [Outcome.FAILED, Outcome.PENDING]
    assert write_retry(path, found, tmp_path / "retry.jsonl", include_all=True).requests == 1
    _, found = look(tmp_path, [request("a")], [], ended=status)
    with pytest.raises(NothingToRetry, match="not ended"):
        write_retry(path, found, tmp_path / "none.jsonl", include_all=True)


@pytest.mark.parametrize("status", [BatchStatus.EXPIRED, BatchStatus.CANCELLED, BatchStatus.FAILED])
def test_requests_without_a_row_are_missing_however_the_batch_ended(
    tmp_path: Path, status: BatchStatus
) -> None:
    _, found = look(tmp_path, [request("a"), request("b")], [answer("a")], ended=status)
    assert [(one.custom_id, one.code, one.outcome) for one in found.unanswered] == [
        ("b", "missing", Outcome.MISSING)
    ]
    assert status.value in found.report.groups[0].message


def test_nothing_to_retry_says_why(tmp_path: Path) -> None:
    path, found = look(tmp_path, [request("a")], [answer("a")])
    with pytest.raises(NothingToRetry, match="Every request has its answer"):
        write_retry(path, found, tmp_path / "none.jsonl")
    path, found = look(tmp_path, [request("a")], [answer("a", 400)])
    with pytest.raises(NothingToRetry, match="none of the 1 "):
        write_retry(path, found, tmp_path / "none.jsonl")


def test_torn_repeated_and_unknown_rows_are_counted(tmp_path: Path) -> None:
    _, found = look(
        tmp_path,
        [request("a"), request("b"), "", request("c"), "{torn"],
        [answer("a"), answer("a"), '{"custom_id": "b", "resp', "[]", "", answer("x"), answer(None)],
        [answer("c", 500), answer("c", 503), answer("x", 500)],
    )
    report = found.report
    assert [(one.custom_id, one.code) for one in found.unanswered] == [("b", "missing"), ("c", "http_500")]
    assert (report.torn_lines, report.repeated_ids, report.unknown_ids) == (2, 2, 2)
    assert (report.requests, report.ok) == (3, 1)
    assert len(report.notes) == 5


def test_an_ok_row_goes_before_a_failed_one_of_the_same_id(tmp_path: Path) -> None:
    _, found = look(tmp_path, [request("a")], [answer("a")], [answer("a", 500)])
    assert found.unanswered == ()
    assert found.report.repeated_ids == 1


def test_a_repeated_id_is_answered_as_often_as_it_has_ok_rows(tmp_path: Path) -> None:
    _, found = look(
        tmp_path,
        [request("a"), request("b"), request("a"), request("a"), request("a")],
        [answer("a"), answer("b"), answer("a")],
        [answer("a", 500)],
    )
    assert [(one.line, one.code) for one in found.unanswered] == [(4, "http_500"), (5, "missing")]
    assert found.report.repeated_ids == 1


ODD_LINES = [
    '{"custom_id":"plain","body":{}}',
    '{ "custom_id" : "spaced" , "body":{}}',
    '{"body": {"custom_id": "not this"}, "custom_id": "late"}',
    '{"custom_id": "nested", "body": {"metadata": {"custom_id": "not this"}}}',
    '{"custom_id": "quoted", "body": "says \\"custom_id\\": \\"not this\\""}',
    '{"custom_id": "esc\\u0061ped \\"x\\"", "body": {}}',
    '{"custom_id": "unicode \u00e9 \U0001f600", "body": {}}',
    '{"custom_id": "first", "custom_id": "last wins", "body": {}}',
    '{"custom_id": 42, "body": {}}',
    '{"custom_id": "surrogate \\ud800", "body": {}}',
    '\t{"custom_id":\t"tab", "body": {}}  ',
    '{"custom_id": "", "body": {}}',
]
ODD_IDS = [
    "plain",
    "spaced",
    "late",
    "nested",
    "quoted",
    'escaped "x"',
    "unicode \u00e9 \U0001f600",
    "last wins",
    "42",
    "surrogate \ud800",
    "tab",
    "",
]


def test_ids_are_found_wherever_they_stand_in_the_line(tmp_path: Path) -> None:
    path, found = look(tmp_path, ODD_LINES, [])
    assert [one.custom_id for one in found.unanswered] == ODD_IDS
    write_retry(path, found, tmp_path / "retry.jsonl")
    assert (tmp_path / "retry.jsonl").read_bytes() == path.read_bytes()
    for name, line in zip(ODD_IDS, ODD_LINES, strict=True):
        _, found = look(tmp_path, ODD_LINES, [answer(other) for other in ODD_IDS if other != name])
        assert write_retry(path, found, tmp_path / "retry.jsonl").requests == 1
        assert (tmp_path / "retry.jsonl").read_bytes() == line.encode() + b"\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_written_byte_for_byte(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "input.jsonl", [request(name) for name in "abc"], end)
    out = tmp_path / "retry.jsonl"
    write_retry(path, find_unanswered(path, [], ended=COMPLETED), out)
    assert out.read_bytes() == path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().rstrip())
    write_retry(path, find_unanswered(path, [], ended=COMPLETED), out)
    assert out.read_bytes() == path.read_bytes()[3:] + b"\n"


def test_an_escaped_second_key_is_not_sent_under_the_wrong_id(tmp_path: Path) -> None:
    line = '{"custom_id": "shown", "custom\\u005fid": "meant", "body": {}}'
    path, found = look(tmp_path, [request("a"), line], [])
    with pytest.raises(InvalidInput, match="Line 2"):
        write_retry(path, found, tmp_path / "retry.jsonl")
    assert not (tmp_path / "retry.jsonl").exists()


def test_an_input_changed_meanwhile_is_not_sent(tmp_path: Path) -> None:
    path, found = look(tmp_path, [request("a"), request("b")], [])
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(InvalidInput, match="changed"):
        write_retry(path, found, tmp_path / "retry.jsonl")
    path.unlink()
    with pytest.raises(FileProblem):
        write_retry(path, found, tmp_path / "retry.jsonl")


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    path, found = look(tmp_path, [request("a")], [])
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="not overwritten"):
        write_retry(path, found, path)
    assert path.read_bytes() == before


def test_stopping_leaves_nothing_behind(tmp_path: Path) -> None:
    path, found = look(tmp_path, [request(str(number)) for number in range(600)], [])
    asked = iter([False, True])
    with pytest.raises(Interrupted):
        write_retry(path, found, tmp_path / "retry.jsonl", should_stop=lambda: next(asked))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["input.jsonl", "output.jsonl"]
    with pytest.raises(Interrupted):
        find_unanswered(path, [], ended=COMPLETED, should_stop=lambda: True)


NAMES = st.sampled_from(["a", "b", "c", "d", "é", 'q"', "e\\u0061"])
ROWS = st.tuples(NAMES, st.sampled_from([200, 200, 200, 400, 429, 500, 0]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(inputs=st.lists(NAMES, max_size=12), rows=st.lists(ROWS, max_size=14))
def test_what_is_sent_again_is_what_has_no_ok_answer(
    tmp_path: Path, inputs: list[str], rows: list[tuple[str, int]]
) -> None:
    path, found = look(
        tmp_path, [request(name) for name in inputs], [answer(name, status) for name, status in rows]
    )
    ok_left = {name: [row for row in rows if row == (name, 200)] for name, _ in rows}
    expected: list[int] = []
    for line, name in enumerate(inputs, 1):
        if ok_left.get(name):
            ok_left[name].pop()
        else:
            expected.append(line)
    assert [one.line for one in found.unanswered] == expected
    assert found.report.ok == len(inputs) - len(expected)
    assert sum(group.count for group in found.report.groups) == len(expected)
    if expected:
        write_retry(path, found, tmp_path / "retry.jsonl", include_all=True)
        lines = path.read_bytes().splitlines(keepends=True)
        assert (tmp_path / "retry.jsonl").read_bytes() == b"".join(lines[line - 1] for line in expected)


def test_thousands_of_requests_with_nine_codes(tmp_path: Path) -> None:
    rng = random.Random(5)
    names = [f"ticket-{number}" for number in range(5_000)]
    codes = {
        "server_error": 500,
        "rate_limit_exceeded": 429,
        "context_length_exceeded": 400,
        "model_not_found": 404,
        "content_filter": 400,
        "insufficient_quota": 429,
        "timeout": 408,
        "conflict": 409,
        "bad_gateway": 502,
    }
    fate = {name: rng.choice([None, None, "missing", *codes]) for name in names}
    rows = [
        answer(name, codes[code] if code else 200, code) for name, code in fate.items() if code != "missing"
    ]
    rows.extend(answer(name) for name, code in fate.items() if code is None and rng.random() < 0.1)
    rng.shuffle(rows)
    path, found = look(tmp_path, [request(name) for name in names], rows)
    for group in found.report.groups:
        members = [name for name, code in fate.items() if code == group.code]
        assert (group.count, list(group.custom_ids)) == (len(members), members[:5])
        assert group.retryable == (
            group.code
            in {"server_error", "rate_limit_exceeded", "missing", "timeout", "conflict", "bad_gateway"}
        )
    assert len(found.report.groups) == 10
    write_retry(path, found, tmp_path / "retry.jsonl", codes={"timeout", "content_filter"})
    lines = dict(zip(names, path.read_bytes().splitlines(keepends=True), strict=True))
    expected = [lines[name] for name in names if fate[name] in ("timeout", "content_filter")]
    assert (tmp_path / "retry.jsonl").read_bytes() == b"".join(expected)
