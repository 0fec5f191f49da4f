"""The benchmark's own sums; the budgets themselves are measured by `python -m tests.bench`."""

from __future__ import annotations

import json
import sys

import pytest

pytest.importorskip("ptyprocess", reason="the deck is measured in a POSIX terminal")

from tests.bench.__main__ import all_rows, main
from tests.bench.row import amount, ratio
from tests.bench.terminal import Terminal, cursor_row

pytestmark = pytest.mark.posix


def test_a_ratio_holds_up_to_its_budget() -> None:
    assert ratio("r", "w", 13.0, 10.0, "ms", 1.3).holds
    assert not ratio("r", "w", 13.1, 10.0, "ms", 1.3).holds
    assert not ratio("r", "w", 1.0, 0.0, "ms", 1.3).holds
    assert amount("r", "w", 0.0, "B/s", 0.0).holds
    assert not amount("r", "w", 1.0, "B/s", 0.0).holds


def test_a_result_can_be_read_by_a_machine() -> None:
    told = json.loads(json.dumps(ratio("r", "what", 3.0, 2.0, "s", 1.0, "note").as_json()))
    assert (told["row"], told["ours"], told["theirs"], told["value"]) == ("r", 3.0, 2.0, 1.5)
    assert told["holds"] is False


def test_every_row_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    names = [row.name for row in all_rows()]
    assert len(names) == len(set(names)) >= 12
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == names


def test_an_unknown_row_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "nothing"])
    assert ended.value.code == 2
    assert "no such row: nothing" in capsys.readouterr().err


PROGRAM = r"""
import sys, tty
tty.setcbreak(0)
sys.stdout.write("\x1b[2J\x1b[1;1H\x1b[41mrow one\x1b[0m\x1b[2;1Hrow two"); sys.stdout.flush()
while sys.stdin.read(1) != "j":
    pass
sys.stdout.write("\x1b[1;1Hrow one\x1b[2;1H\x1b["); sys.stdout.flush()
sys.stdout.write("41mrow two\x1b[0m"); sys.stdout.flush()
sys.stdin.read(1)
"""


def test_the_terminal_sees_text_cursor_and_cost() -> None:
    with Terminal(
        [sys.executable, "-c", PROGRAM], {"TERM": "xterm-256color"}, columns=20, rows=5
    ) as terminal:
        assert 0 < terminal.wait_for("row two") < 30
        assert terminal.picture() == "row one\nrow two"
        assert cursor_row(terminal.screen())[0] != cursor_row(terminal.screen())[1]
        assert 0 < terminal.time_to("xj", cursor_row) < 5
        assert terminal.picture() == "row one\nrow two"
        assert terminal.resident_bytes() > 1_000_000
        assert 0 < terminal.running_seconds() < 30
        with pytest.raises(TimeoutError, match="never written"):
            terminal.wait_for("never written", seconds=0.05)
