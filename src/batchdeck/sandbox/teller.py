"""Telling a story in batches: what its tales have in common."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from batchdeck.sandbox.job import Job
from batchdeck.sandbox.rules import Ending, Fate, http_failure
from batchdeck.sandbox.seeder import Seeder
from batchdeck.sandbox.seeds import SeededRequests, scattered
from batchdeck.sandbox.story_texts import Kind

HOUR = 3_600.0
MINUTE = 60.0

SERVER_ERROR = http_failure(500)
BUSY = http_failure(429)
TOO_LONG = http_failure(400, "context_length_exceeded")
MISSING = Fate(Ending.MISSING)


class Teller:
    """Makes batches relative to one moment, from the next unused requests."""

    def __init__(self, seeder: Seeder, chance: random.Random) -> None:
        self.seeder = seeder
        self.chance = chance
        self._first = 1_000

    @property
    def next_number(self) -> int:
        """The number of the next request."""
        return self._first

    def day(self, age: float) -> str:
        """The date so many seconds ago."""
        return datetime.fromtimestamp(self.seeder.now - age, UTC).strftime("%Y-%m-%d")

    def title(self, kind: Kind, age: float) -> str:
        """What a run of the job so many seconds ago is called."""
        return kind.title.format(day=self.day(age))

    def ask(
        self,
        kind: Kind,
        count: int,
        special: Sequence[tuple[Fate, int]] = (),
        broken: dict[int, str] | None = None,
    ) -> SeededRequests:
        """The next so many requests of a kind, some with fates of their own."""
        first = self._first
        self._first += count
        fates = scattered(count, special, first)
        return SeededRequests(kind, range(first, first + count), fates, broken=broken)

    @staticmethod
    def about(title: str, kind: Kind, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Metadata."""
        return {"description": title, "team": kind.team, **(more or {})}

    def ended(
        self,
        kind: Kind,
        requests: SeededRequests,
        *,
        age: float,
        took: float,
        title: str = "",
        status: str = "completed",
        share: float = 1.0,
        rest_code: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Job:
        """A batch that has ended; see `Seeder.ended`."""
        about = self.about(title or self.title(kind, age), kind, more)
        return self.seeder.ended(
            requests,
            self.filename(kind, age),
            about,
            age=age,
            took=took,
            status=status,
            share=share,
            rest_code=rest_code,
        )

    def filename(self, kind: Kind, age: float) -> str:
        """What the input of such a run is called."""
        return f"{kind.prefix}s-{self.day(age)}.jsonl"
