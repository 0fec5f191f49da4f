"""The deck as a person uses it: the installed program in a real terminal, against a sandbox on a socket."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.end_to_end.conftest import KEY, Home, ServedSandbox
from tests.end_to_end.request_file import write_requests
from tests.end_to_end.terminal import Terminal

pytestmark = pytest.mark.posix

Serve = Callable[..., ServedSandbox]
Open = Callable[..., Terminal]
CTRL_S = "\x13"
ESC = "\x1b"

HOSTILE = "[@click=app.quit]x[/] [/nope] \x1b]52;c;aGk=\x07"


def test_every_page_of_1250_batches_is_reached(serve: Serve, open_terminal: Open) -> None:
    deck = open_terminal(url=serve("--seed-batches", "1250").url)
    deck.wait_for("of 1,250")
    match = re.search(r"page 1 of (\d+)", deck.text)
    assert match
    pages = int(match[1])
    seen = 0
    for page in range(1, pages + 1):
        whole = re.compile(rf"page {page} of {pages}, rows {seen + 1:,}\u2013([\d,]+) of 1,250")
        rows = deck.wait_for_pattern(whole)
        seen = int(rows[1].replace(",", ""))
        deck.send("]")
    assert seen == 1_250


def test_a_batch_is_made_watched_downloaded_and_retried_by_keys(
    serve: Serve, open_terminal: Open, home: Home
) -> None:
    sandbox = serve("--speed", "0.5")
    url = sandbox.url
    write_requests(home.work / "night.jsonl", ["x"] * 60 + ["y [[once:fail:500]]"] * 3)
    deck = open_terminal(["--refresh", "0.5"], url=url)
    deck.wait_for("create one from")
    deck.send("c")
    deck.wait_for("Create a batch")
    deck.send("night.jsonl\r")
    deck.wait_for("63 in")
    deck.send(CTRL_S)
    deck.wait_for("Create 1 batch?")
    deck.send("y")
    deck.wait_for("Created batch_")
    deck.send(ESC)
    counts: set[str] = set()

    def counts_move(shown: str) -> bool:
        counts.update(re.findall(r"completed +(\d+) +\d+%", shown))
        return len(counts) > 2

    deck.wait_until(counts_move, timeout=60)
    assert "● in progress" in deck.text
    sandbox.advance_clock(600)
    deck.wait_for("✓ completed")

    deck.send("d")
    deck.wait_for("Download batch_")
    deck.send("y")
    deck.wait_until(lambda _: len(list(home.work.glob("batch_*.jsonl"))) == 2)
    deck.wait_gone("to folder")
    deck.send(ESC)
    deck.wait_gone("Download batch_")

    deck.send("r")
    deck.wait_for("Sends 3 requests")
    deck.send("r")
    deck.wait_for("Sends 3 requests")
    deck.send("y")
    deck.wait_for("requests sent again as")
    sandbox.advance_clock(600)
    deck.wait_for("night-retry.jsonl: completed", timeout=60)
    rows = home.json("list", "--all", url=url)
    assert [(row["status"], row["total"], row["failed"]) for row in rows] == [
        ("completed", 3, 0),
        ("completed", 63, 3),
    ]


def test_without_the_service_the_same_batches_stand_there_and_it_says_offline(
    serve: Serve, open_terminal: Open
) -> None:
    sandbox = serve("--seed-batches", "300")
    first = open_terminal(url=sandbox.url)
    first.wait_for("of 300")
    names = first.text.splitlines()[2:30]
    first.send("q")
    first.wait_end()
    sandbox.stop()
    second = open_terminal(url=sandbox.url)
    second.wait_for("OFFLINE", "of 300")
    listed = [line[2:40] for line in second.text.splitlines()]
    assert all(any(name[2:40] == line for line in listed) for name in names[:20])


def test_a_key_that_is_missing_or_wrong_is_one_sentence(serve: Serve, open_terminal: Open) -> None:
    url = serve("--seed-batches", "5").url
    without = open_terminal(url=url, key=None)
    without.wait_for("OPENAI_API_KEY")
    assert "Traceback" not in without.text
    wrong = open_terminal(url=url, key="wrong-key")
    wrong.wait_until(lambda shown: "does not accept" in shown or "401" in shown)
    assert b"wrong-key" not in wrong.output
    assert "Traceback" not in wrong.text


def test_text_of_the_service_cannot_act(serve: Serve, open_terminal: Open, home: Home) -> None:
    url = serve("--speed", "200").url
    file = write_requests(
        home.work / "night.jsonl", [f"[[say:{HOSTILE}]]", f"[[fail:400:{HOSTILE}:{HOSTILE}]]"]
    )
    request = Request(f"{url}/files", method="POST")
    boundary = "x" * 20
    body = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{boundary}\r\n'
            f'Content-Disposition: form-data; name="file"; filename="{HOSTILE}.jsonl"\r\n\r\n'
        ).encode()
        + file.read_bytes()
        + f"\r\n--{boundary}--\r\n".encode()
    )
    request.add_header("Authorization", f"Bearer {KEY}")
    request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
    with urlopen(request, body) as answer:
        file_id = json.load(answer)["id"]
    create = Request(f"{url}/batches", method="POST")
    create.add_header("Authorization", f"Bearer {KEY}")
    create.add_header("Content-Type", "application/json")
    fields = {
        "input_file_id": file_id,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"description": HOSTILE, HOSTILE[:40]: HOSTILE},
    }
    with urlopen(create, json.dumps(fields).encode()) as answer:
        batch_id = json.load(answer)["id"]
    home.run("wait", batch_id, url=url)

    deck = open_terminal(["--refresh", "1"], url=url)
    deck.wait_for("[@click=app.quit]x[/]")
    for keys in ("\r", "2", "3", "\r", ESC, ESC, "f", ESC, "Y", ESC, "d", ESC, "r", ESC, "L", ESC, "?", ESC):
        deck.send(keys)
        for _ in range(6):
            deck.pump(0.05)
        assert deck.process.isalive()
    assert b"\x1b]52;c;aGk=" not in deck.output
    assert b"[@click=app.quit]" in deck.output
    for command in (["list"], ["show", batch_id], ["failures", batch_id]):
        done = home.run(*command, url=url)
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout + done.stderr


SEEN_AT_FIRST_PAINT = """
import sys
from batchdeck.ui.app import BatchdeckApp

