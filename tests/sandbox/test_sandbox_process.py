"""The sandbox as a process, and under the official client."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest

from batchdeck.sandbox.guide import RULES
from batchdeck.sandbox.serve import CannotListen, SandboxServer
from batchdeck.sandbox.state import Sandbox
from tests.sandbox.conftest import as_lines, chat
from tests.sandbox.served import Served


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`python -m batchdeck.sandbox` on a free port, with its temporary files in a folder of the test."""
    command = [sys.executable, "-m", "batchdeck.sandbox", "--port", "0", "--speed", "50", "--json", "--demo"]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"TMPDIR": str(tmp_path), "TEMP": str(tmp_path), "PATH": ""},
    )
    yield running
    running.kill()
    running.communicate()


@pytest.mark.posix
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_the_process_says_where_it_is_and_ends_at_once(
    process: subprocess.Popen[str], tmp_path: Path, name: str
) -> None:
    assert process.stdout is not None and process.stderr is not None
    ready = json.loads(process.stdout.readline())
    assert ready["url"] == f"http://127.0.0.1:{ready['port']}/v1"
    client = openai.OpenAI(base_url=ready["url"], api_key="any", max_retries=0)
    batch = next(batch for batch in client.batches.list(limit=100) if batch.output_file_id)
    assert batch.output_file_id is not None
    assert client.files.content(batch.output_file_id).content
    assert list(tmp_path.iterdir())
    # Someone is in the middle of a download when the end comes.
    httpx2.post(f"http://127.0.0.1:{ready['port']}/_sandbox/faults", json={"kind": "slow", "rate": 100})
    with client.files.with_streaming_response.content(batch.output_file_id) as download:
        pieces = download.iter_bytes(1)
        assert next(pieces)
        begun = time.monotonic()
        process.send_signal(signal.Signals[name])
        assert process.wait(5) == 0
        assert time.monotonic() - begun < 1.0
    assert list(tmp_path.iterdir()) == []
    out, err = process.stdout.read(), process.stderr.read()
    assert out == ""
    assert ready["url"] in err and "OPENAI_BASE_URL" in err
    assert len(err.splitlines()) == 1


def test_help_ends_with_the_rules() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "batchdeck.sandbox", "--help"], capture_output=True, text=True, check=True
    )
    assert told.stdout.rstrip().endswith(RULES.rstrip())


@pytest.mark.parametrize("options", [["--speed", "0"], ["--mood", "nope=1"], ["--mood", "iso_times=maybe"]])
def test_wrong_options_are_refused(options: list[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "batchdeck.sandbox", *options], capture_output=True, text=True, check=False
    )
    assert told.returncode == 2
    assert "Traceback" not in told.stderr


def test_a_taken_port_is_one_sentence(served: Served) -> None:
    with pytest.raises(CannotListen, match="cannot listen on 127"):
        SandboxServer(port=served.port, sandbox=Sandbox())
    told = subprocess.run(
        [sys.executable, "-m", "batchdeck.sandbox", "--port", str(served.port)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 3
    assert len(told.stderr.splitlines()) == 1


def test_the_official_client_from_upload_to_answers(served: Served) -> None:
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0)
    body = as_lines([chat(number, "[[fail:429]]" if number == 3 else f"n {number}") for number in range(300)])
    file = client.files.create(file=("in.jsonl", io.BytesIO(body)), purpose="batch")
    assert file.bytes == len(body)
    batch = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"team": "search"},
        output_expires_after={"anchor": "created_at", "seconds": 3_600},
    )
    deadline = time.monotonic() + 10
    while batch.status != "completed":
        assert time.monotonic() < deadline, batch
        batch = client.batches.retrieve(batch.id)
    assert batch.request_counts is not None and batch.usage is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (299, 1)
    assert batch.output_file_id is not None and batch.error_file_id is not None
    rows = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    assert len(rows) == 299
    assert sum(row["response"]["body"]["usage"]["prompt_tokens"] for row in rows) == batch.usage.input_tokens
    assert [one.id for one in client.batches.list()] == [batch.id]
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_none")
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{served.url}/v1", api_key="wrong-key").batches.list()
    assert client.files.delete(file.id).deleted
