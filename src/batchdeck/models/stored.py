"""What the history keeps besides batches and operations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeptInput:
    """An input file that was sent from here."""

    input_file_id: str
    sha256: str
    """Of the plain file, hex."""
    bytes: int
    """Of the plain file."""
    original_path: str
    kept_path: str | None
    """The compressed copy, or None when none is kept."""
    requests: int
    name: str
    """File name as people know it."""
    created_at: datetime
    kept_bytes: int = 0
    """Of the compressed copy."""
    account_id: int = 0


@dataclass(frozen=True, slots=True)
class KnownDownload:
    """A file of the service that was fetched to a path."""

    file_id: str
    path: str
    bytes: int
    sha256: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SyncState:
    """How far the history of an account is filled."""

    backfill_cursor: str | None = None
    """Id of the last batch of the last page stored, or None before the first."""
    backfill_done: bool = False
    """True when the service's list was once read to its end."""
    last_success_at: datetime | None = None
    """When the service last answered a refresh, UTC."""
    head_id: str | None = None
    """Id of the newest batch down from which nothing is missing, or None before the first refresh."""
    head_at: datetime | None = None
    """When that batch was created, UTC."""
    floor_at: datetime | None = None
    """The backfill may stop at batches created before this time, UTC: what is older is stored already."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What an upsert brought."""

    new: tuple[str, ...] = ()
    """Ids never seen before."""
    changed: tuple[str, ...] = ()
    """Ids of known batches of which something is different now."""

    @property
    def any(self) -> bool:
        """True when anything is new or changed."""
        return bool(self.new or self.changed)
