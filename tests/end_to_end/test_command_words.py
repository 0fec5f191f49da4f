"""What the sub-commands say to someone who reads them tired: true, and of use."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

from tests.end_to_end.conftest import Home, ServedSandbox
from tests.end_to_end.request_file import write_requests
from tests.end_to_end.terminal import BATCHDECK

Serve = Callable[..., ServedSandbox]


def test_a_running_batch_is_not_said_to_be_answered(serve: Serve, home: Home) -> None:
    url = serve("--speed", "200").url
    file = write_requests(home.work / "night.jsonl", ["x", "y"])
    (created,) = home.json("create", str(file), "--metadata", "sandbox_mood=hang", url=url)
    done = home.run("failures", created["batch_id"], url=url)
    assert done.returncode == 0
    assert "has not ended" in done.stderr
    assert "ok answer" not in done.stderr


def test_a_refused_file_says_why(serve: Serve, home: Home) -> None:
    url = serve("--speed", "200").url
    file = write_requests(home.work / "night.jsonl", ["x"])
    (created,) = home.json("create", str(file), "--metadata", "sandbox_mood=fail_validation", url=url)
    home.run("wait", created["batch_id"], url=url)
    done = home.run("failures", created["batch_id"], url=url)
    assert "line 2" in done.stderr
    assert "invalid_json_line" in done.stderr


def test_a_retry_tells_what_it_leaves_out_and_nothing_it_sends(serve: Serve, home: Home) -> None:
    url = serve("--speed", "200").url
    file = write_requests(home.work / "night.jsonl", ["[[fail:500]]", "[[context]]", "[[rate]]"])
    (created,) = home.json("create", str(file), url=url)
    batch_id = created["batch_id"]
    home.run("wait", batch_id, url=url)
    (left_out,) = home.run("retry", batch_id, "--dry-run", url=url).stderr.splitlines()
    assert left_out.startswith("Left out: 1 request with context_length_exceeded")
    assert home.run("retry", batch_id, "--all", "--dry-run", url=url).stderr == ""
    only = home.run("retry", batch_id, "--only", "context_length_exceeded", "--dry-run", url=url)
    assert [line.split(":")[1] for line in only.stderr.splitlines()] == [
        " 1 request with rate_limit_exceeded",
        " 1 request with server_error",
    ]
    sent = home.run("retry", batch_id, "--only", "server_error", url=url)
    assert f"1 request of {batch_id}" in sent.stdout
    assert str(home.folder) not in sent.stdout


def test_the_history_of_an_account_is_found_without_a_key_after_a_wrong_one(serve: Serve, home: Home) -> None:
    url = serve("--seed-batches", "3").url
    home.json("list", "--all", url=url)
    assert home.run("list", url=url, key="wrong-key").returncode == 3
    cached = home.run("list", "--cached", "--json", url=url, key=None)
    assert len(cached.stdout.splitlines()) == 3


def test_a_wrong_number_is_named_and_no_function_of_ours(home: Home) -> None:
    for arguments in (["wait", "x", "--timeout", "soon"], ["list", "--limit", "many"]):
        done = home.run(*arguments)
        assert done.returncode == 2
        assert arguments[-1] in done.stderr
        assert "_positive" not in done.stderr


def test_every_download_tells_its_whole_path(serve: Serve, home: Home) -> None:
    url = serve("--speed", "200").url
    file = write_requests(home.work / "night.jsonl", ["x"])
    (created,) = home.json("create", str(file), url=url)
    home.run("wait", created["batch_id"], url=url)
    rows = home.json("download", created["batch_id"], "--what", "output,input,merged", url=url)
    assert len(rows) == 3
    assert all(Path(row["path"]).is_absolute() for row in rows)


def test_a_filter_may_begin_with_a_term_that_excludes(serve: Serve, home: Home) -> None:
    url = serve("--demo").url
    rows = home.json("list", "--all", url=url)
    others = home.json("list", "--all", "--cached", "--filter", "-status:completed", url=url)
    assert others
    assert [row["id"] for row in others] == [row["id"] for row in rows if row["status"] != "completed"]
    assert home.run("list", "--cached", "--filter", "--json", url=url).returncode == 2


def test_a_disk_that_fills_up_under_a_command_is_told(serve: Serve, home: Home) -> None:
    url = serve("--seed-batches", "1250").url
    home.json("list", "--cached", url=url)
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 400; exec "$@"', "bash", *BATCHDECK, "list", "--all", "--json"],
        env=home.environment(url),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1_250)
    assert "could not be written" in done.stderr
    assert "kept in memory" in done.stderr


def test_a_service_that_can_go_on_is_not_blamed_for_a_fresh_start(serve: Serve, home: Home) -> None:
    url = serve("--speed", "200").url
    file = write_requests(home.work / "night.jsonl", ["x"])
    (created,) = home.json("create", str(file), url=url)
    home.run("wait", created["batch_id"], url=url)
    (shown,) = home.json("show", created["batch_id"], url=url)
    content = f"/v1/files/{shown['output_file_id']}/content"
    fault = {"kind": "truncate", "at": 10, "method": "GET", "path": content, "times": 1}
    control = url.removesuffix("/v1") + "/_sandbox/faults"
    urlopen(Request(control, json.dumps(fault).encode(), {"Content-Type": "application/json"})).close()
    done = home.run("download", created["batch_id"], "--what", "output", "--to", "got", url=url)
    assert done.returncode == 0
    assert "anew" in done.stderr
    assert "the service cannot" not in done.stderr
