"""One file with one row for every request, over all runs of a lineage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from batchdeck.models.lines import MergeSummary
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.files import Files


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged file that stands whole under its name."""

    path: Path
    summary: MergeSummary
    batch_ids: tuple[str, ...]
    """The batches whose files went in, oldest first."""
    notes: tuple[str, ...] = ()
    """What a person should know: a batch that has not ended, an input that is lost."""


class Merge:
    """Merges a batch's answers with those of its retries and of the other parts of a split file."""

    def __init__(self, context: Context, files: Files) -> None:
        self._context = context
        self._files = files

    async def merged(
        self,
        batch_id: str,
        folder: Path,
        *,
        format: Literal["jsonl", "csv"] = "jsonl",
        raw: bool = False,
        join: tuple[Path, str] | None = None,
        force: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Merged:
        """Write `<batch id>_merged.jsonl` or `.csv` into a folder.

        Args:
            batch_id: Any batch of the lineage or of the split group.
            folder: Where the file goes.
            raw: In a CSV, do not make cells safe for spreadsheets.
            join: A table, and a template such as `comment-{id}` that gives a row's custom_id.
            force: Replace another file of that name; the same content is left as it is.

        Raises:
            NotFound: no such batch.
            TargetExists: another file stands there, and not `force`.
            InvalidInput: the table or the template does not fit.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: it could not be fetched or written.
        """
        raise NotImplementedError
