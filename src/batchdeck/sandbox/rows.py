"""Rows of output and error files, in every shape that services were seen to write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchdeck.sandbox.answers import answer
from batchdeck.sandbox.rules import Ending, Fate


@dataclass(slots=True)
class Spent:
    """Tokens that rows have used."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    def add_body(self, body: Mapping[str, Any]) -> None:
        """Count the `usage` of one answer, of whichever endpoint."""
        usage = body.get("usage")
        if not isinstance(usage, Mapping):
            return
        into = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
        out = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
        self.input_tokens += usage.get("prompt_tokens", usage.get("input_tokens", 0))
        self.output_tokens += usage.get("completion_tokens", usage.get("output_tokens", 0))
        self.cached_tokens += into.get("cached_tokens", 0)
        self.reasoning_tokens += out.get("reasoning_tokens", 0)

    def add(self, other: Spent, times: int = 1) -> None:
        """Count the tokens of another, so many times."""
        self.input_tokens += other.input_tokens * times
        self.output_tokens += other.output_tokens * times
        self.cached_tokens += other.cached_tokens * times
        self.reasoning_tokens += other.reasoning_tokens * times

    def scaled(self, share: float) -> Spent:
        """The same tokens times a share from 0.0 to 1.0."""
        return Spent(
            int(self.input_tokens * share),
            int(self.output_tokens * share),
            int(self.cached_tokens * share),
            int(self.reasoning_tokens * share),
        )

    def as_json(self) -> dict[str, Any]:
        """As a batch's `usage` has it."""
        return {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {"cached_tokens": self.cached_tokens},
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            "total_tokens": self.input_tokens + self.output_tokens,
        }


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """One row as it goes into a file."""

    text: bytes
    """Without the line end."""
    is_error: bool
    """True when it belongs to the error file."""


def read_request(line: bytes) -> dict[str, Any]:
    """A request line as an object; lone surrogates are kept, an unreadable line is an empty object."""
    try:
        told = json.loads(line.decode())
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def write_row(
    request: Mapping[str, Any],
    fate: Fate,
    *,
    endpoint: str,
    batch_id: str,
    place: int,
    created: int,
    spent: Spent,
) -> WrittenRow | None:
    """The row that answers a request, or None when it gets none; `spent` takes its tokens."""
    if fate.ending is Ending.MISSING:
        return None
    key = hashlib.blake2b(f"{batch_id}:{place}".encode(), digest_size=16).hexdigest()
    custom_id: object = request.get("custom_id")
    if fate.foreign_id:
        custom_id = f"unknown-{key[:8]}"
    row: dict[str, Any] = {"id": f"batch_req_{key}", "custom_id": custom_id}
    if fate.without_id:
        del row["custom_id"]
    _finish(row, request, fate, endpoint=endpoint, key=key, created=created, spent=spent)
    text = json.dumps([row] if fate.not_object else row).encode("ascii")
    if fate.torn:
        text = text[: max(1, len(text) * 2 // 3)]
    is_error = not fate.is_answer and fate.ending is not Ending.STATUS_ZERO and not fate.in_output
    return WrittenRow(text, is_error)


def _finish(
    row: dict[str, Any],
    request: Mapping[str, Any],
    fate: Fate,
    *,
    endpoint: str,
    key: str,
    created: int,
    spent: Spent,
) -> None:
    if fate.ending in (Ending.NOT_RUN, Ending.UNRUN):
        row["response"] = None
        row["error"] = {"code": fate.code, "message": fate.message}
        return
    if fate.ending is Ending.BARE:
        row["error"] = {"type": fate.code, "message": fate.message}
        return
    body: dict[str, Any]
    if fate.ending is Ending.STATUS_ZERO:
        row["response"] = {"status_code": 0, "request_id": "", "body": {}}
        row["error"] = None
        return
    if fate.ending is Ending.HTTP:
        kind = "invalid_request_error" if fate.status < 500 else "server_error"
        if fate.status == 429:
            kind = "insufficient_quota" if fate.code == "insufficient_quota" else "requests"
        body = {"error": {"message": fate.message, "type": kind, "param": None, "code": fate.code}}
    else:
        asked = request.get("body")
        body = answer(endpoint, asked if isinstance(asked, dict) else {}, fate, key=key, created=created)
        spent.add_body(body)
    row["response"] = {
        "status_code": fate.status,
        "request_id": f"req_{key}",
        "body": json.dumps(body) if fate.string_body else body,
    }
    row["error"] = None
