"""The batches of the story that something went wrong with."""

from __future__ import annotations

from batchdeck.sandbox.job import DAY, Job
from batchdeck.sandbox.lifecycle import token_limit_words
from batchdeck.sandbox.rules import Ending, Fate, http_failure, not_run
from batchdeck.sandbox.seeds import SeededRequests, scattered
from batchdeck.sandbox.story_texts import (
    CALLS,
    CATALOGUE,
    CLAUSES,
    COMMENTS,
    JUDGE,
    PRODUCTS,
    REVIEWS,
    STRINGS,
    TICKETS,
)
from batchdeck.sandbox.teller import BUSY, HOUR, MINUTE, MISSING, SERVER_ERROR, TOO_LONG, Teller

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


def many_codes(teller: Teller) -> None:
    """Nine failure codes, rows in neither file, and rows that came twice."""
    wanted = [
        (SERVER_ERROR, 61),
        (BUSY, 112),
        (TOO_LONG, 23),
        (http_failure(400, "content_policy_violation"), 9),
        (http_failure(503), 17),
        (http_failure(429, "insufficient_quota"), 38),
        (not_run("timeout"), 14),
        (http_failure(400, "string_above_max_length"), 6),
        (Fate(Ending.STATUS_ZERO, status=0), 11),
        (MISSING, 7),
        (Fate(copies=2), 3),
    ]
    requests = teller.ask(REVIEWS, 4_000, wanted)
    teller.ended(
        REVIEWS,
        requests,
        age=7.2 * HOUR,
        took=5.6 * HOUR,
        title="Customer feedback labels, third quarter",
        more={"quarter": "2026-Q3"},
    )


def retried_twice(teller: Teller) -> None:
    """A chain of three: expired, sent again with failures, sent once more."""
    whole = teller.ask(CLAUSES, 1_200, [(SERVER_ERROR, 6)])
    share = 0.55
    age = 3.4 * DAY
    first = teller.ended(
        CLAUSES,
        whole,
        age=age,
        took=DAY + 4 * MINUTE,
        status="expired",
        share=share,
        rest_code="batch_expired",
    )
    open_places = _unanswered(first, whole)
    second_requests = whole.subset(open_places, scattered(len(open_places), [(BUSY, 31), (TOO_LONG, 4)], 7))
    second = teller.ended(
        CLAUSES,
        second_requests,
        age=age - DAY - 2 * HOUR,
        took=6.3 * HOUR,
        title=f"{CLAUSES.title} (retry)",
        more={"retry_of": first.id},
    )
    still_busy = [number for number, fate in second_requests.special.items() if fate == BUSY]
    third_requests = second_requests.subset(sorted(still_busy))
    teller.ended(
        CLAUSES,
        third_requests,
        age=age - DAY - 13 * HOUR,
        took=0.7 * HOUR,
        title=f"{CLAUSES.title} (retry 2)",
        more={"retry_of": second.id},
    )


def _unanswered(job: Job, requests: SeededRequests) -> list[int]:
    if job.order is None:
        return []
    return [
        number
        for number in range(requests.count)
        if job.order.place_of(number) >= job.done or not requests.fate(number).is_answer
    ]


def nothing_but_errors(teller: Teller) -> None:
    """Completed, with an error file alone."""
    denied = http_failure(
        403, "model_not_found", "Project `proj_research` does not have access to `gpt-5-mini`."
    )
    requests = teller.ask(JUDGE, 150, [(denied, 150)])
    age = 2.1 * DAY
    teller.ended(JUDGE, requests, age=age, took=0.4 * HOUR, title="Eval run 43, judge with new project key")


def counts_that_lie(teller: Teller) -> None:
    """Counts that say all is well over files that say otherwise."""
    requests = teller.ask(
        COMMENTS, 1_000, [(Fate(Ending.STATUS_ZERO, status=0), 24), (SERVER_ERROR, 37), (MISSING, 5)]
    )
    job = teller.ended(
        COMMENTS,
        requests,
        age=1.6 * DAY,
        took=2.5 * HOUR,
        title="Comment moderation backfill, forum archive",
    )
    job.counts_override = (1_000, 1_000, 0)


def in_three_parts(teller: Teller) -> None:
    """One file that was split: two parts have ended, one is at work."""
    group = {"batchdeck_group": "grp_7c41f09ad2"}
    for part, (status, count) in enumerate((("ended", 5_000), ("ended", 5_000), ("moving", 2_348)), start=1):
        title = f"{PRODUCTS.title}, part {part} of 3"
        requests = teller.ask(PRODUCTS, count, [(SERVER_ERROR, 4)] if part == 2 else ())
        more = {**group, "batchdeck_part": f"{part}/3"}
        age = 5.2 * HOUR - part * 40
        if status == "ended":
            took = (3.1 + part * 0.4) * HOUR
            teller.ended(PRODUCTS, requests, age=age, took=took, title=title, more=more)
        else:
            about = teller.about(title, PRODUCTS, more)
            teller.seeder.moving(requests, teller.filename(PRODUCTS, age), about, at=0.87, left=26 * MINUTE)


def refused(teller: Teller) -> None:
    """Validation that failed: five bad lines, and a full queue."""
    duplicate = TICKETS.request(TICKETS.asked[0][0])
    text = str(duplicate).replace("'", '"')
    broken = {
        16: '{"custom_id": "ticket-backlog-17", "method": "POST", "url": "/v1/chat/comp',
        17: 'letions", "body": {"model": "gpt-4o-mini"}}',
        202: text.replace("{n}", f"{teller.next_number + 11:06d}"),
        511: text.replace("{n}", "990001").replace("/v1/chat/completions", "/v1/embeddings"),
        1_043: text.replace("{n}", "990002").replace("gpt-4o-mini", "gpt-4o"),
    }
    requests = teller.ask(TICKETS, 1_900, broken=broken)
    teller.seeder.refused(
        requests,
        "ticket-backlog-2019-2021.jsonl",
        teller.about("Ticket backlog 2019 to 2021", TICKETS),
        age=9.1 * HOUR,
        errors=_BACKLOG_ERRORS,
    )
    teller.seeder.refused(
        teller.ask(CATALOGUE, 4_800),
        "skus-spring.jsonl",
        teller.about("Product descriptions, spring catalogue", CATALOGUE),
        age=30.4 * HOUR,
        errors=[
            ("token_limit_exceeded", token_limit_words("gpt-4o", 300_000), None, None),
        ],
    )


def stopped(teller: Teller) -> None:
    """Partial results: one cancelled, one expired."""
    teller.ended(
        CALLS,
        teller.ask(CALLS, 700),
        age=5.3 * DAY,
        took=1.2 * HOUR,
        title="Call summaries, wrong prompt",
        status="cancelled",
        share=0.31,
        rest_code="batch_cancelled",
    )
    teller.ended(
        STRINGS,
        teller.ask(STRINGS, 900, [(SERVER_ERROR, 3)]),
        age=11.6 * DAY,
        took=DAY + 3 * MINUTE,
        title="Translate help texts to Finnish",
        status="expired",
        share=0.92,
        rest_code="batch_expired",
    )
