"""Operations: what was asked of the service, step by step, as the journal keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class OperationKind(StrEnum):
    """What was asked."""

    CREATE = "create"
    CANCEL = "cancel"
    RETRY = "retry"
    DOWNLOAD = "download"


class OperationState(StrEnum):
    """The last step that is known to have been reached."""

    INTENT = "intent"
    """Written down; nothing sent yet."""
    WAITING = "waiting"
    """Waits for room in the service's queue."""
    UPLOADING = "uploading"
    """An upload was begun; whether it arrived is not known."""
    UPLOADED = "uploaded"
    """The input is at the service as `input_file_id`; no create was sent."""
    SENDING = "sending"
    """The call was sent; its answer is not known."""
    DONE = "done"
    FAILED = "failed"
    """Refused for certain; nothing was made."""
    ABANDONED = "abandoned"
    """The user gave it up."""

    @property
    def is_settled(self) -> bool:
        """True when nothing is left to find out or to do."""
        return self in _SETTLED


_SETTLED = frozenset({OperationState.DONE, OperationState.FAILED, OperationState.ABANDONED})


@dataclass(frozen=True, slots=True)
class OperationStep:
    """One entry of an operation's journal."""

    at: datetime
    state: OperationState
    note: str = ""
    """What was sent or came back, in words."""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One journaled create, cancel, retry or download."""

    id: str
    """32 hex digits; a batch made by it carries it as `batchdeck_op`."""
    kind: OperationKind
    state: OperationState
    created_at: datetime
    updated_at: datetime
    title: str
    """What it is about, for a person: a file name, a batch id."""
    batch_id: str | None = None
    """The batch it made or concerns, where known."""
    input_file_id: str | None = None
    error: str | None = None
    """The sentence of the last error, or None."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """What is needed to finish it: JSON values only, never a key."""
    steps: tuple[OperationStep, ...] = ()
    pid: int | None = None
    """The process that works on it, while it does."""
