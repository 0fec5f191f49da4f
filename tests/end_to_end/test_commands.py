"""The sub-commands as a script uses them: the installed program against a sandbox on a socket."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.end_to_end.conftest import KEY, Home, ServedSandbox
from tests.end_to_end.request_file import write_requests
from tests.end_to_end.terminal import BATCHDECK

Serve = Callable[..., ServedSandbox]

MIXED = ["one", "two [[fail:500]]", "three", "four [[fail:400:context_length_exceeded]]", "five [[status0]]"]


def test_every_batch_is_listed_through_all_pages(serve: Serve, home: Home) -> None:
    url = serve("--seed-batches", "1250").url
    rows = home.json("list", "--all", url=url)
    assert len(rows) == 1_250
    assert len({row["id"] for row in rows}) == 1_250
    assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)
    assert {
        "id",
        "status",
        "endpoint",
        "model",
        "created_at",
        "total",
        "completed",
        "failed",
        "metadata",
        "profile",
    } <= rows[0].keys()


def test_the_history_answers_when_the_service_is_gone(serve: Serve, home: Home) -> None:
    sandbox = serve("--seed-batches", "30")
    listed = home.json("list", "--all", url=sandbox.url)
    sandbox.stop()
    assert home.json("list", "--all", "--cached", url=sandbox.url) == listed
    done = home.run("list", url=sandbox.url)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1


def test_a_batch_goes_from_file_to_answers(serve: Serve, home: Home) -> None:
    url = serve("--speed", "200").url
    file = write_requests(home.work / "night.jsonl", MIXED)
    (created,) = home.json("create", str(file), "--metadata", "team=search", url=url)
    assert created["requests"] == 5
    assert created["input_file_id"]
    batch_id = created["batch_id"]

    (waited,) = home.json("wait", batch_id, "--timeout", "60", url=url, code=1)
    assert waited["status"] == "completed"
    # The request with status 0 counts as completed and stands in the output file: counts lie.
    assert (waited["total"], waited["completed"], waited["failed"]) == (5, 3, 2)

    failures = {row["code"]: row for row in home.json("failures", batch_id, url=url)}
    assert {code: row["count"] for code, row in failures.items()} == {
        "server_error": 1,
        "context_length_exceeded": 1,
        "http_0": 1,
    }
    assert not failures["context_length_exceeded"]["retryable"]
    assert failures["http_0"]["retryable"]

    (dry,) = home.json("retry", batch_id, "--dry-run", url=url)
    assert (dry["batch_id"], dry["requests"]) == (None, 2)
    (retried,) = home.json("retry", batch_id, url=url)
    assert (retried["retry_of"], retried["requests"]) == (batch_id, 2)

    (shown,) = home.json("show", retried["batch_id"], url=url)
    assert shown["metadata"]["retry_of"] == batch_id
    assert shown["metadata"]["team"] == "search"
    assert {other["id"] for other in shown["lineage"]} == {batch_id, retried["batch_id"]}


def test_a_retry_sends_the_lines_of_the_input_byte_for_byte(serve: Serve, home: Home) -> None:
    url = serve("--speed", "200").url
    file = write_requests(home.work / "odd.jsonl", ["ok", 'a "b" \u00e9 \U0001f600 [[fail:503]]'])
    lines = file.read_bytes().splitlines(keepends=True)
    odd = lines[1].replace(b'"method": "POST"', b'"method"  :"POST"')
    file.write_bytes(lines[0] + odd)
    (created,) = home.json("create", str(file), url=url)
    home.run("wait", created["batch_id"], "--timeout", "60", url=url)
    (retried,) = home.json("retry", created["batch_id"], url=url)
    (row,) = home.json("download", retried["batch_id"], "--what", "input", url=url)
    assert Path(row["path"]).read_bytes() == odd


def test_downloads_come_whole_and_are_not_fetched_twice(serve: Serve, home: Home) -> None:
    url = serve("--speed", "200").url
    file = write_requests(home.work / "night.jsonl", MIXED)
    (created,) = home.json("create", str(file), url=url)
    batch_id = created["batch_id"]
    home.run("wait", batch_id, url=url)
    rows = {row["kind"]: row for row in home.json("download", batch_id, "--to", "got", url=url)}
    assert {kind: row["rows"] for kind, row in rows.items()} == {"output": 3, "errors": 2}
    for row in rows.values():
        path = home.work / row["path"]
        assert path.stat().st_size == row["bytes"]
        assert path.stat().st_mode & 0o077 == 0
    assert (home.work / "got" / f"{batch_id}_output.jsonl").exists()

    assert home.json("download", batch_id, "--to", "got", url=url) == list(rows.values())
    target = home.work / rows["output"]["path"]
    target.write_text("mine")
    done = home.run("download", batch_id, "--to", "got", url=url)
    assert done.returncode == 3
    assert target.read_text() == "mine"
    home.json("download", batch_id, "--to", "got", "--force", url=url)
    assert target.stat().st_size == rows["output"]["bytes"]


def test_merged_results_stand_beside_the_table(serve: Serve, home: Home) -> None:
    url = serve("--speed", "200").url
    table = home.work / "comments.csv"
    table.write_text('id,text\n1,"good, really"\n2,bad [[fail:500]]\n3,fine\n')
    template = home.work / "template.toml"
    template.write_text('model = "gpt-4o-mini"\ncustom_id = "comment-{id}"\nuser = "Label: {text}"\n')
    (built,) = home.json("build", "comments.csv", "--template", "template.toml", "-o", "comments.jsonl")
    assert built["requests"] == 3
    assert home.json("check", "comments.jsonl")[0]["valid"] is True
    (created,) = home.json("create", "comments.jsonl", url=url)
    home.run("wait", created["batch_id"], url=url)
    (merged,) = home.json(
        "download",
        created["batch_id"],
        "--what",
        "merged",
        "--format",
        "csv",
        "--join",
        "comments.csv",
        "--on",
        "comment-{id}",
        url=url,
    )
    import csv

    with (home.work / merged["path"]).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["text"], row["outcome"]) for row in rows] == [
        ("1", "good, really", "ok"),
        ("2", "bad [[fail:500]]", "failed"),
        ("3", "fine", "ok"),
    ]


def test_cancel_tells_what_became_of_it(serve: Serve, home: Home) -> None:
    url = serve("--speed", "0.5").url
    file = write_requests(home.work / "long.jsonl", ["x"] * 200)
    (created,) = home.json("create", str(file), url=url)
    (row,) = home.json("cancel", created["batch_id"], url=url)
    assert row["status"] in {"cancelling", "cancelled"}
    done = home.run("cancel", "batch_nobody_knows", url=url)
    assert done.returncode == 3
    assert "batch_nobody_knows" in done.stderr


def test_wait_gives_up_with_its_own_code(serve: Serve, home: Home) -> None:
    url = serve("--speed", "0.01").url
    file = write_requests(home.work / "long.jsonl", ["x"] * 50)
    (created,) = home.json("create", str(file), url=url)
    done = home.run("wait", created["batch_id"], "--timeout", "1", url=url)
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1


def test_an_invalid_file_is_not_sent(serve: Serve, home: Home) -> None:
    url = serve().url
    bad = home.work / "bad.jsonl"
    bad.write_text('{"custom_id": "a"}\nnot json\n')
    (checked,) = home.json("check", "bad.jsonl", code=1)
    assert checked["valid"] is False
    assert {problem["line"] for problem in checked["problems"]} == {1, 2}
    assert home.run("create", "bad.jsonl", url=url).returncode == 1
    assert home.json("list", "--all", url=url) == []


def test_read_only_refuses_before_anything_is_sent(serve: Serve, home: Home) -> None:
    url = serve().url
    file = write_requests(home.work / "night.jsonl", ["x"])
    for command in (["create", str(file)], ["cancel", "batch_x"], ["retry", "batch_x"]):
        assert home.run("--read-only", *command, url=url).returncode == 3
        assert home.run(*command, "--read-only", url=url).returncode == 3
    assert home.json("list", "--all", url=url) == []


def closed_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def html_url() -> Iterator[str]:
    """A web server that is no Batch API."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<html><body>Welcome \x1b]52;c;aGk=\x07</body></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of a command that was refused or found nobody."""
    assert done.returncode == 3, done
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert "Traceback" not in sentence
    assert "\x1b" not in sentence
    return sentence


