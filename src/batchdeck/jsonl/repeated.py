"""Repeated ids among millions, in a few bytes for each."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

_AT_ONCE = 300_000
"""Ids looked at together: what a dictionary of them takes stays below some 40 MB."""


class SeenIds:
    """Keeps a 64-bit digest of every id and the line it stands on.

    The digests are keyed by a random number of the process, so that no file can be made in which two ids
    share one; by chance two of five million do so once in a million files.
    """

    def __init__(self) -> None:
        self._digests = array("q")
        self._lines = array("Q")
        self.add_digest = self._digests.append
        """Take in `hash(id)`; always followed by `add_line`. Bound for the sake of the innermost loop."""
        self.add_line = self._lines.append
        """Take in the line of that id."""

    def add(self, name: str, line: int) -> None:
        """Take in one id."""
        self.add_digest(hash(name))
        self.add_line(line)

    def __len__(self) -> int:
        return len(self._digests)

    def repeated(self) -> Iterator[tuple[int, int]]:
        """Yield each line whose id stood on an earlier line, with the first such line, in any order."""
        digests, lines = self._digests, self._lines
        slices = 1 + len(digests) // _AT_ONCE
        for place in range(slices):
            some = digests if slices == 1 else array("q", (one for one in digests if one % slices == place))
            if len(set(some)) == len(some):
                continue
            first: dict[int, int] = {}
            for digest, line in zip(digests, lines, strict=True):
                if digest % slices == place:
                    before = first.setdefault(digest, line)
                    if before != line:
                        yield line, before
