"""The columns of the list: what stands in them, and which of them fit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from batchdeck.models.batch import BatchRecord, BatchStatus
from batchdeck.models.query import SortKey
from batchdeck.ui import format, text
from batchdeck.ui.glyphs import Glyphs

MIN_NAME = 20
"""Cells the name keeps before a column is dropped for it."""

STATUS_STYLES: dict[BatchStatus, str] = {
    BatchStatus.VALIDATING: "$text-secondary",
    BatchStatus.IN_PROGRESS: "$text-primary",
    BatchStatus.FINALIZING: "$text-primary",
    BatchStatus.CANCELLING: "$text-warning",
    BatchStatus.COMPLETED: "$text-success",
    BatchStatus.FAILED: "$text-error",
    BatchStatus.EXPIRED: "$text-warning",
    BatchStatus.CANCELLED: "$text-muted",
    BatchStatus.UNKNOWN: "$text-accent",
}
MUTED = "$text-muted"
ERROR = "$text-error"


class RowContext(NamedTuple):
    """What a cell depends on besides its batch."""

    now: datetime
    glyphs: Glyphs
    is_stale: bool = False
    """True when the service could not be asked lately, so that an active batch may be further on."""


class Column(NamedTuple):
    """One column."""

    key: SortKey
    """What a click on its title sorts by."""
    title: str
    width: int
    """In cells; of the name, the least."""
    cell: Callable[[BatchRecord, RowContext, int], tuple[str, str]]
    """Text of exactly the given width, and its style."""
    is_right: bool = False
    """True when its text stands at the right."""


class PlacedColumn(NamedTuple):
    """A column where it stands on screen."""

    column: Column
    x: int
    width: int


def status_words(record: BatchRecord) -> str:
    """The state in words: the service's own where no release of the API documents it."""
    batch = record.batch
    if batch.status is BatchStatus.UNKNOWN:
        return text.clean_line(batch.raw_status) or "unknown"
    return format.status_words(batch.status)


def _state(record: BatchRecord, context: RowContext, width: int) -> tuple[str, str]:
    status = record.batch.status
    words = status_words(record)
    if record.gone_at is not None:
        return text.fit(f"{context.glyphs.gone} {words}", width), MUTED
    between = "?" if context.is_stale and status.is_active else " "
    return text.fit(f"{context.glyphs.status[status]}{between}{words}", width), STATUS_STYLES[status]


def _name(record: BatchRecord, context: RowContext, width: int) -> tuple[str, str]:
    style = MUTED if record.gone_at is not None else ""
    if record.name == record.id:
        return text.fit(text.shorten_middle(record.name, width), width), style
    return text.fit(record.name, width), style


def _requests(record: BatchRecord, context: RowContext, width: int) -> tuple[str, str]:
    total = record.batch.counts.total
    if total <= 0:
        return text.fit_right("-", width), MUTED
    return text.fit_right(format.count(total) if total < 100_000 else format.short_count(total), width), ""


def _done(record: BatchRecord, context: RowContext, width: int) -> tuple[str, str]:
    counts = record.batch.counts
    if counts.total <= 0:
        return text.fit_right("-", width), MUTED
    style = "" if record.batch.status.is_active else MUTED
    return text.fit_right(format.percent(counts.done_share), width), style


def _failed(record: BatchRecord, context: RowContext, width: int) -> tuple[str, str]:
    failed = record.batch.counts.failed
    if failed <= 0:
        return text.fit_right("0" if record.batch.counts.total > 0 else "-", width), MUTED
    return text.fit_right(format.short_count(failed), width), ERROR


def _model(record: BatchRecord, context: RowContext, width: int) -> tuple[str, str]:
    model = record.batch.model
    return text.fit(text.shorten_middle(model, width) if model else "-", width), MUTED


def _endpoint(record: BatchRecord, context: RowContext, width: int) -> tuple[str, str]:
    return text.fit(short_endpoint(record.batch.endpoint) or "-", width), MUTED


def _age(record: BatchRecord, context: RowContext, width: int) -> tuple[str, str]:
    created = record.batch.created_at
    words = format.age(created, context.now)
    if words == "now" or words.endswith("s"):
        words = "<1m"
    return text.fit_right(words, width), MUTED


def _cost(record: BatchRecord, context: RowContext, width: int) -> tuple[str, str]:
    return text.fit_right(format.money(record.cost_usd), width), MUTED


_ENDPOINT_WORDS = {
    "chat/completions": "chat",
    "responses": "response",
    "embeddings": "embed",
    "completions": "complete",
    "moderations": "moderate",
    "images/generations": "image",
    "images/edits": "edit",
    "videos": "video",
}


def short_endpoint(url: str) -> str:
    """An endpoint in a short word: `chat`, `response`, `embed`; its own words where it is another."""
    words = format.endpoint(url)
    return _ENDPOINT_WORDS.get(words, words)


COLUMNS: tuple[Column, ...] = (
    Column(SortKey.STATE, "State", 13, _state),
    Column(SortKey.NAME, "Name", MIN_NAME, _name),
    Column(SortKey.REQUESTS, "Reqs", 6, _requests, is_right=True),
    Column(SortKey.DONE, "Done", 4, _done, is_right=True),
    Column(SortKey.FAILED, "Fail", 5, _failed, is_right=True),
    Column(SortKey.MODEL, "Model", 12, _model),
    Column(SortKey.ENDPOINT, "Endpoint", 8, _endpoint),
    Column(SortKey.CREATED, "Age", 4, _age, is_right=True),
    Column(SortKey.COST, "Cost", 7, _cost, is_right=True),
)
"""Left to right; the last is the first to go when it is narrow."""

MARK_WIDTH = 2
"""The mark and the space after it, before the first column."""


def place_columns(width: int) -> list[PlacedColumn]:
    """The columns that fit into so many cells, dropped from the right; the name takes what is left over."""
    shown = list(COLUMNS)
    while len(shown) > 2 and _needed(shown) > width:
        shown.pop()
    spare = width - _needed(shown)
    placed: list[PlacedColumn] = []
    x = MARK_WIDTH
    for column in shown:
        column_width = column.width
        if column.key is SortKey.NAME:
            column_width += spare
        column_width = max(0, min(column_width, width - x))
        placed.append(PlacedColumn(column, x, column_width))
        x += column_width + 1
    return placed


def _needed(columns: list[Column]) -> int:
    """Cells for the mark, the columns, a space between two and one at the end."""
    return MARK_WIDTH + sum(column.width + 1 for column in columns)


def first_direction(key: SortKey) -> bool:
    """True when sorting by a key begins with the largest: times and counts do, words do not."""
    return key in (SortKey.CREATED, SortKey.REQUESTS, SortKey.FAILED, SortKey.COST)
