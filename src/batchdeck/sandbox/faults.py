"""Faults on order: connections that break, answers that are late, cut, slow or rubbish."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS = (
    "drop_before",
    "drop_after",
    "delay",
    "status",
    "status_after",
    "truncate",
    "slow",
    "garbage",
    "reset",
)


class BadFault(ValueError):
    """A fault rule that cannot be."""


@dataclass(slots=True)
class FaultRule:
    """One fault and the calls it falls on."""

    kind: str
    method: str = "*"
    path: str = ".*"
    """Regular expression that the whole path must match."""
    skip: int = 0
    """Matching calls that pass unharmed first."""
    times: int = 1
    """Calls it then falls on; 0 for all."""
    seconds: float = 0.0
    """Of `delay`."""
    status: int = 500
    """Of `status` and `status_after`."""
    body: str | None = None
    """Of `status`, `status_after` and `garbage`."""
    headers: dict[str, str] = field(default_factory=dict)
    at: int = 0
    """Bytes of the body that `truncate` lets through."""
    rate: int = 65_536
    """Bytes a second of `slow`."""
    id: int = 0
    seen: int = 0
    hits: int = 0

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> FaultRule:
        """A rule from its JSON.

        Raises:
            BadFault: an unknown kind or field, or a value of the wrong type.
        """
        known = {
            "kind",
            "method",
            "path",
            "skip",
            "times",
            "seconds",
            "status",
            "body",
            "headers",
            "at",
            "rate",
        }
        given = dict(told)
        nth = given.pop("nth", None)
        if isinstance(nth, int):
            given["skip"] = nth - 1
        unknown = given.keys() - known
        if unknown:
            raise BadFault(
                f"unknown: {', '.join(sorted(unknown))}; a rule has: nth, {', '.join(sorted(known))}"
            )
        if given.get("kind") not in KINDS:
            raise BadFault(f"'kind' is one of: {', '.join(KINDS)}")
        rule = cls(**given)
        for name in ("skip", "times", "status", "at", "rate"):
            if not isinstance(getattr(rule, name), int):
                raise BadFault(f"'{name}' takes a whole number")
        try:
            re.compile(rule.path)
        except (re.error, TypeError) as problem:
            raise BadFault(f"'path' is a regular expression: {problem}") from None
        return rule

    def as_json(self) -> dict[str, Any]:
        """The rule with its counters."""
        return asdict(self)


class FaultRules:
    """The rules that are set, in order; the first one that matches a call and is not used up falls on it."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._given = 0
        self.hits = 0

    def add(self, rule: FaultRule) -> FaultRule:
        """Set a rule."""
        self._given += 1
        rule.id = self._given
        self._rules.append(rule)
        return rule

    def all(self) -> list[FaultRule]:
        """The rules that are set."""
        return list(self._rules)

    def clear(self, rule_id: int | None = None) -> int:
        """Take away one rule or all; how many went."""
        before = len(self._rules)
        self._rules = [rule for rule in self._rules if rule_id is not None and rule.id != rule_id]
        return before - len(self._rules)

    def falls_on(self, method: str, path: str) -> FaultRule | None:
        """The rule that falls on this call, which is counted by every rule that matches it."""
        chosen: FaultRule | None = None
        for rule in self._rules:
            if rule.method not in ("*", method) or re.fullmatch(rule.path, path) is None:
                continue
            rule.seen += 1
            if chosen is None and rule.seen > rule.skip and (rule.times == 0 or rule.hits < rule.times):
                rule.hits += 1
                self.hits += 1
                chosen = rule
        return chosen
