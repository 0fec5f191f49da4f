"""The words that choose how a request ends."""

from __future__ import annotations

import re

import pytest

from batchdeck.sandbox.guide import RULES
from batchdeck.sandbox.moods import BatchMood
from batchdeck.sandbox.order import WorkOrder
from batchdeck.sandbox.rules import ANSWERED, Ending, fate_of


@pytest.mark.parametrize(
    ("text", "ending", "status", "code"),
    [
        ("[[fail:404]]", Ending.HTTP, 404, "model_not_found"),
        ("[[fail:429]]", Ending.HTTP, 429, "rate_limit_exceeded"),
        ("[[fail:418]]", Ending.HTTP, 418, "http_418"),
        ("[[http:500]]", Ending.HTTP, 500, "server_error"),
        ("[[fail:400:my_code:my: words]]", Ending.HTTP, 400, "my_code"),
        ("[[context]]", Ending.HTTP, 400, "context_length_exceeded"),
        ("[[error:batch_failed]]", Ending.NOT_RUN, 0, "batch_failed"),
        ("[[expire]]", Ending.UNRUN, 0, "batch_expired"),
        ("[[missing]]", Ending.MISSING, 0, ""),
        ("[[status0]]", Ending.STATUS_ZERO, 0, ""),
        ("[[once:quota]]", Ending.HTTP, 429, "insufficient_quota"),
    ],
)
def test_words_choose_an_ending(text: str, ending: Ending, status: int, code: str) -> None:
    fate = fate_of(f'{{"content": "please {text} now"}}'.encode())
    assert (fate.ending, fate.status, fate.code) == (ending, status, code)


def test_words_add_up() -> None:
    fate = fate_of(b"[[fail:500]] [[repeat]] [[torn]]")
    assert (fate.status, fate.copies, fate.torn) == (500, 2, True)


def test_words_are_read_as_json_text() -> None:
    assert fate_of(rb'"[[say:caf\u00e9 \"x\"]]"').say == 'café "x"'


@pytest.mark.parametrize(
    "text", ["[[Wiki link]]", "[[1,2],[3,4]]", "[[missing:x]]", "[[]]", "[[once:nothing]]", "[[", "]]"]
)
def test_other_words_are_the_users_own(text: str) -> None:
    assert fate_of(text.encode()) == ANSWERED


def test_every_word_of_the_guide_is_understood() -> None:
    known = {"[[once:WORD]]": "[[once:rate]]", "[[twice:WORD]]": "[[twice:rate]]"}
    marks = set(re.findall(r"\[\[[^\[\]]+\]\]", RULES))
    assert len(marks) > 20
    for mark in marks:
        told = known.get(mark, mark).replace("STATUS", "503").replace("CHARACTERS", "50")
        assert fate_of(told.encode()) != ANSWERED, mark


def test_moods_of_a_batch_are_read_from_its_metadata() -> None:
    mood = BatchMood.of({"sandbox_mood": "slow:3, expire:60:20,quiet"})
    assert "quiet" in mood
    assert mood.number("slow", 1.0) == 3.0
    assert mood.argument("expire") == "60:20"
    assert "hang" not in mood


@pytest.mark.parametrize("count", [1, 2, 3, 10, 997, 1_000])
def test_the_work_order_is_a_permutation_with_an_inverse(count: int) -> None:
    for seed in (0, 1, 12_345):
        order = WorkOrder(count, seed)
        places = [order.request_at(place) for place in range(count)]
        assert sorted(places) == list(range(count))
        assert [order.place_of(request) for request in places] == list(range(count))
