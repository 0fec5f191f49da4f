"""Whose money, whose history, which service: what every sending service needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdeck.errors import ReadOnly

if TYPE_CHECKING:
    from batchdeck.api.base import BatchApi
    from batchdeck.models.account import Profile
    from batchdeck.models.batch import Batch
    from batchdeck.services.clock import Clock
    from batchdeck.store.database import History

NAME_KEYS = ("description", "name", "title", "job", "source")
"""Metadata keys that name a batch, unless the config says others."""


@dataclass(frozen=True, slots=True)
class Context:
    """One account at one service, with its history."""

    api: BatchApi
    history: History
    account_id: int
    profile: Profile
    clock: Clock
    name_keys: tuple[str, ...] = NAME_KEYS

    def refuse_when_read_only(self, what: str) -> None:
        """Raise when the profile forbids what spends or changes.

        Args:
            what: What was about to be done, for the sentence: `creating a batch`.

        Raises:
            ReadOnly: it does.
        """
        if self.profile.read_only:
            raise ReadOnly(
                f"The profile {self.profile.name!r} is read-only, which forbids {what}; nothing was sent.",
                hint="Start without --read-only, or change the profile.",
            )

    async def note_batches(self, batches: Iterable[Batch]) -> None:
        """Bring the history up to date with what the service just said of some batches."""
        await self.history.batches.upsert(
            self.account_id,
            list(batches),
            seen_at=self.clock.now(),
            profile=self.profile.name,
            name_keys=self.name_keys,
        )