def test_each_way_of_not_reaching_the_service_is_one_sentence(
    serve: Serve, home: Home, html_url: str
) -> None:
    url = serve().url
    no_key = refused(home.run("list", url=url, key=None))
    assert "OPENAI_API_KEY" in no_key
    wrong_key = refused(home.run("list", url=url, key="wrong-key"))
    assert "key" in wrong_key
    assert "wrong-key" not in wrong_key
    nobody = refused(home.run("list", url=f"http://127.0.0.1:{closed_port()}/v1"))
    html = refused(home.run("list", url=html_url))
    assert len({no_key, wrong_key, nobody, html}) == 4


def test_a_wrong_filter_says_where(serve: Serve, home: Home) -> None:
    done = home.run("list", "--cached", "--filter", "status:nonsense")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_usage_errors_are_one_line_and_two(home: Home) -> None:
    for arguments in (["list", "--limit", "0"], ["nonsense"], ["create"], ["download", "x", "--what", "y"]):
        done = home.run(*arguments)
        assert done.returncode == 2, arguments
        assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_reader_that_leaves_is_no_error(serve: Serve, home: Home) -> None:
    url = serve("--seed-batches", "1250").url
    home.json("list", "--all", url=url)
    command = [*BATCHDECK, "list", "--all", "--cached", "--json"]
    with subprocess.Popen(
        command, env=home.environment(url), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["id"]
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 0


def test_two_accounts_never_mix(serve: Serve, home: Home) -> None:
    url = serve("--seed-batches", "5").url
    assert len(home.json("list", "--all", url=url)) == 5
    done = home.run("list", "--all", "--cached", "--json", url=url, key="sk-another")
    assert done.stdout == ""
    assert len(home.json("list", "--all", "--cached", url=url)) == 5


def test_the_key_is_written_nowhere(serve: Serve, home: Home) -> None:
    url = serve("--speed", "200").url
    file = write_requests(home.work / "night.jsonl", MIXED)
    (created,) = home.json("create", str(file), "--debug", url=url)
    home.run("wait", created["batch_id"], "--debug", url=url)
    home.json("download", created["batch_id"], "--debug", url=url)
    home.run("list", "--debug", url=url, key="wrong-key")
    files = [path for path in home.folder.rglob("*") if path.is_file()]
    assert any(path.name == "history.sqlite3" for path in files)
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    private = [path for path in files if ".local" in path.parts or ".cache" in path.parts]
    assert private
    assert not [path for path in private if path.stat().st_mode & 0o077]


def test_the_demo_needs_nothing_and_touches_nothing(home: Home) -> None:
    rows = home.json("list", "--all", "--demo")
    assert len(rows) > 100
    assert {row["status"] for row in rows} >= {"completed", "failed", "expired", "cancelled", "in_progress"}
    assert not [path for path in home.folder.rglob("*") if path.is_file()]


@pytest.mark.posix
def test_ctrl_c_stops_a_create_in_order_and_nothing_is_left_open(serve: Serve, home: Home) -> None:
    sandbox = serve()
    sandbox.fault(kind="delay", method="POST", path="/v1/files", seconds=1.5)
    file = write_requests(home.work / "night.jsonl", ["x"])
    command = [*BATCHDECK, "create", str(file), "--json"]
    with subprocess.Popen(
        command,
        env=home.environment(sandbox.url),
        cwd=home.work,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        sandbox.wait_for_call("POST /v1/files")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "no batch was created" in err.splitlines()[-1]
    assert home.json("list", "--all", url=sandbox.url) == []
    assert home.json("reconcile", url=sandbox.url) == []


@pytest.mark.posix
def test_ctrl_c_ends_a_wait_at_once(serve: Serve, home: Home) -> None:
    sandbox = serve("--speed", "0.01")
    file = write_requests(home.work / "night.jsonl", ["x"])
    (created,) = home.json("create", str(file), url=sandbox.url)
    command = [*BATCHDECK, "wait", created["batch_id"]]
    with subprocess.Popen(
        command, env=home.environment(sandbox.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        sandbox.wait_for_call("GET /v1/batches/{id}")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert out == ""
    assert err == "batchdeck: Interrupted.\n"
