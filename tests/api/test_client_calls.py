"""The real SDK against scripted answers: what is sent, how often, and what comes of it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from batchdeck.api.openai_client import OpenAIBatchApi
from batchdeck.errors import (
    BadAnswer,
    ConfigError,
    Conflict,
    KeyRefused,
    LostAnswer,
    NoKey,
    NotFound,
    RateLimited,
    ServerFailed,
    ServiceError,
    Unreachable,
)
from batchdeck.models.batch import BatchStatus
from batchdeck.models.remote import NewBatch
from tests.fakes.raw_server import RawServer, answer, hang, reset, then_closed

MakeApi = Callable[..., OpenAIBatchApi]
BATCH = {"id": "batch_1", "object": "batch", "status": "validating"}
NEW = NewBatch("file-1", "/v1/chat/completions", metadata={"team": "search"}, output_expires_after=3600)


class Recorder:
    """Answers each request in the process and keeps what was asked."""

    def __init__(self, *answers: httpx2.Response) -> None:
        self.requests: list[httpx2.Request] = []
        self._answers = list(answers)
        self.transport = httpx2.MockTransport(self._answer)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.requests.append(request)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def test_list_asks_for_one_page_and_keeps_raw_statuses(make_api: MakeApi) -> None:
    service = Recorder(
        httpx2.Response(200, json={"data": [{"id": "b", "status": "PROGRESS"}], "has_more": True})
    )

    async def run() -> None:
        api = make_api("https://api.example.com/v1", transport=service.transport)
        page = await api.list_batches(after="batch_9", limit=50)
        assert [(batch.id, batch.raw_status, batch.status) for batch in page.batches] == [
            ("b", "PROGRESS", BatchStatus.IN_PROGRESS)
        ]
        assert page.has_more
        await api.close()

    asyncio.run(run())
    (request,) = service.requests
    assert (request.method, request.url.path) == ("GET", "/v1/batches")
    assert dict(request.url.params) == {"after": "batch_9", "limit": "50"}


@pytest.mark.parametrize("base_url", ["https://api.example.com/v1", "https://api.example.com/v1/"])
def test_base_url_with_and_without_a_slash(make_api: MakeApi, base_url: str) -> None:
    service = Recorder(httpx2.Response(200, json={"data": []}))
    asyncio.run(make_api(base_url, transport=service.transport).list_batches())
    assert str(service.requests[0].url) == "https://api.example.com/v1/batches?limit=100"


@pytest.mark.parametrize(
    "base_url", ["", "api.openai.com/v1", "ftp://x/v1", "https://", "https://x y/", "http://[::1"]
)
def test_what_is_no_web_address_is_a_config_error(make_api: MakeApi, base_url: str) -> None:
    with pytest.raises(ConfigError, match="not a web address"):
        make_api(base_url)


def test_create_sends_everything_once(make_api: MakeApi) -> None:
    service = Recorder(
        httpx2.Response(200, json={"job": BATCH, "warning": "w"}, headers={"x-request-id": "req_1"})
    )
    result = asyncio.run(
        make_api("https://api.example.com/v1", transport=service.transport).create_batch(NEW)
    )
    assert (result.batch.id, result.request_id) == ("batch_1", "req_1")
    (request,) = service.requests
    assert json.loads(request.content) == {
        "input_file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"team": "search"},
        "output_expires_after": {"anchor": "created_at", "seconds": 3600},
    }


def test_create_leaves_out_what_was_not_asked_for(make_api: MakeApi) -> None:
    service = Recorder(httpx2.Response(200, json=BATCH))
    new = NewBatch("file-1", "/v1/embeddings", completion_window="7d")
    asyncio.run(make_api("https://api.example.com/v1", transport=service.transport).create_batch(new))
    assert set(json.loads(service.requests[0].content)) == {"input_file_id", "endpoint", "completion_window"}


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
@pytest.mark.parametrize("doing", ["create", "cancel"])
def test_calls_that_create_or_cancel_are_sent_once(make_api: MakeApi, status: int, doing: str) -> None:
    service = Recorder(httpx2.Response(status, headers={"x-should-retry": "true"}))

    async def run() -> None:
        api = make_api("https://api.example.com/v1", transport=service.transport)
        with pytest.raises(ServiceError) as caught:
            await (api.create_batch(NEW) if doing == "create" else api.cancel_batch("batch_1"))
        assert caught.value.unclear is (status in (408, 500, 503))

    asyncio.run(run())
    assert len(service.requests) == 1


@pytest.mark.parametrize("doing", ["create", "cancel", "upload"])
def test_a_lost_answer_is_not_asked_for_again(make_api: MakeApi, doing: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"{}\n")

    async def run() -> None:
        async with RawServer(reset()) as server:
            api = make_api(server.base_url)
            with pytest.raises(LostAnswer, match="whether it was carried out is not known") as caught:
                if doing == "create":
                    await api.create_batch(NEW)
                elif doing == "cancel":
                    await api.cancel_batch("batch_1")
                else:
                    with (tmp_path / "in.jsonl").open("rb") as body:
                        await api.upload_file("in.jsonl", body)
            assert caught.value.unclear
            assert len(server.requests) == 1
            await api.close()

    asyncio.run(run())


def test_creating_calls_never_use_a_kept_connection(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(200, BATCH)) as server:
            api = make_api(server.base_url)
            await api.get_batch("batch_1")
            await api.create_batch(NEW)
            await api.create_batch(NEW)
            await api.cancel_batch("batch_1")
            await api.get_batch("batch_1")
            assert [request.connection for request in server.requests] == [0, 1, 2, 3, 0]
            await api.close()

    asyncio.run(run())


def test_a_read_into_a_closed_connection_is_tried_again_at_once(
    make_api: MakeApi, waits: list[float]
) -> None:
    async def run() -> None:
        script = [then_closed(answer(400, {"error": {"message": "m"}})), reset(), answer(200, BATCH)]
        async with RawServer(*script) as server:
            api = make_api(server.base_url)
            with pytest.raises(ServiceError):
                await api.get_batch("batch_1")
            assert (await api.get_batch("batch_1")).id == "batch_1"
            assert len(server.requests) == 3
            await api.close()

    asyncio.run(run())
    assert waits == []


@pytest.mark.parametrize("status", [408, 429, 500, 502])
def test_reads_are_tried_three_times(make_api: MakeApi, waits: list[float], status: int) -> None:
    service = Recorder(httpx2.Response(status))

    async def run() -> None:
        api = make_api("https://api.example.com/v1", transport=service.transport)
        with pytest.raises((ServerFailed, RateLimited)):
            await api.list_batches()

    asyncio.run(run())
    assert len(service.requests) == 3
    assert len(waits) == 2 and all(0.3 < wait < 3 for wait in waits)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_refused_reads_are_not_tried_again(make_api: MakeApi, status: int) -> None:
    service = Recorder(httpx2.Response(status))
    with pytest.raises(ServiceError):
        asyncio.run(make_api("https://api.example.com/v1", transport=service.transport).get_batch("batch_1"))
    assert len(service.requests) == 1


def test_a_short_retry_after_is_waited_for(make_api: MakeApi, waits: list[float]) -> None:
    service = Recorder(httpx2.Response(429, headers={"retry-after": "3"}), httpx2.Response(200, json=BATCH))
    asyncio.run(make_api("https://api.example.com/v1", transport=service.transport).get_batch("batch_1"))
    assert waits == [3.0]


def test_a_long_retry_after_is_told_at_once(make_api: MakeApi, waits: list[float]) -> None:
    service = Recorder(httpx2.Response(429, headers={"retry-after": "90"}))
    with pytest.raises(RateLimited) as caught:
        asyncio.run(make_api("https://api.example.com/v1", transport=service.transport).list_batches())
    assert caught.value.retry_after == 90
    assert (len(service.requests), waits) == (1, [])


def test_cancel_of_an_ended_batch_is_a_conflict(make_api: MakeApi) -> None:
    body = {"error": {"message": "Cannot cancel a batch with status 'completed'."}}
    service = Recorder(httpx2.Response(409, json=body))
    with pytest.raises(Conflict, match="status 'completed'"):
        asyncio.run(
            make_api("https://api.example.com/v1", transport=service.transport).cancel_batch("batch_1")
        )


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"<html>hello</html>", "text/html", "a web page (text/html)"),
        (b"", "application/json", "nothing (application/json)"),
        (b'{"data": [', "application/json", "broken JSON (application/json)"),
        (b"hello", "text/plain", "something else than JSON (text/plain)"),
        (b"null", "application/json", "no list of batches"),
        (b'{"object": "list"}', "application/json", "no list of batches"),
        (b"[" * 100_000, "application/json", "broken JSON"),
    ],
)
def test_an_answer_that_is_no_list_names_the_place(
    make_api: MakeApi, body: bytes, kind: str, words: str
) -> None:
    service = Recorder(httpx2.Response(200, content=body, headers={"content-type": kind}))
    with pytest.raises(BadAnswer) as caught:
        asyncio.run(make_api("https://api.example.com/v1", transport=service.transport).list_batches())
    assert words in caught.value.sentence
    assert "https://api.example.com/v1" in caught.value.sentence


def test_a_created_batch_that_cannot_be_read_is_unclear(make_api: MakeApi) -> None:
    service = Recorder(httpx2.Response(200, content=b'{"id": "batch_1", "stat'))
    with pytest.raises(BadAnswer) as caught:
        asyncio.run(make_api("https://api.example.com/v1", transport=service.transport).create_batch(NEW))
    assert caught.value.unclear
    assert "not known" in caught.value.sentence


def test_nothing_listens(make_api: MakeApi, waits: list[float]) -> None:
    async def run() -> None:
        async with RawServer(answer(200)) as server:
            base_url = server.base_url
        with pytest.raises(Unreachable, match=r"connection refused.*nothing was sent") as caught:
            await make_api(base_url).list_batches()
        assert not caught.value.unclear
        with pytest.raises(Unreachable, match="nothing was sent"):
            await make_api(base_url).create_batch(NEW)

    asyncio.run(run())
    assert len(waits) == 2


def test_a_host_that_is_not_known(make_api: MakeApi) -> None:
    with pytest.raises(Unreachable, match=r"no connection to http://nowhere\.invalid .*not known"):
        asyncio.run(make_api("http://nowhere.invalid/v1").list_batches())


def test_tls_to_a_server_that_speaks_none(make_api: MakeApi) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ready\r\n")
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Unreachable, match=r"TLS failed.*nothing was sent"):
                await make_api(f"https://127.0.0.1:{port}/v1").create_batch(NEW)

    asyncio.run(run())


def test_no_answer_in_time(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(hang()) as server:
            api = make_api(server.base_url, timeout=0.05)
            with pytest.raises(LostAnswer, match="no answer in time"):
                await api.create_batch(NEW)
            await api.close()
            assert len(server.requests) == 1

    asyncio.run(run())


def test_no_key_is_told_before_anything_is_sent_or_imported() -> None:
    script = """
