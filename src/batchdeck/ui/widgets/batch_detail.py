"""The Status pane: how a batch stands, when it got there, its files, metadata and validation errors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from batchdeck.models.batch import Batch, BatchRecord, BatchStatus
from batchdeck.ui import format, text
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.widgets.columns import ERROR, MUTED, STATUS_STYLES, RowContext, status_words
from batchdeck.ui.widgets.painted import Line, Piece
from batchdeck.ui.widgets.pane import LABEL_WIDTH, Pane, fact, heading, identifier, paragraph

_WARNING = "$text-warning"
_STRONG = "bold"
_MAX_ERRORS = 50
"""Validation errors shown; the number of all stands in the heading."""


class StatusPane(Pane):
    """Shows one batch, or what to do when there is none."""

    DEFAULT_CSS = """
    StatusPane { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._record: BatchRecord | None = None
        self._row_context: RowContext | None = None

    def show(self, record: BatchRecord | None, context: RowContext) -> None:
        """Show a batch; another one begins at its first line."""
        is_other = (record and record.id) != (self._record and self._record.id)
        self._record = record
        self._row_context = context
        self.lay_out()
        if is_other and self.scroll_offset.y:
            self.scroll_to(y=0, animate=False, immediate=True)

    def lines_for(self, width: int) -> list[Line]:
        """The batch's lines."""
        if self._record is None or self._row_context is None:
            return [heading("Status"), [], [("No batch is chosen.", MUTED)]]
        return [heading("Status"), *status_lines(self._record, self._row_context, width)]


def status_lines(record: BatchRecord, context: RowContext, width: int) -> list[Line]:
    """All that the history knows of a batch, in lines of at most `width` cells."""
    batch = record.batch
    lines: list[Line] = [_state_line(record, context, width)]
    if record.name != batch.id:
        lines += paragraph(text.clean_line(record.name), _STRONG, width)
    lines.append([(text.shorten_middle(batch.id, width), MUTED)])
    if record.gone_at is not None:
        since = format.moment(record.gone_at, context.now).strip()
        lines += paragraph(f"The service no longer lists it (seen {since}).", _WARNING, width)
    elif context.is_stale and batch.status.is_active:
        seen = format.ago(record.seen_at, context.now)
        lines += paragraph(f"As it was {seen}; it may be further on.", _WARNING, width)
    lines.append([])
    lines += timeline(batch, context, width)
    lines.append([])
    lines += _files(record, width)
    lines.append([])
    lines += _kind(record, context, width)
    if batch.errors:
        lines.append([])
        lines += validation_errors(batch, width)
    metadata = dict(batch.metadata)
    if metadata:
        lines.append([])
        lines.append(heading("Metadata", str(len(metadata))))
        for key, value in metadata.items():
            lines += _pair(text.clean_line(key), text.clean_line(value), width)
    return lines


def _state_line(record: BatchRecord, context: RowContext, width: int) -> Line:
    status = record.batch.status
    words = f"{context.glyphs.status[status]} {status_words(record)}"
    pieces: list[Piece] = [
        (text.fit(words, min(width, text.width_of(words))), f"{STATUS_STYLES[status]} bold")
    ]
    raw = text.clean_line(record.batch.raw_status)
    if raw and raw != str(status) and status is not BatchStatus.UNKNOWN:
        pieces.append((f"  ({raw})", MUTED))
    elif status is BatchStatus.UNKNOWN:
        pieces.append(("  (not a documented status)", MUTED))
    return pieces


def timeline(batch: Batch, context: RowContext, width: int) -> list[Line]:
    """The steps it went through with their local times, and those still to come."""
    steps: list[tuple[str, datetime | None, str]] = [
        ("created", batch.created_at, ""),
        ("in progress", batch.in_progress_at, STATUS_STYLES[BatchStatus.IN_PROGRESS]),
        ("finalizing", batch.finalizing_at, STATUS_STYLES[BatchStatus.FINALIZING]),
        ("cancelling", batch.cancelling_at, STATUS_STYLES[BatchStatus.CANCELLING]),
        ("failed", batch.failed_at, STATUS_STYLES[BatchStatus.FAILED]),
        ("expired", batch.expired_at, STATUS_STYLES[BatchStatus.EXPIRED]),
        ("cancelled", batch.cancelled_at, STATUS_STYLES[BatchStatus.CANCELLED]),
        ("completed", batch.completed_at, STATUS_STYLES[BatchStatus.COMPLETED]),
    ]
    glyphs = context.glyphs
    lines: list[Line] = []
    before: datetime | None = None
    for name, at, style in steps:
        if at is not None:
            lines.append(_step(glyphs, name, style, at, before, context.now))
            before = at
        elif _is_ahead(name, batch.status):
            lines.append([(f"{glyphs.ahead} {name}", MUTED)])
    if batch.expires_at is not None and batch.status.is_active:
        seconds = (batch.expires_at - context.now).total_seconds()
        is_close = seconds < 2 * format.HOUR
        left = (
            f"in {seconds // format.HOUR:.0f}h"
            if seconds >= 10 * format.HOUR
            else format.until(batch.expires_at, context.now)
        )
        time = format.moment(batch.expires_at, context.now)
        lines.append(
            [
                (f"{glyphs.ahead} {'expires':<12}", MUTED),
                (f"{time} ", ""),
                (left, _WARNING if is_close else MUTED),
            ]
        )
    return lines


def _step(
    glyphs: Glyphs, name: str, style: str, at: datetime, before: datetime | None, now: datetime
) -> Line:
    took = (
        f" +{format.duration((at - before).total_seconds())}" if before is not None and at >= before else ""
    )
    if before is None:
        took = f" {format.ago(at, now)}"
    return [(glyphs.done, style), (f" {name:<12}", ""), (format.moment(at, now), ""), (took, MUTED)]


def _is_ahead(name: str, status: BatchStatus) -> bool:
    """True for a step that a batch of this status has still before it."""
    ahead = {
        BatchStatus.VALIDATING: ("in progress", "finalizing", "completed"),
        BatchStatus.IN_PROGRESS: ("finalizing", "completed"),
        BatchStatus.FINALIZING: ("completed",),
        BatchStatus.CANCELLING: ("cancelled",),
    }
    return name in ahead.get(status, ())


def _files(record: BatchRecord, width: int) -> list[Line]:
    batch = record.batch
    lines: list[Line] = []
    if record.input_name:
        lines += fact("input", (text.clean_line(record.input_name), ""), width)
        lines += identifier("", batch.input_file_id, width)
    else:
        lines += identifier("input", batch.input_file_id, width)
    lines += identifier("output", batch.output_file_id, width)
    lines += identifier("errors", batch.error_file_id, width)
    return lines


def _kind(record: BatchRecord, context: RowContext, width: int) -> list[Line]:
    batch = record.batch
    lines: list[Line] = []
    if batch.model:
        lines += fact("model", (text.clean_line(batch.model), ""), width)
    if batch.endpoint:
        lines += fact("endpoint", (text.clean_line(batch.endpoint), ""), width)
    if batch.completion_window:
        lines += fact("window", (text.clean_line(batch.completion_window), ""), width)
    usage = batch.usage
    if usage is not None and (usage.input_tokens or usage.output_tokens):
        words = f"{format.short_count(usage.input_tokens)} in, {format.short_count(usage.output_tokens)} out"
        if usage.cached_tokens:
            words += f", {format.short_count(usage.cached_tokens)} cached"
        lines += fact("tokens", (words, ""), width)
    if record.cost_usd is not None:
        lines += fact("cost", (format.money(record.cost_usd), ""), width)
    if batch.retry_of:
        lines += identifier("retry of", batch.retry_of, width)
    if batch.group_id:
        part = text.clean_line(batch.metadata.get("batchdeck_part", ""))
        lines += fact("split", (f"part {part}" if part else "one of several", ""), width)
    if record.profile:
        lines += fact("profile", (text.clean_line(record.profile), ""), width)
    return lines


def validation_errors(batch: Batch, width: int) -> list[Line]:
    """The service's errors about the input, with the lines they name."""
    lines: list[Line] = [heading("Validation errors", format.count(len(batch.errors)))]
    for error in batch.errors[:_MAX_ERRORS]:
        where = f"line {format.count(error.line)}" if error.line is not None else "whole file"
        lines.append(
            [(f"{where:<{LABEL_WIDTH}}", MUTED), (text.fit(error.code, width - LABEL_WIDTH).rstrip(), ERROR)]
        )
        lines += paragraph(text.clean(error.message), "", width, indent=2)
    hidden = len(batch.errors) - _MAX_ERRORS
    if hidden > 0:
        lines.append([(f"and {format.count(hidden)} more", MUTED)])
    return lines


def _pair(key: str, value: str, width: int) -> list[Line]:
    """A metadata pair: beside each other when the key is short, else below each other."""
    if text.width_of(key) < LABEL_WIDTH:
        return fact(text.fit(key, LABEL_WIDTH - 1), (value, ""), width)
    return [[(text.fit(key, width).rstrip(), MUTED)], *paragraph(value, "", width, indent=2)]


def one_line(records: Sequence[BatchRecord]) -> str:
    """Names of batches for a sentence: the first two and how many more."""
    names = [text.clean_line(record.name) for record in records[:2]]
    more = len(records) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")
