"""What a batch used and what that costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdeck.errors import NotFound
from batchdeck.models.batch import Usage

if TYPE_CHECKING:
    from datetime import datetime

    from batchdeck.models.batch import BatchRecord
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
        self._below: int | None = None
        self._is_history_priced = False

    async def known(self, batch_id: str) -> Cost:
        """What can be said without fetching anything.

        Raises:
            NotFound: no such batch.
        """
        record = await self._record(batch_id)
        batch = record.batch
        usage = (
            batch.usage if batch.usage and (batch.usage.input_tokens or batch.usage.output_tokens) else None
        )
        if usage is None:
            note = (
                "Tokens are known once it has ended."
                if batch.status.is_active
                else "The service gives no tokens."
            )
            return Cost(record.cost_usd, None, note="" if record.cost_usd is not None else note)
        if record.cost_usd is not None:
            return Cost(record.cost_usd, usage, source="service")
        return await self._price({batch.model: usage}, batch.created_at, "service")

    async def of(self, batch_id: str) -> Cost:
        """What a batch cost; its result files are fetched and summed when the service gives no usage.

        Raises:
            NotFound: no such batch.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: a file could not be fetched or read.
        """
        known = await self.known(batch_id)
        record = await self._record(batch_id)
        needs_rows = known.usage is None or (known.usd is None and not record.batch.model)
        if not needs_rows or record.batch.status.is_active:
            return known
        results = await self._results.open(batch_id)
        by_model = results.files.usage
        if not by_model:
            return known
        cost = await self._price(by_model, record.batch.created_at, "rows")
        await self._context.history.batches.set_cost(self._context.account_id, batch_id, cost.usd, cost.usage)
        return cost

    async def fill(self, batch_ids: Sequence[str]) -> int:
        """Price those of some batches that have ended with usage; how many got a price is returned."""
        context = self._context
        records = await context.history.batches.get_many(context.account_id, list(batch_ids))
        ended = [record.batch for record in records if record.batch.status.is_terminal]
        wanted = [(batch, batch.usage) for batch in ended if batch.model and _is_used(batch.usage)]
        if not wanted:
            return 0

        def work() -> dict[str, float]:
            priced: dict[str, float] = {}
            for batch, usage in wanted:
                usd = self._at_batch_price(batch.model, usage or Usage(), batch.created_at)
                if usd is not None:
                    priced[batch.id] = usd
            return priced

        priced = await asyncio.to_thread(work)
        await context.history.batches.set_costs(context.account_id, priced)
        return len(priced)

    async def fill_missing(self, limit: int = 500) -> int:
        """Price some of the ended batches without a cost, going once through the history, newest first.

        Returns:
            How many got a price; 0 with nothing left to look at as well as with none of these priced.
        """
        if self._is_history_priced:
            return 0
        ids, self._below = await self._context.history.batches.unpriced(
            self._context.account_id, below=self._below, limit=limit
        )
        self._is_history_priced = self._below is None
        return await self.fill(ids)

    @property
    def is_history_priced(self) -> bool:
        """True when `fill_missing` has been through the whole history."""
        return self._is_history_priced

    async def estimate(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars at the batch price, or None when the model has no price."""
        return (await self._price({model: Usage(input_tokens, output_tokens)}, None, "estimate")).usd

    async def _record(self, batch_id: str) -> BatchRecord:
        record = await self._context.history.batches.get(self._context.account_id, batch_id)
        if record is None:
            raise NotFound(f"The history does not know {batch_id}.")
        return record

    async def _price(self, by_model: Mapping[str, Usage], at: datetime | None, source: str) -> Cost:
        def work() -> list[ModelCost]:
            return [
                ModelCost(model, usage, self._at_batch_price(model, usage, at))
                for model, usage in by_model.items()
            ]

        models = await asyncio.to_thread(work)
        unknown = [cost.model or "a model that is not named" for cost in models if cost.usd is None]
        return Cost(
            usd=None if unknown else sum(cost.usd or 0.0 for cost in models),
            usage=_sum(cost.usage for cost in models),
            models=tuple(sorted(models, key=lambda cost: cost.usd or 0.0, reverse=True)),
            source=source,
            note=f"No price is known for {', '.join(unknown)}." if unknown else "",
        )

    def _at_batch_price(self, model: str, usage: Usage, at: datetime | None) -> float | None:
        from batchdeck.services.prices import price

        profile = self._context.profile
        listed = price(model, usage, base_url=profile.base_url, at=at) if model else None
        return None if listed is None else listed * profile.batch_discount


def _is_used(usage: Usage | None) -> bool:
    """True when there are tokens: while validating, services give zeros."""
    return usage is not None and bool(usage.input_tokens or usage.output_tokens)


def _sum(usages: Iterable[Usage]) -> Usage:
    total = Usage()
    for usage in usages:
        total = Usage(
            total.input_tokens + usage.input_tokens,
            total.output_tokens + usage.output_tokens,
            total.cached_tokens + usage.cached_tokens,
            total.reasoning_tokens + usage.reasoning_tokens,
        )
    return total
