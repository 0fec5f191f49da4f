"""What a batch used and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdeck.models.batch import Usage

if TYPE_CHECKING:
    from batchdeck.services.context import Context
    from batchdeck.services.results import Results


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What one model used."""

    model: str
    usage: Usage
    usd: float | None
    """At the batch price, or None when the model has no price."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a batch used and cost."""

    usd: float | None
    """US dollars at the batch price; None when a model has no price or nothing is known."""
    usage: Usage | None
    """Of all models, or None when it is not known."""
    models: tuple[ModelCost, ...] = ()
    """Largest cost first."""
    source: str = ""
    """`service` when the batch's own usage was taken, `rows` when the result rows were summed."""
    note: str = ""
    """Why there is no price, in one sentence; empty when there is one."""


class Costs:
    """Prices usage at the profile's batch discount."""

    def __init__(self, context: Context, results: Results) -> None:
        self._context = context
        self._results = results

    async def known(self, batch_id: str) -> Cost:
        """What can be said without fetching anything.

        Raises:
            NotFound: no such batch.
        """
        raise NotImplementedError

    async def of(self, batch_id: str) -> Cost:
        """What a batch cost; its result files are fetched and summed when the service gives no usage.

        Raises:
            NotFound: no such batch.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: a file could not be fetched or read.
        """
        raise NotImplementedError

    async def fill_missing(self, limit: int = 500) -> int:
        """Price ended batches that have usage and no cost yet, newest first; how many got one is returned."""
        raise NotImplementedError

    async def estimate(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars at the batch price, or None when the model has no price."""
        raise NotImplementedError
