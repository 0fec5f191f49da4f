"""How the deck ends when it must."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from batchdeck.config.settings import Settings
from batchdeck.errors import NewerHistory, UsageError
from batchdeck.models.account import Profile
from batchdeck.services.facade import Services
from batchdeck.ui.app import BatchdeckApp
from tests.ui.deck_support import PROFILE, ages, deck

pytestmark = pytest.mark.anyio
SECRET = "sk-" + "secret" * 5


async def test_a_crash_report_holds_no_local_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = StringIO()
    with pytest.raises(ZeroDivisionError):
        async with deck(tmp_path, ages(3)) as d:
            d.app.error_console = Console(file=report, markup=False, highlight=False, width=200)

            def crash() -> None:
                api_key = SECRET
                assert api_key
                _ = 1 / 0

            d.app.call_later(crash)
            await d.until(lambda: not d.app.is_running)
    written = report.getvalue()
    assert "ZeroDivisionError" in written
    assert "batchdeck crashed" in written
    assert SECRET not in written


async def test_a_history_that_cannot_be_opened_ends_the_deck_with_its_sentence(tmp_path: Path) -> None:
    async def open_services(profile: Profile) -> Services:
        raise NewerHistory("The history was written by a newer batchdeck.", hint="Update batchdeck.")

    async def connect(services: Services) -> Services:
        raise AssertionError("never reached")

    app = BatchdeckApp(Settings(profile=PROFILE), open_services, connect)
    report = StringIO()
    app.error_console = Console(file=report, markup=False, highlight=False, width=200)
    async with app.run_test() as pilot:
        await pilot.pause()
    assert app.return_code == 3
    assert "The history was written by a newer batchdeck. Update batchdeck." in report.getvalue()


async def test_stop_ends_with_the_code_it_is_given_even_while_work_runs(tmp_path: Path) -> None:
    import asyncio

    async with deck(tmp_path, ages(3)) as d:

        async def work(told: object) -> None:
            await asyncio.Event().wait()

        d.app.start_work("Waiting", work)
        await d.pilot.pause()
        d.app.stop(143)
        await d.until(lambda: not d.app.is_running)
        assert d.app.return_code == 143
    assert sys.exc_info() == (None, None, None)


async def test_a_read_that_fails_is_told_and_the_rows_stay(tmp_path: Path) -> None:
    async with deck(tmp_path, ages(60)) as d:
        before = d.shown
        await d.history.close()
        await d.press("right_square_bracket")
        await d.until(lambda: d.toasts())
        assert d.app.is_running
        assert d.shown == before


async def test_a_theme_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        async with deck(tmp_path, ages(3), settings={"theme": "no-such-theme"}):
            raise AssertionError("it opened")
    assert "'no-such-theme'" in refused.value.line
    assert "light, ansi, " in refused.value.line
    assert "nord" in refused.value.line
