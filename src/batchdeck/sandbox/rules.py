"""How a request ends, chosen by words in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from enum import StrEnum


class Ending(StrEnum):
    """The shapes in which a request can end."""

    OK = "ok"
    HTTP = "http"
    """Executed and refused: `response.status_code` 4xx or 5xx, the error in `response.body.error`."""
    NOT_RUN = "not_run"
    """Not executed: `response` null, `error.code` and `error.message`."""
    BARE = "bare"
    """`error` with `type` and `message` alone: no `response`, no `code`."""
    STATUS_ZERO = "status_zero"
    """`status_code` 0 with an empty body and no error."""
    UNRUN = "unrun"
    """Still waiting when the window closed: the batch ends `expired`."""
    MISSING = "missing"
    """A row in neither file."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one request."""

    ending: Ending = Ending.OK
    status: int = 200
    code: str = ""
    message: str = ""
    copies: int = 1
    """How often its row is written."""
    torn: bool = False
    """The row is cut off in the middle."""
    not_object: bool = False
    """The row is JSON, but a list."""
    string_body: bool = False
    """`response.body` is a string of JSON."""
    without_id: bool = False
    foreign_id: bool = False
    in_output: bool = False
    """An error row that stands in the output file."""
    say: str | None = None
    """The answer's exact text."""
    length: int = 0
    """Characters of answer asked for; 0 for the usual."""
    refusal: bool = False
    tool_call: bool = False
    cut_short: bool = False
    """The answer ended with `finish_reason: length`."""
    once: int = 0
    """How often this holds for the same line: 0 for always."""

    @property
    def counts_as_failed(self) -> bool:
        """True when `request_counts.failed` counts it; the service counts a status 0 as completed."""
        return self.ending in (Ending.HTTP, Ending.NOT_RUN, Ending.BARE)

    @property
    def is_answer(self) -> bool:
        """True when its row is an answer."""
        return self.ending is Ending.OK


ANSWERED = Fate()
_MARK = re.compile(rb"\[\[([^\[\]]{1,2000})\]\]")

_STATUS_CODES = {
    400: "invalid_value",
    401: "invalid_api_key",
    403: "permission_denied",
    404: "model_not_found",
    408: "request_timeout",
    409: "conflict",
    413: "request_too_large",
    422: "unprocessable_entity",
    429: "rate_limit_exceeded",
    500: "server_error",
    502: "bad_gateway",
    503: "slow_down",
    504: "gateway_timeout",
}

_MESSAGES = {
    "context_length_exceeded": "This model's maximum context length is 128000 tokens. However, your messages "
    "resulted in 131422 tokens. Please reduce the length of the messages.",
    "content_policy_violation": "Your request was rejected as a result of our safety system.",
    "insufficient_quota": "You exceeded your current quota, please check your plan and billing details.",
    "rate_limit_exceeded": "Rate limit reached for requests per minute (RPM): Limit 10000, Used 10000, "
    "Requested 1. Please try again in 6ms.",
    "server_error": "The server had an error while processing your request. Sorry about that!",
    "slow_down": "The engine is currently overloaded, please try again later.",
    "model_not_found": "The model does not exist or you do not have access to it.",
    "invalid_api_key": "Incorrect API key provided.",
    "invalid_image_url": "Failed to download image from the given url.",
    "request_timeout": "Request timed out.",
    "timeout": "The request did not finish in time.",
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request was not executed because the batch was cancelled.",
    "batch_failed": "This request was not executed because the batch failed.",
    "invalid_value": "Invalid value: 'banana'. Value must be a number.",
    "string_above_max_length": "Invalid 'input': string too long. Expected at most 8192 characters.",
}


def message_for(code: str) -> str:
    """The service's words for an error code."""
    return _MESSAGES.get(code, f"The request failed: {code}.")


def http_failure(status: int, code: str = "", message: str = "") -> Fate:
    """A request that was executed and answered with an HTTP error."""
    code = code or _STATUS_CODES.get(status, f"http_{status}")
    return Fate(Ending.HTTP, status=status, code=code, message=message or message_for(code))


def not_run(code: str, message: str = "") -> Fate:
    """A request that was never executed."""
    return Fate(Ending.NOT_RUN, status=0, code=code, message=message or message_for(code))


def fate_of(line: bytes) -> Fate:
    """What the words in a request line ask for; words that are none of ours are the user's own text."""
    if b"[[" not in line:
        return ANSWERED
    fate = ANSWERED
    for mark in _MARK.finditer(line):
        fate = _apply(fate, _plain(mark.group(1)))
    return fate


def _plain(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else default


def _apply(fate: Fate, words: str) -> Fate:
    word, _, rest = words.partition(":")
    if word in ("once", "twice"):
        inner = _apply(ANSWERED, rest)
        return fate if inner is ANSWERED else replace(inner, once=1 if word == "once" else 2)
    if word in ("fail", "http"):
        status, _, tail = rest.partition(":")
        code, _, message = tail.partition(":")
        return _ends(fate, http_failure(_number(status, 500), code, message))
    if word == "error":
        code, _, message = rest.partition(":")
        return _ends(fate, not_run(code or "batch_failed", message))
    if word == "bare":
        kind = rest or "server_error"
        return _ends(fate, Fate(Ending.BARE, status=0, code=kind, message=message_for(kind)))
    if word == "say":
        return replace(fate, say=rest)
    if word == "long":
        return replace(fate, length=min(_number(rest, 10_000), 4_000_000))
    simple = _SIMPLE.get(word)
    if simple is not None and not rest:
        return _ends(fate, simple)
    flag = _FLAGS.get(word)
    if flag is not None and not rest:
        return replace(fate, **flag)  # type: ignore[arg-type]
    return fate


def _ends(fate: Fate, ending: Fate) -> Fate:
    return replace(fate, ending=ending.ending, status=ending.status, code=ending.code, message=ending.message)


_SIMPLE = {
    "status0": Fate(Ending.STATUS_ZERO, status=0),
    "quota": http_failure(429, "insufficient_quota"),
    "rate": http_failure(429, "rate_limit_exceeded"),
    "context": http_failure(400, "context_length_exceeded"),
    "policy": http_failure(400, "content_policy_violation"),
    "timeout": not_run("timeout"),
    "expire": Fate(Ending.UNRUN, status=0, code="batch_expired", message=_MESSAGES["batch_expired"]),
    "missing": Fate(Ending.MISSING, status=0),
}

_FLAGS: dict[str, dict[str, object]] = {
    "repeat": {"copies": 2},
    "torn": {"torn": True},
    "list": {"not_object": True},
    "stringbody": {"string_body": True},
    "noid": {"without_id": True},
    "wrongid": {"foreign_id": True},
    "inoutput": {"in_output": True},
    "refuse": {"refusal": True},
    "tools": {"tool_call": True},
    "cut": {"cut_short": True},
    "empty": {"say": ""},
}
