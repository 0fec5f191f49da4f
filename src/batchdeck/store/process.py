"""Which process works on an operation, and whether it still lives."""

from __future__ import annotations

import os
import sys
import uuid
from functools import cache
from pathlib import Path

_STARTED = 19
"""Where `/proc/<pid>/stat` has the start time, counted from the state."""


@cache
def _token(pid: int) -> str:
    """One per process: the start time tells a process from a later one with the same number."""
    started = _start_time(pid)
    return f"{pid}:{started}" if started else f"{pid}:-{uuid.uuid4().hex[:12]}"


def this_process() -> str:
    """What names this process among all that ever ran here."""
    return _token(os.getpid())


def is_alive(pid: int, process: str | None) -> bool:
    """True when the process that `process` names still runs.

    Where the system does not tell when a process began, a living process of the same number counts.
    """
    if process is not None and process == this_process():
        return True
    if pid == os.getpid():
        return False
    if not _exists(pid):
        return False
    started = _start_time(pid)
    if process is None or started is None or ":-" in process:
        return True
    return process == f"{pid}:{started}"


def _exists(pid: int) -> bool:
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return _exists_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # One that was killed and whose parent did not look yet is dead all the same.
    return _stat(pid)[:1] not in ([b"Z"], [b"X"])


def _exists_on_windows(pid: int) -> bool:
    # os.kill would end the process there.
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return bool(ctypes.get_last_error() == 5)  # type: ignore[attr-defined,unused-ignore]
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == 259  # STILL_ACTIVE


def _start_time(pid: int) -> str | None:
    """When a process began, as the system counts, or None where it does not tell."""
    fields = _stat(pid)
    if len(fields) <= _STARTED:
        return None
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()[:8]
    except OSError:
        return None
    return f"{boot}-{fields[_STARTED].decode()}"


def _stat(pid: int) -> list[bytes]:
    """What Linux says of a process from its state on; empty where it says nothing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return []
    # The name in parentheses before may hold spaces and parentheses.
    return stat[stat.rfind(b")") + 2 :].split()
