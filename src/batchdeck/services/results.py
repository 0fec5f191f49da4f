"""Every request of a batch with its outcome, from the row index of its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdeck.models.requests import OpenedRequest, RequestFilter, RequestPage, RequestTotals

if TYPE_CHECKING:
    from batchdeck.models.batch import BatchRecord
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.files import Files

__all__ = ["BatchResults", "OpenedRequest", "RequestFilter", "RequestPage", "RequestTotals", "Results"]

_ALL = RequestFilter()


@dataclass(frozen=True, slots=True)
class BatchResults:
    """The requests of one batch, ready to be paged, searched and opened."""

    record: BatchRecord
    totals: RequestTotals
    input_problem: str | None
    """Why the requests cannot be shown, or None when the input is there; then only result rows are."""

    async def page(self, offset: int, limit: int, filter: RequestFilter = _ALL) -> RequestPage:
        """Some rows, in the input's order."""
        raise NotImplementedError

    async def locate(self, position: int, filter: RequestFilter = _ALL) -> int:
        """How many rows that match come before a position: its place in the pages."""
        raise NotImplementedError

    async def open(self, position: int) -> OpenedRequest:
        """One request with its answers, read from the files by offset.

        Raises:
            FileProblem: a file changed or went away; open the results again.
        """
        raise NotImplementedError

    async def find(
        self,
        text: str,
        *,
        start: int,
        backwards: bool = False,
        filter: RequestFilter = _ALL,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> int | None:
        """The position of the next row whose custom_id, request or answer holds a text, or None.

        Lower-case text is found in any case. Past the last row the search goes on at the first.

        Args:
            text: What to look for.
            start: The position to begin at; it is looked at, too.
            backwards: Look towards the first row.

        Raises:
            FileProblem: a file went away.
            Interrupted: told to stop.
        """
        raise NotImplementedError


class Results:
    """Indexes a batch's files when they are first asked for."""

    def __init__(self, context: Context, files: Files) -> None:
        self._context = context
        self._files = files

    async def open(
        self,
        batch_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> BatchResults:
        """Fetch what is not here yet, index what is not indexed yet, and hand out the requests.

        A batch that has not ended shows its requests as pending; one without an input left shows its result
        rows.

        Raises:
            NotFound: no such batch.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: a file could not be fetched or read.
        """
        raise NotImplementedError