import asyncio, sys
from batchdeck.api.openai_client import OpenAIBatchApi
from batchdeck.errors import NoKey
async def run():
    api = OpenAIBatchApi("https://api.example.com/v1", None)
    await api.warm_up()
    try:
        await api.list_batches()
    except NoKey as error:
        print(error.line)
    await api.close()
asyncio.run(run())
heavy = {"openai", "httpx2", "pydantic", "pydantic_core"} & set(sys.modules)
print(sorted(heavy))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "no API key was found; nothing was sent. Set OPENAI_API_KEY" in done.stdout
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("key", ["sk-a\nb", "sk-é", "sk a", "", '"sk-1"\t'])
def test_a_key_that_no_header_can_carry(make_api: MakeApi, key: str) -> None:
    with pytest.raises(KeyRefused) as caught:
        asyncio.run(make_api("https://api.example.com/v1", key).list_batches())
    assert not key or key not in caught.value.line


def test_no_key_object_means_no_key(make_api: MakeApi) -> None:
    with pytest.raises(NoKey):
        asyncio.run(make_api("https://api.example.com/v1", None).create_batch(NEW))


def test_ids_cannot_change_the_path(make_api: MakeApi) -> None:
    service = Recorder(httpx2.Response(200, json=BATCH))

    async def run() -> None:
        api = make_api("https://api.example.com/v1", transport=service.transport)
        await api.get_batch("a/../../b?c#d")
        for odd in ("..", "", "."):
            with pytest.raises(NotFound):
                await api.get_batch(odd)

    asyncio.run(run())
    (request,) = service.requests
    assert request.url.raw_path == b"/v1/batches/a%2F..%2F..%2Fb%3Fc%23d"


