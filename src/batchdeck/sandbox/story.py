"""The demo's story: what a team of a mid-sized shop had batches do in the last thirty days."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from batchdeck.sandbox.job import DAY, Job
from batchdeck.sandbox.lifecycle import token_limit_words
from batchdeck.sandbox.rules import Ending, Fate, http_failure, not_run
from batchdeck.sandbox.seeder import Seeder
from batchdeck.sandbox.seeds import SeededRequests, scattered
from batchdeck.sandbox.story_texts import (
    ARTICLES,
    CALLS,
    CATALOGUE,
    CLAUSES,
    COMMENTS,
    INVOICES,
    JUDGE,
    PRODUCTS,
    REVIEWS,
    SLOGANS,
    STRINGS,
    TICKETS,
    Kind,
)

HOUR = 3_600.0
MINUTE = 60.0

_SERVER = http_failure(500)
_BUSY = http_failure(429)
_LONG = http_failure(400, "context_length_exceeded")
_POLICY = http_failure(400, "content_policy_violation")
_MISSING = Fate(Ending.MISSING)
_REPEATED = Fate(copies=2)


class Story:
    """Some 150 batches, relative to one moment."""

    def __init__(self, seeder: Seeder, chance: random.Random) -> None:
        self._seeder = seeder
        self._chance = chance
        self._first = 1_000

    def tell(self) -> None:
        """All of it, oldest first where it matters."""
        self._everyday()
        self._many_codes()
        self._retried_twice()
        self._nothing_but_errors()
        self._counts_that_lie()
        self._in_three_parts()
        self._refused()
        self._stopped()
        self._moving()
        self._to_come()

    def _day(self, age: float) -> str:
        return datetime.fromtimestamp(self._seeder.now - age, UTC).strftime("%Y-%m-%d")

    def _title(self, kind: Kind, age: float) -> str:
        return kind.title.format(day=self._day(age))

    def _ask(
        self,
        kind: Kind,
        count: int,
        special: Sequence[tuple[Fate, int]] = (),
        broken: dict[int, str] | None = None,
    ) -> SeededRequests:
        first = self._first
        self._first += count
        fates = scattered(count, special, first)
        return SeededRequests(kind, range(first, first + count), fates, broken=broken)

    @staticmethod
    def _about(title: str, kind: Kind, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"description": title, "team": kind.team, **(more or {})}

    def _everyday(self) -> None:
        chance = self._chance
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
                    trouble.append((_SERVER, chance.randrange(1, 9)))
                if chance.random() < 0.12:
                    trouble.append((_BUSY, chance.randrange(2, 25)))
                if kind.endpoint != ARTICLES.endpoint and chance.random() < 0.1:
                    trouble.append((_LONG, chance.randrange(1, 4)))
                took = chance.uniform(0.3, 5.0) * HOUR
                self._ended(kind, self._ask(kind, count, trouble), age=age, took=took)
        for number, age in enumerate((26.3, 19.1, 12.2), start=1):
            title = f"{CATALOGUE.title}, batch {number}"
            self._ended(CATALOGUE, self._ask(CATALOGUE, 640), age=age * DAY, took=3 * HOUR, title=title)
        for language, age in (("French", 22.4), ("German", 22.2), ("Portuguese", 21.9), ("Polish", 21.8)):
            title = f"Translate interface strings to {language}"
            self._ended(STRINGS, self._ask(STRINGS, 512), age=age * DAY, took=0.6 * HOUR, title=title)
        self._ended(SLOGANS, self._ask(SLOGANS, 48), age=16.5 * DAY, took=0.2 * HOUR)

    def _ended(
        self,
        kind: Kind,
        requests: SeededRequests,
        *,
        age: float,
        took: float,
        title: str = "",
        status: str = "completed",
        share: float = 1.0,
        rest_code: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Job:
        about = self._about(title or self._title(kind, age), kind, more)
        return self._seeder.ended(
            requests,
            self._filename(kind, age),
            about,
            age=age,
            took=took,
            status=status,
            share=share,
            rest_code=rest_code,
        )

    def _filename(self, kind: Kind, age: float) -> str:
        return f"{kind.prefix}s-{self._day(age)}.jsonl"

    def _many_codes(self) -> None:
        """Nine failure codes, rows in neither file, and rows that came twice."""
        wanted = [
            (_SERVER, 61),
            (_BUSY, 112),
            (_LONG, 23),
            (_POLICY, 9),
            (http_failure(503), 17),
            (http_failure(429, "insufficient_quota"), 38),
            (not_run("timeout"), 14),
            (http_failure(400, "string_above_max_length"), 6),
            (Fate(Ending.STATUS_ZERO, status=0), 11),
            (_MISSING, 7),
            (_REPEATED, 3),
        ]
        requests = self._ask(REVIEWS, 4_000, wanted)
        self._ended(
            REVIEWS,
            requests,
            age=7.2 * HOUR,
            took=5.6 * HOUR,
            title="Customer feedback labels, third quarter",
            more={"quarter": "2026-Q3"},
        )

    def _retried_twice(self) -> None:
        """A chain of three: expired, sent again with failures, sent once more."""
        whole = self._ask(CLAUSES, 1_200, [(_SERVER, 6)])
        share = 0.55
        age = 3.4 * DAY
        first = self._ended(
            CLAUSES,
            whole,
            age=age,
            took=DAY + 4 * MINUTE,
            status="expired",
            share=share,
            rest_code="batch_expired",
        )
        open_places = self._unanswered(first, whole)
        second_requests = whole.subset(open_places, scattered(len(open_places), [(_BUSY, 31), (_LONG, 4)], 7))
        second = self._ended(
            CLAUSES,
            second_requests,
            age=age - DAY - 2 * HOUR,
            took=6.3 * HOUR,
            title=f"{CLAUSES.title} (retry)",
            more={"retry_of": first.id},
        )
        still_open = self._unanswered(second, second_requests)
        third_requests = second_requests.subset(still_open, scattered(len(still_open), [(_LONG, 4)], 8))
        self._ended(
            CLAUSES,
            third_requests,
            age=age - DAY - 13 * HOUR,
            took=0.7 * HOUR,
            title=f"{CLAUSES.title} (retry 2)",
            more={"retry_of": second.id},
        )

    @staticmethod
    def _unanswered(job: Job, requests: SeededRequests) -> list[int]:
        if job.order is None:
            return []
        return [
            number
            for number in range(requests.count)
            if job.order.place_of(number) >= job.done or not requests.fate(number).is_answer
        ]

    def _nothing_but_errors(self) -> None:
        denied = http_failure(
            403, "model_not_found", "Project `proj_research` does not have access to `gpt-5-mini`."
        )
        requests = self._ask(JUDGE, 150, [(denied, 150)])
        age = 2.1 * DAY
        self._ended(
            JUDGE, requests, age=age, took=0.4 * HOUR, title="Eval run 43, judge with new project key"
        )

    def _counts_that_lie(self) -> None:
        requests = self._ask(
            COMMENTS, 1_000, [(Fate(Ending.STATUS_ZERO, status=0), 24), (_SERVER, 37), (_MISSING, 5)]
        )
        job = self._ended(
            COMMENTS,
            requests,
            age=1.6 * DAY,
            took=2.5 * HOUR,
            title="Comment moderation backfill, forum archive",
        )
        job.counts_override = (1_000, 1_000, 0)

    def _in_three_parts(self) -> None:
        group = {"batchdeck_group": "grp_7c41f09ad2"}
        for part, (status, count) in enumerate(
            (("ended", 5_000), ("ended", 5_000), ("moving", 2_348)), start=1
        ):
            title = f"{PRODUCTS.title}, part {part} of 3"
            requests = self._ask(PRODUCTS, count, [(_SERVER, 4)] if part == 2 else ())
            more = {**group, "batchdeck_part": f"{part}/3"}
            age = 5.2 * HOUR - part * 40
            if status == "ended":
                took = (3.1 + part * 0.4) * HOUR
                self._ended(PRODUCTS, requests, age=age, took=took, title=title, more=more)
            else:
                about = self._about(title, PRODUCTS, more)
                self._seeder.moving(requests, self._filename(PRODUCTS, age), about, at=0.87, left=26 * MINUTE)

    def _refused(self) -> None:
        duplicate = TICKETS.request(TICKETS.asked[0][0])
        text = str(duplicate).replace("'", '"')
        broken = {
            16: '{"custom_id": "ticket-backlog-17", "method": "POST", "url": "/v1/chat/comp',
            17: 'letions", "body": {"model": "gpt-4o-mini"}}',
            202: text.replace("{n}", f"{self._first + 11:06d}"),
            511: text.replace("{n}", "990001").replace("/v1/chat/completions", "/v1/embeddings"),
            1_043: text.replace("{n}", "990002").replace("gpt-4o-mini", "gpt-4o"),
        }
        requests = self._ask(TICKETS, 1_900, broken=broken)
        self._seeder.refused(
            requests,
            "ticket-backlog-2019-2021.jsonl",
            self._about("Ticket backlog 2019 to 2021", TICKETS),
            age=9.1 * HOUR,
            errors=_BACKLOG_ERRORS,
        )
        self._seeder.refused(
            self._ask(CATALOGUE, 4_800),
            "skus-spring.jsonl",
            self._about("Product descriptions, spring catalogue", CATALOGUE),
            age=30.4 * HOUR,
            errors=[
                ("token_limit_exceeded", token_limit_words("gpt-4o", 300_000), None, None),
            ],
        )

    def _stopped(self) -> None:
        self._ended(
            CALLS,
            self._ask(CALLS, 700),
            age=5.3 * DAY,
            took=1.2 * HOUR,
            title="Call summaries, wrong prompt",
            status="cancelled",
            share=0.31,
            rest_code="batch_cancelled",
        )
        self._ended(
            STRINGS,
            self._ask(STRINGS, 900, [(_SERVER, 3)]),
            age=11.6 * DAY,
            took=DAY + 3 * MINUTE,
            title="Translate help texts to Finnish",
            status="expired",
            share=0.92,
            rest_code="batch_expired",
        )

    def _moving(self) -> None:
        seeder = self._seeder
        slow = self._about("Archive labels 1998 to 2014", TICKETS, {"priority": "low"})
        requests = self._ask(TICKETS, 12_000, [(_BUSY, 140)])
        seeder.moving(requests, "archive-1998-2014.jsonl", slow, at=0.38, left=23.4 * HOUR * 0.62 / 0.38)
        moving: tuple[tuple[Kind, int, list[tuple[Fate, int]], float, float], ...] = (
            (CALLS, 310, [], 0.05, 5 * MINUTE),
            (REVIEWS, 2_600, [(_BUSY, 44), (_SERVER, 6)], 0.2, 9 * MINUTE),
            (INVOICES, 480, [(_LONG, 2)], 0.41, 3 * MINUTE),
            (TICKETS, 1_520, [(_SERVER, 4)], 0.74, 38.0),
        )
        for kind, count, trouble, at, left in moving:
            about = self._about(self._title(kind, 0), kind)
            seeder.moving(self._ask(kind, count, trouble), self._filename(kind, 0), about, at=at, left=left)
        about = self._about(self._title(ARTICLES, 0), ARTICLES)
        articles = self._ask(ARTICLES, 360)
        job = seeder.moving(articles, self._filename(ARTICLES, 0), about, at=0.998, left=2.0)
        seeder.finalizing(job, since=40.0, left=25.0)
        about = self._about("Product descriptions, wrong tone", CATALOGUE)
        skus = self._ask(CATALOGUE, 860)
        job = seeder.moving(skus, "skus-wrong-tone.jsonl", about, at=0.5, left=20 * MINUTE)
        seeder.cancelling(job, since=70.0, left=50.0)
        about = self._about("Translate interface strings to Dutch", STRINGS)
        strings = self._ask(STRINGS, 512, [(_SERVER, 2)])
        seeder.waiting(strings, "strings-nl.jsonl", about, begins_in=12.0, age=9.0, work=100.0)

    def _to_come(self) -> None:
        """Batches that someone else creates while the user looks on."""
        for kind, wait, count, work in (
            (COMMENTS, 75.0, 840, 4 * MINUTE),
            (TICKETS, 4 * MINUTE, 220, 3 * MINUTE),
            (JUDGE, 9 * MINUTE, 160, 5 * MINUTE),
            (REVIEWS, 15 * MINUTE, 600, 8 * MINUTE),
        ):
            about = self._about(f"{self._title(kind, 0)}, late", kind)
            requests = self._ask(kind, count, [(_BUSY, 2)])
            self._seeder.waiting(
                requests, self._filename(kind, 0), about, begins_in=wait + 15, age=-wait, work=work
            )


_PARSE = "This line is not parseable as valid JSON."
_BACKLOG_ERRORS = (
    ("invalid_json_line", _PARSE, 17, None),
    ("invalid_json_line", _PARSE, 18, None),
    (
        "duplicate_custom_id",
        "The custom_id for this request is a duplicate of another request. "
        "The custom_id parameter must be unique for each request in a batch.",
        203,
        "custom_id",
    ),
    (
        "url_mismatch",
        "The URL provided for this request does not match the prefix expected for the batch endpoint.",
        512,
        "url",
    ),
    (
        "model_mismatch",
        "The model 'gpt-4o' does not match the model of the first request: 'gpt-4o-mini'. "
        "All requests in a batch must use the same model.",
        1_044,
        "body.model",
    ),
)
