"""Result rows of every shape that services write."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdeck.jsonl.result import classify, unanswered, why
from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import Outcome

OK_BODY = {
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"message": {"content": "hello"}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
}


def row(status: Any, body: Any = None, error: Any = None, custom_id: Any = "a") -> dict[str, Any]:
    response = {"status_code": status, "request_id": "req_1", "body": body}
    return {"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": error}


def unrun(error: Any) -> dict[str, Any]:
    return {"id": "batch_req_1", "custom_id": "a", "response": None, "error": error}


def http(status: Any, **error: Any) -> dict[str, Any]:
    return row(status, {"error": {"message": "words", "param": None, **error}})


@pytest.mark.parametrize("status", [200, 201, 299, "200", 200.0])
@pytest.mark.parametrize("error", [None, {}, "", {"code": None, "message": None}])
@pytest.mark.parametrize("body", [OK_BODY, json.dumps(OK_BODY)])
def test_an_ok_row_has_tokens_and_model_and_no_code(status: Any, error: Any, body: Any) -> None:
    said = classify(row(status, body, error))
    assert (said.outcome, said.code, said.message, said.retryable) == (Outcome.OK, "", "", False)
    assert (said.status_code, said.model) == (int(status), "gpt-4o-mini-2024-07-18")
    assert (said.input_tokens, said.output_tokens, said.cached_tokens) == (9, 2, 4)


def test_an_ok_row_without_an_error_key_is_ok() -> None:
    found = row(200, OK_BODY)
    del found["error"]
    assert classify(found).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("found", "code", "retryable"),
    [
        (
            http(400, type="invalid_request_error", code="context_length_exceeded"),
            "context_length_exceeded",
            False,
        ),
        (http(404, type="invalid_request_error", code="model_not_found"), "model_not_found", False),
        (http(400, type="invalid_request_error", code=None), "invalid_request_error", False),
        (http(400, type=None, code=None), "http_400", False),
        (http(401, type=None, code="invalid_api_key"), "invalid_api_key", False),
        (http(408, type=None, code=None), "http_408", True),
        (http(409, type="conflict", code=None), "conflict", True),
        (http(429, type="tokens", code="rate_limit_exceeded"), "rate_limit_exceeded", True),
        (http(429, type="insufficient_quota", code="insufficient_quota"), "insufficient_quota", False),
        (http(429, type="insufficient_quota", code="too_many"), "too_many", False),
        (http(429, type=None, code=None, message="Your balance is too low"), "http_429", False),
        (http(500, type="server_error", code=None), "server_error", True),
        (http(503, type=None, code=None), "http_503", True),
        (http(599, type=None, code=None), "http_599", True),
        (http(600, type=None, code=None), "http_600", False),
        (http(400, type="BadRequestError", code=400), "400", False),
        (http(500, type="x", code="500"), "500", True),
        (http("429", type=None, code=None), "http_429", True),
        (row(0, {}), "http_0", True),
        (row(0, None), "http_0", True),
        (row(302, None), "http_302", False),
        (row(500, "gateway broke"), "http_500", True),
        (row(500, '{"error": {"code": "overloaded", "message": "m"}}'), "overloaded", True),
        (row(422, {"detail": [{"msg": "field required"}]}), "http_422", False),
        (row(400, {"title": "Bad", "type": "about:blank", "status": 400}), "http_400", False),
        (
            row(400, {"object": "error", "message": "m", "type": "BadRequestError", "code": 40001}),
            "40001",
            False,
        ),
        (row(500, [{"error": {"code": 500, "message": "m"}}]), "500", True),
        (row(500, {"error": "it broke"}), "http_500", True),
        (row(200, OK_BODY, {"code": "server_error", "message": "m"}), "server_error", False),
        (row(200, None, {"code": "500", "message": "m"}), "500", True),
        (row(None, None, {"type": "internal", "message": "m"}), "internal", True),
        (row(None, OK_BODY), "no_status", False),
        (row(True, OK_BODY), "no_status", False),
        (unrun({"type": "server_error", "message": "m"}), "server_error", True),
        (unrun({"code": "batch_failed", "message": "m"}), "batch_failed", True),
        (unrun({"code": "timeout", "message": "m"}), "timeout", True),
        (unrun({"code": "insufficient_quota", "message": "m"}), "insufficient_quota", False),
        (unrun({"code": 429, "message": "m"}), "429", True),
        (unrun({"code": [], "type": {}, "message": 7}), "unknown_error", True),
        (unrun("it broke"), "unknown_error", True),
        (unrun(None), "no_response", True),
        ({}, "no_response", True),
        ({"custom_id": None, "response": {}, "error": None}, "no_response", True),
        (row(400, {"error": {"code": "inner", "type": "t"}}, {"code": "outer"}), "outer", False),
        (row(400, {"error": {"code": "inner"}}, {"code": None, "type": "outer_type"}), "outer_type", False),
        (row(400, {"error": {"code": "inner"}}, {"message": "no name"}), "inner", False),
    ],
)
def test_a_failed_row_has_its_code_and_whether_it_can_be_helped(
    found: dict[str, Any], code: str, retryable: bool
) -> None:
    said = classify(found)
    assert (said.outcome, said.code, said.retryable) == (Outcome.FAILED, code, retryable)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("batch_expired", Outcome.EXPIRED),
        ("Batch_Expired", Outcome.EXPIRED),
        ("batch_cancelled", Outcome.CANCELLED),
        ("batch_canceled", Outcome.CANCELLED),
    ],
)
def test_requests_never_run_are_expired_or_cancelled(code: str, outcome: Outcome) -> None:
    for found in (unrun({"code": code, "message": "m"}), unrun({"code": None, "type": code})):
        said = classify(found)
        assert (said.outcome, said.code, said.retryable) == (outcome, code, True)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (http(400, code="x", message="inner words"), "inner words"),
        (row(400, {"error": {"message": "inner"}}, {"message": "outer"}), "outer"),
        (unrun("plain words"), "plain words"),
        (row(500, "<html>"), "<html>"),
        (row(500, {"error": "just text"}), "just text"),
        (row(422, {"detail": [{"msg": "one"}, {"msg": "two"}]}), "one; two"),
        (row(400, {"detail": "problem"}), "problem"),
        (row(0, {}), ""),
    ],
)
def test_the_service_s_own_words_are_kept(found: dict[str, Any], message: str) -> None:
    assert classify(found).message == message


def test_a_number_as_custom_id_is_its_digits_and_anything_else_is_none() -> None:
    assert classify(row(200, custom_id=12)).custom_id == "12"
    odd_ids: tuple[Any, ...] = (None, True, 1.5, [], {})
    for odd in odd_ids:
        assert classify(row(200, custom_id=odd)).custom_id is None


@pytest.mark.parametrize("status", list(BatchStatus))
def test_a_request_without_a_row_is_missing_or_pending(status: BatchStatus) -> None:
    said = unanswered("a", status)
    expected = (
        ("missing", Outcome.MISSING, True) if status.is_terminal else ("pending", Outcome.PENDING, False)
    )
    assert (said.code, said.outcome, said.retryable) == expected
    assert why(said.outcome, None, said.code, retryable=said.retryable)


def test_quota_and_refusals_say_why_not() -> None:
    assert "quota" in why(Outcome.FAILED, 429, "insufficient_quota", retryable=False)
    assert "too long" in why(Outcome.FAILED, 400, "context_length_exceeded", retryable=False)
    assert why(Outcome.FAILED, 429, "rate_limit_exceeded", retryable=True) != why(
        Outcome.FAILED, 500, "server_error", retryable=True
    )


KEYS = st.sampled_from(
    [
        "custom_id",
        "response",
        "error",
        "status_code",
        "body",
        "code",
        "type",
        "message",
        "usage",
        "detail",
        "model",
    ]
) | st.text(max_size=3)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, JSON_VALUES, max_size=6))
def test_any_json_object_is_classified(found: dict[str, Any]) -> None:
    said = classify(found)
    assert (said.outcome is Outcome.OK) == (said.code == "")
    assert isinstance(said.message, str)
    assert said.outcome in (Outcome.OK, Outcome.FAILED, Outcome.EXPIRED, Outcome.CANCELLED)
    if said.outcome is Outcome.OK:
        assert said.status_code is not None
        assert 200 <= said.status_code < 300
    else:
        assert why(said.outcome, said.status_code, said.code, retryable=said.retryable)


def test_a_deeply_nested_row_is_classified() -> None:
    deep: Any = None
    for _ in range(5_000):
        deep = {"error": deep, "body": deep, "message": [deep]}
    assert classify({"custom_id": "a", "response": deep, "error": deep}).outcome is Outcome.FAILED
