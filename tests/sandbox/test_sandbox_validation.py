"""What is refused at the create, and what fails after it."""

from __future__ import annotations

from typing import Any

import pytest

from batchdeck.sandbox.state import Sandbox
from tests.sandbox.conftest import Client, Clock, as_lines, chat

pytestmark = pytest.mark.anyio


async def failed(
    client: Client, clock: Clock, lines: list[Any] | bytes, **more: Any
) -> list[tuple[str, int | None]]:
    """The errors of a batch, as code and line."""
    made = await client.create(lines, **more)
    assert made["status"] == "validating"
    clock.time += 60
    batch = await client.batch(made["id"])
    assert batch["status"] == "failed", batch
    assert batch["request_counts"]["total"] == 0
    assert batch["failed_at"] is not None
    return [(error["code"], error["line"]) for error in batch["errors"]["data"]]


async def test_every_bad_line_is_named(client: Client, clock: Clock) -> None:
    lines: list[Any] = [
        chat(1),
        "{not json",
        chat(1),
        {**chat(4), "url": "/v1/embeddings"},
        {**chat(5), "url": "/v1/nope"},
        chat(6, model="gpt-4o"),
        {"custom_id": "r-7", "body": {"model": "gpt-4o-mini"}},
        [1, 2],
        {**chat(9), "body": "text"},
        {**chat(10), "custom_id": ""},
        {**chat(11), "method": "GET"},
        '{"custom_id": "nan", "method": "POST", "url": "/v1/chat/completions", "body": {"model": NaN}}',
    ]
    assert await failed(client, clock, lines) == [
        ("invalid_json_line", 2),
        ("duplicate_custom_id", 3),
        ("url_mismatch", 4),
        ("invalid_url", 5),
        ("model_mismatch", 6),
        ("invalid_request", 7),
        ("invalid_request", 7),
        ("invalid_json_line", 8),
        ("invalid_request", 9),
        ("invalid_request", 10),
        ("invalid_method", 11),
        ("invalid_json_line", 12),
    ]


async def test_blank_lines_count_but_for_the_last(client: Client, clock: Clock) -> None:
    assert await failed(client, clock, as_lines([chat(1), "", chat(2)]) + b"\n\n") == [
        ("invalid_json_line", 2)
    ]
    made = await client.create(as_lines([chat(1)]) + b"\n\n")
    clock.time += 600
    assert (await client.batch(made["id"]))["request_counts"]["total"] == 1


async def test_whole_file_errors_have_no_line(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    assert await failed(client, clock, b"\n\n") == [("empty_file", None)]
    assert await failed(client, clock, [chat(1, model="no-such-model")]) == [("model_not_found", 1)]
    assert (await failed(client, clock, b"\xef\xbb\xbf" + as_lines([chat(1)])))[0] == ("invalid_json_line", 1)
    sandbox.moods.max_requests = 3
    assert await failed(client, clock, [chat(n) for n in range(4)]) == [("too_many_tasks", None)]


async def test_embedding_inputs_are_counted_in_total(client: Client, clock: Clock) -> None:
    def request(number: int) -> dict[str, Any]:
        body = {"model": "text-embedding-3-small", "input": ["x"] * 2_048}
        return {"custom_id": str(number), "method": "POST", "url": "/v1/embeddings", "body": body}

    lines = [request(number) for number in range(25)]
    assert await failed(client, clock, lines, endpoint="/v1/embeddings") == [("too_many_inputs", None)]


async def test_a_full_queue_lets_the_next_batch_fail_until_there_is_room(
    client: Client, clock: Clock, sandbox: Sandbox
) -> None:
    lines = [chat(n, "word " * 100) for n in range(20)]
    sandbox.moods.queue_tokens = int(len(as_lines(lines)) / 4 * 1.5)
    first = await client.create(lines, metadata={"sandbox_mood": "seconds:100"})
    clock.time += 10
    assert await failed(client, clock, lines) == [("token_limit_exceeded", None)]
    sandbox.moods.token_limit_at_create = True
    refused = await client.try_create(first["input_file_id"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "token_limit_exceeded")
    clock.time += 100
    assert (await client.batch(first["id"]))["status"] == "completed"
    again = await client.try_create(first["input_file_id"])
    assert again.status_code == 200
    clock.time += 20
    assert (await client.batch(again.json()["id"]))["status"] != "failed"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"endpoint": None}, "endpoint"),
        ({"endpoint": "/v1/nope"}, "endpoint"),
        ({"completion_window": "soon"}, "completion_window"),
        ({"completion_window": 24}, "completion_window"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
        ({"metadata": {"k" * 65: "x"}}, "metadata"),
        ({"metadata": {"k": "x" * 513}}, "metadata.k"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"metadata": ["x"]}, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 60}}, "output_expires_after.seconds"),
        ({"output_expires_after": {"anchor": "now", "seconds": 3600}}, "output_expires_after.anchor"),
    ],
)
async def test_bad_parameters_are_refused(client: Client, change: dict[str, Any], param: str) -> None:
    file = await client.upload([chat(1)])
    answer = await client.try_create(file["id"], **change)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


async def test_limits_of_metadata_are_allowed_themselves(client: Client) -> None:
    metadata = {f"{n:064d}": "x" * 512 for n in range(16)}
    made = await client.create([chat(1)], metadata=metadata)
    assert made["metadata"] == metadata


async def test_an_unknown_file_or_body_is_refused(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    assert (await client.try_create("file-none")).status_code == 400
    broken = await client.http.post(
        "/v1/batches", content=b"{nope", headers={"content-type": "application/json"}
    )
    assert broken.status_code == 400
    other = await client.upload(b"x", name="x.txt", purpose="user_data")
    assert (await client.try_create(other["id"])).status_code == 400
    sandbox.moods.late_validation = True
    late = await client.try_create("file-none")
    assert late.status_code == 200
    clock.time += 60
    assert (await client.batch(late.json()["id"]))["status"] == "failed"


async def test_output_files_live_as_long_as_was_asked(client: Client, clock: Clock) -> None:
    made = await client.create([chat(1)], output_expires_after={"anchor": "created_at", "seconds": 3_600})
    clock.time += 600
    batch = await client.batch(made["id"])
    file = (await client.http.get(f"/v1/files/{batch['output_file_id']}")).json()
    assert file["expires_at"] == file["created_at"] + 3_600
    clock.time += 3_600
    assert (await client.http.get(f"/v1/files/{batch['output_file_id']}/content")).status_code == 404


async def test_creates_are_limited_by_the_hour(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.moods.creates_per_hour = 2
    file = await client.upload([chat(1)])
    assert [(await client.try_create(file["id"])).status_code for _ in range(3)] == [200, 200, 429]
    refused = await client.try_create(file["id"])
    assert 3_500 < int(refused.headers["retry-after"]) <= 3_600
    clock.time += 3_600
    assert (await client.try_create(file["id"])).status_code == 200
