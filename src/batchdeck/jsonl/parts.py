"""How a file that is over the limits of one batch is split: whole lines, in order."""

from __future__ import annotations

from batchdeck.jsonl.read import is_blank
from batchdeck.models.account import Limits
from batchdeck.models.lines import Part


class PartPlan:
    """Puts line after line into parts, and begins a new part where the next line would not fit."""

    def __init__(self, limits: Limits, start: int) -> None:
        self._limits = limits
        self._parts: list[Part] = []
        self._start = start
        self._first_line = 0
        self._requests = 0
        self._inputs = 0
        self._is_possible = True

    def add_block(
        self, number: int, offset: int, lines: list[bytes], requests: int, inputs: dict[int, int]
    ) -> None:
        """Take in lines that follow each other.

        Args:
            number: Line number of the first.
            offset: First byte of the first.
            lines: Without their line feeds.
            requests: How many of them are not blank.
            inputs: Line number to embedding inputs, where there are any.
        """
        limits = self._limits
        end = offset + sum(map(len, lines)) + len(lines)
        asked = sum(inputs.values())
        if (
            self._requests + requests <= limits.max_requests
            and end - self._start <= limits.max_bytes
            and self._inputs + asked <= limits.max_embedding_inputs
        ):
            if not self._requests:
                self._first_line = number
            self._requests += requests
            self._inputs += asked
            return
        for line, raw in enumerate(lines, number):
            end = offset + len(raw) + 1
            if not is_blank(raw):
                self._add(line, offset, end, inputs.get(line, 0))
            offset = end

    def add_long(self, line: int, offset: int, length: int) -> None:
        """Take in one line that is too long to be held."""
        self._add(line, offset, offset + length + 1, 0)

    def _add(self, line: int, offset: int, end: int, inputs: int) -> None:
        limits = self._limits
        if self._requests and (
            self._requests >= limits.max_requests
            or end - self._start > limits.max_bytes
            or self._inputs + inputs > limits.max_embedding_inputs
        ):
            self._close(offset)
        if not self._requests:
            self._first_line = line
        if end - offset > limits.max_bytes or inputs > limits.max_embedding_inputs:
            self._is_possible = False
        self._requests += 1
        self._inputs += inputs

    def whole(self, requests: int, end: int) -> Part:
        """Return the one part of a file that fits and ends at byte `end`."""
        first = self._parts[0] if self._parts else None
        return Part(
            first.start if first else self._start,
            end,
            requests,
            first.first_line if first else self._first_line,
        )

    def parts(self, end: int) -> tuple[Part, ...]:
        """Return the parts of a file that ends at byte `end`; none when a line alone is over the limits."""
        if self._requests:
            self._close(end)
        return tuple(self._parts) if self._is_possible else ()

    def _close(self, end: int) -> None:
        self._parts.append(Part(self._start, end, self._requests, self._first_line))
        self._start = end
        self._requests = 0
        self._inputs = 0
