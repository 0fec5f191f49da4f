"""Prices of models, from the data installed with genai-prices; nothing is asked of any network."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.models.batch import Usage


def price(model: str, usage: Usage, *, base_url: str, at: datetime | None = None) -> float | None:
    """US dollars at the list price, or None when the model has none.

    The first call imports genai-prices, which takes half a second: call it in a thread.

    Args:
        model: As the service names it; `openai/gpt-4o` too.
        usage: What was used; cached tokens count as cached.
        base_url: Where the service is: it tells the provider, else the model is priced as OpenAI's.
        at: When, UTC: prices change.
    """
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    counted = PricedUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=min(usage.cached_tokens, usage.input_tokens),
    )
    name = model.rpartition("/")[2]
    for provider in _providers(base_url):
        try:
            found = calc_price(counted, name, provider_id=provider, genai_request_timestamp=at)
        except (LookupError, ValueError):
            continue
        return float(found.total_price)
    return None


@lru_cache(maxsize=16)
def _providers(base_url: str) -> tuple[str | None, ...]:
    """Whose price lists are looked through, in order; None stands for any."""
    from genai_prices import data_snapshot

    try:
        own = data_snapshot.get_snapshot().find_provider(None, None, base_url).id
    except (LookupError, ValueError):
        own = "openai"
    return tuple(dict.fromkeys((own, "openai", None)))
