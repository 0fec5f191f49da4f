"""Long reading that a screen waits for: tells how far it is and can be stopped."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message
from textual.message_pump import MessagePump

from batchdeck.models.progress import Progress


class Reading:
    """What a service takes as `on_progress` and `should_stop`, for one piece of reading.

    Args:
        target: Is posted a `Reading.Progressed` for each step.
    """

    @dataclass
    class Progressed(Message, bubble=False):
        """The reading came further."""

        reading: Reading
        progress: Progress

        def can_replace(self, message: Message) -> bool:
            """Only the newest step matters."""
            return isinstance(message, Reading.Progressed) and message.reading is self.reading

    def __init__(self, target: MessagePump) -> None:
        self._target = target
        self._is_stopped = False

    def on_progress(self, progress: Progress) -> None:
        """Called by the service, from any thread."""
        if not self._is_stopped:
            self._target.post_message(self.Progressed(self, progress))

    def should_stop(self) -> bool:
        """True once nobody waits any more."""
        return self._is_stopped

    def stop(self) -> None:
        """Stop at the next safe place."""
        self._is_stopped = True
