"""Batches as JSON, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from batchdeck.models.batch import Batch, BatchStatus, RequestCounts, Usage, ValidationError
from batchdeck.store.texts import FILE_LINE, KEY_END, flat

_TIMES = (
    "created_at",
    "in_progress_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
    "expires_at",
)
_ENCODER = json.JSONEncoder(separators=(",", ":"), sort_keys=True)
_TEXTS = ("endpoint", "model", "completion_window")
_FILES = ("input_file_id", "output_file_id", "error_file_id")


def to_time(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as an aware time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def at_time(seconds: float) -> datetime:
    """Seconds since 1970 as an aware time."""
    return datetime.fromtimestamp(seconds, UTC)


def to_seconds(time: datetime | None) -> float | None:
    """An aware time as seconds since 1970, an int where it is whole."""
    if time is None:
        return None
    seconds = time.timestamp()
    return int(seconds) if seconds == int(seconds) else seconds


def encode(batch: Batch) -> str:
    """A batch as JSON; what is absent is left out, so equal batches give equal text."""
    body: dict[str, Any] = {"id": batch.id, "status": batch.status.value}
    if batch.raw_status != batch.status.value:
        body["raw_status"] = batch.raw_status
    for name in (*_TEXTS, *_FILES):
        value = getattr(batch, name)
        if value:
            body[name] = value
    counts = batch.counts
    if counts.total or counts.completed or counts.failed:
        body["counts"] = [counts.total, counts.completed, counts.failed]
    for name in _TIMES:
        seconds = to_seconds(getattr(batch, name))
        if seconds is not None:
            body[name] = seconds
    if batch.metadata:
        body["metadata"] = dict(batch.metadata)
    if batch.errors:
        body["errors"] = [[error.code, error.message, error.line, error.param] for error in batch.errors]
    if batch.usage is not None:
        body["usage"] = usage_to_list(batch.usage)
    return _ENCODER.encode(body)


def decode(text: str, summed_usage: str | None = None) -> Batch:
    """The batch that `encode` wrote; `summed_usage` stands in where the service gave none."""
    body = json.loads(text)
    status = BatchStatus(body["status"])
    usage = usage_from_list(body.get("usage"))
    if summed_usage and (usage is None or not (usage.input_tokens or usage.output_tokens)):
        usage = usage_from_list(json.loads(summed_usage))
    texts: dict[str, Any] = {name: body.get(name, "") for name in _TEXTS}
    files: dict[str, Any] = {name: body.get(name) for name in _FILES}
    times: dict[str, Any] = {name: at_time(body[name]) for name in _TIMES if name in body}
    return Batch(
        id=body["id"],
        status=status,
        raw_status=body.get("raw_status", status.value),
        counts=RequestCounts(*body.get("counts", (0, 0, 0))),
        metadata=body.get("metadata", {}),
        errors=tuple(ValidationError(*error) for error in body.get("errors", ())),
        usage=usage,
        **texts,
        **files,
        **times,
    )


def usage_to_list(usage: Usage) -> list[int]:
    """Usage as JSON."""
    return [usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens]


def usage_from_list(numbers: list[int] | None) -> Usage | None:
    """The usage that `usage_to_list` wrote."""
    return None if numbers is None else Usage(*numbers)


def name_of(batch: Batch, input_name: str | None, name_keys: tuple[str, ...]) -> str:
    """What a person calls the batch: metadata by `name_keys`, else the input's file name, else the id."""
    for key in name_keys:
        value = batch.metadata.get(key, "").strip()
        if value:
            return value
    return input_name or batch.id


def search_text(batch: Batch, input_name: str | None, name: str) -> str:
    """The lines that words are sought in."""
    lines = [batch.id, name, batch.model]
    for file in (input_name, batch.input_file_id, batch.output_file_id, batch.error_file_id):
        if file:
            lines.append(FILE_LINE + flat(file))
    heads = [flat(line) for line in lines[:3]]
    pairs = [flat(key) + KEY_END + flat(value) for key, value in batch.metadata.items()]
    return "\n" + "\n".join([*heads, *lines[3:], *pairs]) + "\n"
