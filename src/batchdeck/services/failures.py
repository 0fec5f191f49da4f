"""Why requests of a batch failed, in groups."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from batchdeck.models.lines import FailureGroup, FailureReport

if TYPE_CHECKING:
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.models.requests import RequestPage
    from batchdeck.services.context import Context
    from batchdeck.services.results import Results

__all__ = ["Exported", "FailureGroup", "FailureReport", "Failures", "RefusedLine"]


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """One reason why the service refused a whole file."""

    code: str
    message: str
    line: int | None
    """Line of the input, from 1, or None when it is about the whole file."""
    text: str | None
    """The line itself, at most 2,000 characters, or None when the input is lost or has no such line."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A group written to a file."""

    path: Path
    rows: int
    bytes: int


class Failures:
    """Groups what failed."""

    def __init__(self, context: Context, results: Results) -> None:
        self._context = context
        self._results = results

    async def report(
        self,
        batch_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> FailureReport:
        """What the batch's files say, grouped by failure code, largest first.

        Raises:
            NotFound: no such batch.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: a file could not be fetched or read.
        """
        raise NotImplementedError

    async def refused_lines(
        self,
        batch_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> tuple[RefusedLine, ...]:
        """For a batch that failed validation: its errors, each with its own line from the input.

        Raises:
            NotFound: no such batch.
        """
        raise NotImplementedError

    async def members(self, batch_id: str, group: FailureGroup, offset: int, limit: int) -> RequestPage:
        """Some requests of a group, in the input's order."""
        raise NotImplementedError

    async def custom_ids(self, batch_id: str, groups: Collection[FailureGroup]) -> list[str]:
        """All custom_ids of some groups, in the input's order."""
        raise NotImplementedError

    async def export(
        self,
        batch_id: str,
        groups: Collection[FailureGroup],
        to: Path,
        *,
        format: Literal["jsonl", "csv"] = "jsonl",
        force: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Exported:
        """Write the requests of some groups with why they failed.

        JSONL rows hold custom_id, outcome, code, status_code, message, request and answer; CSV rows all but
        the last two.

        Args:
            to: The file to write; it appears whole or not at all.
            force: Replace a file of that name.

        Raises:
            TargetExists: a file of that name stands there, and not `force`.
            FileProblem, Interrupted: it could not be written.
        """
        raise NotImplementedError
