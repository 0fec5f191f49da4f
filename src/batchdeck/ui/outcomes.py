"""How the outcomes of requests look."""

from __future__ import annotations

from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import Outcome
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.widgets.line_view import BAD, GOOD, MUTED, WARN

OUTCOME_STYLES = {
    Outcome.OK: GOOD,
    Outcome.FAILED: BAD,
    Outcome.EXPIRED: WARN,
    Outcome.CANCELLED: WARN,
    Outcome.MISSING: BAD,
    Outcome.PENDING: MUTED,
}
"""Theme variables."""

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
