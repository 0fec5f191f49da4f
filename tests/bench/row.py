"""What one line of the benchmark table is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.bench.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Result:
    """One measured line."""

    row: str
    """Name of the row it belongs to."""
    what: str
    """What was measured, in words."""
    ours: float
    theirs: float | None
    """The other side, measured in the same run; None where the budget is no ratio."""
    unit: str
    """Of both sides."""
    value: float
    """What the budget is about: ours over theirs, or ours."""
    budget: float
    value_unit: str = "x"
    """`x` for a ratio."""
    note: str = ""
    """How it was measured, and how far single runs were apart."""

    @property
    def holds(self) -> bool:
        """True when it is within the budget."""
        return self.value <= self.budget

    def as_json(self) -> dict[str, Any]:
        """As one object for `--json`."""
        return {**asdict(self), "holds": self.holds}


def ratio(
    row: str, what: str, ours: float, theirs: float, unit: str, budget: float, note: str = ""
) -> Result:
    """A line whose budget is a ratio."""
    return Result(row, what, ours, theirs, unit, ours / theirs if theirs else float("inf"), budget, "x", note)


def amount(row: str, what: str, ours: float, unit: str, budget: float, note: str = "") -> Result:
    """A line whose budget is an amount."""
    return Result(row, what, ours, None, unit, ours, budget, unit, note)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the budget table."""

    name: str
    what: str
    measure: Callable[[Workshop], list[Result]]


def spread(values: list[float], scale: float = 1.0) -> str:
    """Least to most of several runs, in words."""
    return f"{len(values)} runs, {min(values) * scale:.4g} to {max(values) * scale:.4g}"
