"""What one row of an output or error file says, whichever service wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchdeck.jsonl.content import tokens_of
from batchdeck.jsonl.read import parse
from batchdeck.jsonl.retryable import is_quota, is_retryable, why
from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import Outcome, ResultRow

__all__ = [
    "MISSING_CODE",
    "PENDING_CODE",
    "TORN_CODE",
    "body_of",
    "classify",
    "is_quota",
    "is_retryable",
    "unanswered",
    "why",
]

MISSING_CODE = "missing"
"""Failure code of a request that has a row in neither file."""
PENDING_CODE = "pending"
"""Failure code of a request that has no row yet, while its batch goes on."""
TORN_CODE = "torn_line"
"""Failure code of a line of a result file that is not a JSON object."""

_EXPIRED_CODES = frozenset({"batch_expired", "request_expired", "expired"})
_CANCELLED_CODES = frozenset(
    {"batch_cancelled", "batch_canceled", "request_cancelled", "request_canceled", "cancelled", "canceled"}
)


def classify(row: Mapping[str, Any]) -> ResultRow:
    """Return what a result row says; never raises on a JSON object.

    `ok` is a row whose error is null and whose status is 200 to 299; an error that says nothing (`{}`, `""`)
    is taken as null, and so is a response without status and body. The failure code is the row's `error.code`
    or `error.type`, else the code or type in the response body's error, else `http_<status>`; where a row has
    none of these: `no_status` for a response without a status, `unknown_error` for an error without a name,
    `no_response` for a row with neither.
    """
    custom_id = row.get("custom_id")
    if type(custom_id) is not str:
        custom_id = str(custom_id) if type(custom_id) is int else None
    response = row.get("response")
    if type(response) is str:
        response = _parsed(response)
    error = row.get("error")
    status: int | None = None
    body: Any = None
    if isinstance(response, dict):
        status = _status(response.get("status_code"))
        body = _body(response)
    if status is not None and 200 <= status < 300 and not _says_something(error):
        model = body.get("model") if isinstance(body, dict) else None
        taken, given, cached, _ = tokens_of(body)
        return ResultRow(
            custom_id,
            Outcome.OK,
            status,
            "",
            "",
            False,
            taken,
            given,
            cached,
            model if type(model) is str else "",
        )
    return _failure(custom_id, status, body, error)


def body_of(row: Mapping[str, Any]) -> Any:
    """Return the response body of a result row, parsed where it came as a string of JSON."""
    response = row.get("response")
    if type(response) is str:
        response = _parsed(response)
    return _body(response) if isinstance(response, dict) else None


def _body(response: Mapping[str, Any]) -> Any:
    body = response.get("body")
    return _parsed(body) if type(body) is str else body


def unanswered(custom_id: str | None, ended: BatchStatus) -> ResultRow:
    """Return the row of a request that has none: `missing`, or `pending` while its batch goes on."""
    if ended.is_active:
        return ResultRow(custom_id, Outcome.PENDING, None, PENDING_CODE, "", False)
    message = {
        BatchStatus.EXPIRED: "The batch expired and says nothing about this request.",
        BatchStatus.CANCELLED: "The batch was cancelled and says nothing about this request.",
        BatchStatus.FAILED: "The batch failed before it ran any request.",
    }.get(ended, "The batch ended without a row for this request.")
    return ResultRow(custom_id, Outcome.MISSING, None, MISSING_CODE, message, True)


def _failure(custom_id: str | None, status: int | None, body: Any, error: Any) -> ResultRow:
    has_response = status is not None or bool(body)
    inner = _body_error(body)
    outer_code, outer_type, outer_words = _code_of(error), _type_of(error), _words_of(error)
    inner_code, inner_type = _code_of(inner), _type_of(inner)
    words = outer_words or _words_of(inner) or _words_of_body(body)
    code = outer_code or outer_type or inner_code or inner_type
    if not code:
        if status is not None:
            code = f"http_{status}"
        elif has_response:
            code = "no_status"
        else:
            code = "unknown_error" if _says_something(error) else "no_response"
    codes = tuple(part.lower() for part in (outer_code, outer_type, inner_code, inner_type) if part)
    outcome = Outcome.FAILED
    if status is None or not 400 <= status < 600:
        if any(part in _EXPIRED_CODES for part in codes):
            outcome = Outcome.EXPIRED
        elif any(part in _CANCELLED_CODES for part in codes):
            outcome = Outcome.CANCELLED
    retryable = is_retryable(outcome, status, codes, words, has_response=has_response)
    taken, given, cached, _ = tokens_of(body)
    model = body.get("model") if isinstance(body, dict) else None
    return ResultRow(
        custom_id,
        outcome,
        status,
        code,
        words,
        retryable,
        taken,
        given,
        cached,
        model if type(model) is str else "",
    )


def _status(value: Any) -> int | None:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return None


def _says_something(error: Any) -> bool:
    if isinstance(error, dict):
        return any(error.values())
    return bool(error)


def _body_error(body: Any) -> Any:
    """Return the error inside a response body, or None."""
    if isinstance(body, list):
        body = next((item for item in body if isinstance(item, dict)), None)
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if error:
        return error
    return body if body.get("object") == "error" else None


def _code_of(error: Any) -> str:
    return _name(error.get("code")) if isinstance(error, dict) else ""


def _type_of(error: Any) -> str:
    return _name(error.get("type")) if isinstance(error, dict) else ""


def _name(value: Any) -> str:
    if type(value) is str:
        return value.strip()
    return str(value) if type(value) is int and value else ""


def _words_of(error: Any) -> str:
    if type(error) is str:
        return error
    if isinstance(error, dict):
        for key in ("message", "detail", "msg"):
            value = error.get(key)
            if type(value) is str and value:
                return value
    return ""


def _words_of_body(body: Any) -> str:
    if type(body) is str:
        return body
    if not isinstance(body, dict):
        return ""
    for key in ("message", "detail", "title", "msg"):
        value = body.get(key)
        if type(value) is str and value:
            return value
        if isinstance(value, list):
            told = [_words_of(item) for item in value]
            if any(told):
                return "; ".join(words for words in told if words)
    return ""


def _parsed(text: str) -> Any:
    """Return the JSON value in a string, or the string where it is none."""
    try:
        return parse(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return text
