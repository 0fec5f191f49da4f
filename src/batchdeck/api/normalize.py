"""From what a service answers to models: every spelling of a field ends up in one shape.

Nothing here raises on a JSON object with an id. Text keeps its control characters (the screen cleans
them), but what SQLite and UTF-8 cannot hold is replaced.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from batchdeck.models.batch import Batch, BatchStatus, RequestCounts, Usage, ValidationError
from batchdeck.models.remote import BatchPage, RemoteFile

MAX_INTEGER = 2**63 - 1
"""The largest count that the history can hold."""

_STATUS_ALIASES = {
    "progress": BatchStatus.IN_PROGRESS,
    "running": BatchStatus.IN_PROGRESS,
    "processing": BatchStatus.IN_PROGRESS,
    "inprogress": BatchStatus.IN_PROGRESS,
    "canceling": BatchStatus.CANCELLING,
    "canceled": BatchStatus.CANCELLED,
}
_STATUSES = {status.value: status for status in BatchStatus if status is not BatchStatus.UNKNOWN}
_LINE_IN_MESSAGE = re.compile(r"\bline(?:\s+number)?\s*[:#]?\s*(\d{1,9})\b", re.IGNORECASE)
_WRAPPERS = ("job", "batch", "file", "data", "result")
_EARLIEST = 86_400.0
"""Times before 1970-01-02 stand for "never": zero in epoch seconds, year 1 in Go."""


def batch(answer: Mapping[str, Any]) -> Batch | None:
    """The batch an answer describes, or None when there is no id in it."""
    body = _unwrapped(answer)
    batch_id = _identifier(body.get("id"))
    if batch_id is None:
        return None
    raw_status = text(body.get("status"))
    return Batch(
        id=batch_id,
        status=status(raw_status),
        raw_status=raw_status,
        endpoint=text(body.get("endpoint")),
        model=text(body.get("model")),
        completion_window=text(body.get("completion_window")),
        input_file_id=_identifier(body.get("input_file_id")),
        output_file_id=_identifier(body.get("output_file_id")),
        error_file_id=_identifier(body.get("error_file_id")),
        counts=counts(body.get("request_counts")),
        created_at=moment(body.get("created_at")),
        in_progress_at=moment(body.get("in_progress_at")),
        finalizing_at=moment(body.get("finalizing_at")),
        completed_at=moment(body.get("completed_at")),
        failed_at=moment(body.get("failed_at")),
        expired_at=moment(body.get("expired_at")),
        cancelling_at=moment(body.get("cancelling_at")),
        cancelled_at=moment(body.get("cancelled_at")),
        expires_at=moment(body.get("expires_at")),
        metadata=metadata(body.get("metadata")),
        errors=validation_errors(body.get("errors") or body.get("error")),
        usage=usage(body.get("usage")),
    )


def remote_file(answer: Mapping[str, Any], *, request_id: str | None = None) -> RemoteFile | None:
    """The file object an answer describes, or None when there is no id in it."""
    body = _unwrapped(answer)
    file_id = _identifier(body.get("id"))
    if file_id is None:
        return None
    return RemoteFile(
        id=file_id,
        bytes=_integer(body.get("bytes")),
        filename=text(body.get("filename")),
        purpose=text(body.get("purpose")),
        created_at=moment(body.get("created_at")),
        expires_at=moment(body.get("expires_at")),
        request_id=request_id,
    )


def batch_page(answer: object, *, limit: int) -> BatchPage | None:
    """One page of a list in any envelope, or None when the answer is no list."""
    found = entries(answer)
    if found is None:
        return None
    batches = tuple(made for made in map(batch, found) if made is not None)
    return BatchPage(batches, has_more=bool(batches) and has_more(answer, count=len(found), limit=limit))


def entries(answer: object) -> list[Mapping[str, Any]] | None:
    """The objects of a list answer: `{data: []}`, `{value: []}`, a bare array; None when it is no list."""
    if isinstance(answer, dict):
        # A service written in Go answers `data: null` where there is nothing.
        lists = [answer[key] for key in ("data", "value", "batches", "items") if key in answer]
        inner = next((found for found in lists if isinstance(found, list)), None)
        if inner is None:
            return [] if lists and all(found is None for found in lists) else None
        answer = inner
    if not isinstance(answer, list):
        return None
    return [entry for entry in answer if isinstance(entry, dict)]


def has_more(answer: object, *, count: int, limit: int) -> bool:
    """Whether another page follows: what the service says, else whether this one was full."""
    said = answer.get("has_more") if isinstance(answer, dict) else None
    if isinstance(said, bool):
        return said
    if isinstance(said, str) and said.strip().lower() in ("true", "false"):
        return said.strip().lower() == "true"
    return count >= limit


def status(raw: str) -> BatchStatus:
    """The status a service's word stands for; UNKNOWN for a word nobody documents."""
    word = raw.strip().lower().replace("-", "_").replace(" ", "_")
    return _STATUSES.get(word) or _STATUS_ALIASES.get(word) or BatchStatus.UNKNOWN


