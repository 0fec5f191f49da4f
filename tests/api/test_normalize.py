"""Answers of services in every shape that was seen, and in shapes that nobody has seen."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdeck.api import normalize
from batchdeck.models.batch import Batch, BatchStatus, RequestCounts, Usage
from batchdeck.models.remote import RemoteFile

AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SECONDS = int(AT.timestamp())


def made(**fields: Any) -> Batch:
    """The batch of an answer with these fields."""
    batch = normalize.batch({"id": "batch_1", **fields})
    assert batch is not None
    return batch


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("completed", BatchStatus.COMPLETED),
        ("COMPLETED", BatchStatus.COMPLETED),
        ("Validating", BatchStatus.VALIDATING),
        ("PROGRESS", BatchStatus.IN_PROGRESS),
        ("IN_PROGRESS", BatchStatus.IN_PROGRESS),
        ("in-progress", BatchStatus.IN_PROGRESS),
        ("running", BatchStatus.IN_PROGRESS),
        ("canceling", BatchStatus.CANCELLING),
        ("canceled", BatchStatus.CANCELLED),
        ("scheduling", BatchStatus.UNKNOWN),
        ("unknown", BatchStatus.UNKNOWN),
        ("", BatchStatus.UNKNOWN),
        (None, BatchStatus.UNKNOWN),
        (7, BatchStatus.UNKNOWN),
    ],
)
def test_status_is_understood_and_its_spelling_kept(raw: object, expected: BatchStatus) -> None:
    batch = made(status=raw)
    assert batch.status is expected
    assert batch.raw_status == ("" if raw is None else str(raw))


def test_unknown_status_counts_as_active() -> None:
    assert made(status="scheduling").status.is_active


@pytest.mark.parametrize(
    "written",
    [
        SECONDS,
        float(SECONDS),
        str(SECONDS),
        f" {SECONDS} ",
        SECONDS * 1000,
        str(SECONDS * 1000),
        SECONDS * 1_000_000,
        SECONDS * 1_000_000_000,
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00.000000000Z",
        "2026-03-01T12:00:00",
        "2026-03-01 14:00:00+02:00",
        {"seconds": SECONDS, "nanos": 0},
    ],
)
def test_times_in_every_spelling(written: object) -> None:
    assert made(created_at=written).created_at == AT


@pytest.mark.parametrize(
    "written",
    [None, "", 0, -5, "0", "soon", "0001-01-01T00:00:00Z", True, [], {}, float("nan"), float("inf"), 10**400],
)
def test_what_is_no_time_is_none(written: object) -> None:
    assert made(created_at=written).created_at is None


@pytest.mark.parametrize("absent", [None, "", "   ", [], {}, True])
def test_absent_file_ids_are_none(absent: object) -> None:
    batch = made(output_file_id=absent, error_file_id=absent, input_file_id=absent)
    assert (batch.output_file_id, batch.error_file_id, batch.input_file_id) == (None, None, None)


def test_absent_fields_are_empty() -> None:
    batch = made()
    assert (batch.endpoint, batch.model, batch.completion_window) == ("", "", "")
    assert batch.counts == RequestCounts()
    assert batch.metadata == {}
    assert batch.errors == ()
    assert batch.usage is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, RequestCounts()),
        ([], RequestCounts()),
        ({"total": None, "completed": None, "failed": None}, RequestCounts()),
        ({"total": "10", "completed": "7", "failed": " 3 "}, RequestCounts(10, 7, 3)),
        ({"total": 10.0, "completed": 7.9}, RequestCounts(10, 7, 0)),
        ({"total": -1, "completed": True, "failed": "many"}, RequestCounts()),
        ({"total": 10**40}, RequestCounts(total=normalize.MAX_INTEGER)),
    ],
)
def test_counts(written: object, expected: RequestCounts) -> None:
    assert made(request_counts=written).counts == expected


def test_metadata_values_become_text() -> None:
    metadata = made(metadata={"a": "b", "n": 3, "t": True, "l": [1], "none": None}).metadata
    assert metadata == {"a": "b", "n": "3", "t": "true", "l": "[1]"}


def test_control_characters_are_kept_for_the_screen_to_clean() -> None:
    assert made(metadata={"name": "\x1b]52;c;aGk=\x07"}).metadata == {"name": "\x1b]52;c;aGk=\x07"}


def test_lone_surrogates_are_replaced_and_pairs_are_joined() -> None:
    metadata = made(metadata=json.loads('{"a": "x\\ud800y", "b": "\\ud83d\\ude00"}')).metadata
    assert metadata == {"a": "x\ufffdy", "b": "😀"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"object": "list", "data": [{"code": "c", "message": "m", "line": 3}]}, [("c", "m", 3)]),
        ({"data": None}, []),
        ({"data": []}, []),
        ([{"code": "c", "message": "m", "line": "3"}], [("c", "m", 3)]),
        ("Input file is empty", [("", "Input file is empty", None)]),
        (["first", "second on line 4"], [("", "first", None), ("", "second on line 4", 4)]),
        (
            {"code": "c", "message": "bad JSON at line 12, column 3"},
            [("c", "bad JSON at line 12, column 3", 12)],
        ),
        ([{"message": "Line: 7 is no JSON"}], [("", "Line: 7 is no JSON", 7)]),
        ([{"message": "deadline 12 passed"}], [("", "deadline 12 passed", None)]),
        ([{"type": "t", "message": None, "line": 0}], [("t", "", None)]),
        ([{"code": "a", "line": 2}, {"code": "b", "line": 2}], [("a", "", 2), ("b", "", 2)]),
        (None, []),
        ("", []),
        (False, []),
    ],
)
def test_validation_errors(written: object, expected: list[tuple[str, str, int | None]]) -> None:
    assert [(error.code, error.message, error.line) for error in made(errors=written).errors] == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, None),
        ({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}, None),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "input_tokens_details": {"cached_tokens": 4},
                "output_tokens_details": {"reasoning_tokens": 2},
            },
            Usage(10, 5, 4, 2),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
            Usage(10, 5, 4, 2),
        ),
        ({"input_tokens": None, "prompt_tokens": 3, "input_tokens_details": None}, Usage(3)),
    ],
)
def test_usage_in_both_spellings(written: object, expected: Usage | None) -> None:
    assert made(usage=written).usage == expected


def test_a_wrapped_answer_is_unwrapped() -> None:
    batch = normalize.batch({"job": {"id": "b1", "status": "VALIDATING"}, "warning": "soon"})
    assert batch is not None
    assert (batch.id, batch.status) == ("b1", BatchStatus.VALIDATING)


def test_an_answer_without_an_id_is_no_batch() -> None:
    assert normalize.batch({"status": "completed"}) is None
    assert normalize.remote_file({"object": "file"}) is None


@pytest.mark.parametrize(
    ("answer", "ids", "more"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}], "has_more": True}, ["a", "b"], True),
        ({"data": [{"id": "a"}, {"id": "b"}], "has_more": False}, ["a", "b"], False),
        ({"data": [{"id": "a"}, {"id": "b"}]}, ["a", "b"], True),
        ({"data": [{"id": "a"}], "has_more": None}, ["a"], False),
        ({"data": [{"id": "a"}], "has_more": "true"}, ["a"], True),
        ({"data": [], "has_more": True}, [], False),
        ({"data": None}, [], False),
        ({"value": [{"id": "a"}]}, ["a"], False),
        ([{"id": "a"}, {"id": "b"}, {"id": "c"}], ["a", "b", "c"], True),
        ([], [], False),
        ({"data": [None, 3, {"no": "id"}, {"id": "a"}]}, ["a"], True),
    ],
)
def test_list_envelopes(answer: object, ids: list[str], more: bool) -> None:
    page = normalize.batch_page(answer, limit=2)
    assert page is not None
    assert [batch.id for batch in page.batches] == ids
    assert page.has_more is more


@pytest.mark.parametrize("answer", [{}, {"error": "x"}, {"data": {"id": "a"}}, "text", 3, None, True])
def test_what_is_no_list_is_told_apart_from_an_empty_one(answer: object) -> None:
    assert normalize.batch_page(answer, limit=2) is None


def test_file_objects() -> None:
    file = normalize.remote_file(
        {"id": "file-1", "bytes": "12", "filename": "../x", "created_at": SECONDS, "purpose": None},
        request_id="r",
    )
    assert file == RemoteFile("file-1", 12, "../x", "", AT, None, "r")


FIELDS = [
    *(
        "id",
        "object",
        "status",
        "endpoint",
        "model",
        "errors",
        "metadata",
        "usage",
        "request_counts",
        "error",
    ),
    *("input_file_id", "output_file_id", "error_file_id", "completion_window", "created_at", "expires_at"),
    *("in_progress_at", "finalizing_at", "completed_at", "failed_at", "expired_at", "cancelled_at"),
    *("job", "data", "value", "has_more", "bytes", "filename", "code", "message", "line", "total", "failed"),
    *("input_tokens", "prompt_tokens", "input_tokens_details", "cached_tokens", "seconds"),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=30)
    | st.sampled_from(
        ["", "0", "12", "1e400", "line 12", "2026-03-01T12:00:00Z", "9999-12-31T23:59:59-12:00"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=12)


@settings(max_examples=400, deadline=None)
@given(fields=OBJECTS)
def test_any_object_with_an_id_becomes_a_batch_that_the_history_can_hold(fields: dict[str, Any]) -> None:
    batch = normalize.batch({**fields, "id": "batch_1"})
    assert batch is not None
    assert batch.id == "batch_1"
    texts = [batch.raw_status, batch.endpoint, batch.model, batch.completion_window, *batch.metadata]
    texts += [*batch.metadata.values(), *(error.message for error in batch.errors)]
    texts += [error.code for error in batch.errors]
    numbers = [batch.counts.total, batch.counts.completed, batch.counts.failed]
    numbers += [error.line for error in batch.errors if error.line is not None]
    if batch.usage is not None:
        numbers += [batch.usage.input_tokens, batch.usage.cached_tokens]
    with sqlite3.connect(":memory:") as history:
        assert history.execute(f"SELECT {','.join('?' * len(texts))}", texts).fetchone() == tuple(texts)
        assert history.execute(f"SELECT {','.join('?' * len(numbers))}", numbers).fetchone() == tuple(numbers)
    history.close()
    for at in (batch.created_at, batch.expires_at, batch.ended_at):
        assert at is None or (at.utcoffset() == timedelta(0) and at.timestamp() > 0)
    for file_id in (batch.input_file_id, batch.output_file_id, batch.error_file_id):
        assert file_id is None or file_id.strip()


@settings(max_examples=200, deadline=None)
@given(answer=VALUES)
def test_any_answer_is_a_page_or_none(answer: object) -> None:
    page = normalize.batch_page(answer, limit=100)
    assert page is None or all(batch.id for batch in page.batches)
    if page is not None and not page.batches:
        assert not page.has_more
