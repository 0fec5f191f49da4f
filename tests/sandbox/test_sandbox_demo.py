"""The batches to begin with."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from batchdeck.sandbox.demo import seed_demo, seed_many
from batchdeck.sandbox.state import Sandbox
from tests.sandbox.conftest import Client, Clock

pytestmark = pytest.mark.anyio


async def everything(client: Client) -> list[dict[str, Any]]:
    """All batches, newest first."""
    found: list[dict[str, Any]] = []
    asked: dict[str, str | int] = {"limit": 100}
    while True:
        page = (await client.http.get("/v1/batches", params=asked)).json()
        found += page["data"]
        if not page["has_more"]:
            return found
        asked["after"] = page["last_id"]


def called(batches: list[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    """The batches whose description begins so, oldest first."""
    return [batch for batch in batches[::-1] if batch["metadata"]["description"].startswith(words)]


async def test_the_demo_is_there_at_once_and_always_the_same(clock: Clock, tmp_path: Path) -> None:
    told = []
    for name in ("one", "two"):
        state = Sandbox(clock=clock, seed=7, folder=tmp_path / name)
        begun = time.perf_counter()
        seed_demo(state)
        assert time.perf_counter() - begun < 0.5
        assert not (tmp_path / name).exists()
        page, _ = state.page(None, 500)
        told.append([(job.id, job.created_at, dict(job.metadata), job.counts_at(clock.time)) for job in page])
        state.close()
    assert told[0] == told[1]
    assert 140 <= len(told[0]) <= 180


async def test_the_demo_has_every_kind_of_batch(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    seed_demo(sandbox)
    batches = await everything(client)
    created = [batch["created_at"] for batch in batches]
    assert created == sorted(created, reverse=True)
    assert created[0] <= clock.time
    assert created[-1] > clock.time - 30 * 86_400
    assert {batch["status"] for batch in batches} == {
        "validating",
        "in_progress",
        "finalizing",
        "completed",
        "failed",
        "expired",
        "cancelling",
        "cancelled",
    }
    assert {batch["endpoint"] for batch in batches} >= {
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/embeddings",
        "/v1/completions",
        "/v1/moderations",
    }
    assert len({batch["metadata"]["team"] for batch in batches}) >= 8
    parts = [batch["metadata"] for batch in batches if "batchdeck_group" in batch["metadata"]]
    assert sorted(part["batchdeck_part"] for part in parts) == ["1/3", "2/3", "3/3"]
    assert len({part["batchdeck_group"] for part in parts}) == 1
    expired = [batch for batch in batches if batch["status"] == "expired"]
    assert all(batch["expired_at"] >= batch["expires_at"] for batch in expired)
    inputs = {batch["input_file_id"] for batch in batches}
    files = (await client.http.get("/v1/files", params={"purpose": "batch"})).json()["data"]
    assert {file["id"] for file in files} == inputs
    old = called(batches, "Archive labels")[0]
    assert 0 < old["expires_at"] - clock.time < 3_600


async def test_files_of_the_demo_agree_with_the_batches(client: Client, sandbox: Sandbox) -> None:
    seed_demo(sandbox)
    batches = await everything(client)
    liars = ("Comment moderation backfill", "Customer feedback labels")
    looked_at = 0
    for batch in batches:
        if (
            batch["status"] not in ("completed", "expired", "cancelled")
            or batch["request_counts"]["total"] > 700
        ):
            continue
        looked_at += 1
        files = [batch["input_file_id"], batch["output_file_id"], batch["error_file_id"]]
        told = [(await client.http.get(f"/v1/files/{file_id}")).json() for file_id in files if file_id]
        for file in told:
            content = (await client.http.get(f"/v1/files/{file['id']}/content")).content
            assert file["bytes"] == len(content) > 0
        rows = await client.rows(batch["output_file_id"]) + await client.rows(batch["error_file_id"])
        inputs = await client.rows(batch["input_file_id"])
        assert Counter(row["custom_id"] for row in rows) == Counter(line["custom_id"] for line in inputs)
        assert not batch["metadata"]["description"].startswith(liars)
        ok = [row["response"]["body"] for row in rows if (row["response"] or {}).get("status_code") == 200]
        assert len(ok) == batch["request_counts"]["completed"]
        used = [body.get("usage", {}) for body in ok]
        tokens = sum(one.get("prompt_tokens", one.get("input_tokens", 0)) for one in used)
        assert tokens == batch["usage"]["input_tokens"]
    assert looked_at > 30


async def test_the_batch_with_nine_codes(client: Client, sandbox: Sandbox) -> None:
    seed_demo(sandbox)
    batch = called(await everything(client), "Customer feedback labels")[0]
    inputs = Counter(line["custom_id"] for line in await client.rows(batch["input_file_id"]))
    output, errors = await client.rows(batch["output_file_id"]), await client.rows(batch["error_file_id"])
    codes = Counter(
        row["error"]["code"] if row["error"] else row["response"]["body"]["error"]["code"] for row in errors
    )
    zero = [row for row in output if row["response"]["status_code"] == 0]
    assert len(codes) + bool(zero) == 9
    assert sum(codes.values()) == batch["request_counts"]["failed"]
    answered = Counter(row["custom_id"] for row in output + errors)
    assert len(inputs - answered) == 7
    assert sum((answered - inputs).values()) == 3


async def test_the_chain_of_retries_is_exact(client: Client, sandbox: Sandbox) -> None:
    seed_demo(sandbox)
    first, second, third = called(await everything(client), "Contract clause tagging")
    assert (first["status"], second["metadata"]["retry_of"], third["metadata"]["retry_of"]) == (
        "expired",
        first["id"],
        second["id"],
    )

    async def lines(batch: dict[str, Any]) -> dict[str, bytes]:
        content = (await client.http.get(f"/v1/files/{batch['input_file_id']}/content")).content
        return {json.loads(line)["custom_id"]: line for line in content.splitlines()}

    async def answered(batch: dict[str, Any]) -> set[str]:
        rows = await client.rows(batch["output_file_id"])
        return {row["custom_id"] for row in rows if row["response"]["status_code"] == 200}

    whole, again = await lines(first), await lines(second)
    assert set(again) == set(whole) - await answered(first)
    assert all(whole[custom_id] == line for custom_id, line in again.items())
    last = await lines(third)
    left_out = set(again) - await answered(second) - set(last)
    assert len(left_out) == 4
    assert await answered(third) == set(last)


async def test_the_refused_batch_names_lines_that_are_bad(client: Client, sandbox: Sandbox) -> None:
    seed_demo(sandbox)
    batch = called(await everything(client), "Ticket backlog")[0]
    announced = (await client.http.get(f"/v1/files/{batch['input_file_id']}")).json()["bytes"]
    content = (await client.http.get(f"/v1/files/{batch['input_file_id']}/content")).content
    assert announced == len(content)
    lines = content.splitlines()
    told = {error["line"]: error["code"] for error in batch["errors"]["data"]}
    unreadable = set()
    for number, line in enumerate(lines, start=1):
        try:
            json.loads(line)
        except ValueError:
            unreadable.add(number)
    assert unreadable == {number for number, code in told.items() if code == "invalid_json_line"}
    made = await client.create(content)
    sandbox.advance_clock(60)
    found = (await client.batch(made["id"]))["errors"]["data"]
    assert {error["line"]: error["code"] for error in found} == told


async def test_some_of_the_demo_moves_and_one_ends_within_a_minute(
    client: Client, clock: Clock, sandbox: Sandbox
) -> None:
    seed_demo(sandbox)
    before = {batch["id"]: batch for batch in await everything(client)}
    clock.time += 10
    after = {batch["id"]: batch for batch in await everything(client)}
    moved = [one for one in before if before[one]["request_counts"] != after[one]["request_counts"]]
    assert len(moved) >= 3
    clock.time += 50
    later = {batch["id"]: batch for batch in await everything(client)}
    ended = {(before[one]["status"], later[one]["status"]) for one in before} - {
        (status, status) for status in ("completed", "failed", "expired", "cancelled", "in_progress")
    }
    assert {("in_progress", "completed"), ("finalizing", "completed"), ("cancelling", "cancelled")} <= ended
    clock.time += 60
    newest = await everything(client)
    assert len(newest) > len(before)
    assert newest[0]["id"] not in before
    for batch in newest:
        if batch["id"] in before and before[batch["id"]]["status"] in ("finalizing", "cancelling"):
            rows = await client.rows(batch["output_file_id"]) + await client.rows(batch["error_file_id"])
            assert len(rows) == batch["request_counts"]["total"]


@pytest.mark.parametrize("count", [1, 1_250, 100_000])
async def test_many_batches_cost_nothing_until_they_are_looked_at(
    client: Client, sandbox: Sandbox, count: int
) -> None:
    seed_many(sandbox, count)
    page = (await client.http.get("/v1/batches", params={"limit": 100})).json()
    assert len(page["data"]) == min(count, 100)
    assert page["has_more"] == (count > 100)
    batch = (await client.http.get("/v1/batches", params={"limit": 1})).json()["data"][0]
    assert (await client.batch(batch["id"])) == batch
    assert (await client.http.post(f"/v1/batches/{batch['id']}/cancel")).status_code == 409


async def test_batches_can_be_seeded_over_the_control_path(client: Client, sandbox: Sandbox) -> None:
    for number in (10, 5):
        await client.http.post("/_sandbox/seed", json={"batches": number})
    told = (await client.http.post("/_sandbox/seed", json={"demo": True})).json()
    batches = await everything(client)
    assert len({batch["id"] for batch in batches}) == told["batches"] == 15 + len(sandbox.book.jobs())
    created = [batch["created_at"] for batch in batches[-15:]]
    assert created == sorted(created, reverse=True)


async def test_all_of_many_batches_are_listed_once(client: Client, sandbox: Sandbox) -> None:
    seed_many(sandbox, 1_250)
    seed_demo(sandbox)
    made = (await client.try_create((await everything(client))[30]["input_file_id"])).json()
    batches = await everything(client)
    assert batches[0]["id"] == made["id"]
    demo = len(sandbox.book.jobs())
    assert len({batch["id"] for batch in batches}) == len(batches) == 1_250 + demo
    for batch in batches[-40:]:
        files = [batch["input_file_id"], batch["output_file_id"], batch["error_file_id"]]
        told = [(await client.http.get(f"/v1/files/{one}")).json() for one in files if one]
        assert all(file["bytes"] > 0 for file in told)
    gone = batches[-1]["input_file_id"]
    assert (await client.http.delete(f"/v1/files/{gone}")).status_code == 200
    assert (await client.http.get(f"/v1/files/{gone}")).status_code == 404
    inputs = (await client.http.get("/v1/files", params={"purpose": "batch"})).json()
    assert gone not in {file["id"] for file in inputs["data"]}
    assert len(inputs["data"]) == len({file["id"] for file in inputs["data"]}) >= 1_250
