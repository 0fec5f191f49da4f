"""Requests of an input that have no ok answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from batchdeck.models.lines import FailureReport, Outcome


class Unanswered(NamedTuple):
    """One request of the input that has no ok answer."""

    line: int
    """Line of the input, from 1."""
    offset: int
    length: int
    """Bytes without the line feed."""
    custom_id: str
    outcome: Outcome
    code: str
    retryable: bool
    status_code: int | None
    message: str


@dataclass(frozen=True, slots=True)
class RetrySet:
    """The requests of one input, less those with an ok answer."""

    requests: int
    """All requests of the input, by occurrence."""
    unanswered: tuple[Unanswered, ...]
    """In the input's order."""
    report: FailureReport
    input_bytes: int
    """Size of the input when it was read."""
    input_mtime_ns: int

    @property
    def by_code(self) -> dict[str, list[Unanswered]]:
        """The unanswered requests by failure code, largest group first."""
        groups: dict[str, list[Unanswered]] = {}
        for request in self.unanswered:
            groups.setdefault(request.code, []).append(request)
        return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])))

    @property
    def retryable_codes(self) -> set[str]:
        """Failure codes under which a request stands that is sent again by default."""
        return {request.code for request in self.unanswered if request.retryable}

    def chosen(self, codes: Collection[str] | None = None, *, include_all: bool = False) -> list[Unanswered]:
        """Return what would be sent again, in the input's order.

        A request whose batch has not ended is never among them.

        Args:
            codes: Failure codes to send, whole; None for the retryable requests.
            include_all: Every request without an ok answer, whatever `codes` says.
        """
        return [
            request
            for request in self.unanswered
            if request.outcome is not Outcome.PENDING
            and (include_all or (request.retryable if codes is None else request.code in codes))
        ]
