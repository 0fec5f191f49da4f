"""Lines of request and result files of every shape the services write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def request_line(custom_id: str, text: str = "Hello", **body: Any) -> bytes:
    """One line of a request file, with its line feed."""
    request = {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **body},
    }
    return _line(request)


def ok_row(
    custom_id: str,
    text: str = "Hi",
    *,
    model: str = "gpt-4o-mini",
    tokens: tuple[int, int, int] = (10, 5, 0),
) -> bytes:
    """A row that answers; tokens are input, output and cached."""
    body = {
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}],
        "usage": {
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "prompt_tokens_details": {"cached_tokens": tokens[2]},
        },
    }
    return _row(custom_id, {"status_code": 200, "request_id": "req_1", "body": body})


def http_error_row(custom_id: str, status: int, code: str | None, message: str = "No.") -> bytes:
    """A row whose request was run and refused or failed."""
    body = {"error": {"message": message, "type": "some_error", "param": None, "code": code}}
    return _row(custom_id, {"status_code": status, "request_id": "req_2", "body": body})


def not_run_row(custom_id: str, code: str, message: str = "It was not run.") -> bytes:
    """A row whose request was never run."""
    return _row(custom_id, None, {"code": code, "message": message})


def status_zero_row(custom_id: str) -> bytes:
    """A row with status 0 and no error, as seen at OpenAI."""
    return _row(custom_id, {"status_code": 0, "request_id": "", "body": {}})


def joined(lines: Iterable[bytes]) -> bytes:
    """A whole file."""
    return b"".join(lines)


def _row(custom_id: str, response: Mapping[str, Any] | None, error: Mapping[str, Any] | None = None) -> bytes:
    return _line({"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": error})


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row).encode() + b"\n"
