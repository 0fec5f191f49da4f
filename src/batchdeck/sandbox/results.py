"""Writing the output and error files of a batch."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from batchdeck.sandbox.order import WorkOrder
from batchdeck.sandbox.rows import Spent, read_request, write_row
from batchdeck.sandbox.rules import ANSWERED, Ending, Fate, not_run
from batchdeck.sandbox.scan import Scan, Stopped

_LOOK_EVERY = 128


class Requests(Protocol):
    """The requests of one batch, wherever they come from."""

    @property
    def count(self) -> int:
        """How many there are."""

    @property
    def special(self) -> Mapping[int, Fate]:
        """Those that do not simply get an answer, by number from 0."""

    def fate(self, number: int) -> Fate:
        """What becomes of a request, by number from 0."""

    def open(self) -> Lines:
        """Read access, to be closed."""


class Lines(Protocol):
    """An open set of requests."""

    def line(self, number: int) -> bytes:
        """One request's line, by number from 0."""

    def close(self) -> None:
        """Let the file go."""


class FileRequests:
    """Requests of an uploaded file."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan

    @property
    def count(self) -> int:
        """How many there are."""
        return self._scan.count

    @property
    def special(self) -> Mapping[int, Fate]:
        """Those that do not simply get an answer, by number from 0."""
        return self._scan.special

    def fate(self, number: int) -> Fate:
        """What becomes of a request, by number from 0."""
        return self._scan.special.get(number, ANSWERED)

    def open(self) -> Lines:
        """Read access, to be closed."""
        return _FileLines(self._scan)


class _FileLines:
    def __init__(self, scan: Scan) -> None:
        self._offsets = scan.offsets
        self._file = scan.path.open("rb")

    def line(self, number: int) -> bytes:
        self._file.seek(self._offsets[number])
        return self._file.readline()

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Census:
    """Which places of the work order hold requests that are not simply answered."""

    failed: list[int] = field(default_factory=list)
    unrun: list[int] = field(default_factory=list)
    rowless: list[int] = field(default_factory=list)
    """Counted as completed, yet in neither file."""

    @classmethod
    def of(cls, requests: Requests, order: WorkOrder) -> Census:
        """Count the special requests by the place at which they are worked off."""
        census = cls()
        for number, fate in requests.special.items():
            place = order.place_of(number)
            if fate.counts_as_failed:
                census.failed.append(place)
            elif fate.ending is Ending.UNRUN:
                census.unrun.append(place)
            elif fate.ending is Ending.MISSING:
                census.rowless.append(place)
        census.failed.sort()
        census.unrun.sort()
        census.rowless.sort()
        return census

    def counts(self, done: int) -> tuple[int, int]:
        """Completed and failed once `done` places are worked off."""
        failed = bisect_left(self.failed, done)
        return done - failed - bisect_left(self.unrun, done), failed


@dataclass(frozen=True, slots=True)
class ResultPlan:
    """What the files of a batch are to hold."""

    batch_id: str
    endpoint: str
    requests: Requests
    order: WorkOrder
    done: int
    """Places worked off; the others were not run."""
    rest_code: str | None
    """Code of the rows of requests that were not run; None leaves them out of both files."""
    created: int
    """Epoch seconds told in the answers."""
    ends_with_newline: bool = True


@dataclass(slots=True)
class Results:
    """The written files; a size of 0 means that the file has no row."""

    output: Path
    errors: Path
    output_bytes: int = 0
    error_bytes: int = 0
    spent: Spent = field(default_factory=Spent)


def write_results(
    plan: ResultPlan, output: Path, errors: Path, *, should_stop: Callable[[], bool]
) -> Results:
    """Write both files of a batch, row by row, in the order of the work.

    Raises:
        Stopped: `should_stop` said so.
        OSError: the files cannot be written.
    """
    results = Results(output, errors)
    rest = None if plan.rest_code is None else not_run(plan.rest_code)
    lines = plan.requests.open()
    try:
        with (
            output.open("wb", buffering=1 << 18) as answers,
            errors.open("wb", buffering=1 << 18) as failures,
        ):
            for place in range(plan.requests.count):
                if place % _LOOK_EVERY == 0 and should_stop():
                    raise Stopped
                number = plan.order.request_at(place)
                fate = plan.requests.fate(number)
                if place >= plan.done or fate.ending is Ending.UNRUN:
                    if rest is None:
                        continue
                    fate = rest
                row = write_row(
                    read_request(lines.line(number)),
                    fate,
                    endpoint=plan.endpoint,
                    batch_id=plan.batch_id,
                    place=place,
                    created=plan.created,
                    spent=results.spent,
                )
                if row is None:
                    continue
                target = failures if row.is_error else answers
                for _ in range(fate.copies):
                    target.write(row.text)
                    target.write(b"\n")
    finally:
        lines.close()
    for path in (output, errors):
        if not plan.ends_with_newline and path.stat().st_size:
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size - 1)
    results.output_bytes = output.stat().st_size
    results.error_bytes = errors.stat().st_size
    return results