def test_organization_project_and_headers_are_sent_only_when_given(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-environment")
    service = Recorder(httpx2.Response(200, json={"data": []}))

    async def run() -> None:
        await make_api("https://a.example.com/v1", transport=service.transport).list_batches()
        await make_api(
            "https://a.example.com/v1",
            organization="org-1",
            project="proj-1",
            headers={"X-Route": "here"},
            transport=service.transport,
        ).list_batches()

    asyncio.run(run())
    plain, told = (request.headers for request in service.requests)
    assert "openai-organization" not in plain and "openai-project" not in plain
    assert (told["openai-organization"], told["openai-project"], told["x-route"]) == (
        "org-1",
        "proj-1",
        "here",
    )


def test_azure_gets_its_key_header(make_api: MakeApi, secret: str) -> None:
    service = Recorder(httpx2.Response(200, json={"data": []}))
    login = "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"

    async def run() -> None:
        base_url = "https://me.openai.azure.com/openai/v1/"
        await make_api(base_url, transport=service.transport).list_batches()
        await make_api(base_url, login, transport=service.transport).list_batches()

    asyncio.run(run())
    by_key, by_login = (request.headers for request in service.requests)
    assert by_key["api-key"] == secret and "authorization" not in by_key
    assert by_login["authorization"] == f"Bearer {login}" and "api-key" not in by_login


def test_the_key_is_in_no_log(make_api: MakeApi, secret: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    service = Recorder(
        httpx2.Response(401, json={"error": {"message": f"Incorrect API key provided: {secret}"}})
    )
    with pytest.raises(KeyRefused) as caught:
        asyncio.run(
            make_api(
                "https://a.example.com/v1", headers={"X": "y"}, transport=service.transport
            ).list_batches()
        )
    assert service.requests[0].headers["authorization"] == f"Bearer {secret}"
    assert secret not in caplog.text
    assert secret not in caught.value.line
    assert any(record.name.startswith("openai") for record in caplog.records)


def test_the_sdks_log_switch_writes_nothing_over_the_screen() -> None:
    script = """
import asyncio
from batchdeck.api.openai_client import OpenAIBatchApi
class Key:
    def reveal(self): return "sk-test-0123456789"
asyncio.run(OpenAIBatchApi("https://api.example.com/v1", Key()).warm_up())
import logging
logging.getLogger("openai._base_client").debug("noise")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENAI_LOG": "debug"},
    )
    assert done.stdout + done.stderr == ""


def test_redirects_are_followed_without_the_key(make_api: MakeApi, secret: str) -> None:
    async def run() -> None:
        async with RawServer(answer(200, BATCH)) as elsewhere:
            target = elsewhere.base_url.replace("127.0.0.1", "localhost") + "/moved"
            async with RawServer(answer(302, b"", location=target)) as server:
                api = make_api(server.base_url, headers={"X-Private": "p"}, organization="org-1")
                assert (await api.get_batch("batch_1")).id == "batch_1"
                await api.close()
            assert server.requests[0].headers["authorization"] == f"Bearer {secret}"
        (request,) = elsewhere.requests
        assert not {"authorization", "x-private", "openai-organization"} & set(request.headers)
        assert secret not in str(request.headers)

    asyncio.run(run())


def test_a_redirected_create_is_refused_and_not_followed(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(200, BATCH)) as elsewhere:
            async with RawServer(answer(307, b"", location=elsewhere.base_url + "/batches")) as server:
                with pytest.raises(ServiceError, match="sends on to"):
                    await make_api(server.base_url).create_batch(NEW)
            assert elsewhere.requests == []

    asyncio.run(run())


def test_a_closed_client_says_so(make_api: MakeApi) -> None:
    async def run() -> None:
        api = make_api("https://api.example.com/v1")
        await api.warm_up()
        await api.close()
        await api.close()
        with pytest.raises(Unreachable, match="was closed"):
            await api.list_batches()

    asyncio.run(run())
