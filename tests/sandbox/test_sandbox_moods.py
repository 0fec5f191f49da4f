"""The habits of other services."""

from __future__ import annotations

from typing import Any

import pytest

from batchdeck.sandbox.moods import BadMood, Moods
from batchdeck.sandbox.state import Sandbox
from tests.sandbox.conftest import Client, Clock, chat

pytestmark = pytest.mark.anyio


async def three(client: Client, clock: Clock) -> list[str]:
    """Three batches, oldest first."""
    ids = []
    for number in range(3):
        clock.time += 1
        ids.append((await client.create([chat(number)]))["id"])
    return ids


async def listed(client: Client, **asked: Any) -> Any:
    """A page as it came."""
    return (await client.http.get("/v1/batches", params=asked)).json()


async def test_moods_are_set_over_the_control_path_without_a_key(client: Client, sandbox: Sandbox) -> None:
    headers = {"authorization": ""}
    path = "/_sandbox/moods"
    told = await client.http.post(path, json={"iso_times": True, "list_late": 3}, headers=headers)
    assert (told.json()["iso_times"], told.json()["list_late"]) == (True, 3.0)
    for wrong in ({"nope": 1}, {"iso_times": "yes"}, {"list_shape": "tree"}, {"max_requests": True}):
        assert (await client.http.post(path, json=wrong, headers=headers)).status_code == 400
    assert sandbox.moods.iso_times
    assert (await client.http.delete(path, headers=headers)).json() == Moods().as_json()


async def test_a_mood_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(BadMood, match="status_case"):
        Moods().change({"shouting": True})


async def test_moods_are_read_from_words() -> None:
    moods = Moods()
    for words in ("has_more=absent", "unknown_after=404", "iso_times=true", "list_late=2", "max_requests=7"):
        moods.change_by_words(words)
    assert (moods.has_more, moods.unknown_after, moods.iso_times) == ("absent", "404", True)
    assert (moods.list_late, moods.max_requests) == (2.0, 7)
    for words in ("nope=1", "iso_times=maybe", "as_json=1", "has_more", "=", ""):
        with pytest.raises(BadMood):
            moods.change_by_words(words)


