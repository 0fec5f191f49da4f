"""Rows about the deck in a terminal: first picture, keys, memory, quiet."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bench.bare_table import LAST_SHOWN
from tests.bench.program import synced_history
from tests.bench.row import Result, Row, amount, ratio, spread
from tests.bench.terminal import Terminal, cursor_row, list_text
from tests.bench.workshop import Service, Workshop

FIRST_SHOWN = "job 000007"
"""On the screen once the first page of a seeded history is drawn."""
RUNS = 11
KEYS = 60
QUIET_SECONDS = 20.0


@dataclass(slots=True)
class _Side:
    """One side of a comparison of first pictures."""

    open_terminal: Callable[[], Terminal]
    text: str
    """On the first picture."""
    milliseconds: list[float] = field(default_factory=list)
    """From spawn to picture."""
    processor: list[float] = field(default_factory=list)
    """Milliseconds of processor time until then, which a busy machine changes less."""

    def run(self) -> None:
        """Start the program once more."""
        with self.open_terminal() as terminal:
            self.milliseconds.append(terminal.wait_for(self.text) * 1000)
            self.processor.append(terminal.running_seconds() * 1000)

    @property
    def in_words(self) -> str:
        """The runs in short."""
        return f"{spread(self.milliseconds)}, processor {statistics.median(self.processor):.0f}"


def _by_turns(first: _Side, second: _Side) -> None:
    """Runs of both sides by turns, after one of each that does not count."""
    for number in range(RUNS + 1):
        for side in (first, second):
            side.run()
            if not number:
                side.milliseconds.clear()
                side.processor.clear()


def first_paint(workshop: Workshop) -> list[Result]:
    """Start to first row, against the bare table."""
    data = workshop.history(10_000)
    workshop.report("first paint, 10,000 batches and bare table by turns")
    bare = _Side(workshop.bare, LAST_SHOWN)
    deck = _Side(lambda: workshop.deck(data), FIRST_SHOWN)
    return [_compare("first_paint", "first paint with 10,000 batches / bare table", deck, bare, 1.3)]


def first_paint_scale(workshop: Workshop) -> list[Result]:
    """Start to first row, with a long and a short history."""
    long, short = workshop.history(100_000), workshop.history(1_000)
    workshop.report("first paint, 100,000 and 1,000 batches by turns")
    many = _Side(lambda: workshop.deck(long), FIRST_SHOWN)
    few = _Side(lambda: workshop.deck(short), FIRST_SHOWN)
    what = "first paint with 100,000 batches / with 1,000"
    return [_compare("first_paint_scale", what, many, few, 1.1)]


def _compare(row: str, what: str, ours: _Side, theirs: _Side, budget: float) -> Result:
    _by_turns(theirs, ours)
    note = f"spawn to row on screen; first {ours.in_words}; second {theirs.in_words}"
    mine, others = statistics.median(ours.milliseconds), statistics.median(theirs.milliseconds)
    return ratio(row, what, mine, others, "ms", budget, note)


def key_to_screen(workshop: Workshop) -> list[Result]:
    """A key while the history is being filled, against the bare table."""
    service = workshop.sandbox("--seed-batches", "60000")
    data = workshop.fresh_folder("data")
    workshop.report("keys while a sync runs, and in the bare table")
    chance = random.Random(1)
    with workshop.deck(data, service.url) as deck, workshop.bare() as bare:
        deck.wait_for("batch")
        _wait_for_calls(service, "GET /v1/batches", 3, deck)
        deck.wait_for("chat")
        bare.wait_for(LAST_SHOWN)
        bare.settle()
        before = _calls(service, "GET /v1/batches")
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(KEYS):
            key = "j" if number // 8 % 2 == 0 else "k"
            for terminal, times in ((deck, ours), (bare, theirs)):
                terminal.drain(0.04 + chance.random() * 0.1)
                times.append(terminal.time_to(key, cursor_row))
        pages = _calls(service, "GET /v1/batches") - before
    note = f"{pages} pages were fetched meanwhile; ours {spread(ours, 1000)}; bare {spread(theirs, 1000)}"
    mine, others = statistics.median(ours) * 1000, statistics.median(theirs) * 1000
    if pages < 10:
        note = f"THE SYNC DID NOT RUN: {note}"
        mine = float("inf")
    return [
        ratio("key_latency", "key to screen while a sync runs / bare table", mine, others, "ms", 2.0, note)
    ]


def page_and_sort_keys(workshop: Workshop) -> list[Result]:
    """Page turns, sorts and a filter by keys, 100,000 batches."""
    data = workshop.history(100_000)
    workshop.report("page turns, sorts and filters on the screen, 100,000 batches")
    results = []
    with workshop.deck(data) as deck:
        deck.wait_for(FIRST_SHOWN)
        deck.settle(1.0)
        for what, keys in (("page turn", ["]"] * 10 + ["["] * 9), ("sort", ["S", "S", *["s"] * 8])):
            times = []
            for key in keys:
                deck.drain(0.15)
                times.append(deck.time_to(key, list_text))
            results.append(_median("list_speed", f"{what} on screen, 100,000 batches", times))
    return results


def _median(row: str, what: str, seconds: list[float]) -> Result:
    return amount(row, what, statistics.median(seconds) * 1000, "ms", 50.0, spread(seconds, 1000))


def memory(workshop: Workshop) -> list[Result]:
    """Memory with the SDK in it, against the bare table with the SDK."""
    service = workshop.sandbox("--seed-batches", "10000")
    workshop.report("filling a history of 10,000 batches from a sandbox")
    data = asyncio.run(synced_history(workshop, service))
    workshop.report("memory after first paint and SDK import")
    ours, later, theirs = [], [], []
    for _ in range(3):
        with workshop.deck(data, service.url) as deck:
            before = _calls(service, "GET /v1/batches")
            deck.wait_for("chat")
            _wait_for_calls(service, "GET /v1/batches", before + 1, deck)
            ours.append(deck.resident_bytes() / 1e6)
            deck.drain(8.0)
            later.append(deck.resident_bytes() / 1e6)
        with workshop.bare("--openai") as bare:
            bare.wait_for("imported")
            bare.drain(1.0)
            theirs.append(bare.resident_bytes() / 1e6)
    note = f"resident set at the first call of the SDK: {spread(ours)}; 8 s later {spread(later)}; "
    note += f"bare {spread(theirs)}"
    what = "memory after first paint and SDK import / bare table plus import openai"
    return [ratio("memory", what, statistics.median(ours), statistics.median(theirs), "MB", 1.3, note)]


def quiet(workshop: Workshop) -> list[Result]:
    """Bytes to the terminal and processor time, with nothing to do and with twenty batches moving."""
    still = workshop.sandbox("--seed-batches", "300")
    moving = workshop.sandbox("--seed-batches", "300")
    workshop.start_batches(moving, 20)
    workshop.report(f"twice {QUIET_SECONDS:.0f} s of looking on")
    results = []
    for service, what, budget in (
        (still, "nothing active", 0.0),
        (moving, "20 active batches on screen", 500.0),
    ):
        with workshop.deck(workshop.fresh_folder("data"), service.url) as deck:
            deck.wait_for("batch")
            deck.wait_for("chat")
            deck.drain(8.0)
            cpu, begun = deck.cpu_seconds(), time.perf_counter()
            count = deck.drain(QUIET_SECONDS)
            seconds = time.perf_counter() - begun
            share = (deck.cpu_seconds() - cpu) / seconds * 100
            note = f"{count:,} bytes in {seconds:.0f} s"
            results.append(
                amount("quiet", f"bytes to the terminal, {what}", count / seconds, "B/s", budget, note)
            )
            if budget == 0.0:
                results.append(amount("quiet", "processor time, idle", share, "% of a core", 1.0, note))
            else:
                results[-1] = amount(
                    "quiet",
                    f"bytes to the terminal, {what}",
                    count / seconds,
                    "B/s",
                    budget,
                    f"{note}; {share:.1f} % of a core",
                )
    return results


def _calls(service: Service, name: str) -> int:
    return int(service.calls().get(name, 0))


def _wait_for_calls(
    service: Service, name: str, count: int, terminal: Terminal, seconds: float = 30.0
) -> None:
    """Read the terminal until the service was asked so often."""
    until = time.perf_counter() + seconds
    while _calls(service, name) < count:
        if time.perf_counter() > until:
            raise TimeoutError(f"{name} was not called {count} times:\n{terminal.picture()}")
        terminal.drain(0.05)


ROWS = [
    Row("first_paint", "first paint, 10,000 batches against a bare table", first_paint),
    Row("first_paint_scale", "first paint, 100,000 batches against 1,000", first_paint_scale),
    Row("key_latency", "key to screen while a sync runs, against a bare table", key_to_screen),
    Row("list_keys", "page turn and sort on screen with 100,000 batches", page_and_sort_keys),
    Row("memory", "memory with the SDK, against a bare table with the SDK", memory),
    Row("quiet", "bytes to the terminal and processor time while nothing is asked for", quiet),
]
