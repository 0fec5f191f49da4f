"""Tokens summed over result rows where the service gives no usage."""

from __future__ import annotations

import pytest

from batchdeck.models.batch import Usage
from batchdeck.services.context import Context
from batchdeck.services.costs import Costs
from batchdeck.services.results import Results
from batchdeck.store.database import History
from tests.fakes import FakeBatchApi
from tests.fakes.rows import http_error_row, joined, ok_row, request_line

pytestmark = pytest.mark.anyio


@pytest.fixture
def costs(context: Context, results: Results) -> Costs:
    return Costs(context, results)


def _batch(api: FakeBatchApi, model: str = "gpt-4o-mini") -> str:
    rows = [
        ok_row("a", model=model, tokens=(1_000, 100, 400)),
        ok_row("b", model=model, tokens=(2_000, 200, 0)),
        ok_row("c", model="gpt-4o", tokens=(10, 1, 0)),
    ]
    return api.add(
        input_file_id=api.add_file("file-in", joined(request_line(one) for one in "abcd")),
        output_file_id=api.add_file("file-out", joined(rows)),
        error_file_id=api.add_file("file-err", http_error_row("d", 500, "x")),
    ).id


async def test_rows_are_summed_model_by_model_and_priced(
    costs: Costs, api: FakeBatchApi, history: History, context: Context
) -> None:
    batch_id = _batch(api)
    await context.note_batches(api.batches)
    cost = await costs.of(batch_id)
    assert cost.source == "rows"
    assert {each.model: each.usage for each in cost.models} == {
        "gpt-4o-mini": Usage(3_000, 300, 400),
        "gpt-4o": Usage(10, 1, 0),
    }
    assert cost.usage == Usage(3_010, 301, 400)
    mini = (2_600 * 0.15 + 400 * 0.075 + 300 * 0.60) / 1e6
    large = (10 * 2.50 + 1 * 10.00) / 1e6
    assert cost.usd == pytest.approx((mini + large) / 2)
    record = await history.batches.get(context.account_id, batch_id)
    assert record is not None
    assert record.cost_usd == cost.usd


async def test_one_model_without_a_price_leaves_the_sum_unknown(
    costs: Costs, api: FakeBatchApi, context: Context
) -> None:
    batch_id = _batch(api, model="my-own-llama")
    await context.note_batches(api.batches)
    cost = await costs.of(batch_id)
    assert cost.usd is None
    assert cost.usage == Usage(3_010, 301, 400)
    assert "my-own-llama" in cost.note
    assert "gpt-4o" not in cost.note
