"""How the outcomes of requests look."""

from __future__ import annotations

from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import Outcome
from batchdeck.ui.glyphs import Glyphs

OUTCOME_STYLES = {
    Outcome.OK: "line-view--good",
    Outcome.FAILED: "line-view--bad",
    Outcome.EXPIRED: "line-view--warn",
    Outcome.CANCELLED: "line-view--warn",
    Outcome.MISSING: "line-view--bad",
    Outcome.PENDING: "line-view--muted",
}
"""Component class of a list row."""

OUTCOME_COLORS = {
    Outcome.OK: "$text-success",
    Outcome.FAILED: "$text-error",
    Outcome.EXPIRED: "$text-warning",
    Outcome.CANCELLED: "$text-warning",
    Outcome.MISSING: "$text-error",
    Outcome.PENDING: "$text-muted",
}
"""Style of content."""

_STATUS = {
    Outcome.OK: BatchStatus.COMPLETED,
    Outcome.FAILED: BatchStatus.FAILED,
    Outcome.EXPIRED: BatchStatus.EXPIRED,
    Outcome.CANCELLED: BatchStatus.CANCELLED,
    Outcome.MISSING: BatchStatus.UNKNOWN,
    Outcome.PENDING: BatchStatus.VALIDATING,
}


def outcome_glyph(outcome: Outcome, glyphs: Glyphs) -> str:
    """The sign of an outcome: that of the batch status it resembles."""
    return glyphs.status[_STATUS[outcome]]
