"""Serve the sandbox."""

from __future__ import annotations

import sys

from batchdeck.sandbox.command import main

if __name__ == "__main__":
    sys.exit(main())
