"""Sending a create that was agreed to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from batchdeck.ui import format as words

if TYPE_CHECKING:
    from batchdeck.models.progress import Progress
    from batchdeck.services.submit import CreatePlan
    from batchdeck.ui.app import BatchdeckApp
    from batchdeck.ui.work import Work

CREATING = "creating"
"""How the stage begins in which the create is on its way and cannot be stopped."""


def question(plan: CreatePlan, estimate: float | None, *, wait_for_room: bool) -> list[str]:
    """What is asked before anything is sent."""
    many = len(plan.batches) > 1
    lines = [
        f"{plan.path}",
        f"{words.plural(plan.requests, 'request')} to {plan.endpoint}, window {plan.window}"
        + (f", about {words.money(estimate)}" if estimate is not None else ""),
    ]
    if many:
        lines.append(f"As {words.plural(len(plan.batches), 'batch')}, one after the other.")
    if plan.metadata:
        lines.append("Metadata: " + ", ".join(f"{key}={value}" for key, value in plan.metadata.items()))
    if plan.output_expires_after is not None:
        lines.append(f"Results are kept for {words.duration(plan.output_expires_after)}.")
    if wait_for_room:
        lines.append("When the queue is full it waits in the journal and is sent when there is room.")
    if plan.continues:
        lines.append("A create of the same file was cut off: it is finished instead of starting another.")
    return [*lines, *plan.warnings]


def start_sending(
    deck: BatchdeckApp, plan: CreatePlan, *, wait_for_room: bool, on_end: Callable[[Work], None]
) -> Work:
    """Upload and create; stopping is possible until a create is on its way."""
    services = deck.services

    async def send(work: Work) -> str | None:
        def on_progress(progress: Progress) -> None:
            work.can_stop = not progress.stage.startswith(CREATING)
            work.on_progress(progress)

        made = []
        async for created in services.submit.create(
            plan, wait_for_room=wait_for_room, on_progress=on_progress, should_stop=work.should_stop
        ):
            sentence = f"Created {created.batch.id} with {words.plural(created.requests, 'request')}."
            made.append(f"{sentence} {created.words}".strip())
        return "\n".join(made) or "Nothing was created yet: it waits for room in the journal."

    return deck.start_work(
        f"Creating {words.plural(len(plan.batches), 'batch')} of {plan.path.name}", send, on_end=on_end
    )


def stage_of(progress: Progress, *, can_stop: bool) -> Progress:
    """The step with a word on whether it can be stopped."""
    how = "s stops it" if can_stop else "it cannot be stopped any more"
    return replace(progress, stage=f"{progress.stage} ({how})")
