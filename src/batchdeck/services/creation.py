"""Carry one journaled create from wherever it stands to exactly one batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.services.context import Context
    from batchdeck.services.inputs import Inputs
    from batchdeck.services.journal import Journal


@dataclass(frozen=True, slots=True)
class Created:
    """A batch that an operation made, once."""

    batch: Batch
    operation_id: str
    input_file_id: str
    file: str
    """The request file as the user named it."""
    requests: int
    settled: bool = False
    """True when the answer was lost and the batch was found in the service's list."""
    continued: bool = False
    """True when an operation that was cut off earlier was finished instead of starting another."""
    words: str = ""
    """What a person should know beyond that it was made; often empty."""
    by_code: dict[str, int] | None = None
    """Of a retry: failure code to number of requests sent again."""


class Creation:
    """Uploads and creates, one operation at a time, each step journaled."""

    def __init__(self, context: Context, journal: Journal, inputs: Inputs) -> None:
        self._context = context
        self._journal = journal
        self._inputs = inputs
