"""Arguments and sub-commands."""

from __future__ import annotations


def main() -> int:
    """Run batchdeck; the exit code is returned."""
    return 0
