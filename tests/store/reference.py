"""What filters and sorts mean, said in plain Python: the tests hold the SQL against it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from batchdeck.models.batch import BatchRecord
from batchdeck.models.filter import BatchFilter, NumberValue, SpanValue, Term, TextValue, Value
from batchdeck.models.query import BatchSort, SortKey
from batchdeck.store.states import STATE_RANKS

_COMPARE = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
}


def select(
    records: Sequence[BatchRecord], batch_filter: BatchFilter, sort: BatchSort, now: datetime
) -> list[str]:
    """The ids of what matches, in order, of records in the order of creation, newest first."""
    found = [record for record in records if all(_holds(record, term, now) for term in batch_filter.terms)]
    if sort.key is SortKey.CREATED:
        return [record.id for record in (found if sort.descending else found[::-1])]
    # A stable sort, backwards too: ties stay newest first.
    known = sorted(
        (record for record in found if _key(record, sort.key) is not None),
        key=lambda record: _key(record, sort.key),
        reverse=sort.descending,
    )
    unknown = [record for record in found if _key(record, sort.key) is None]
    return [record.id for record in (*known, *unknown)]


def _key(record: BatchRecord, key: SortKey) -> Any:
    batch = record.batch
    return {
        SortKey.STATE: STATE_RANKS[batch.status],
        SortKey.NAME: record.name.casefold(),
        SortKey.REQUESTS: batch.counts.total,
        SortKey.DONE: batch.counts.done_share,
        SortKey.FAILED: batch.counts.failed,
        SortKey.MODEL: batch.model,
        SortKey.ENDPOINT: batch.endpoint,
        SortKey.COST: record.cost_usd,
    }[key]


def _holds(record: BatchRecord, term: Term, now: datetime) -> bool:
    return any(_value_holds(record, term, value, now) for value in term.values) != term.is_negated


def _value_holds(record: BatchRecord, term: Term, value: Value, now: datetime) -> bool:
    if isinstance(value, TextValue):
        return _text_holds(record, term, value)
    if isinstance(value, SpanValue):
        time = record.batch.created_at if term.field == "created" else record.batch.ended_at
        return time is not None and _in_span(int(time.timestamp()), value)
    return _number_holds(record, term, value, now)


def _in_span(second: int, value: SpanValue) -> bool:
    return {
        "<": second < value.start,
        "<=": second < value.end,
        "=": value.start <= second < value.end,
        ">=": second >= value.start,
        ">": second >= value.end,
    }[value.comparison]


def _number_holds(record: BatchRecord, term: Term, value: NumberValue, now: datetime) -> bool:
    if term.field == "gone":
        return (record.gone_at is not None) == bool(value.number)
    batch = record.batch
    assert batch.created_at is not None
    number = {
        "age": now.timestamp() - int(batch.created_at.timestamp()),
        "requests": batch.counts.total,
        "completed": batch.counts.completed,
        "failed": batch.counts.failed,
        "done": batch.counts.done_share * 100,
        "cost": record.cost_usd,
    }[term.field]
    return number is not None and bool(_COMPARE[value.comparison](number, value.number))


def _text_holds(record: BatchRecord, term: Term, value: TextValue) -> bool:
    batch = record.batch
    lines = [batch.id, record.name, batch.model, *batch.metadata, *batch.metadata.values()]
    files = [
        name
        for name in (record.input_name, batch.input_file_id, batch.output_file_id, batch.error_file_id)
        if name
    ]
    match term.field:
        case "status":
            if value.text in ("active", "ended"):
                return batch.status.is_active == (value.text == "active")
            return batch.status.value == value.text
        case "model":
            return _like(batch.model, value, whole=True)
        case "endpoint":
            return _like(batch.endpoint, value, whole=False)
        case "name":
            return _like(record.name, value, whole=False)
        case "id":
            return _like(batch.id, value, whole=False)
        case "group":
            return _like(batch.group_id or "", value, whole=True) and batch.group_id is not None
        case "file":
            return any(_like(name, value, whole=False, starred=True) for name in files)
        case "meta":
            return any(
                key.casefold() == term.key.casefold() and _like(content, value, whole=True)
                for key, content in batch.metadata.items()
            )
        case "lineage":
            own = batch.retry_of or batch.id
            return own == value.raw
        case _:
            return any(_like(line, value, whole=False, starred=True) for line in (*lines, *files))


def _like(text: str, value: TextValue, *, whole: bool, starred: bool = False) -> bool:
    """Whether text matches, case ignored.

    Args:
        whole: True when all of it must match even without wildcards.
        starred: True when a pattern with wildcards may match a part of it.
    """
    if not value.has_wildcards:
        return value.text == text.casefold() if whole else value.text in text.casefold()
    pattern = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in value.text)
    find = re.search if starred else re.fullmatch
    return find(pattern, text.casefold(), re.DOTALL) is not None
