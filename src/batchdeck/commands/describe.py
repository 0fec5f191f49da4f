"""Batches and operations as the JSON keys that do not change between releases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from batchdeck.models.batch import Batch, BatchRecord


def iso(time: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC with a `Z`, or None."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if time else None


def describe_batch(record: BatchRecord) -> dict[str, Any]:
    """What `list --json` says of a batch."""
    batch = record.batch
    return {
        "id": batch.id,
        "name": record.name,
        "status": status_word(batch),
        "endpoint": batch.endpoint,
        "model": batch.model,
        "created_at": iso(batch.created_at),
        "total": batch.counts.total,
        "completed": batch.counts.completed,
        "failed": batch.counts.failed,
        "metadata": dict(batch.metadata),
        "profile": record.profile,
        "retry_of": batch.retry_of,
        "cost_usd": record.cost_usd,
        "gone_at": iso(record.gone_at),
    }


def status_word(batch: Batch) -> str:
    """The normalised status, or the service's own word where no release of the API documents it."""
    return batch.raw_status if batch.status == "unknown" and batch.raw_status else str(batch.status)


def describe_details(record: BatchRecord) -> dict[str, Any]:
    """What `show --json` says beyond `describe_batch`, from the batch object alone."""
    batch = record.batch
    usage = batch.usage
    return {
        "raw_status": batch.raw_status,
        "completion_window": batch.completion_window,
        "times": {name: iso(getattr(batch, name)) for name in TIMES},
        "input_file_id": batch.input_file_id,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "input_name": record.input_name,
        "errors": [
            {"code": error.code, "line": error.line, "message": error.message, "param": error.param}
            for error in batch.errors
        ],
        "usage": None
        if usage is None
        else {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
        },
        "seen_at": iso(record.seen_at),
    }


TIMES = (
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
"""The times of a batch, in the order it goes through them."""
