"""What the app tells its screens. Each is posted to every screen of the stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from batchdeck.models.batch import BatchRecord
    from batchdeck.ui.work import Work


@dataclass
class BatchesChanged(Message, bubble=False):
    """The history holds something new; a screen re-reads what it shows of it."""

    new: frozenset[str] = frozenset()
    """Ids of batches that were not known before."""
    changed: frozenset[str] = frozenset()
    """Ids of batches that are not as they were, those that are gone among them."""

    def can_replace(self, message: Message) -> bool:
        """One that names no batch says nothing that a later one does not."""
        return isinstance(message, BatchesChanged) and not message.new and not message.changed


@dataclass
class BatchesEnded(Message, bubble=False):
    """Batches that were active have ended since they were last asked about."""

    records: tuple[BatchRecord, ...]


@dataclass
class SyncChanged(Message, bubble=False):
    """The state of `app.poller` is not as it was: a call began or ended, paused, offline, filling."""

    def can_replace(self, message: Message) -> bool:
        """Only the newest matters."""
        return isinstance(message, SyncChanged)


@dataclass
class ServicesReplaced(Message, bubble=False):
    """`app.services` is another object: a client was made, or another profile chosen."""

    another_account: bool
    """True when nothing that was shown belongs to it."""


@dataclass
class WorkChanged(Message, bubble=False):
    """Long work began, came further or ended."""

    work: Work

    def can_replace(self, message: Message) -> bool:
        """Only the newest state of the same work matters."""
        return isinstance(message, WorkChanged) and message.work is self.work
