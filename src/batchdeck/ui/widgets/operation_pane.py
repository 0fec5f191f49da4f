"""One operation with its steps."""

from __future__ import annotations

from datetime import datetime

from batchdeck.models.operation import Operation, OperationState
from batchdeck.ui import format, text
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.widgets.painted import Line
from batchdeck.ui.widgets.pane import MUTED, Pane, fact, heading, identifier, paragraph

_STYLES = {
    OperationState.DONE: "$text-success",
    OperationState.FAILED: "$text-error",
    OperationState.ABANDONED: MUTED,
}
_OPEN = "$text-warning"


def state_words(operation: Operation, *, is_running: bool = False) -> str:
    """How an operation stands: `done`, `failed`, `running`, or `unsettled` when its end is not known."""
    if operation.state.is_settled:
        return operation.state.value
    if is_running:
        return "running"
    return "waiting" if operation.state is OperationState.WAITING else "unsettled"


def operation_text(operation: Operation) -> str:
    """An operation as plain text, for a message to somebody else."""
    lines = [
        f"{operation.kind.value} {operation.title}: {state_words(operation)}",
        f"operation {operation.id}",
    ]
    if operation.batch_id:
        lines.append(f"batch {operation.batch_id}")
    if operation.input_file_id:
        lines.append(f"input file {operation.input_file_id}")
    if operation.error:
        lines.append(f"error: {operation.error}")
    for step in operation.steps:
        request = f" (request {step.request_id})" if step.request_id else ""
        lines.append(
            f"{step.at.isoformat(timespec='milliseconds')} {step.state.value} {step.note}{request}".rstrip()
        )
    return "\n".join(lines)


class OperationPane(Pane):
    """What was sent, what came back, how long each step took."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._operation: Operation | None = None
        self._now: datetime | None = None
        self._is_running = False

    def show(self, operation: Operation | None, now: datetime, *, is_running: bool = False) -> None:
        """Show an operation."""
        self._operation = operation
        self._now = now
        self._is_running = is_running
        self.lay_out()

    def lines_for(self, width: int) -> list[Line]:
        """The operation's lines."""
        operation = self._operation
        if operation is None or self._now is None:
            return [
                heading("Operation"),
                [],
                *paragraph(
                    "Nothing was created, cancelled, retried or downloaded from here yet.", MUTED, width
                ),
            ]
        style = _STYLES.get(operation.state, _OPEN)
        took = (operation.updated_at - operation.created_at).total_seconds()
        lines: list[Line] = [
            heading("Operation"),
            [
                (f"{operation.kind.value}  ", "bold"),
                (state_words(operation, is_running=self._is_running), style),
            ],
            *paragraph(text.clean_line(operation.title), "", width),
            [],
            *fact("begun", (format.full_time(operation.created_at), ""), width),
            *fact("took", (format.duration(took) if took >= 1 else f"{took * 1000:.0f} ms", ""), width),
            *identifier("batch", operation.batch_id, width),
        ]
        if operation.input_file_id:
            lines += identifier("input file", operation.input_file_id, width)
        lines += identifier("operation", operation.id, width)
        if operation.error:
            lines += [[], *paragraph(text.clean(operation.error), "$text-error", width)]
        lines += [[], heading("Steps", str(len(operation.steps)))]
        before = operation.created_at
        for step in operation.steps:
            gap = (step.at - before).total_seconds()
            before = step.at
            sign = self._glyphs.done
            lines.append(
                [
                    (f"{sign} ", _STYLES.get(step.state, "")),
                    (f"{step.state.value:<11}", ""),
                    (format.clock(step.at), ""),
                    (f"  +{gap:.2f}s" if gap < 60 else f"  +{format.duration(gap)}", MUTED),
                ]
            )
            if step.note:
                lines += paragraph(text.clean(step.note), MUTED, width, indent=2)
            if step.request_id:
                lines += paragraph(f"request {text.clean_line(step.request_id)}", MUTED, width, indent=2)
        return lines
