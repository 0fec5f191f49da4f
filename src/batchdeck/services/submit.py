"""From a request file to batches: check, plan, send."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.services.creation import Created

if TYPE_CHECKING:
    from batchdeck.models.lines import CheckReport, Part
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.creation import Creation
    from batchdeck.services.room import Room

__all__ = ["CreatePlan", "Created", "PlannedBatch", "Submit"]


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """One batch that a plan would make."""

    part: Part
    """Which bytes of the file make its input."""
    sha256: str
    """Of exactly those bytes."""
    metadata: Mapping[str, str]
    """All pairs but `batchdeck_op`, which the operation adds."""
    title: str
    """The file's name, with the part's place when there are several."""

    @property
    def requests(self) -> int:
        """Number of requests."""
        return self.part.requests

    @property
    def bytes(self) -> int:
        """Length of its input."""
        return self.part.bytes


@dataclass(frozen=True, slots=True)
class CreatePlan:
    """What a create would send; making one sends nothing."""

    path: Path
    report: CheckReport
    endpoint: str
    window: str
    metadata: Mapping[str, str]
    """The user's own pairs."""
    output_expires_after: int | None
    """Seconds, or None."""
    batches: tuple[PlannedBatch, ...]
    warnings: tuple[str, ...] = ()
    """Sentences worth reading before sending."""
    continues: tuple[str, ...] = field(default=())
    """Ids of unsettled operations of the same file that creating would finish first."""

    @property
    def requests(self) -> int:
        """Requests of all batches together."""
        return sum(batch.requests for batch in self.batches)


class Submit:
    """Creates batches from files, each exactly once."""

    def __init__(self, context: Context, creation: Creation, room: Room) -> None:
        self._context = context
        self._creation = creation
        self._room = room

    async def check(
        self,
        path: Path,
        *,
        endpoint: str | None = None,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> CheckReport:
        """Judge a request file by the profile's limits, in a thread; nothing is sent.

        Raises:
            FileProblem: it cannot be read.
            Interrupted: told to stop.
        """
        raise NotImplementedError

    async def plan(
        self,
        path: Path,
        *,
        endpoint: str | None = None,
        window: str | None = None,
        metadata: Mapping[str, str] | None = None,
        output_expires_after: int | None = None,
        split: bool = False,
        report: CheckReport | None = None,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> CreatePlan:
        """Say what a create would send; nothing is sent.

        Args:
            endpoint: Overrides what the file's requests say.
            window: Completion window; the profile's when None.
            metadata: The user's pairs.
            output_expires_after: Seconds, 3,600 to 2,592,000.
            split: Make several batches of a file that is over the limits.
            report: A fresh check of the same file, so that it is not read again.

        Raises:
            UsageError: a value is out of bounds.
            InvalidInput: the file's requests would not be accepted.
            FileProblem: the file cannot be read, or changed since `report`.
            Interrupted: told to stop.
        """
        raise NotImplementedError

    def create(
        self,
        plan: CreatePlan,
        *,
        wait_for_room: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> AsyncIterator[Created]:
        """Upload and create, one batch after the other, each journaled and made once.

        `should_stop` is heeded until a create is on its way; the batches already made stay made.

        Args:
            wait_for_room: When the queue is full, wait in the journal and go when there is room.

        Raises:
            ReadOnly, UsageError, FileProblem, Interrupted: nothing was made for the batch in hand.
            ServiceError: refused for certain; nothing was made.
            UnsettledOperation: it is not known whether a batch was made; the journal holds it.
        """
        raise NotImplementedError