async def test_spellings(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    ids = await three(client, clock)
    sandbox.moods.change({"status_case": "upper", "iso_times": True, "absent": "empty", "window_echo": "1d"})
    batch = await client.batch(ids[0])
    assert batch["status"] == "IN_PROGRESS"
    assert batch["created_at"].startswith("2026-11-18T") and batch["created_at"].endswith("Z")
    assert (batch["output_file_id"], batch["error_file_id"]) == ("", "")
    assert batch["completion_window"] == "1d"
    sandbox.moods.change({"absent": "omit", "null_counts": True, "drop_metadata": True, "no_usage": True})
    batch = await client.batch(ids[2])
    assert not {"output_file_id", "request_counts", "metadata", "usage", "completed_at"} & set(batch)
    assert {"id", "status", "created_at", "endpoint", "input_file_id"} <= set(batch)


async def test_an_unknown_status_is_told_while_at_work(
    client: Client, clock: Clock, sandbox: Sandbox
) -> None:
    made = await client.create([chat(1)], metadata={"sandbox_mood": "seconds:100"})
    sandbox.moods.unknown_status = "scheduling"
    clock.time += 10
    assert (await client.batch(made["id"]))["status"] == "scheduling"
    clock.time += 200
    assert (await client.batch(made["id"]))["status"] == "completed"


async def test_lists_of_other_shapes(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    ids = await three(client, clock)
    sandbox.moods.change({"list_shape": "array"})
    assert [batch["id"] for batch in await listed(client)] == ids[::-1]
    sandbox.moods.change({"list_shape": "value"})
    assert set(await listed(client)) == {"value"}
    sandbox.moods.change({"list_shape": "object", "has_more": "absent"})
    assert "has_more" not in await listed(client)
    sandbox.moods.change({"has_more": "always", "ignore_after": True})
    page = await listed(client, after=ids[0], limit=2)
    assert page["has_more"]
    assert [batch["id"] for batch in page["data"]] == [ids[2], ids[1]]
    sandbox.moods.change({"ignore_after": False, "unknown_after": "first_page"})
    assert len((await listed(client, after="batch_none"))["data"]) == 3


async def test_a_new_batch_may_be_listed_late(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.moods.list_late = 5.0
    made = await client.create([chat(1)])
    assert (await listed(client))["data"] == []
    assert (await client.batch(made["id"]))["id"] == made["id"]
    clock.time += 5
    assert [batch["id"] for batch in (await listed(client))["data"]] == [made["id"]]


@pytest.mark.parametrize(
    ("shape", "content_type"),
    [
        ("message", "application/json"),
        ("digits", "application/json"),
        ("detail", "application/json"),
        ("problem", "application/problem+json"),
        ("html", "text/html"),
        ("broken", "application/json"),
    ],
)
async def test_errors_of_other_shapes(
    client: Client, sandbox: Sandbox, shape: str, content_type: str
) -> None:
    sandbox.moods.change({"error_shape": shape, "auth_status": 400})
    for path, headers, status in (
        ("/v1/batches/batch_none", {}, 404),
        ("/v1/batches", {"authorization": ""}, 400),
    ):
        answer = await client.http.get(path, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith(content_type)
        assert "invalid_request" not in answer.text or shape == "digits"
        assert ('"code": "4' in answer.text) == (shape == "digits")


async def test_file_ids_may_be_there_from_the_start(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.moods.early_file_ids = True
    made = await client.create([chat(1)])
    assert made["output_file_id"] and made["error_file_id"]
    assert await client.rows(made["output_file_id"]) == []
    clock.time += 600
    batch = await client.batch(made["id"])
    assert (batch["output_file_id"], batch["error_file_id"]) == (
        made["output_file_id"],
        made["error_file_id"],
    )
    assert len(await client.rows(batch["output_file_id"])) == 1
    assert await client.rows(batch["error_file_id"]) == []


@pytest.mark.parametrize("status", [200, 400, 409])
async def test_a_second_cancel(client: Client, clock: Clock, sandbox: Sandbox, status: int) -> None:
    sandbox.moods.second_cancel = status
    made = await client.create([chat(1)])
    path = f"/v1/batches/{made['id']}/cancel"
    assert [(await client.http.post(path)).status_code for _ in range(2)] == [200, status]


async def test_a_cancel_may_lose_rows_or_be_silent(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.moods.change({"cancel_rows": "none", "cancel_loses": True})
    made = await client.create([chat(n) for n in range(100)])
    clock.time += 9
    await client.http.post(f"/v1/batches/{made['id']}/cancel")
    clock.time += 9
    batch = await client.batch(made["id"])
    assert (batch["status"], batch["output_file_id"], batch["error_file_id"]) == ("cancelled", None, None)


async def test_repeated_ids_may_be_accepted(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.moods.change({"repeated_ids": True, "mixed_models": True})
    made = await client.create([chat(1), chat(1, model="gpt-4o")])
    clock.time += 600
    batch = await client.batch(made["id"])
    assert [row["custom_id"] for row in await client.rows(batch["output_file_id"])] == ["r-1", "r-1"]


async def test_other_small_habits(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.moods.change({"wrapped_create": True, "final_newline": False, "string_errors": True})
    made = (await client.create([chat(1), chat(2)]))["job"]
    clock.time += 600
    batch = await client.batch(made["id"])
    content = (await client.http.get(f"/v1/files/{batch['output_file_id']}/content")).content
    assert content.count(b"\n") == 1 and content.endswith(b"}")
    bad = (await client.create(b"x\n"))["job"]
    clock.time += 600
    assert isinstance((await client.batch(bad["id"]))["errors"], str)


async def test_ids_and_validation_of_other_services(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.moods.change(
        {"plain_ids": True, "line_in_message": True, "empty_completes": True, "absent": "omit"}
    )
    bad = await client.create([chat(1), "x"])
    assert (len(bad["id"]), len(bad["input_file_id"])) == (36, 36)
    empty = await client.create(b"")
    clock.time += 600
    error = (await client.batch(bad["id"]))["errors"]["data"][0]
    assert error["message"].startswith("Line 2: ") and "line" not in error
    batch = await client.batch(empty["id"])
    assert (batch["status"], batch["request_counts"]["total"]) == ("completed", 0)
    assert set((await client.http.get(f"/v1/files/{bad['input_file_id']}")).json()) == {
        "id",
        "object",
        "bytes",
        "created_at",
        "filename",
    }
    calls = (await client.http.get("/_sandbox/stats")).json()["calls"]
    assert calls["GET /v1/batches/{id}"] == 2


async def test_pages_of_files_that_never_end(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.moods.change({"ignore_after": True, "has_more": "always"})
    await three(client, clock)
    pages = [(await client.http.get("/v1/files", params={"limit": 2, "after": "x"})).json() for _ in range(2)]
    assert pages[0] == pages[1]
    assert pages[0]["has_more"]


async def test_calls_are_limited_by_the_minute(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    sandbox.moods.requests_per_minute = 2
    answers = [await client.http.get("/v1/batches") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "60"
    clock.time += 60
    assert (await client.http.get("/v1/batches")).status_code == 200


@pytest.mark.parametrize(
    ("mood", "status"),
    [
        ("fail_validation", "failed"),
        ("fail_validation:my_code", "failed"),
        ("token_limit", "failed"),
        ("hang_validating", "validating"),
        ("hang_finalizing", "finalizing"),
        ("fast", "completed"),
        ("slow:5", "completed"),
        ("null_counts,empty_ids", "completed"),
    ],
)
async def test_moods_of_one_batch(client: Client, clock: Clock, mood: str, status: str) -> None:
    made = await client.create([chat(1)], metadata={"sandbox_mood": mood})
    other = await client.create([chat(1)])
    clock.time += 600
    batch = await client.batch(made["id"])
    assert batch["status"] == status
    assert (await client.batch(other["id"]))["status"] == "completed"
    if mood == "null_counts,empty_ids":
        assert (batch["request_counts"], batch["error_file_id"]) == (None, "")
    if mood == "fail_validation:my_code":
        assert [error["code"] for error in batch["errors"]["data"]] == ["my_code"]


async def test_counts_may_lie(client: Client, clock: Clock) -> None:
    made = await client.create([chat(1), chat(2, "[[fail:500]]")], metadata={"sandbox_mood": "all_completed"})
    clock.time += 600
    batch = await client.batch(made["id"])
    assert batch["request_counts"] == {"total": 2, "completed": 2, "failed": 0}
    assert len(await client.rows(batch["error_file_id"])) == 1


async def test_requests_that_were_not_run_may_be_in_neither_file(client: Client, clock: Clock) -> None:
    made = await client.create([chat(n) for n in range(10)], metadata={"sandbox_mood": "expire:50,quiet"})
    clock.time += 600
    batch = await client.batch(made["id"])
    assert (batch["status"], batch["error_file_id"]) == ("expired", None)
    assert len(await client.rows(batch["output_file_id"])) == 5


async def test_a_batch_can_vanish(client: Client, clock: Clock) -> None:
    made = await client.create([chat(1)], metadata={"sandbox_mood": "fast,vanish:30"})
    clock.time += 10
    assert (await client.batch(made["id"]))["status"] == "completed"
    clock.time += 30
    assert (await client.http.get(f"/v1/batches/{made['id']}")).status_code == 404
    assert (await listed(client))["data"] == []


async def test_a_create_can_answer_500_and_yet_create(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    file = await client.upload([chat(1)])
    answer = await client.try_create(file["id"], metadata={"sandbox_mood": "create_500"})
    assert answer.status_code == 500
    assert len((await listed(client))["data"]) == 1
    refused = await client.try_create(file["id"], metadata={"sandbox_mood": "token_limit_400"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "token_limit_exceeded")
    stats = (await client.http.get("/_sandbox/stats")).json()
    assert (stats["batches"], stats["creates"], stats["uploads"]) == (1, 1, 1)
    assert stats["calls"]["POST /v1/batches"] == 2


async def test_the_clock_can_be_put_forward(client: Client) -> None:
    made = await client.create([chat(1)])
    before = (await client.http.get("/_sandbox/clock")).json()["now"]
    after = (await client.http.post("/_sandbox/clock", json={"advance": 600})).json()["now"]
    assert after == before + 600
    assert (await client.batch(made["id"]))["status"] == "completed"
    assert (await client.http.post("/_sandbox/clock", json={"advance": -1})).status_code == 400
