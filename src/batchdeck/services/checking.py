"""Judge a request file off the event loop; neither a key nor the history is needed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.models.account import Limits
    from batchdeck.models.lines import CheckReport
    from batchdeck.models.progress import OnProgress, ShouldStop


async def check_request_file(
    path: Path,
    limits: Limits,
    *,
    endpoint: str | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> CheckReport:
    """Judge a request file by a profile's limits, in a thread.

    Args:
        endpoint: What every request must be for, or None for what the file says.

    Raises:
        FileProblem: it cannot be read.
        Interrupted: told to stop.
    """
    from batchdeck.jsonl.check import check_file

    return await asyncio.to_thread(
        check_file, path, limits, endpoint=endpoint, on_progress=on_progress, should_stop=should_stop
    )
