"""Batches to begin with: a story of some 150, or any number of plausible ones."""

from __future__ import annotations

import random

from batchdeck.sandbox.seeder import Seeder
from batchdeck.sandbox.series import EndedSeries
from batchdeck.sandbox.state import Sandbox
from batchdeck.sandbox.story import tell

_NEWEST = 3_600.0
_BEAT = 300.0


def seed_many(state: Sandbox, count: int) -> None:
    """So many plausible ended batches, five minutes apart, the newest an hour old.

    They cost nothing until they are looked at.
    """
    newest = state.now() - _NEWEST - sum(len(one) for one in state.book.series) * _BEAT
    series = EndedSeries(
        count,
        newest=newest,
        beat=_BEAT,
        mark=state.seed * 31 + len(state.book.series) + 1,
        shelf=state.shelf,
        should_stop=lambda: state.lifecycle.is_stopping,
    )
    state.book.series.insert(0, series)


def seed_demo(state: Sandbox) -> None:
    """Some 150 batches of the last thirty days that tell a story; the same for the same clock and seed."""
    seeder = Seeder(state, lambda: state.lifecycle.is_stopping)
    tell(seeder, random.Random(state.seed))  # noqa: S311
    state.book.add_seeded(seeder.jobs, state.now())
