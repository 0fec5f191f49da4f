"""Filter, sort and page of the list, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from batchdeck.models.batch import BatchRecord


class SortKey(StrEnum):
    """What the list can be sorted by, in the order `s` steps through."""

    CREATED = "created"
    STATE = "state"
    NAME = "name"
    REQUESTS = "requests"
    DONE = "done"
    FAILED = "failed"
    MODEL = "model"
    ENDPOINT = "endpoint"
    COST = "cost"


@dataclass(frozen=True, slots=True)
class BatchSort:
    """The order of the list; ties go newest first."""

    key: SortKey = SortKey.CREATED
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of one page."""

    rows: tuple[BatchRecord, ...]
    offset: int
    """Place of the first row among all that match, from 0."""
    total: int
    """All that match the filter."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over what a filter shows."""

    batches: int = 0
    requests: int = 0
    completed: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    cost_unknown: int = 0
    """Ended batches with answers whose cost is not known."""
    by_status: Mapping[str, int] = field(default_factory=dict)
