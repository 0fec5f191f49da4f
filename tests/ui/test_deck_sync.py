"""What the deck says of the service: asking, pausing, trouble, what ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batchdeck.errors import BadAnswer, BatchdeckError, KeyRefused, NoKey, Unreachable
from batchdeck.models.batch import BatchStatus, RequestCounts
from tests.fakes.batches import NOON, make_batch
from tests.ui.deck_support import PROFILE, Deck, ages, deck

pytestmark = pytest.mark.anyio
RUNNING = make_batch("runs", BatchStatus.IN_PROGRESS, age=600, counts=(100, 40, 0), in_progress_at=NOON)


def lists(d: Deck) -> int:
    return sum(call.method == "list_batches" for call in d.api.calls)


async def test_the_history_is_shown_before_the_service_is_asked(tmp_path: Path) -> None:
    async with deck(tmp_path, stored=ages(3), settle=False) as d:
        assert "batch_000" in d.text()


async def test_refresh_asks_now(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        before = lists(d)
        await d.press("R")
        await d.until(lambda: lists(d) == before + 1)


async def test_pause_stops_asking_and_says_so(tmp_path: Path) -> None:
    async with deck(tmp_path, [RUNNING]) as d:
        await d.press("p")
        await d.until(lambda: "PAUSED" in d.status)
        assert d.app.poller is not None
        assert d.app.poller.next_in is None
        before = lists(d)
        await d.press("R")
        await d.until(lambda: lists(d) == before + 1)
        assert "PAUSED" in d.status
        await d.press("p")
        await d.until(lambda: lists(d) == before + 2)
        await d.until(lambda: "PAUSED" not in d.status)


async def test_counts_that_move_are_shown(tmp_path: Path) -> None:
    async with deck(tmp_path, [RUNNING]) as d:
        assert "40%" in d.text()
        d.api.batches[0] = replace(RUNNING, counts=RequestCounts(100, 75, 5))
        await d.refreshed()
        await d.sees("80%")
        assert "75" in d.text()


async def test_a_batch_that_ends_is_told(tmp_path: Path) -> None:
    async with deck(tmp_path, [RUNNING]) as d:
        d.api.batches[0] = replace(
            RUNNING,
            status=BatchStatus.COMPLETED,
            raw_status="completed",
            counts=RequestCounts(100, 88, 12),
            completed_at=NOON,
        )
        await d.refreshed()
        await d.until(lambda: d.toasts())
        assert d.toasts() == ["batch_runs: completed, 12 of 100 failed"]


async def test_a_batch_the_service_lost_stays_and_is_marked(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        del d.api.batches[0]
        await d.refreshed()
        await d.sees("† completed")
        assert "no longer lists it" in d.text()
        assert d.listing.total == 3


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            NoKey("No API key was found.", hint="Set OPENAI_API_KEY."),
            "No API key was found. Set OPENAI_API_KEY.",
        ),
        (NoKey("The key command failed."), "The key command failed."),
    ],
)
async def test_without_a_key_the_rows_stay_and_the_way_out_is_said(
    tmp_path: Path, error: BatchdeckError, sentence: str
) -> None:
    async with deck(tmp_path, stored=[RUNNING], refuses=lambda: error) as d:
        await d.sees(sentence)
        assert "OFFLINE" in d.status
        assert "●?in progress" in d.text()
        await d.press("x")
        assert any(sentence in toast for toast in d.toasts())


async def test_refresh_tries_again_to_connect(tmp_path: Path) -> None:
    errors: list[BatchdeckError] = [NoKey("No key.")]
    async with deck(tmp_path, ages(2), refuses=lambda: errors[0] if errors else None) as d:
        await d.sees("No key.")
        errors.clear()
        await d.press("R")
        await d.until(lambda: "OFFLINE" not in d.status and d.app.poller)
        assert "No key." not in d.text()


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("The service cannot be reached; nothing was sent.", hint="Check the network."),
        KeyRefused("The service does not accept the key."),
        BadAnswer("The service answered a web page."),
    ],
)
async def test_trouble_is_one_sentence_over_the_cached_rows_and_goes_when_it_is_over(
    tmp_path: Path, error: BatchdeckError
) -> None:
    async with deck(tmp_path, ages(3)) as d:
        d.api.crash("list_batches", error)
        await d.refreshed()
        await d.sees(error.line[:60])
        assert "OFFLINE since 12:00" in d.status
        assert "batch_002" in d.text()
        await d.refreshed()
        await d.until(lambda: "OFFLINE" not in d.status)
        assert error.sentence not in d.text()


async def test_the_history_is_filled_page_by_page_behind_the_list(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(450), stored=()) as d:
        await d.until(lambda: d.listing.total == 450)
        assert "page 1 of" in d.status


async def test_it_ticks_while_a_batch_is_active_and_somebody_looks(tmp_path: Path) -> None:
    async with deck(tmp_path, [RUNNING]) as d:
        assert "next in" in d.status
        d.app.app_focus = False
        await d.until(lambda: "as of 12:00:00" in d.status)
        d.app.app_focus = True
        await d.until(lambda: "next in" in d.status)


async def test_with_nothing_active_the_line_stands_still(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        assert "as of 12:00:00" in d.status
        assert "next in" not in d.status
        assert not d.main._is_ticking


async def test_another_profile_is_shown_in_place_of_the_first(tmp_path: Path) -> None:
    other = replace(PROFILE, name="other", base_url="http://other.invalid/v1", read_only=True)
    settings = {"profiles": {"test": PROFILE, "other": other}}
    async with deck(tmp_path, ages(3), settings=settings) as d:
        d.api.batches = [make_batch("elsewhere", age=5)]
        await d.press("P")
        assert "other.invalid" in d.text()
        await d.press("j", "enter")
        await d.until(lambda: d.shown == ["batch_elsewhere"])
        assert "other READ-ONLY" in d.status


async def test_an_error_that_is_not_the_service_s_is_told_and_asking_goes_on(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(3)) as d:
        d.api.crash("list_batches", ValueError("something unforeseen"))
        await d.refreshed()
        await d.until(lambda: any("something unforeseen" in toast for toast in d.toasts()))
        d.api.batches.insert(0, make_batch("new", created_at=NOON))
        await d.refreshed()
        await d.until(lambda: "batch_new" in d.shown)
