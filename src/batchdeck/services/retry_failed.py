"""Send again what failed, exactly that, and never what is answered or under way."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchdeck.services.creation import Created

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.lines import FailureGroup, FailureReport
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.creation import Creation
    from batchdeck.services.files import Files
    from batchdeck.services.inputs import Inputs
    from batchdeck.services.room import Room

__all__ = ["Created", "Retry", "RetryPlan"]


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """What a retry of one batch could send; making one sends nothing."""

    batch: Batch
    report: FailureReport
    """What the batch's own files say."""
    groups: tuple[FailureGroup, ...]
    """What is still not answered in the lineage and can be chosen, largest first; two may share a code."""
    default_codes: tuple[str, ...]
    """Codes of the groups that are sent when nothing is chosen: the retryable ones."""
    left_out: tuple[str, ...]
    """Sentences: what is not sent by default, how many and why."""
    answered_later: int = 0
    """Requests left out because a later retry answered them."""
    pending_later: int = 0
    """Requests left out because a retry that is still active holds them."""
    same_file: bool = False
    """True when the batch failed for want of room: its whole input is sent again, without an upload."""
    requests: int = 0
    """Requests of the batch's input."""
    input_path: Path | None = None
    set: Any = field(default=None, repr=False)

    def chosen(self, codes: Collection[str] | None = None, *, include_all: bool = False) -> Mapping[str, int]:
        """Failure code to number of requests that would be sent.

        Args:
            codes: Only these; the retryable ones when None.
            include_all: Every code.
        """
        raise NotImplementedError


class Retry:
    """Makes new batches of the requests that failed."""

    def __init__(
        self,
        context: Context,
        creation: Creation,
        room: Room,
        files: Files,
        inputs: Inputs,
        *,
        outbox_dir: Path,
    ) -> None:
        self._context = context
        self._creation = creation
        self._room = room
        self._files = files
        self._inputs = inputs
        self._outbox_dir = outbox_dir

    async def plan(
        self,
        batch_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> RetryPlan:
        """Find what of a batch is not answered, in its files and in those of its later retries.

        Raises:
            NothingToRetry: every request is answered, or the input itself was refused.
            UsageError: the batch has not ended.
            InputLost, ServiceError, FileProblem, Interrupted: its files could not be had.
        """
        raise NotImplementedError

    async def send(
        self,
        plan: RetryPlan,
        *,
        codes: Collection[str] | None = None,
        include_all: bool = False,
        wait_for_room: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Created:
        """Make one new batch of the chosen requests of a batch.

        Raises:
            NothingToRetry: none was chosen.
            ReadOnly, FileProblem, ServiceError, UnsettledOperation, Interrupted: as for `Submit.create`.
        """
        raise NotImplementedError

    async def send_as_one(
        self,
        plans: Sequence[RetryPlan],
        *,
        codes: Collection[str] | None = None,
        include_all: bool = False,
        wait_for_room: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Created:
        """Make one new batch of the chosen requests of several batches of one endpoint and model.

        Raises:
            UsageError: they differ in endpoint or model, or a custom_id is in two of them; nothing was sent.
            NothingToRetry, ReadOnly, FileProblem, ServiceError, UnsettledOperation, Interrupted: as for `send`.
        """
        raise NotImplementedError
