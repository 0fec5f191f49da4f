"""Keep what was sent, and find it again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context

Origin = Literal["kept", "original", "service"]


@dataclass(frozen=True, slots=True)
class InputSource:
    """A plain file that holds a batch's input, byte for byte."""

    path: Path
    origin: Origin
    """Where it came from: the kept copy, the file it was sent from, or the service."""
    bytes: int


class Inputs:
    """Compressed copies of sent inputs, within a budget."""

    def __init__(
        self, context: Context, *, inputs_dir: Path, outbox_dir: Path, budget_bytes: int = 2_000_000_000
    ) -> None:
        self._context = context
        self._inputs_dir = inputs_dir
        self._outbox_dir = outbox_dir
        self._budget_bytes = budget_bytes

    async def find(
        self,
        batch: Batch,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> InputSource:
        """The batch's input as a plain local file: the kept copy, the original, else the service's file.

        Raises:
            InputLost: none is left; the sentence says what is still possible.
            ServiceError: the service could not be asked.
            FileProblem, Interrupted: it could not be written out.
        """
        raise NotImplementedError