def moment(value: object) -> datetime | None:
    """A time in UTC from epoch seconds, milliseconds or finer, digits, ISO 8601, or None."""
    if value is None:
        return None
    if isinstance(value, dict):
        value = next((value[key] for key in ("seconds", "Time", "time", "value") if key in value), None)
    if isinstance(value, str):
        written = value.strip()
        try:
            value = float(written)
        except ValueError:
            return _iso_moment(written)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    if not math.isfinite(seconds):
        return None
    while seconds > 1e11:  # the year 5138: it was milliseconds, or finer
        seconds /= 1000
    if seconds < _EARLIEST:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _iso_moment(written: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(written)
        at = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year >= 1970 and at.timestamp() >= _EARLIEST else None


def counts(value: object) -> RequestCounts:
    """Request counts; zero for what is absent, null or no number."""
    if not isinstance(value, dict):
        return RequestCounts()
    return RequestCounts(
        total=_integer(value.get("total")) or 0,
        completed=_integer(value.get("completed")) or 0,
        failed=_integer(value.get("failed")) or 0,
    )


def metadata(value: object) -> dict[str, str]:
    """Metadata as strings; pairs without a value are left out."""
    if not isinstance(value, dict):
        return {}
    return {text(key): text(entry) for key, entry in value.items() if entry is not None}


def usage(value: object) -> Usage | None:
    """Tokens in either spelling; None when absent or all zero, as services write before they know."""
    if not isinstance(value, dict):
        return None
    found = Usage(
        input_tokens=_first_integer(value, "input_tokens", "prompt_tokens"),
        output_tokens=_first_integer(value, "output_tokens", "completion_tokens"),
        cached_tokens=_detail(value, "cached_tokens", "input_tokens_details", "prompt_tokens_details"),
        reasoning_tokens=_detail(
            value, "reasoning_tokens", "output_tokens_details", "completion_tokens_details"
        ),
    )
    return found if found != Usage() else None


def validation_errors(value: object) -> tuple[ValidationError, ...]:
    """Validation errors from a list, `{data: []}`, one object or a sentence; none is dropped."""
    return tuple(_validation_error(entry) for entry in _error_entries(value))


def _error_entries(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        inner = value.get("data")
        if isinstance(inner, list):
            value = inner
        elif "code" in value or "message" in value:
            yield value
            return
        else:
            value = inner
    if isinstance(value, list):
        yield from (entry for entry in value if entry not in (None, "", {}))
    elif isinstance(value, dict | str) and value:
        yield value


def _validation_error(entry: object) -> ValidationError:
    if not isinstance(entry, dict):
        message = text(entry)
        return ValidationError(code="", message=message, line=_line_in(message))
    message = text(entry.get("message"))
    line = _integer(entry.get("line"))
    return ValidationError(
        code=text(entry.get("code")) or text(entry.get("type")),
        message=message,
        line=line if line else _line_in(message),
        param=text(entry.get("param")) or None,
    )


def _line_in(message: str) -> int | None:
    found = _LINE_IN_MESSAGE.search(message)
    return int(found.group(1)) if found and int(found.group(1)) > 0 else None


def text(value: object) -> str:
    """Any JSON value as text that UTF-8 can hold; null is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            # Not JSON, or a number of more digits than Python will print.
            return "?"
    if not value.isascii():
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _identifier(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return text(value).strip() or None


def _integer(value: object) -> int | None:
    """A count from 0 to what SQLite holds, or None when the value is no number."""
    if isinstance(value, str):
        try:
            value = float(value) if not value.strip().isdigit() else int(value[:32])
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = int(value)
    return min(max(value, 0), MAX_INTEGER)


def _first_integer(body: Mapping[str, Any], *names: str) -> int:
    return next((found for name in names if (found := _integer(body.get(name))) is not None), 0)


def _detail(body: Mapping[str, Any], name: str, *places: str) -> int:
    for place in places:
        details = body.get(place)
        if isinstance(details, dict) and (found := _integer(details.get(name))) is not None:
            return found
    return 0


def _unwrapped(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object itself where a service answers `{job: {...}, warning: "..."}`."""
    if _identifier(answer.get("id")) is None:
        for name in _WRAPPERS:
            inner = answer.get(name)
            if isinstance(inner, dict) and _identifier(inner.get("id")) is not None:
                return inner
    return answer
