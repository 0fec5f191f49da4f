"""Problems as they are found: all counted, the first of them kept."""

from __future__ import annotations

from collections import Counter

from batchdeck.models.lines import LineProblem

KEPT_PROBLEMS = 1_000
_TEXT_CHARACTERS = 200


class Problems:
    """Counts every problem by its code and keeps the first ones in line order."""

    def __init__(self) -> None:
        self._kept: list[LineProblem] = []
        self.by_code: Counter[str] = Counter()
        self.errors = 0
        self.warnings = 0

    def add(self, line: int, code: str, message: str, raw: bytes = b"", *, is_error: bool = True) -> None:
        """Take in one problem of a line; problems come in the order of their lines.

        Args:
            line: From 1, or 0 when it is about the whole file.
            code: The service's code where it has one.
            message: One sentence.
            raw: The line as read.
            is_error: False for a warning.
        """
        self.count(code, 1, is_error=is_error)
        if len(self._kept) < KEPT_PROBLEMS:
            self._kept.append(LineProblem(line, code, message, is_error, excerpt(raw)))

    def add_run(self, first: int, count: int, code: str, message: str) -> None:
        """Take in the same error of many lines that follow each other."""
        self.count(code, count)
        kept = min(count, KEPT_PROBLEMS - len(self._kept))
        self._kept.extend(LineProblem(line, code, message) for line in range(first, first + kept))

    def count(self, code: str, number: int, *, is_error: bool = True) -> None:
        """Count problems without keeping them."""
        self.by_code[code] += number
        if is_error:
            self.errors += number
        else:
            self.warnings += number

    def merged(self, others: list[LineProblem]) -> tuple[LineProblem, ...]:
        """Return what is kept and others that are counted already, first lines first."""
        together = sorted([*self._kept, *others], key=lambda problem: problem.line)
        return tuple(together[:KEPT_PROBLEMS])


def excerpt(raw: bytes) -> str:
    """Return the start of a line as text, at most 200 characters."""
    return raw[: _TEXT_CHARACTERS * 4].decode("utf-8", "replace").rstrip("\r")[:_TEXT_CHARACTERS]
