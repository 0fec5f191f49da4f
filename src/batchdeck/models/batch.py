"""A batch as the service describes it, and as the history keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

OPERATION_KEY = "batchdeck_op"
"""Metadata key that carries the id of the operation that made a batch."""
RETRY_KEY = "retry_of"
"""Metadata key that names the batch whose failed requests a batch sends again."""
ALSO_KEY = "batchdeck_also_retries"
"""Metadata key with the other batches whose requests a batch sends again, separated by commas."""
GROUP_KEY = "batchdeck_group"
"""Metadata key that the parts of one split file share."""
PART_KEY = "batchdeck_part"
"""Metadata key with a part's place, such as `2/3`."""

MAX_METADATA_PAIRS = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512


class BatchStatus(StrEnum):
    """Where a batch is in its life; UNKNOWN stands for a status no release of the API documents."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """True when the batch has ended and will not change any more."""
        return self in _TERMINAL

    @property
    def is_active(self) -> bool:
        """True when the batch can still change; an unknown status counts as active."""
        return self not in _TERMINAL


_TERMINAL = frozenset({BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.EXPIRED, BatchStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """The service's own counts. They may disagree with the files: decide from the files."""

    total: int = 0
    completed: int = 0
    failed: int = 0

    @property
    def waiting(self) -> int:
        """Requests with neither count, never below zero."""
        return max(0, self.total - self.completed - self.failed)

    @property
    def done_share(self) -> float:
        """Completed and failed over total, 0.0 to 1.0."""
        return min(1.0, (self.completed + self.failed) / self.total) if self.total > 0 else 0.0


@dataclass(frozen=True, slots=True)
class ValidationError:
    """One entry of a failed batch's `errors.data`."""

    code: str
    message: str
    line: int | None = None
    """Line of the input file, from 1, or None when the error is about the whole file."""
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a whole batch."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """The part of `input_tokens` that came from the prompt cache."""
    reasoning_tokens: int = 0
    """The part of `output_tokens` spent on reasoning."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, normalised: every service's spelling of a field ends up here."""

    id: str
    status: BatchStatus
    raw_status: str
    """The status exactly as the service wrote it."""
    endpoint: str = ""
    """Such as `/v1/chat/completions`; empty when the service does not say."""
    model: str = ""
    """Empty when the service does not say."""
    completion_window: str = ""
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    counts: RequestCounts = RequestCounts()
    created_at: datetime | None = None
    in_progress_at: datetime | None = None
    finalizing_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    expired_at: datetime | None = None
    cancelling_at: datetime | None = None
    cancelled_at: datetime | None = None
    expires_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[ValidationError, ...] = ()
    usage: Usage | None = None

    @property
    def retry_of(self) -> str | None:
        """The batch whose failed requests this one sends again, or None."""
        return self.metadata.get(RETRY_KEY) or None

    @property
    def operation_id(self) -> str | None:
        """The journaled operation that made this batch, or None."""
        return self.metadata.get(OPERATION_KEY) or None

    @property
    def group_id(self) -> str | None:
        """What the parts of one split file share, or None."""
        return self.metadata.get(GROUP_KEY) or None

    @property
    def ended_at(self) -> datetime | None:
        """When the batch reached its terminal status, UTC, or None."""
        return {
            BatchStatus.COMPLETED: self.completed_at,
            BatchStatus.FAILED: self.failed_at,
            BatchStatus.EXPIRED: self.expired_at,
            BatchStatus.CANCELLED: self.cancelled_at,
        }.get(self.status)


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch with what only the history knows of it."""

    batch: Batch
    name: str
    """What a person calls it: a metadata value, else the input's file name, else the id."""
    profile: str
    seen_at: datetime
    """When the service last described it, UTC."""
    gone_at: datetime | None = None
    """When the service was found not to list it any more, UTC, or None."""
    input_name: str | None = None
    """File name of the input, where known."""
    cost_usd: float | None = None
    """US dollars at the profile's batch price, or None when not known."""

    @property
    def id(self) -> str:
        """The batch's id."""
        return self.batch.id


@dataclass(frozen=True, slots=True)
class CountSample:
    """The counts of a batch as they were at one time."""

    at: datetime
    counts: RequestCounts
