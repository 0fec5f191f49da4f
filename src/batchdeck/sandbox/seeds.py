"""Batches that are there from the start: their lines and results are made when someone asks for them."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from batchdeck.sandbox.answers import answer
from batchdeck.sandbox.files import FILE_LIFE, FileShelf, StoredFile
from batchdeck.sandbox.order import WorkOrder
from batchdeck.sandbox.results import Requests, ResultPlan, Results, write_results
from batchdeck.sandbox.rows import Spent
from batchdeck.sandbox.rules import ANSWERED, Ending, Fate
from batchdeck.sandbox.story_texts import PLACE, Kind

_WIDTH = 6


def scattered(count: int, wanted: Sequence[tuple[Fate, int]], seed: int) -> dict[int, Fate]:
    """So many requests of each fate, spread over the batch; the same for the same seed."""
    chosen = random.Random(seed).sample(range(count), sum(number for _, number in wanted))  # noqa: S311
    fates: dict[int, Fate] = {}
    for fate, number in wanted:
        for _ in range(number):
            fates[chosen.pop()] = fate
    return fates


class SeededRequests:
    """Requests of one kind, numbered on from a first one; lines of one variant have one length."""

    def __init__(
        self,
        kind: Kind,
        numbers: Sequence[int],
        special: Mapping[int, Fate] | None = None,
        *,
        broken: Mapping[int, str] | None = None,
    ) -> None:
        self.kind = kind
        self.special: Mapping[int, Fate] = special or {}
        self._numbers = numbers
        self._broken = broken or {}

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._numbers)

    def fate(self, number: int) -> Fate:
        """What becomes of a request."""
        fate = self.special.get(number)
        if fate is not None and fate.ending is not Ending.OK:
            return fate
        text = self.kind.asked[self._numbers[number] % len(self.kind.asked)][1]
        shape = fate or ANSWERED
        return Fate(say=text or None, copies=shape.copies, torn=shape.torn, string_body=shape.string_body)

    def subset(self, places: Sequence[int], special: Mapping[int, Fate] | None = None) -> SeededRequests:
        """Some of the requests, line for line, with fates of their own."""
        return SeededRequests(self.kind, [self._numbers[place] for place in places], special)

    def open(self) -> SeededRequests:
        """Read access."""
        return self

    def close(self) -> None:
        """Nothing is held."""

    def line(self, number: int) -> bytes:
        """One request's line, by number from 0."""
        if number in self._broken:
            return self._broken[number].encode()
        told = self._numbers[number]
        variants = _lines_of(self.kind)
        return variants[told % len(variants)].replace(PLACE, f"{told:0{_WIDTH}d}").encode()

    def size(self) -> int:
        """Bytes of the input file."""
        lengths = [len(text.replace(PLACE, "0" * _WIDTH).encode()) + 1 for text in _lines_of(self.kind)]
        count = len(lengths)
        if isinstance(self._numbers, range):
            first = self._numbers.start
            size = sum(
                length * _how_many(self._numbers, (v - first) % count, count)
                for v, length in enumerate(lengths)
            )
        else:
            size = sum(lengths[number % count] for number in self._numbers)
        for number, text in self._broken.items():
            size += len(text.encode()) + 1 - lengths[self._numbers[number] % count]
        return size

    def write(self, path: Path) -> int:
        """Write the input file; its bytes."""
        with path.open("wb", buffering=1 << 18) as file:
            for number in range(self.count):
                file.write(self.line(number))
                file.write(b"\n")
        return path.stat().st_size

    def spent(self, order: WorkOrder, done: int) -> Spent:
        """Tokens of the answers among the first `done` places."""
        each = _spent_of(self.kind)
        count = len(each)
        times = [0] * count
        if done >= self.count and isinstance(self._numbers, range):
            first = self._numbers.start
            times = [_how_many(self._numbers, (v - first) % count, count) for v in range(count)]
        else:
            for place in range(min(done, self.count)):
                times[self._numbers[order.request_at(place)] % count] += 1
        for number, fate in self.special.items():
            if fate.ending is not Ending.OK and order.place_of(number) < done:
                times[self._numbers[number] % count] -= 1
        total = Spent()
        for variant, often in zip(each, times, strict=True):
            total.add(variant, often)
        return total


def _how_many(numbers: range, first: int, step: int) -> int:
    return len(range(first, len(numbers), step))


_known_lines: dict[str, list[str]] = {}
_known_spent: dict[str, list[Spent]] = {}


def _lines_of(kind: Kind) -> list[str]:
    known = _known_lines.get(kind.prefix)
    if known is None:
        known = [json.dumps(kind.request(prompt), ensure_ascii=False) for prompt, _ in kind.asked]
        _known_lines[kind.prefix] = known
    return known


def _spent_of(kind: Kind) -> list[Spent]:
    known = _known_spent.get(kind.prefix)
    if known is None:
        known = []
        for prompt, text in kind.asked:
            body = kind.request(prompt.replace(PLACE, "0" * _WIDTH))["body"]
            spent = Spent()
            spent.add_body(answer(kind.endpoint, body, Fate(say=text or None), key="0" * 32, created=0))
            known.append(spent)
        _known_spent[kind.prefix] = known
    return known


def lazy_input(
    file_id: str, filename: str, created: float, requests: SeededRequests, shelf: FileShelf
) -> StoredFile:
    """The input file of a seeded batch."""

    def make(file: StoredFile) -> None:
        path = shelf.path_for(f"{file.id}.input")
        file.size = requests.write(path)
        file.path = path

    file = StoredFile(file_id, filename, "batch", created, created + FILE_LIFE, make=make)
    file.size = requests.size()
    return file


class LazyResults:
    """The two result files of a seeded batch, written together when one is asked for."""

    def __init__(self, plan: ResultPlan, shelf: FileShelf, should_stop: Callable[[], bool]) -> None:
        self._plan = plan
        self._shelf = shelf
        self._should_stop = should_stop
        self._lock = threading.Lock()
        self._results: Results | None = None

    def _written(self) -> Results:
        with self._lock:
            if self._results is None:
                name = self._plan.batch_id
                output, errors = (
                    self._shelf.path_for(f"{name}.output"),
                    self._shelf.path_for(f"{name}.errors"),
                )
                self._results = write_results(self._plan, output, errors, should_stop=self._should_stop)
            return self._results

    def file(self, kind: str, file_id: str, created: float, life: float = FILE_LIFE) -> StoredFile:
        """The `output` or the `error` file."""

        def make(file: StoredFile) -> None:
            results = self._written()
            file.path, file.size = (
                (results.output, results.output_bytes)
                if kind == "output"
                else (results.errors, results.error_bytes)
            )

        filename = f"{self._plan.batch_id}_{kind}.jsonl"
        return StoredFile(file_id, filename, "batch_output", created, created + life, make=make)


def files_there(requests: Requests, order: WorkOrder, done: int, rest_code: str | None) -> tuple[bool, bool]:
    """Whether the output and the error file will have a row."""
    no_answer = errors = 0
    for number, fate in requests.special.items():
        was_run = order.place_of(number) < done
        if was_run and (fate.counts_as_failed or fate.ending in (Ending.MISSING, Ending.UNRUN)):
            no_answer += 1
        errors += was_run and fate.counts_as_failed and not fate.in_output
        errors += was_run and fate.ending is Ending.UNRUN and rest_code is not None
    errors += 0 if rest_code is None else requests.count - done
    return done > no_answer, errors > 0
