"""Tokens and dollars."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from batchdeck.errors import NotFound
from batchdeck.models.account import Profile
from batchdeck.models.batch import Batch, BatchStatus, RequestCounts, Usage
from batchdeck.services.context import Context
from batchdeck.services.costs import Costs
from batchdeck.services.prices import price
from batchdeck.services.results import Results

pytestmark = pytest.mark.anyio

WHEN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
USED = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000)


def batch(number: int, model: str = "gpt-4o-mini", usage: Usage | None = USED) -> Batch:
    return Batch(
        id=f"batch_{number}",
        status=BatchStatus.COMPLETED,
        raw_status="completed",
        model=model,
        counts=RequestCounts(10, 10, 0),
        created_at=WHEN.replace(minute=number % 60),
        usage=usage,
    )


@pytest.fixture
def costs(context: Context, results: Results) -> Costs:
    return Costs(context, results)


async def test_the_batch_price_is_the_list_price_at_the_profiles_discount(
    costs: Costs, context: Context
) -> None:
    await context.note_batches([batch(1)])
    cost = await costs.known("batch_1")
    # gpt-4o-mini: 0.15 a million in, 0.075 cached, 0.60 out; half of it in a batch.
    assert cost.usd == pytest.approx((0.6 * 0.15 + 0.4 * 0.075 + 0.1 * 0.60) / 2)
    assert cost.usage == USED
    assert cost.source == "service"


async def test_another_discount_gives_another_price(context: Context, results: Results) -> None:
    await context.note_batches([batch(1)])
    half = await Costs(context, results).known("batch_1")
    whole = await Costs(replace(context, profile=Profile(name="test", batch_discount=1.0)), results).known(
        "batch_1"
    )
    assert whole.usd == pytest.approx((half.usd or 0) * 2)


async def test_a_model_without_a_price_is_unknown_and_says_so(costs: Costs, context: Context) -> None:
    await context.note_batches([batch(1, model="my-own-llama")])
    cost = await costs.known("batch_1")
    assert cost.usd is None
    assert cost.usage == USED
    assert "my-own-llama" in cost.note


async def test_no_usage_is_no_cost(costs: Costs, context: Context) -> None:
    await context.note_batches([batch(1, usage=None), batch(2, usage=Usage())])
    for batch_id in ("batch_1", "batch_2"):
        cost = await costs.known(batch_id)
        assert (cost.usd, cost.usage) == (None, None)
        assert cost.note


async def test_an_unknown_batch_is_not_found(costs: Costs) -> None:
    with pytest.raises(NotFound):
        await costs.known("batch_nobody")


async def test_the_history_is_priced_in_bites_and_once(costs: Costs, context: Context) -> None:
    await context.note_batches([batch(number) for number in range(7)] + [batch(50, model="my-own-llama")])
    bites = []
    while not costs.is_history_priced:
        bites.append(await costs.fill_missing(limit=3))
    assert sum(bites) == 7
    assert await costs.fill_missing() == 0
    record = await context.history.batches.get(context.account_id, "batch_3")
    assert record is not None
    assert record.cost_usd == (await costs.known("batch_3")).usd
    unpriced = await context.history.batches.get(context.account_id, "batch_50")
    assert unpriced is not None
    assert unpriced.cost_usd is None


async def test_only_ended_batches_are_priced_when_they_change(costs: Costs, context: Context) -> None:
    moving = replace(batch(1), status=BatchStatus.IN_PROGRESS, raw_status="in_progress")
    await context.note_batches([moving, batch(2)])
    assert await costs.fill(["batch_1", "batch_2", "batch_nobody"]) == 1


async def test_an_estimate_is_at_the_batch_price(costs: Costs) -> None:
    assert await costs.estimate("gpt-4o-mini", 1_000_000, 0) == pytest.approx(0.075)
    assert await costs.estimate("my-own-llama", 1_000_000, 0) is None


def test_a_providers_name_before_the_model_is_no_hindrance() -> None:
    openai = "https://api.openai.com/v1"
    assert price("openai/gpt-4o-mini", USED, base_url=openai) == price("gpt-4o-mini", USED, base_url=openai)
