"""Ask before batches are cancelled, and cancel them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchdeck.errors import BatchdeckError
from batchdeck.models.batch import BatchRecord
from batchdeck.ui import format as words

if TYPE_CHECKING:
    from batchdeck.ui.app import BatchdeckApp
    from batchdeck.ui.work import Work

_NAMED = 8
"""Batches that the question names one by one."""


def why_not_cancel(records: Sequence[BatchRecord]) -> str | None:
    """Why none of some batches can be cancelled, as a sentence, or None when one can."""
    if any(record.batch.status.is_active for record in records):
        return None
    if len(records) == 1:
        return f"It is {words.status_words(records[0].batch.status.value)}: there is nothing left to cancel."
    return "All of them have ended: there is nothing left to cancel."


def ask_to_cancel(deck: BatchdeckApp, records: Sequence[BatchRecord]) -> None:
    """Name the batches, and cancel those that have not ended if the answer is yes."""
    from batchdeck.ui.screens.confirm import ConfirmScreen

    active = [record for record in records if record.batch.status.is_active]
    if not active:
        return
    ended = len(records) - len(active)
    lines = [_named(record) for record in active[:_NAMED]]
    if len(active) > _NAMED:
        lines.append(f"and {len(active) - _NAMED} more")
    lines.append("")
    if ended:
        lines.append(f"{words.plural(ended, 'batch')} of the chosen ones already ended.")
    lines.append("Requests that are answered stay answered and are billed; the rest is not run.")
    what = words.plural(len(active), "batch")

    async def cancel(work: Work) -> str | None:
        sentences: list[str] = []
        for record in active:
            if work.should_stop():
                break
            try:
                cancelled = await deck.services.cancel.cancel(record.id)
            except BatchdeckError as error:
                if len(active) == 1:
                    raise
                deck.report(error)
            else:
                sentences.append(cancelled.words)
        return "\n".join(sentences) or None

    def answered(yes: bool | None) -> None:
        if yes:
            deck.start_work(f"Cancelling {what}", cancel)

    deck.push_screen(
        ConfirmScreen(
            f"Cancel {what}?",
            lines,
            f"Cancel {what}",
            no_label="Keep it" if len(active) == 1 else "Keep them",
        ),
        answered,
    )


def _named(record: BatchRecord) -> str:
    counts = record.batch.counts
    waiting = f", {words.plural(counts.waiting, 'request')} waiting" if counts.total else ""
    name = f"{record.name}  " if record.name != record.id else ""
    return f"{name}{record.id}  {words.status_words(record.batch.status.value)}{waiting}"
