"""How statuses and times of creation are written as numbers."""

from __future__ import annotations

from batchdeck.models.batch import BatchStatus

STATE_RANKS = {
    BatchStatus.UNKNOWN: 0,
    BatchStatus.VALIDATING: 1,
    BatchStatus.IN_PROGRESS: 2,
    BatchStatus.FINALIZING: 3,
    BatchStatus.CANCELLING: 4,
    BatchStatus.FAILED: 5,
    BatchStatus.EXPIRED: 6,
    BatchStatus.CANCELLED: 7,
    BatchStatus.COMPLETED: 8,
}
"""The order of states in the list: active ones first, then those that went wrong. Stored: never change."""

STATUSES = {rank: status for status, rank in STATE_RANKS.items()}

LAST_ACTIVE = 4
"""The highest rank of a batch that can still change."""

PLACE_BITS = 20
"""Bits of a place below the second of creation."""
