"""Paid work is never lost and never made twice: every step, every fault, kill -9, over a real socket."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.end_to_end.fault_cases import Case, Outcome, Play, cases
from tests.end_to_end.zygote import Zygote

pytestmark = [
    pytest.mark.posix,
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork and kill -9"),
]

CASES = cases()
AT_ONCE = max(6, 3 * (os.cpu_count() or 2))
"""Cases played side by side: most of their time is patience, not work."""


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Starts the program's processes."""
    started = Zygote()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def outcome_of(
    request: pytest.FixtureRequest, zygote: Zygote, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Case], Outcome]]:
    """Plays all the cases that were asked for at once, and gives each one's outcome."""
    folder = tmp_path_factory.mktemp("faults")
    wanted = [
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and "case" in item.callspec.params
    ]
    played: dict[str, Future[Outcome]] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number, case in enumerate(case for case in CASES if case in wanted):
            played[case.name] = pool.submit(Play(case, zygote, folder / str(number)).run)
        yield lambda case: played[case.name].result(timeout=120)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_one_batch_in_the_end_or_a_clear_refusal(case: Case, outcome_of: Callable[[Case], Outcome]) -> None:
    outcome = outcome_of(case)
    assert outcome.problems == [], outcome.stderr
    assert outcome.batches == case.batches, outcome.stderr


def test_the_suite_says_how_many_cases_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nfault suite: {len(CASES)} cases of create and retry")
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
