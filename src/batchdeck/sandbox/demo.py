"""Batches to begin with."""

from __future__ import annotations

from batchdeck.sandbox.state import Sandbox


def seed_demo(state: Sandbox) -> None:
    """Some 150 batches that tell a story."""


def seed_many(state: Sandbox, count: int) -> None:
    """Plausible ended batches."""
