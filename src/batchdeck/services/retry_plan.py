"""What a retry could send, as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchdeck.jsonl.retry_set import RetrySet
    from batchdeck.models.batch import Batch
    from batchdeck.models.lines import FailureGroup, FailureReport

NO_ROOM = "token_limit_exceeded"


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """What a retry of one batch could send; making one sends nothing."""

    batch: Batch
    report: FailureReport
    """What the batch's own files say."""
    groups: tuple[FailureGroup, ...]
    """What is still not answered in the lineage and can be chosen, largest first; two may share a code."""
    default_codes: tuple[str, ...]
    """Codes of the groups that are sent when nothing is chosen: the retryable ones."""
    left_out: tuple[str, ...]
    """Sentences: what is not sent by default, how many and why."""
    answered_later: int = 0
    """Requests left out because another batch of the lineage answered them."""
    pending_later: int = 0
    """Requests left out because a retry that is still active holds them."""
    same_file: bool = False
    """True when the batch failed for want of room: its whole input is sent again, without an upload."""
    requests: int = 0
    """Requests of the batch's input."""
    input_path: Path | None = None
    retry_set: RetrySet | None = field(default=None, repr=False)
    """The requests themselves, for sending."""

    def chosen(self, codes: Collection[str] | None = None, *, include_all: bool = False) -> Mapping[str, int]:
        """Failure code to number of requests that would be sent.

        Args:
            codes: Only these; the retryable ones when None.
            include_all: Every code.
        """
        if self.same_file:
            return {NO_ROOM: self.requests} if codes is None or NO_ROOM in codes else {}
        if self.retry_set is None:
            return {}
        chosen = self.retry_set.chosen(codes, include_all=include_all)
        return dict(Counter(request.code for request in chosen).most_common())

    def left_out_of(self, chosen: Mapping[str, int]) -> tuple[str, ...]:
        """What is not sent when that is chosen, and why, a sentence each."""
        about_groups = {_group_words(group) for group in self.groups}
        words = [sentence for sentence in self.left_out if sentence not in about_groups]
        rest = Counter[str]()
        for group in self.groups:
            rest[group.code] += group.count
        rest.subtract(chosen)
        # Of two groups that share a code, the one that can be sent again goes first.
        for group in sorted(self.groups, key=lambda group: group.retryable):
            if 0 < group.count <= rest[group.code]:
                rest[group.code] -= group.count
                words.append(_group_words(group) if not group.retryable else _not_asked(group))
        return tuple(f"Left out: {sentence}" for sentence in words)


def regroup(retry_set: RetrySet, requests: int) -> tuple[FailureGroup, ...]:
    """The groups of a set from which requests were taken away."""
    members: dict[tuple[str, str, bool], list[str]] = {}
    for request in retry_set.unanswered:
        members.setdefault((request.code, request.outcome, request.retryable), []).append(request.custom_id)
    groups = []
    for group in retry_set.report.groups:
        ids = members.get((group.code, group.outcome, group.retryable))
        if ids:
            share = len(ids) / requests if requests else 0.0
            groups.append(replace(group, count=len(ids), custom_ids=tuple(ids[:5]), share=share))
    return tuple(sorted(groups, key=lambda group: (-group.count, group.code)))


def left_out_words(
    groups: Collection[FailureGroup], answered_later: int, pending_later: int, lost: int
) -> list[str]:
    """What is not sent by default, and why, a sentence each."""
    words = []
    if answered_later:
        words.append(f"{_count(answered_later)} answered by another batch of the lineage.")
    if pending_later:
        words.append(f"{_count(pending_later)} under way in a retry that is still active.")
    if lost:
        words.append(
            f"{_count(lost)} that another batch of the lineage may have answered: its files are gone."
        )
    for group in groups:
        if not group.retryable:
            words.append(_group_words(group))
    return words


def _group_words(group: FailureGroup) -> str:
    return f"{_count(group.count)} with {group.code}: {group.why}."


def _not_asked(group: FailureGroup) -> str:
    return f"{_count(group.count)} with {group.code}: not asked for."


def _count(number: int) -> str:
    return f"{number:,} request{'' if number == 1 else 's'}"
