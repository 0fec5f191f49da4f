"""Every error that batchdeck raises on purpose.

Each has a sentence for the user, an optional hint that says what to do, and the exit code
that a sub-command ends with.
"""

from __future__ import annotations


class BatchdeckError(Exception):
    """Something the user can be told in one sentence."""

    exit_code = 1
    """What a sub-command exits with when this reaches it."""

    def __init__(self, sentence: str, *, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        """What failed, for which batch or line, and whether anything was sent. One line."""
        self.hint = hint
        """What the user can do about it, or None. One line."""

    @property
    def line(self) -> str:
        """The sentence and the hint as one line."""
        return f"{self.sentence} {self.hint}" if self.hint else self.sentence


class UsageError(BatchdeckError):
    """The command, flag or value is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """The config file, or a value in it, cannot be used."""


class FilterError(UsageError):
    """A filter has a wrong term."""

    def __init__(self, sentence: str, *, position: int, length: int, expected: str) -> None:
        super().__init__(sentence, hint=f"Expected {expected}.")
        self.position = position
        """Where the wrong term starts, in characters of the filter text."""
        self.length = length
        """How many characters the wrong part has."""
        self.expected = expected
        """What would have been right there."""


class Interrupted(BatchdeckError):
    """The user stopped long work; the sentence says what was and was not sent."""

    exit_code = 130


class TimedOut(BatchdeckError):
    """A wait reached its time limit; the batches go on."""

    exit_code = 4


class ReadOnly(BatchdeckError):
    """The profile or a flag forbids whatever spends or changes."""

    exit_code = 3


# --- files ------------------------------------------------------------------


class FileProblem(BatchdeckError):
    """A local file cannot be read or written."""

    exit_code = 2


class InvalidInput(BatchdeckError):
    """A request file or a table does not hold what it must; nothing was sent."""


class TargetExists(BatchdeckError):
    """Another file stands under the name a download would take."""

    exit_code = 3


class InputLost(BatchdeckError):
    """No copy of a batch's input is left, here or at the service."""

    exit_code = 3


class NothingToRetry(BatchdeckError):
    """Every request has an ok answer, or none that failed was chosen."""


class IncompleteDownload(BatchdeckError):
    """A file came with fewer or other bytes than the service announced; nothing stands under its name."""

    exit_code = 3


# --- history ----------------------------------------------------------------


class HistoryError(BatchdeckError):
    """The history cannot be opened or written."""

    exit_code = 3


class NewerHistory(HistoryError):
    """The history was written by a newer batchdeck."""


class UnsettledOperation(BatchdeckError):
    """It is not known whether an operation took effect; it stays in the journal."""

    exit_code = 3

    def __init__(self, sentence: str, *, operation_id: str, hint: str | None = None) -> None:
        super().__init__(sentence, hint=hint)
        self.operation_id = operation_id
        """The journaled operation that is still open."""


# --- the service ------------------------------------------------------------


class ServiceError(BatchdeckError):
    """The service refused, failed, or could not be reached."""

    exit_code = 3
    unclear = False
    """True when the service may have carried out what was asked although this error came back."""

    def __init__(
        self,
        sentence: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence, hint=hint)
        self.status = status
        """The HTTP status, or None when there was no answer."""
        self.code = code
        """The service's own error code or type, verbatim, or None."""
        self.request_id = request_id
        """The service's x-request-id, or None."""
        self.retry_after = retry_after
        """Seconds the service asked to wait, or None."""


class NoKey(ServiceError):
    """No API key was found; nothing was sent."""


class KeyRefused(ServiceError):
    """The service does not accept the key (401, 403)."""


class NotFound(ServiceError):
    """The service does not know the batch or file (404)."""


class Conflict(ServiceError):
    """The batch is not in a state for this (409)."""


class RateLimited(ServiceError):
    """Too many calls (429); `retry_after` says how long to wait."""


class OutOfRoom(ServiceError):
    """The queue or quota has no room (`token_limit_exceeded`, `insufficient_quota`)."""


class Refused(ServiceError):
    """The service understood and refused (any other 4xx)."""


class Unreachable(ServiceError):
    """No connection could be made; nothing was sent."""


class LostAnswer(ServiceError):
    """The connection broke or timed out after something was sent."""

    unclear = True


class ServerFailed(ServiceError):
    """The service answered 5xx or 408."""

    unclear = True


class BadAnswer(ServiceError):
    """The service answered something that is not the Batch API (HTML, broken JSON)."""

    unclear = True
