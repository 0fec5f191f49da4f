"""A batch, its retries and theirs: what each added, and what is still not answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.models.batch import BatchRecord
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.results import Results


@dataclass(frozen=True, slots=True)
class LineageNode:
    """One batch of the tree."""

    record: BatchRecord
    depth: int
    """0 for the root."""
    parent: str | None
    """Id of the batch it retries, where that is in the tree."""
    is_last_child: bool
    """True for the last retry of its parent: how the branch is drawn."""
    requests: int | None
    """Requests it sent, or None when its input is not known."""
    ok: int
    """Its ok answers."""
    added: int
    """Requests of the root that had no ok answer before it and have one since."""
    still_open: int | None
    """Requests of the root without an ok answer up to and with it; None when the root's input is lost."""
    problem: str | None = None
    """Why its files could not be counted, or None."""


@dataclass(frozen=True, slots=True)
class LineageReport:
    """The tree and what came of it."""

    nodes: tuple[LineageNode, ...]
    """Depth first, a batch before its retries, retries oldest first."""
    requests: int | None
    """Requests of the root, or None when its input is lost."""
    answered: int
    """Of these, with an ok answer by now."""
    open: int | None
    """Of these, without one."""
    notes: tuple[str, ...] = ()
    """What a person should know: a run still active, an input that is lost."""


class Lineages:
    """Counts what a chain of retries came to."""

    def __init__(self, context: Context, results: Results) -> None:
        self._context = context
        self._results = results

    async def report(
        self,
        batch_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> LineageReport:
        """The tree a batch belongs to, from its root; the numbers are those of a merge.

        Raises:
            NotFound: no such batch.
            ServiceError, FileProblem, Interrupted: the files could not be fetched or read.
        """
        raise NotImplementedError
