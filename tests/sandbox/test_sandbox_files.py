"""The Files API."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from batchdeck.sandbox.multipart import BadMultipart, MultipartUpload, TooLarge
from batchdeck.sandbox.state import Sandbox
from tests.sandbox.conftest import Client, Clock, chat

pytestmark = pytest.mark.anyio


async def test_an_upload_comes_back_as_it_was(client: Client) -> None:
    body = random.Random(5).randbytes(3_000_000) + b"\r\n--x\r\n--\r\n"
    made = await client.upload(body, name="späß.jsonl")
    assert (made["bytes"], made["filename"], made["purpose"]) == (len(body), "späß.jsonl", "batch")
    assert made["expires_at"] == made["created_at"] + 30 * 86_400
    assert (await client.http.get(f"/v1/files/{made['id']}")).json() == made
    assert (await client.http.get(f"/v1/files/{made['id']}/content")).content == body


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=10-", 206, 10, 100),
        ("bytes=10-19", 206, 10, 20),
        ("bytes=-5", 206, 95, 100),
        ("bytes=90-500", 206, 90, 100),
        ("bytes=100-", 416, 0, 0),
        ("bytes=x", 200, 0, 100),
    ],
)
async def test_ranges(client: Client, asked: str, status: int, start: int, end: int) -> None:
    body = bytes(range(100))
    made = await client.upload(body)
    answer = await client.http.get(f"/v1/files/{made['id']}/content", headers={"range": asked})
    assert answer.status_code == status
    assert answer.content == body[start:end]
    assert answer.headers["content-length"] == str(end - start)
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/100"


async def test_ranges_can_be_ignored(client: Client, sandbox: Sandbox) -> None:
    sandbox.moods.ranges = False
    made = await client.upload(b"0123456789")
    answer = await client.http.get(f"/v1/files/{made['id']}/content", headers={"range": "bytes=5-"})
    assert (answer.status_code, answer.content) == (200, b"0123456789")


async def test_an_empty_file_is_a_file(client: Client) -> None:
    made = await client.upload(b"")
    answer = await client.http.get(f"/v1/files/{made['id']}/content")
    assert (made["bytes"], answer.status_code, answer.content) == (0, 200, b"")


async def test_files_are_listed_by_order_and_purpose(client: Client, clock: Clock) -> None:
    ids = []
    for number in range(5):
        clock.time += 1
        purpose = "user_data" if number == 2 else "batch"
        ids.append((await client.upload([chat(number)], purpose=purpose))["id"])

    async def listed(**asked: str | int) -> list[str]:
        answer = await client.http.get("/v1/files", params=asked)
        assert answer.status_code == 200
        return [file["id"] for file in answer.json()["data"]]

    assert await listed() == ids[::-1]
    assert await listed(order="asc") == ids
    assert await listed(purpose="batch") == [ids[4], ids[3], ids[1], ids[0]]
    assert await listed(limit=2) == ids[:2:-1]
    assert await listed(limit=2, after=ids[3]) == [ids[2], ids[1]]
    assert (await client.http.get("/v1/files", params={"after": "file-none"})).status_code == 404
    assert (await client.http.get("/v1/files", params={"order": "up"})).status_code == 400


async def test_a_deleted_file_is_gone(client: Client) -> None:
    made = await client.upload([chat(1)])
    answer = await client.http.delete(f"/v1/files/{made['id']}")
    assert answer.json() == {"id": made["id"], "object": "file", "deleted": True}
    for path in (f"/v1/files/{made['id']}", f"/v1/files/{made['id']}/content"):
        assert (await client.http.get(path)).status_code == 404
    assert (await client.http.delete(f"/v1/files/{made['id']}")).status_code == 404


async def test_bad_uploads_are_refused(client: Client, sandbox: Sandbox, tmp_path: Path) -> None:
    async def status(*, name: str = "x.jsonl", body: bytes = b"x", **data: str) -> tuple[int, str]:
        answer = await client.http.post("/v1/files", files={"file": (name, body)}, data=data)
        return answer.status_code, answer.json()["error"]["message"]

    assert (await status(name="x.csv", purpose="batch"))[1].startswith("Invalid file format for Batch API")
    assert (await status())[0] == 400
    assert (await status(purpose="nonsense"))[0] == 400
    sandbox.moods.max_batch_bytes = 10
    assert await status(body=b"x" * 11, purpose="batch") == (400, "File is too large.")
    sandbox.moods.max_upload_bytes = 1_000
    assert (await status(body=b"x" * 2_000, purpose="batch"))[0] == 413
    assert (await status(body=b"x" * 200_000, purpose="batch"))[0] == 413
    plain = await client.http.post("/v1/files", content=b"hello")
    assert plain.status_code == 400
    assert [path for path in (tmp_path / "files").iterdir() if path.name.startswith("upload")] == []


async def test_an_upload_may_set_its_own_life(client: Client) -> None:
    data = {"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "7200"}
    answer = await client.http.post("/v1/files", files={"file": ("x.jsonl", b"x")}, data=data)
    told = answer.json()
    assert told["expires_at"] == told["created_at"] + 7_200


def multipart(body: bytes, boundary: str = "b0und") -> bytes:
    """A body with a field and a file."""
    return (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        + body
        + f"\r\n--{boundary}--\r\n".encode()
    )


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    """A body in pieces."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_multipart_does_not_mind_where_it_is_cut(tmp_path: Path, size: int) -> None:
    content = b"\r\n--b0un\r\n--b0unx\r\n\r\n" * 30

    async def read() -> MultipartUpload:
        with MultipartUpload(b"b0und", tmp_path / "file", 10_000) as upload:
            await upload.read(pieces(multipart(content), size))
        return upload

    upload = asyncio.run(read())
    assert (tmp_path / "file").read_bytes() == content
    assert (upload.size, upload.filename, upload.fields) == (len(content), "a.jsonl", {"purpose": "batch"})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (multipart(b"x" * 50)[:-20], BadMultipart),
        (b"no boundary at all", BadMultipart),
        (b'--b0und\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n' + b"x" * 70_000, BadMultipart),
        (b"--b0und\r\n" + b"x" * 20_000, BadMultipart),
        (multipart(b"x" * 101), TooLarge),
    ],
)
def test_a_broken_multipart_body_leaves_no_file(tmp_path: Path, body: bytes, error: type[Exception]) -> None:
    async def read() -> None:
        with MultipartUpload(b"b0und", tmp_path / "file", 100) as upload:
            await upload.read(pieces(body, 1_000))

    with pytest.raises(error):
        asyncio.run(read())
    assert not (tmp_path / "file").exists()


