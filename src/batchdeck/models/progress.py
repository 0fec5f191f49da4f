"""How far long work has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Unit = Literal["bytes", "requests", "batches", "rows", "seconds", ""]


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of long work."""

    stage: str
    """A present participle and its object: `uploading tickets.jsonl`."""
    done: int = 0
    total: int | None = None
    """None when it is not known."""
    unit: Unit = ""


OnProgress = Callable[[Progress], None]
"""Called from any thread, at most some ten times a second."""
ShouldStop = Callable[[], bool]
"""Asked between chunks, from any thread; True raises `errors.Interrupted` there."""