display = BatchdeckApp._display

def look_and_display(self, screen, renderable):
    if len(sys.argv) > 1:
        heavy = {"openai", "pydantic", "httpx2", "genai_prices"} & set(sys.modules)
        with open(sys.argv.pop(), "w") as file:
            file.write(" ".join(sorted(heavy)) or "none")
    display(self, screen, renderable)

BatchdeckApp._display = look_and_display
from batchdeck.cli import main
sys.exit(main(["--demo"]))
"""


def test_nothing_heavy_is_imported_at_first_paint(home: Home, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    terminal = Terminal(
        [sys.executable, "-c", SEEN_AT_FIRST_PAINT, str(seen)],
        env=home.environment(None, None),
        cwd=home.work,
    )
    try:
        terminal.wait_for("of 164", timeout=30)
        assert seen.read_text() == "none"
    finally:
        terminal.close()


CRASHING = """
import os, sys
from batchdeck.ui.app import BatchdeckApp

def on_key(self, event):
    secret = os.environ["OPENAI_API_KEY"]
    raise RuntimeError("forced")

BatchdeckApp.on_key = on_key
from batchdeck.cli import main
sys.exit(main([]))
"""


def test_a_crash_shows_no_key(serve: Serve, home: Home) -> None:
    url = serve("--seed-batches", "5").url
    terminal = Terminal([sys.executable, "-c", CRASHING], env=home.environment(url), cwd=home.work)
    try:
        terminal.wait_for("of 5")
        terminal.send("z")
        terminal.wait_until(lambda _: not terminal.process.isalive() or "forced" in terminal.text)
        for _ in range(20):
            terminal.pump(0.05)
        assert KEY.encode() not in terminal.output
        assert not [
            path for path in home.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
        ]
    finally:
        terminal.close()


@pytest.mark.parametrize("size", [(40, 120), (24, 80), (15, 50), (5, 20)])
def test_it_opens_at_every_size(serve: Serve, open_terminal: Open, size: tuple[int, int]) -> None:
    deck = open_terminal(url=serve("--seed-batches", "50").url, size=size)
    deck.wait_for("completed" if size[1] > 20 else "comp")
    deck.send("q")
    assert deck.wait_end() == 0


def test_a_colourless_terminal_gets_no_colour(home: Home) -> None:
    env = home.environment(None, None) | {"NO_COLOR": "1"}
    deck = Terminal([sys.executable, "-m", "batchdeck", "--demo"], env=env, cwd=home.work)
    try:
        deck.wait_for("of 164")
        colours = re.findall(rb"\x1b\[[\d;]*m", bytes(deck.output))
        assert colours
        coloured = [
            code for code in colours if re.search(rb"[\[;](3[0-7]|4[0-7]|38|48|9[0-7]|10[0-7])[;m]", code)
        ]
        assert not coloured, coloured[:5]
    finally:
        deck.close()


def test_ascii_means_ascii(home: Home) -> None:
    deck = Terminal(
        [sys.executable, "-m", "batchdeck", "--demo", "--ascii"],
        env=home.environment(None, None),
        cwd=home.work,
    )
    try:
        shown = deck.wait_for("of 164")
        assert shown.isascii(), {char for char in shown if not char.isascii()}
    finally:
        deck.close()


def test_python_m_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "batchdeck", "--version"], capture_output=True, text=True)
    assert done.stdout.startswith("batchdeck ")
