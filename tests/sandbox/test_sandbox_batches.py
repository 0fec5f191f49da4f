"""Batches from create to end, by the clock."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from batchdeck.sandbox.state import Sandbox
from tests.sandbox.conftest import Client, Clock, as_lines, chat

pytestmark = pytest.mark.anyio


async def test_a_batch_goes_from_validating_to_completed(client: Client, clock: Clock) -> None:
    lines = [chat(number, f"say {number}") for number in range(100)]
    made = await client.create(lines, metadata={"team": "search"})
    assert (made["status"], made["request_counts"]["total"]) == ("validating", 0)
    assert made["metadata"] == {"team": "search"}
    assert made["expires_at"] == made["created_at"] + 86_400
    seen: list[tuple[str, int]] = []
    for _ in range(40):
        clock.time += 0.5
        batch = await client.batch(made["id"])
        seen.append((batch["status"], batch["request_counts"]["completed"]))
    statuses = list(dict.fromkeys(status for status, _ in seen))
    assert statuses == ["validating", "in_progress", "finalizing", "completed"]
    counts = [completed for _, completed in seen]
    assert counts == sorted(counts)
    assert len(set(counts)) > 10
    times = [batch[f"{name}_at"] for name in ("created", "in_progress", "finalizing", "completed")]
    assert times == sorted(times)
    assert batch["request_counts"] == {"total": 100, "completed": 100, "failed": 0}
    assert batch["error_file_id"] is None
    rows = await client.rows(batch["output_file_id"])
    ids = [row["custom_id"] for row in rows]
    assert sorted(ids) == sorted(line["custom_id"] for line in lines)
    assert ids != [line["custom_id"] for line in lines]
    by_id = {row["custom_id"]: row for row in rows}
    assert "say 42" in by_id["r-42"]["response"]["body"]["choices"][0]["message"]["content"]
    used = [row["response"]["body"]["usage"] for row in rows]
    assert batch["usage"]["input_tokens"] == sum(one["prompt_tokens"] for one in used)
    assert batch["usage"]["output_tokens"] == sum(one["completion_tokens"] for one in used)


async def test_a_long_jump_of_the_clock_tells_the_planned_times(client: Client, clock: Clock) -> None:
    made = await client.create([chat(1)])
    clock.time += 3_600
    batch = await client.batch(made["id"])
    assert batch["status"] == "completed"
    assert batch["completed_at"] < made["created_at"] + 60


async def test_every_failure_shape_can_be_had(client: Client, clock: Clock) -> None:
    words = {
        "ok": "",
        "http": "[[fail:400:context_length_exceeded:too long]]",
        "http500": "[[http:500]]",
        "not_run": "[[error:batch_failed]]",
        "timeout": "[[timeout]]",
        "status0": "[[status0]]",
        "bare": "[[bare:rate_limit_error]]",
        "missing": "[[missing]]",
        "repeat": "[[repeat]]",
        "stringbody": "[[stringbody]]",
        "quota": "[[quota]]",
        "inoutput": "[[fail:500]][[inoutput]]",
    }
    lines = [{**chat(0, f"do {word}"), "custom_id": name} for name, word in words.items()]
    made = await client.create(lines)
    clock.time += 600
    batch = await client.batch(made["id"])
    output, errors = await client.rows(batch["output_file_id"]), await client.rows(batch["error_file_id"])
    assert Counter(row["custom_id"] for row in output) == Counter(
        ["ok", "status0", "repeat", "repeat", "stringbody", "inoutput"]
    )
    assert {row["custom_id"] for row in errors} == {"http", "http500", "not_run", "timeout", "bare", "quota"}
    by_id: dict[str, dict[str, Any]] = {row["custom_id"]: row for row in output + errors}
    refused = by_id["http"]["response"]
    assert by_id["http"]["error"] is None
    assert (refused["status_code"], refused["body"]["error"]["code"]) == (400, "context_length_exceeded")
    assert refused["body"]["error"]["message"] == "too long"
    assert by_id["not_run"]["response"] is None
    assert by_id["not_run"]["error"]["code"] == "batch_failed"
    assert by_id["status0"]["response"] == {"status_code": 0, "request_id": "", "body": {}}
    assert by_id["status0"]["error"] is None
    assert set(by_id["bare"]) == {"id", "custom_id", "error"}
    assert by_id["bare"]["error"]["type"] == "rate_limit_error"
    assert json.loads(by_id["stringbody"]["response"]["body"])["object"] == "chat.completion"
    assert by_id["quota"]["response"]["body"]["error"]["code"] == "insufficient_quota"
    assert batch["request_counts"] == {"total": 12, "completed": 5, "failed": 7}


async def test_odd_rows_can_be_had(client: Client, clock: Clock) -> None:
    words = ("[[torn]]", "[[list]]", "[[noid]]", "[[wrongid]]")
    made = await client.create([chat(number, word) for number, word in enumerate(words)])
    clock.time += 600
    batch = await client.batch(made["id"])
    content = (await client.http.get(f"/v1/files/{batch['output_file_id']}/content")).content
    torn, whole = [], []
    for line in content.splitlines():
        try:
            whole.append(json.loads(line))
        except ValueError:
            torn.append(line)
    assert len(torn) == 1
    assert any(isinstance(row, list) for row in whole)
    told = [row for row in whole if isinstance(row, dict)]
    assert any("custom_id" not in row for row in told)
    assert any(str(row.get("custom_id")).startswith("unknown-") for row in told)


async def test_words_that_hold_once_let_the_retry_through(client: Client, clock: Clock) -> None:
    lines = [chat(1, "[[once:fail:500]]"), chat(2, "[[twice:missing]]"), chat(3)]
    failed = []
    for _ in range(3):
        made = await client.create(lines)
        clock.time += 600
        batch = await client.batch(made["id"])
        answered = {row["custom_id"] for row in await client.rows(batch["output_file_id"])}
        failed.append({"r-1", "r-2", "r-3"} - answered)
    assert failed == [{"r-1", "r-2"}, {"r-2"}, set()]


async def test_an_expired_batch_has_partial_results(client: Client, clock: Clock) -> None:
    made = await client.create([chat(n) for n in range(50)], metadata={"sandbox_mood": "expire:60:20"})
    clock.time += 600
    batch = await client.batch(made["id"])
    assert batch["status"] == "expired"
    assert batch["expired_at"] >= batch["expires_at"]
    assert batch["request_counts"] == {"total": 50, "completed": 30, "failed": 0}
    assert len(await client.rows(batch["output_file_id"])) == 30
    errors = await client.rows(batch["error_file_id"])
    assert len(errors) == 20
    assert {row["error"]["code"] for row in errors} == {"batch_expired"}
    assert all(row["response"] is None for row in errors)


async def test_a_request_can_wait_until_the_window_closes(client: Client, clock: Clock) -> None:
    made = await client.create([chat(1), chat(2, "[[expire]]")])
    clock.time += 600
    batch = await client.batch(made["id"])
    assert batch["status"] == "expired"
    assert [row["custom_id"] for row in await client.rows(batch["error_file_id"])] == ["r-2"]


async def test_a_batch_that_hangs_ends_with_its_window(client: Client, clock: Clock) -> None:
    made = await client.create([chat(1)], metadata={"sandbox_mood": "hang"}, completion_window="1h")
    clock.time += 3_500
    assert (await client.batch(made["id"]))["status"] == "in_progress"
    clock.time += 200
    batch = await client.batch(made["id"])
    assert (batch["status"], batch["output_file_id"]) == ("expired", None)
    assert len(await client.rows(batch["error_file_id"])) == 1


async def test_cancelling_keeps_what_was_done(client: Client, clock: Clock) -> None:
    made = await client.create([chat(n, "[[fail:500]]" if n % 10 == 0 else "x") for n in range(200)])
    clock.time += 9
    running = await client.batch(made["id"])
    assert running["status"] == "in_progress"
    answer = await client.http.post(f"/v1/batches/{made['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelling")
    again = await client.http.post(f"/v1/batches/{made['id']}/cancel")
    assert again.status_code == 409
    clock.time += 10
    batch = await client.batch(made["id"])
    assert batch["status"] == "cancelled"
    counts = batch["request_counts"]
    assert 0 < counts["completed"] < 200
    assert counts == running["request_counts"]
    output, errors = await client.rows(batch["output_file_id"]), await client.rows(batch["error_file_id"])
    assert len(output) == counts["completed"]
    codes = Counter(row["error"]["code"] if row["error"] else "http" for row in errors)
    assert codes == {
        "http": counts["failed"],
        "batch_cancelled": 200 - counts["completed"] - counts["failed"],
    }


async def test_cancelling_before_validation_ends_without_files(client: Client, clock: Clock) -> None:
    made = await client.create([chat(1)])
    await client.http.post(f"/v1/batches/{made['id']}/cancel")
    clock.time += 30
    batch = await client.batch(made["id"])
    assert (batch["status"], batch["output_file_id"], batch["error_file_id"]) == ("cancelled", None, None)


async def test_a_finished_batch_cannot_be_cancelled(client: Client, clock: Clock) -> None:
    made = await client.create([chat(1)])
    clock.time += 600
    answer = await client.http.post(f"/v1/batches/{made['id']}/cancel")
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == "Cannot cancel a batch with status 'completed'."
    assert (await client.http.post("/v1/batches/batch_none/cancel")).status_code == 404


async def test_pages_go_from_new_to_old(client: Client, clock: Clock) -> None:
    file = await client.upload([chat(1)])
    made = []
    for _ in range(25):
        clock.time += 1
        made.append((await client.try_create(file["id"])).json()["id"])
    seen: list[str] = []
    after: str | None = None
    sizes = []
    while True:
        asked: dict[str, str | int] = {"limit": 10} if after is None else {"limit": 10, "after": after}
        page = (await client.http.get("/v1/batches", params=asked)).json()
        sizes.append(len(page["data"]))
        seen += [batch["id"] for batch in page["data"]]
        assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        after = page["last_id"]
        if not page["has_more"]:
            break
    assert seen == made[::-1]
    assert sizes == [10, 10, 5]
    assert len((await client.http.get("/v1/batches")).json()["data"]) == 20
    assert (await client.http.get("/v1/batches", params={"after": "batch_none"})).status_code == 404
    for limit in ("0", "101", "ten"):
        assert (await client.http.get("/v1/batches", params={"limit": limit})).status_code == 400


async def test_lone_surrogates_survive(client: Client, clock: Clock) -> None:
    line = as_lines([chat(1)]).replace(b"hello", b"a \\ud800 b")
    made = await client.create(line)
    clock.time += 600
    batch = await client.batch(made["id"])
    row = (await client.rows(batch["output_file_id"]))[0]
    assert "a \ud800 b" in row["response"]["body"]["choices"][0]["message"]["content"]


async def test_speed_divides_the_time(clock: Clock) -> None:
    fast, slow = Sandbox(clock=clock, speed=10.0), Sandbox(clock=clock)
    try:
        assert fast.pace.work(100) == pytest.approx(slow.pace.work(100) / 10)
    finally:
        fast.close()
        slow.close()


async def test_the_same_seed_gives_the_same_ids(clock: Clock) -> None:
    def ids(seed: int) -> list[str]:
        state = Sandbox(clock=clock, seed=seed)
        state.close()
        return [state.ids.batch(), state.ids.file(), state.ids.request()]

    assert ids(3) == ids(3)
    assert ids(3) != ids(4)
