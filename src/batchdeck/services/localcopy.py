"""Copy a whole local file under a new name with the care of a download. Blocking."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.services.digest import CHUNK, Digest
from batchdeck.services.disk import file_problem
from batchdeck.services.lock import LockBusy
from batchdeck.services.partfile import PartFile
from batchdeck.services.pulse import Pulse, stop_when_told

if TYPE_CHECKING:
    from batchdeck.models.progress import OnProgress, ShouldStop


def copy_file(
    source: Path,
    target: Path,
    *,
    replace: bool,
    label: str,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Digest:
    """Copy a file; it stands whole under the target's name or not at all.

    Returns:
        The digest of what was copied.

    Raises:
        TargetExists: another file stands there, and not `replace`.
        FileProblem: the source cannot be read or the target not be written; nothing is left of it.
        Interrupted: told to stop; nothing is left of it.
    """
    part = _open(target, str(source), should_stop)
    pulse = Pulse(on_progress, f"copying {label}")
    try:
        part.keep(0)
        with source.open("rb", buffering=0) as file:
            while data := file.read(CHUNK):
                stop_when_told(should_stop, f"Stopped copying {label}; nothing was left.")
                part.write([data])
                pulse(part.digest.bytes)
        part.publish(replace=replace)
    except OSError as error:
        raise file_problem(error, source, doing="read") from error
    finally:
        if part.is_open:
            part.discard()
    return part.digest


def _open(target: Path, key: str, should_stop: ShouldStop | None) -> PartFile:
    while True:
        try:
            return PartFile(target, f"copy of {key}")
        except LockBusy:
            stop_when_told(should_stop, f"Stopped waiting for {target.name}.")
            time.sleep(0.2)