async def test_keys(client: Client, sandbox: Sandbox) -> None:
    async def status(key: str | None) -> int:
        headers = {"authorization": f"Bearer {key}" if key is not None else ""}
        return (await client.http.get("/v1/batches", headers=headers)).status_code

    assert [await status(key) for key in ("any", "wrong-key", "sk-wrong-1", "", None)] == [
        200,
        401,
        401,
        401,
        401,
    ]
    sandbox.api_key = "right"
    assert [await status(key) for key in ("any", "right")] == [401, 200]
    answer = await client.http.get("/v1/batches", headers={"authorization": "", "api-key": "right"})
    assert answer.status_code == 200
    refused = await client.http.get("/v1/batches", headers={"authorization": "Bearer sk-a-long-secret-key"})
    assert refused.json()["error"]["code"] == "invalid_api_key"
    assert "sk-a-long-secret-key" not in refused.text


async def test_every_answer_has_a_request_id(client: Client) -> None:
    answers: list[httpx2.Response] = [
        await client.http.get("/v1/batches"),
        await client.http.get("/v1/nowhere"),
        await client.http.get("/v1/batches", headers={"authorization": "Bearer wrong-key"}),
        await client.http.get("/v1/batches/batch_none"),
    ]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 4
    assert all(one.startswith("req_") for one in ids)
    assert answers[1].json()["error"]["message"] == "Invalid URL (GET /v1/nowhere)"
