"""Local copies of the service's files, fetched whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.inputs import Inputs

FileKind = Literal["output", "errors", "input"]


class Files:
    """Keeps complete local copies of a batch's files for whoever needs to read them."""

    def __init__(
        self, context: Context, inputs: Inputs, *, results_dir: Path, budget_bytes: int = 2_000_000_000
    ) -> None:
        self._context = context
        self._inputs = inputs
        self._results_dir = results_dir
        self._budget_bytes = budget_bytes

    async def local(
        self,
        batch: Batch,
        kind: FileKind,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Path | None:
        """A complete local copy of one of a batch's files, fetched when there is none yet.

        None when the batch has no such file: the id is absent, or it has not ended. An input comes
        from wherever `Inputs.find` finds it.

        Raises:
            InputLost: an input of which no copy is left.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: it could not be fetched.
        """
        raise NotImplementedError

    async def cached(self, batch: Batch, kind: FileKind) -> Path | None:
        """A complete local copy that is already there, or None; the service is not asked."""
        raise NotImplementedError
