"""A batch as JSON, in the spelling of the service or of one of its copies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from batchdeck.sandbox.files import StoredFile
from batchdeck.sandbox.job import Job
from batchdeck.sandbox.moods import Moods
from batchdeck.sandbox.rows import Spent

_TIMES = (
    "created_at",
    "in_progress_at",
    "expires_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)
_ALWAYS = ("id", "object", "endpoint", "input_file_id", "completion_window", "status", "created_at")


def batch_json(job: Job, now: float, moods: Moods) -> dict[str, Any]:
    """The batch object that the service would show at this time."""
    status = job.status
    if status == "in_progress":
        status = job.mood.argument("unknown_status") or moods.unknown_status or status
    total, completed, failed = job.counts_at(now)
    counts: dict[str, int] | None = {"total": total, "completed": completed, "failed": failed}
    if moods.null_counts and (job.requests is None or "null_counts" in job.mood):
        counts = None
    told: dict[str, Any] = {
        "id": job.id,
        "object": "batch",
        "endpoint": job.endpoint,
        "model": job.model,
        "errors": _errors(job, moods),
        "input_file_id": job.input_file_id,
        "completion_window": moods.window_echo or job.window,
        "status": status.upper() if moods.status_case == "upper" else status,
        "output_file_id": job.output_file_id,
        "error_file_id": job.error_file_id,
    }
    for name in _TIMES:
        told[name] = _time(getattr(job, name), moods)
    told["request_counts"] = counts if "null_counts" not in job.mood else None
    told["metadata"] = None if moods.drop_metadata else (dict(job.metadata) or None)
    told["usage"] = None if moods.no_usage or not job.tells_usage else _usage(job, total, completed, failed)
    if moods.absent == "omit":
        told = {name: value for name, value in told.items() if value is not None or name in _ALWAYS}
    elif moods.absent == "empty" or "empty_ids" in job.mood:
        for name in ("output_file_id", "error_file_id"):
            told[name] = told[name] or ""
    return told


def _time(value: float | None, moods: Moods) -> int | str | None:
    if value is None:
        return None
    if moods.iso_times:
        return datetime.fromtimestamp(int(value), UTC).isoformat().replace("+00:00", "Z")
    return int(value)


def _errors(job: Job, moods: Moods) -> dict[str, Any] | str | None:
    if not job.errors:
        return None
    if moods.string_errors:
        return "; ".join(str(error["message"]) for error in job.errors)
    if moods.line_in_message:
        told = [
            {"code": error["code"], "message": f"Line {error['line']}: {error['message']}"}
            for error in job.errors
        ]
        return {"data": told}
    return {"object": "list", "data": job.errors}


def _usage(job: Job, total: int, completed: int, failed: int) -> dict[str, Any]:
    if job.spent is None:
        return Spent().as_json()
    if job.has_ended or job.counts_override is not None:
        return job.spent.as_json()
    return job.spent.scaled(min(1.0, completed / max(1, total))).as_json()


def file_json(file: StoredFile, moods: Moods) -> dict[str, Any]:
    """The file object that the service would show."""
    told = file.as_json()
    if moods.absent == "omit":
        told = {name: told[name] for name in ("id", "object", "bytes", "created_at", "filename")}
    told["created_at"] = _time(file.created_at, moods)
    return told


def page_json(page: list[dict[str, Any]], has_more: bool, moods: Moods) -> Any:
    """A list answer."""
    if moods.list_shape == "array":
        return page
    if moods.list_shape == "value":
        return {"value": page}
    told: dict[str, Any] = {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }
    if moods.has_more != "absent":
        told["has_more"] = has_more or moods.has_more == "always"
    return told
