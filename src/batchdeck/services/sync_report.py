"""What a refresh and a fill of the history tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from batchdeck.errors import ServiceError
    from batchdeck.models.stored import Changes


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """How fresh the history is."""

    last_success_at: datetime | None = None
    """When the service last answered, UTC; from the history before the first refresh."""
    error: ServiceError | None = None
    """Why the last refresh failed, or None when it did not."""
    failing_since: datetime | None = None
    """When the first of the failures in a row happened, UTC."""
    failures: int = 0
    """Refreshes that failed in a row."""
    backfill_done: bool = False
    """True when the history holds all that the service lists."""

    @property
    def is_offline(self) -> bool:
        """True when the last refresh failed."""
        return self.error is not None

    @property
    def retry_after(self) -> float | None:
        """Seconds the service asked to wait, or None."""
        return self.error.retry_after if self.error else None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one refresh found."""

    new: tuple[str, ...] = ()
    """Ids never seen before."""
    changed: tuple[str, ...] = ()
    """Ids of known batches of which something is different now."""
    gone: tuple[str, ...] = ()
    """Ids the service said it does not know any more."""
    calls: int = 0
    """Calls made."""
    active: int = 0
    """Batches of the history that can still change."""
    error: ServiceError | None = None
    """Why the refresh could not be finished; what came before is stored all the same."""
    problems: tuple[tuple[str, ServiceError], ...] = ()
    """Batches that could not be asked about, and why; the refresh went on."""

    @property
    def any(self) -> bool:
        """True when the screen may have to change."""
        return bool(self.new or self.changed or self.gone)

    def raise_for_error(self) -> None:
        """Raise what kept the refresh from being finished.

        Raises:
            ServiceError: the service refused, failed, or could not be reached.
        """
        if self.error is not None:
            raise self.error


@dataclass(frozen=True, slots=True)
class BackfillReport:
    """How far the history is filled."""

    stored: int
    """Batches stored by this run so far."""
    done: bool
    """True when the end of the list was reached."""
    has_more: bool
    """True when the service says that there is more."""
    oldest: datetime | None = None
    """When the oldest batch of the last page was created, UTC."""
    error: ServiceError | None = None
    """Why this run stopped early; it can be started again."""


@dataclass(slots=True)
class Gathered:
    """What a refresh that is under way has found so far."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    problems: list[tuple[str, ServiceError]] = field(default_factory=list)

    def note(self, changes: Changes) -> None:
        """Add what an upsert brought."""
        self.new.extend(changes.new)
        self.changed.extend(changes.changed)

    def report(self, *, calls: int, active: int, error: ServiceError | None) -> SyncReport:
        """All of it, each id once."""
        return SyncReport(
            new=tuple(dict.fromkeys(self.new)),
            changed=tuple(dict.fromkeys(self.changed)),
            gone=tuple(self.gone),
            calls=calls,
            active=active,
            error=error,
            problems=tuple(self.problems),
        )
