"""The demo's story: what a team at a mid-sized shop had batches do in the last thirty days."""

from __future__ import annotations

import random

from batchdeck.sandbox import tales
from batchdeck.sandbox.job import DAY
from batchdeck.sandbox.rules import Fate
from batchdeck.sandbox.seeder import Seeder
from batchdeck.sandbox.story_texts import (
    ARTICLES,
    CALLS,
    CATALOGUE,
    COMMENTS,
    INVOICES,
    JUDGE,
    REVIEWS,
    SLOGANS,
    STRINGS,
    TICKETS,
    Kind,
)
from batchdeck.sandbox.teller import BUSY, HOUR, MINUTE, SERVER_ERROR, TOO_LONG, Teller


def tell(seeder: Seeder, chance: random.Random) -> None:
    """Make all of its batches, relative to the seeder's moment."""
    teller = Teller(seeder, chance)
    _everyday(teller)
    tales.many_codes(teller)
    tales.retried_twice(teller)
    tales.nothing_but_errors(teller)
    tales.counts_that_lie(teller)
    tales.in_three_parts(teller)
    tales.refused(teller)
    tales.stopped(teller)
    _moving(teller)
    _to_come(teller)


def _everyday(teller: Teller) -> None:
    chance = teller.chance
    nightly = ((TICKETS, 1, 2.2, 1_400), (COMMENTS, 1, 3.4, 900), (CALLS, 1, 4.1, 260))
    weekly = (
        (REVIEWS, 2, 6.0, 1_100),
        (INVOICES, 2, 9.5, 420),
        (ARTICLES, 4, 1.5, 340),
        (JUDGE, 3, 13.0, 180),
    )
    for kind, every, hour, usual in (*nightly, *weekly):
        for day in range(1, 30, every):
            age = day * DAY + (6 - hour) * HOUR + chance.randrange(0, 1_500)
            count = int(usual * chance.uniform(0.7, 1.3))
            trouble: list[tuple[Fate, int]] = []
            if chance.random() < 0.22:
                trouble.append((SERVER_ERROR, chance.randrange(1, 9)))
            if chance.random() < 0.12:
                trouble.append((BUSY, chance.randrange(2, 25)))
            if kind.endpoint != ARTICLES.endpoint and chance.random() < 0.1:
                trouble.append((TOO_LONG, chance.randrange(1, 4)))
            took = chance.uniform(0.3, 5.0) * HOUR
            teller.ended(kind, teller.ask(kind, count, trouble), age=age, took=took)
    for number, age in enumerate((26.3, 19.1, 12.2), start=1):
        title = f"{CATALOGUE.title}, batch {number}"
        teller.ended(CATALOGUE, teller.ask(CATALOGUE, 640), age=age * DAY, took=3 * HOUR, title=title)
    for language, age in (("French", 22.4), ("German", 22.2), ("Portuguese", 21.9), ("Polish", 21.8)):
        title = f"Translate interface strings to {language}"
        teller.ended(STRINGS, teller.ask(STRINGS, 512), age=age * DAY, took=0.6 * HOUR, title=title)
    teller.ended(SLOGANS, teller.ask(SLOGANS, 48), age=16.5 * DAY, took=0.2 * HOUR)


def _moving(teller: Teller) -> None:
    seeder = teller.seeder
    slow = teller.about("Archive labels 1998 to 2014", TICKETS, {"priority": "low"})
    requests = teller.ask(TICKETS, 12_000, [(BUSY, 140)])
    seeder.moving(requests, "archive-1998-2014.jsonl", slow, at=0.38, left=23.4 * HOUR * 0.62 / 0.38)
    moving: tuple[tuple[Kind, int, list[tuple[Fate, int]], float, float], ...] = (
        (CALLS, 310, [], 0.05, 5 * MINUTE),
        (REVIEWS, 2_600, [(BUSY, 44), (SERVER_ERROR, 6)], 0.2, 9 * MINUTE),
        (INVOICES, 480, [(TOO_LONG, 2)], 0.41, 3 * MINUTE),
        (TICKETS, 1_520, [(SERVER_ERROR, 4)], 0.74, 38.0),
    )
    for kind, count, trouble, at, left in moving:
        about = teller.about(teller.title(kind, 0), kind)
        seeder.moving(teller.ask(kind, count, trouble), teller.filename(kind, 0), about, at=at, left=left)
    about = teller.about(teller.title(ARTICLES, 0), ARTICLES)
    articles = teller.ask(ARTICLES, 360)
    job = seeder.moving(articles, teller.filename(ARTICLES, 0), about, at=0.998, left=2.0)
    seeder.finalizing(job, since=40.0, left=25.0)
    about = teller.about("Product descriptions, wrong tone", CATALOGUE)
    skus = teller.ask(CATALOGUE, 860)
    job = seeder.moving(skus, "skus-wrong-tone.jsonl", about, at=0.5, left=20 * MINUTE)
    seeder.cancelling(job, since=70.0, left=50.0)
    about = teller.about("Translate interface strings to Dutch", STRINGS)
    strings = teller.ask(STRINGS, 512, [(SERVER_ERROR, 2)])
    seeder.waiting(strings, "strings-nl.jsonl", about, begins_in=12.0, age=9.0, work=100.0)


def _to_come(teller: Teller) -> None:
    """Batches that someone else creates while the user looks on."""
    for kind, wait, count, work in (
        (COMMENTS, 75.0, 840, 4 * MINUTE),
        (TICKETS, 4 * MINUTE, 220, 3 * MINUTE),
        (JUDGE, 9 * MINUTE, 160, 5 * MINUTE),
        (REVIEWS, 15 * MINUTE, 600, 8 * MINUTE),
    ):
        about = teller.about(f"{teller.title(kind, 0)}, late", kind)
        requests = teller.ask(kind, count, [(BUSY, 2)])
        teller.seeder.waiting(
            requests, teller.filename(kind, 0), about, begins_in=wait + 15, age=-wait, work=work
        )
