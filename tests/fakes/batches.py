"""Batches for tests, with as little said as the test cares for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from batchdeck.models.batch import Batch, BatchStatus, RequestCounts

NOON = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
"""The time at which the tests of the history play."""


def make_batch(
    number: int | str = 1,
    status: BatchStatus = BatchStatus.COMPLETED,
    *,
    age: float = 0,
    counts: tuple[int, int, int] = (10, 10, 0),
    metadata: Mapping[str, str] | None = None,
    **others: Any,
) -> Batch:
    """A batch with the id `batch_<number>`, made `age` seconds before noon."""
    created_at = NOON - timedelta(seconds=age)
    return Batch(
        id=f"batch_{number}",
        status=status,
        raw_status=others.pop("raw_status", status.value),
        endpoint=others.pop("endpoint", "/v1/chat/completions"),
        model=others.pop("model", "gpt-4o-mini"),
        completion_window="24h",
        counts=RequestCounts(*counts),
        created_at=others.pop("created_at", created_at),
        metadata=metadata or {},
        **others,
    )
