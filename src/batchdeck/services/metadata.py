"""The pairs a batch carries: the user's, ours, and those a retry takes over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from batchdeck.errors import UsageError
from batchdeck.models.batch import (
    ALSO_KEY,
    GROUP_KEY,
    MAX_METADATA_KEY,
    MAX_METADATA_PAIRS,
    MAX_METADATA_VALUE,
    OPERATION_KEY,
    PART_KEY,
    RETRY_KEY,
)

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch

OWN_PREFIX = "batchdeck_"
_SET_BY_US = frozenset({OPERATION_KEY, GROUP_KEY, PART_KEY, ALSO_KEY})


def check_pairs(metadata: Mapping[str, str], own: int) -> None:
    """Refuse pairs that the service would refuse.

    Args:
        metadata: The user's pairs.
        own: How many pairs batchdeck adds.

    Raises:
        UsageError: too many, too long, empty, or a name that batchdeck sets itself.
    """
    for key, value in metadata.items():
        if key in _SET_BY_US:
            raise UsageError(f"The metadata key {key!r} is set by batchdeck itself; nothing was sent.")
        if not key or len(key) > MAX_METADATA_KEY:
            raise UsageError(
                f"The metadata key {key[:80]!r} has {len(key)} characters; 1 to {MAX_METADATA_KEY} are"
                " allowed. Nothing was sent."
            )
        if len(value) > MAX_METADATA_VALUE:
            raise UsageError(
                f"The metadata value of {key!r} has {len(value):,} characters; at most {MAX_METADATA_VALUE}"
                " are allowed. Nothing was sent."
            )
    if len(metadata) + own > MAX_METADATA_PAIRS:
        raise UsageError(
            f"{len(metadata)} metadata pairs are too many: a batch has at most {MAX_METADATA_PAIRS}, and"
            f" batchdeck adds {own}. Nothing was sent."
        )


def carried(parent: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The pairs of a retry: its own, then the parent's as far as sixteen pairs go.

    One place is left for the operation's id. The parent's own bookkeeping does not go along.
    """
    room = MAX_METADATA_PAIRS - 1 - len(own)
    kept = [
        (key, value)
        for key, value in parent.items()
        if not key.startswith(OWN_PREFIX) and key != RETRY_KEY and key not in own
    ]
    return {**dict(kept[: max(0, room)]), **own}


def common(parents: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The pairs that several batches share."""
    first, *others = parents
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}


def window_of(batch: Batch, usual: str) -> str:
    """The completion window to ask for again: the batch's, as it is written in a create.

    Args:
        usual: What the profile says, when the batch does not.
    """
    days = re.fullmatch(r"(\d{1,3})d", batch.completion_window)
    if days:  # some services answer `1d` to `24h`
        return f"{int(days.group(1)) * 24}h"
    return batch.completion_window or usual
