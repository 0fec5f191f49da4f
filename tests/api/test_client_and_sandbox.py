"""The real client against the sandbox on a socket, in its good and its bad moods."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from batchdeck.api.openai_client import OpenAIBatchApi
from batchdeck.errors import (
    BadAnswer,
    BatchdeckError,
    KeyRefused,
    LostAnswer,
    NotFound,
    OutOfRoom,
    RateLimited,
    Refused,
    ServerFailed,
)
from batchdeck.models.batch import BatchStatus
from batchdeck.models.remote import NewBatch

MakeApi = Callable[..., OpenAIBatchApi]
INPUT = b"".join(
    json.dumps(
        {
            "custom_id": f"r-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]},
        }
    ).encode()
    + b"\n"
    for number in range(20)
)


class Sandbox:
    """The sandbox's control paths."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._control = base_url.removesuffix("/v1") + "/_sandbox"

    def ask(self, method: str, path: str, /, **body: Any) -> Any:
        """Call a control path."""
        request = urllib.request.Request(
            f"{self._control}/{path}", method=method, data=json.dumps(body).encode() if body else None
        )
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def fault(self, method: str, path: str, /, **rule: Any) -> None:
        """Let the next matching call go wrong."""
        self.ask("POST", "faults", method=method, path=path, **rule)


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    """A sandbox for this module."""
    process = subprocess.Popen(
        [sys.executable, "-m", "batchdeck.sandbox", "--port", "0", "--json", "--speed", "1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Sandbox(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    """The module's sandbox without moods or faults."""
    served.ask("DELETE", "moods")
    served.ask("DELETE", "faults")
    return served


def with_api(
    make_api: MakeApi, sandbox: Sandbox, work: Callable[[OpenAIBatchApi], Coroutine[Any, Any, None]]
) -> None:
    """Run work with a client of the sandbox."""

    async def run() -> None:
        api = make_api(sandbox.base_url)
        try:
            await work(api)
        finally:
            await api.close()

    asyncio.run(run())


async def created(api: OpenAIBatchApi, content: bytes = INPUT) -> str:
    """Upload, create; the batch's id."""
    file = await api.upload_file("in.jsonl", io.BytesIO(content))
    result = await api.create_batch(
        NewBatch(file.id, "/v1/chat/completions", metadata={"batchdeck_op": "ab12"})
    )
    return result.batch.id


async def ended(api: OpenAIBatchApi, sandbox: Sandbox, batch_id: str) -> Any:
    """The batch once it has ended."""
    for _ in range(100):
        batch = await api.get_batch(batch_id)
        if batch.status.is_terminal:
            return batch
        await asyncio.to_thread(sandbox.ask, "POST", "clock", advance=600)
    raise AssertionError(f"batch stays {batch.raw_status}")


@pytest.mark.parametrize(
    "moods",
    [
        {},
        {"status_case": "upper", "iso_times": True, "list_shape": "array"},
        {"absent": "omit", "has_more": "absent", "wrapped_create": True, "null_counts": True},
        {"absent": "empty", "list_shape": "value", "unknown_status": "scheduling", "no_usage": True},
    ],
    ids=["plain", "upper", "omitting", "empty"],
)
def test_a_batch_from_upload_to_results(make_api: MakeApi, sandbox: Sandbox, moods: dict[str, Any]) -> None:
    if moods:
        sandbox.ask("POST", "moods", **moods)

    async def work(api: OpenAIBatchApi) -> None:
        batch_id = await created(api)
        assert batch_id in [batch.id for batch in (await api.list_batches()).batches]
        batch = await ended(api, sandbox, batch_id)
        assert batch.status is BatchStatus.COMPLETED
        assert batch.created_at is not None and batch.ended_at >= batch.created_at
        assert batch.metadata["batchdeck_op"] == "ab12"
        assert batch.error_file_id is None
        assert batch.output_file_id is not None
        async with api.stream_file(batch.output_file_id) as stream:
            body = b"".join([chunk async for chunk in stream.chunks()])
        assert {json.loads(line)["custom_id"] for line in body.splitlines()} == {f"r-{n}" for n in range(20)}
        assert (await api.get_file(batch.output_file_id)).bytes == len(body)
        async with api.stream_file(batch.output_file_id, start=100) as stream:
            assert stream.start == 100
            assert b"".join([chunk async for chunk in stream.chunks()]) == body[100:]

    with_api(make_api, sandbox, work)


def test_all_pages_are_walked_by_the_last_id(make_api: MakeApi, sandbox: Sandbox) -> None:
    sandbox.ask("POST", "seed", batches=230)

    async def work(api: OpenAIBatchApi) -> None:
        ids: list[str] = []
        page = await api.list_batches()
        while True:
            ids += [batch.id for batch in page.batches]
            if not page.has_more:
                break
            page = await api.list_batches(after=page.last_id)
        assert len(ids) == len(set(ids)) >= 230
        assert len(ids) == sandbox.ask("GET", "stats")["batches"]

    with_api(make_api, sandbox, work)


@pytest.mark.parametrize(
    ("fault", "makes", "kind"),
    [
        ({"kind": "drop_before"}, 0, LostAnswer),
        ({"kind": "drop_after"}, 1, LostAnswer),
        ({"kind": "reset"}, None, LostAnswer),
        ({"kind": "status", "status": 500}, 0, ServerFailed),
        ({"kind": "status_after", "status": 500}, 1, ServerFailed),
        ({"kind": "truncate", "at": 40}, 1, BatchdeckError),
        ({"kind": "garbage"}, None, BadAnswer),
        ({"kind": "status", "status": 429}, 0, RateLimited),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_a_create_is_sent_once_whatever_happens_to_its_answer(
    make_api: MakeApi, sandbox: Sandbox, fault: dict[str, Any], makes: int | None, kind: type[Exception]
) -> None:
    async def work(api: OpenAIBatchApi) -> None:
        file = await api.upload_file("in.jsonl", io.BytesIO(INPUT))
        before = sandbox.ask("GET", "stats")["creates"]
        sandbox.fault("POST", "/v1/batches", **fault)
        with pytest.raises(kind):
            await api.create_batch(NewBatch(file.id, "/v1/chat/completions"))
        made = sandbox.ask("GET", "stats")["creates"] - before
        assert made == makes if makes is not None else made <= 1

    with_api(make_api, sandbox, work)


def test_an_upload_whose_answer_was_lost_is_found_by_its_name(make_api: MakeApi, sandbox: Sandbox) -> None:
    async def work(api: OpenAIBatchApi) -> None:
        sandbox.fault("POST", "/v1/files", kind="drop_after")
        with pytest.raises(LostAnswer):
            await api.upload_file("tickets.bd-0123456789ab.jsonl", io.BytesIO(INPUT))
        (found,) = await api.find_files("tickets.bd-0123456789ab.jsonl")
        assert found.bytes == len(INPUT)
        assert await api.find_files("tickets.jsonl") == []

    with_api(make_api, sandbox, work)


@pytest.mark.parametrize("kind", ["drop_before", "reset", "status"])
def test_reads_get_over_one_fault(make_api: MakeApi, sandbox: Sandbox, kind: str) -> None:
    async def work(api: OpenAIBatchApi) -> None:
        batch_id = await created(api)
        sandbox.fault("GET", "/v1/batches", kind=kind)
        assert batch_id in [batch.id for batch in (await api.list_batches()).batches]
        sandbox.fault("GET", f"/v1/batches/{batch_id}", kind=kind)
        assert (await api.get_batch(batch_id)).id == batch_id

    with_api(make_api, sandbox, work)


@pytest.mark.parametrize("at", [0, 1, 500])
def test_a_download_that_is_cut_is_told_and_goes_on(make_api: MakeApi, sandbox: Sandbox, at: int) -> None:
    async def work(api: OpenAIBatchApi) -> None:
        file = await api.upload_file("in.jsonl", io.BytesIO(INPUT))
        sandbox.fault("GET", f"/v1/files/{file.id}/content", kind="truncate", at=at)
        with pytest.raises(LostAnswer):
            async with api.stream_file(file.id) as stream:
                async for _chunk in stream.chunks():
                    pass
        async with api.stream_file(file.id, start=at) as stream:
            assert stream.start == at
            assert b"".join([chunk async for chunk in stream.chunks()]) == INPUT[at:]

    with_api(make_api, sandbox, work)


@pytest.mark.parametrize("shape", ["openai", "message", "detail", "problem", "html", "broken"])
def test_refusals_of_every_shape_have_a_sentence(make_api: MakeApi, sandbox: Sandbox, shape: str) -> None:
    sandbox.ask("POST", "moods", error_shape=shape)

    async def work(api: OpenAIBatchApi) -> None:
        with pytest.raises(NotFound, match="does not know batch batch_none"):
            await api.get_batch("batch_none")
        with pytest.raises(Refused) as caught:
            await api.create_batch(NewBatch("file-none", "/v1/nonsense"))
        assert "<" not in caught.value.sentence

    with_api(make_api, sandbox, work)


@pytest.mark.parametrize("status", [401, 400])
def test_a_wrong_key(make_api: MakeApi, sandbox: Sandbox, status: int) -> None:
    sandbox.ask("POST", "moods", auth_status=status)

    async def run() -> None:
        api = make_api(sandbox.base_url, "sk-wrong-key")
        with pytest.raises(KeyRefused) as caught:
            await api.list_batches()
        assert caught.value.status == status
        assert "sk-wrong-key" not in caught.value.line
        await api.close()

    asyncio.run(run())


def test_no_room_in_the_queue_at_create(make_api: MakeApi, sandbox: Sandbox) -> None:
    sandbox.ask("POST", "moods", token_limit_at_create=True, queue_tokens=1)

    async def work(api: OpenAIBatchApi) -> None:
        with pytest.raises(OutOfRoom) as caught:
            await created(api)
        assert caught.value.code == "token_limit_exceeded"
        assert not caught.value.unclear

    with_api(make_api, sandbox, work)


def test_the_sandbox_in_the_process_speaks_the_same(make_api: MakeApi) -> None:
    import httpx2

    from batchdeck.sandbox.app import create_app
    from batchdeck.sandbox.state import Sandbox as State

    state = State()

    async def run() -> None:
        api = make_api("http://sandbox/v1", transport=httpx2.ASGITransport(app=create_app(state)))
        batch_id = await created(api)
        assert (await api.get_batch(batch_id)).id == batch_id
        await api.close()

    asyncio.run(run())
    state.close()
