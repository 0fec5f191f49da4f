"""Run batchdeck with `python -m batchdeck`."""

from __future__ import annotations

from batchdeck.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
