"""The order in which a batch works its requests off: another one than the input's."""

from __future__ import annotations

from math import gcd


class WorkOrder:
    """A fixed permutation that needs no memory: place k holds request (step * k + start) % count."""

    __slots__ = ("_back", "_start", "_step", "count")

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        size = max(1, count)
        step = max(1, int(size * 0.618) + seed % 7)
        while gcd(step, size) != 1:
            step += 1
        self._step = step % size if size > 1 else 1
        self._start = seed % size
        self._back = pow(self._step, -1, size) if size > 1 else 0

    def request_at(self, place: int) -> int:
        """The request that is worked off at a place, both from 0."""
        return (self._step * place + self._start) % self.count

    def place_of(self, request: int) -> int:
        """The place at which a request is worked off."""
        return (self._back * (request - self._start)) % self.count
