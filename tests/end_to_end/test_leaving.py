"""However the deck is ended, it ends soon, the terminal is as it was and the history is whole."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.end_to_end.conftest import Home, ServedSandbox
from tests.end_to_end.terminal import Terminal

pytestmark = pytest.mark.posix

ALTERNATE_SCREEN_OFF = b"\x1b[?1049l"
SECONDS = 2.0


def history_is_whole(home: Home) -> bool:
    (path,) = home.folder.rglob("history.sqlite3")
    with closing(sqlite3.connect(path)) as history:
        return history.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.fixture
def deck(serve: Callable[..., ServedSandbox], open_terminal: Callable[..., Terminal]) -> Terminal:
    """A deck over 250 batches."""
    terminal = open_terminal(url=serve("--seed-batches", "250").url)
    terminal.wait_for("of 250")
    return terminal


@pytest.mark.parametrize(("how", "code"), [("SIGHUP", 129), ("SIGTERM", 143), ("q", 0)])
def test_it_ends_soon_and_leaves_the_terminal_as_it_was(
    deck: Terminal, home: Home, how: str, code: int
) -> None:
    start = time.monotonic()
    if how == "q":
        deck.send("q")
    else:
        os.kill(deck.process.pid, getattr(signal, how))
    assert deck.wait_end() == code
    assert time.monotonic() - start < SECONDS
    assert ALTERNATE_SCREEN_OFF in deck.output
    assert history_is_whole(home)


def test_it_ends_when_the_terminal_is_closed(deck: Terminal, home: Home) -> None:
    start = time.monotonic()
    assert deck.hang_up() == 129
    assert time.monotonic() - start < SECONDS
    assert history_is_whole(home)


def test_a_terminal_that_cannot_draw_gets_a_sentence(home: Home) -> None:
    done = home.run(url=None)
    assert done.returncode == 2
    assert "terminal" in done.stderr
    assert len(done.stderr.splitlines()) == 1
