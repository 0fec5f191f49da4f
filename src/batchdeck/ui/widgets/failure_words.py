"""What is known of one failure group or one refused line, in a few lines."""

from __future__ import annotations

from textual.content import Content

from batchdeck.models.lines import FailureGroup, FailureReport
from batchdeck.services.failures import RefusedLine
from batchdeck.ui import format as words
from batchdeck.ui import text


def group_words(group: FailureGroup) -> Content:
    """Whether sending again helps and why, a sample of the service's words, some custom_ids."""
    helps = "Sending again can help" if group.retryable else "Sending the same again will not help"
    more = group.count - len(group.custom_ids)
    return Content.assemble(
        (helps, "bold $text-success" if group.retryable else "bold $text-warning"),
        text.line(f": {group.why}" if group.why else ""),
        "\n",
        text.content(group.message or "The service gave no message."),
        "\n",
        text.line(", ".join(group.custom_ids), "$text-muted"),
        (f" and {words.count(more)} more", "$text-muted") if more > 0 else "",
    )


def refused_words(refused: RefusedLine) -> Content:
    """The service's words, and the line they are about."""
    if refused.text is not None:
        line = refused.text
    elif refused.line is None:
        line = "This is about the whole file."
    else:
        line = "The line is not here: no copy of the input is left, or it has no such line."
    return Content.assemble(text.line(refused.message, "bold"), "\n", text.content(line, "$text-muted"))


def nothing_failed(report: FailureReport) -> str:
    """What to say when there are no groups."""
    if report.requests == 0:
        return "No request of this batch is known."
    return f"Nothing failed: {words.count(report.ok)} of {words.plural(report.requests, 'request')} ok."
