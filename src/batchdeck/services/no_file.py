"""Why a file of a batch cannot be had, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchdeck.errors import BatchdeckError, InputLost, NotFound

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.services.files import FileKind


def gone(batch: Batch, kind: FileKind, file_id: str, error: NotFound) -> BatchdeckError:
    """The error for a file that the service has deleted."""
    if kind == "input":
        return InputLost(
            f"No copy of the input of batch {batch.id} is left: none was kept here, and the service has"
            f" deleted {file_id}.",
            hint="Its results can still be downloaded.",
        )
    return NotFound(
        f"The service has deleted the {kind} of {batch.id} ({file_id}), and no copy is left here.",
        status=error.status,
        code=error.code,
        request_id=error.request_id,
    )


def nothing_there(batch: Batch, kinds: Sequence[FileKind]) -> BatchdeckError:
    """The error for a batch that has none of the files asked for."""
    wanted = " or ".join(kinds) or "file"
    if not batch.status.is_terminal:
        return BatchdeckError(
            f"Batch {batch.id} is {batch.raw_status}: it has no {wanted} yet.",
            hint=f"`batchdeck wait {batch.id}` waits for it.",
        )
    why = f": {batch.errors[0].message.rstrip('.')}" if batch.errors else ""
    return BatchdeckError(f"Batch {batch.id} is {batch.raw_status} and has no {wanted}{why}.")
