"""What a journaled create needs to be finished by any later process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from batchdeck.models.batch import GROUP_KEY, OPERATION_KEY
from batchdeck.models.remote import NewBatch


@dataclass(frozen=True, slots=True)
class Job:
    """One batch to make: which bytes, and what to ask for. Kept in the operation's payload."""

    path: str
    """The request file, absolute."""
    name: str
    """The file's name as people know it."""
    start: int
    end: int
    """Bytes `start` to `end` of the file are the input."""
    sha256: str
    """Of exactly those bytes."""
    requests: int
    endpoint: str
    window: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    """All pairs but `batchdeck_op`."""
    output_expires_after: int | None = None
    part: str = ""
    """Place among the parts of a split file, such as `2/3`, or empty."""
    file_sha256: str = ""
    """Of the whole file; differs from `sha256` when it was split."""
    group: str = ""
    """What the parts of a split file share, or empty."""
    models: tuple[str, ...] = ()
    retries: tuple[str, ...] = ()
    """Of a retry: the batches whose requests it sends again."""
    by_code: Mapping[str, int] = field(default_factory=dict)
    """Of a retry: failure code to number of requests."""
    is_temporary: bool = False
    """True when the file was written here and goes when it is not needed any more."""
    wait_for_room: bool = False
    kept: str | None = None
    """The compressed copy, or None."""
    file_created_at: float | None = None
    """When the service says it made the uploaded file, epoch seconds by its own clock."""
    spent: tuple[str, ...] = ()
    """Batches this operation made that failed for want of room."""
    room_tries: int = 0
    """How often the service said that there was no room."""

    @property
    def bytes(self) -> int:
        """Length of the input."""
        return self.end - self.start

    @property
    def service_time(self) -> datetime | None:
        """When the service made the uploaded file, by its own clock, or None."""
        return None if self.file_created_at is None else datetime.fromtimestamp(self.file_created_at, UTC)

    @property
    def upload_stem(self) -> str:
        """What the upload's name begins with."""
        stem = PurePath(self.name).stem
        return f"{stem}-{self.part.replace('/', 'of')}" if self.part else stem

    def in_group(self, group: str) -> Job:
        """The same as a part of another group; itself when it is no part."""
        if not self.group or group == self.group:
            return self
        return replace(self, group=group, metadata={**self.metadata, GROUP_KEY: group})

    def payload(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {**asdict(self), "bytes": self.bytes}

    @staticmethod
    def of(payload: Mapping[str, Any]) -> Job:
        """The job of an operation's payload, also one that an older release wrote."""
        known = {name: payload[name] for name in Job.__dataclass_fields__ if name in payload}
        for name in ("models", "retries", "spent"):
            known[name] = tuple(known.get(name) or ())
        return Job(**known)

    def new_batch(self, operation_id: str, input_file_id: str) -> NewBatch:
        """What is sent to make it."""
        return NewBatch(
            input_file_id=input_file_id,
            endpoint=self.endpoint,
            completion_window=self.window,
            metadata={**self.metadata, OPERATION_KEY: operation_id},
            output_expires_after=self.output_expires_after,
        )
