"""Run batchdeck with `python -m batchdeck`, or as the installed command."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
from typing import NoReturn


def run() -> NoReturn:
    """Run batchdeck and end the process.

    Everything is closed by then. Freeing the SDK's thousands of objects one by one would hold the
    terminal for half a second more, so the interpreter is not taken down.
    """
    # Nothing of what is loaded first is garbage, and to look for it takes a fifth of the start. It is
    # looked for again when a sub-command begins or the deck has drawn its first picture.
    gc.disable()
    from batchdeck.cli import main

    try:
        code = main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
