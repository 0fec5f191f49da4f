"""Bring a batch's files into a folder of the user's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.files import FileKind, Files
    from batchdeck.services.inputs import Inputs
    from batchdeck.services.journal import Journal


@dataclass(frozen=True, slots=True)
class Downloaded:
    """One file that stands whole under its name."""

    batch_id: str
    kind: FileKind
    path: Path
    bytes: int
    rows: int
    """Lines that are not blank."""
    was_there: bool = False
    """True when the same content stood there already and nothing was fetched."""
    resumed: bool = False
    """True when an earlier download that was cut off went on."""
    words: str = ""
    """What a person should know beyond that; often empty."""


class Download:
    """Downloads files to where the user wants them."""

    def __init__(self, context: Context, journal: Journal, files: Files, inputs: Inputs) -> None:
        self._context = context
        self._journal = journal
        self._files = files
        self._inputs = inputs

    def download(
        self,
        batch_id: str,
        kinds: Sequence[FileKind],
        to: Path,
        *,
        force: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> AsyncIterator[Downloaded]:
        """Bring files of a batch into a folder, as `<batch id>_<kind>.jsonl`; kinds it has not are passed over.

        Args:
            force: Put the file in the place of another one that stands under its name.

        Raises:
            TargetExists: another file stands there, and not `force`.
            InputLost: an input of which no copy is left.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: it could not be fetched.
        """
        raise NotImplementedError
