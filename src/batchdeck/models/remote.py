"""What the Files API and a create say, normalised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from batchdeck.models.batch import Batch


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file object of the service."""

    id: str
    bytes: int | None
    """None when the service does not say."""
    filename: str = ""
    """As the service wrote it: never a path to write to."""
    purpose: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    request_id: str | None = None
    """Of the call that brought it."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What a create sends."""

    input_file_id: str
    endpoint: str
    completion_window: str = "24h"
    metadata: Mapping[str, str] = field(default_factory=dict)
    output_expires_after: int | None = None
    """Seconds after the output file's creation, 3,600 to 2,592,000, or None."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """A batch as one call answered it."""

    batch: Batch
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class BatchPage:
    """One page of the service's list, newest first."""

    batches: tuple[Batch, ...]
    has_more: bool
    """What the service says, or, when it says nothing, whether the page was full."""

    @property
    def last_id(self) -> str | None:
        """The cursor for the next page, or None on an empty page."""
        return self.batches[-1].id if self.batches else None
