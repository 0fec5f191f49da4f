"""Files up and down through the real SDK, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import tracemalloc
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path

import pytest

from batchdeck.api.openai_client import OpenAIBatchApi
from batchdeck.errors import (
    BadAnswer,
    FileProblem,
    LostAnswer,
    NotFound,
    Refused,
    ServiceError,
)
from tests.fakes.raw_server import RawServer, SeenRequest, answer, reset

MakeApi = Callable[..., OpenAIBatchApi]
FILE = {"id": "file-1", "object": "file", "bytes": 3, "filename": "in.jsonl", "purpose": "batch"}


def form_parts(request: SeenRequest) -> dict[str, tuple[str | None, bytes]]:
    """Name to file name and content, as another parser of multipart forms sees them."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    parts = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = part.get_param("name", header="content-disposition")
        parts[str(name)] = (part.get_filename(), content)
    return parts


async def collected(api: OpenAIBatchApi, start: int = 0) -> tuple[int, int | None, bytes]:
    """Start, announced length and body of file-1."""
    async with api.stream_file("file-1", start=start) as stream:
        return stream.start, stream.length, b"".join([chunk async for chunk in stream.chunks()])


# --- up ---------------------------------------------------------------------


def test_an_upload_is_a_form_with_purpose_and_file(make_api: MakeApi, secret: str) -> None:
    sent: list[int] = []

    async def run() -> None:
        async with RawServer(answer(200, FILE, x_request_id="req_7")) as server:
            api = make_api(server.base_url + "/", organization="org-1")
            file = await api.upload_file(
                "tickets.bd-12.jsonl", io.BytesIO(b'{"a":1}\n'), on_bytes=sent.append
            )
            assert (file.id, file.bytes, file.request_id) == ("file-1", 3, "req_7")
            (request,) = server.requests
            assert (request.method, request.path) == ("POST", "/v1/files")
            assert request.headers["authorization"] == f"Bearer {secret}"
            assert request.headers["openai-organization"] == "org-1"
            assert form_parts(request) == {
                "purpose": (None, b"batch"),
                "file": ("tickets.bd-12.jsonl", b'{"a":1}\n'),
            }
            await api.close()

    asyncio.run(run())
    assert sent == [8]


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1, 1_000_000])
def test_every_byte_arrives_and_progress_is_told(make_api: MakeApi, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    sent: list[int] = []

    async def run() -> None:
        async with RawServer(answer(200, FILE)) as server:
            api = make_api(server.base_url)
            await api.upload_file("in.jsonl", io.BytesIO(content[:size]), on_bytes=sent.append)
            assert form_parts(server.requests[0])["file"][1] == content[:size]
            await api.close()

    asyncio.run(run())
    assert sent == sorted(sent)
    assert (sent[-1] if sent else 0) == size


class Range(io.RawIOBase):
    """Part of a file, without a file number."""

    def __init__(self, content: bytes, start: int, end: int) -> None:
        self._inner = io.BytesIO(content[start:end])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def read(self, size: int = -1) -> bytes:
        # One byte less than asked for, as a raw file may give.
        return self._inner.read(max(1, size - 1) if size > 0 else size)


def test_a_part_of_a_file_is_sent_from_where_it_stands(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(200, FILE)) as server:
            api = make_api(server.base_url)
            body = Range(b"0123456789", 2, 8)
            body.seek(1)
            await api.upload_file("in.jsonl", body)  # type: ignore[arg-type]
            assert form_parts(server.requests[0])["file"][1] == b"34567"
            await api.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "name", ['a"b.jsonl', "a\r\nX-Evil: 1\r\n.jsonl", "naïve 中文.jsonl", "a\\b;c.jsonl"]
)
def test_no_file_name_breaks_the_form(make_api: MakeApi, name: str) -> None:
    async def run() -> None:
        async with RawServer(answer(200, FILE)) as server:
            api = make_api(server.base_url)
            await api.upload_file(name, io.BytesIO(b"x"))
            head = server.requests[0].body.partition(b"\r\n\r\nx\r\n")[0]
            assert head.count(b"\r\n") == 6
            assert b"\nX-Evil" not in head
            assert form_parts(server.requests[0])["file"][1] == b"x"
            await api.close()

    asyncio.run(run())


class Shrinking(io.BytesIO):
    """A file that has fewer bytes than it said."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1) if self.tell() < 5 else b""


class Unreadable(io.BytesIO):
    """A file on a disk that fails."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    ("body", "words"),
    [(Shrinking(b"x" * 100), "became shorter"), (Unreadable(b"x" * 100), "Input/output error")],
)
def test_a_file_that_fails_meanwhile_is_a_file_problem(
    make_api: MakeApi, body: io.BytesIO, words: str
) -> None:
    async def run() -> None:
        async with RawServer(answer(200, FILE)) as server:
            api = make_api(server.base_url)
            with pytest.raises(FileProblem, match=words):
                await api.upload_file("in.jsonl", body)
            assert server.requests == []
            await api.close()

    asyncio.run(run())


class Growing(io.BytesIO):
    """A file that somebody goes on writing."""

    def read(self, size: int | None = -1, /) -> bytes:
        position = self.tell()
        self.seek(0, io.SEEK_END)
        self.write(b"more")
        self.seek(position)
        return super().read(size)


def test_what_is_written_meanwhile_is_not_sent(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(200, FILE)) as server:
            api = make_api(server.base_url)
            await api.upload_file("in.jsonl", Growing(b"first"))
            assert form_parts(server.requests[0])["file"][1] == b"first"
            await api.close()

    asyncio.run(run())


def test_an_upload_that_is_too_large_is_refused_with_a_way_out(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(413, b"<html>413</html>", content_type="text/html")) as server:
            api = make_api(server.base_url)
            with pytest.raises(Refused) as caught:
                await api.upload_file("in.jsonl", io.BytesIO(b"x"))
            assert caught.value.status == 413
            assert "--split" in (caught.value.hint or "")
            await api.close()

    asyncio.run(run())


def test_an_answer_without_a_file_is_unclear(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(200, {"ok": True})) as server:
            api = make_api(server.base_url)
            with pytest.raises(BadAnswer) as caught:
                await api.upload_file("in.jsonl", io.BytesIO(b"x"))
            assert caught.value.unclear
            await api.close()

    asyncio.run(run())


def test_a_large_upload_takes_little_memory_and_leaves_the_loop_free(
    make_api: MakeApi, tmp_path: Path
) -> None:
    size = 40_000_000
    path = tmp_path / "big.jsonl"
    with path.open("wb") as out:
        out.truncate(size)
    received = 0

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        head = await reader.readuntil(b"\r\n\r\n")
        expected = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while received < expected:
            received += len(await reader.read(1 << 20))
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{"id":"file-1"}')
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(swallow, "127.0.0.1", 0) as server:
            api = make_api(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
            await api.warm_up()
            tracemalloc.start()
            with path.open("rb") as body:
                await api.upload_file("big.jsonl", body)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            await api.close()
        assert peak < 8_000_000

    asyncio.run(run())
    assert received > size


# --- down -------------------------------------------------------------------


def test_a_download_with_its_length(make_api: MakeApi) -> None:
    content = bytes(range(256)) * 5000

    async def run() -> None:
        async with RawServer(answer(200, content, content_type="text/html", x_request_id="r")) as server:
            api = make_api(server.base_url)
            async with api.stream_file("file-1") as stream:
                assert (stream.start, stream.length, stream.request_id) == (0, len(content), "r")
                chunks = [chunk async for chunk in stream.chunks()]
            assert b"".join(chunks) == content
            assert all(len(chunk) >= 65_536 for chunk in chunks[:-1])
            assert server.requests[0].headers["accept-encoding"] == "identity"
            assert "range" not in server.requests[0].headers
            await api.close()

    asyncio.run(run())


def test_an_empty_file(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(200, b"")) as server:
            api = make_api(server.base_url)
            assert await collected(api) == (0, 0, b"")
            await api.close()

    asyncio.run(run())


def test_a_body_without_a_length(make_api: MakeApi) -> None:
    chunked = b"4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n"

    async def run() -> None:
        async with RawServer(answer(200, chunked, content_length="", transfer_encoding="chunked")) as server:
            api = make_api(server.base_url)
            assert await collected(api) == (0, None, b"abcdef")
            await api.close()

    asyncio.run(run())


def test_a_body_that_is_compressed_all_the_same(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(200, gzip.compress(b"x" * 1000), content_encoding="gzip")) as server:
            api = make_api(server.base_url)
            assert await collected(api) == (0, None, b"x" * 1000)
            await api.close()

    asyncio.run(run())


def test_the_rest_of_a_file(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(206, b"456789", content_range="bytes 4-9/10")) as server:
            api = make_api(server.base_url)
            assert await collected(api, 4) == (4, 6, b"456789")
            assert server.requests[0].headers["range"] == "bytes=4-"
            await api.close()

    asyncio.run(run())


def test_nothing_is_left_of_a_file(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(416, b"", content_range="bytes */10")) as server:
            api = make_api(server.base_url)
            assert await collected(api, 10) == (10, 0, b"")
            await api.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "first",
    [
        answer(200, b"0123456789"),
        answer(206, b"23456789", content_range="bytes 2-9/10"),
        answer(206, b"456789"),
        answer(206, b"456789", content_range="bytes 4-9/10", content_encoding="gzip"),
        answer(416, b"", content_range="bytes */3"),
        answer(416, b""),
    ],
    ids=["ignored", "other part", "unsaid part", "compressed", "shorter file", "refused"],
)
def test_without_the_right_part_it_starts_from_the_first_byte(make_api: MakeApi, first: object) -> None:
    async def run() -> None:
        async with RawServer(first, answer(200, b"0123456789")) as server:  # type: ignore[arg-type]
            api = make_api(server.base_url)
            assert await collected(api, 4) == (0, 10, b"0123456789")
            assert "range" not in server.requests[-1].headers or len(server.requests) == 1
            await api.close()

    asyncio.run(run())


def test_a_part_that_nobody_asked_for_is_no_file(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(206, b"456789", content_range="bytes 4-9/10")) as server:
            api = make_api(server.base_url)
            with pytest.raises(BadAnswer):
                await collected(api)
            await api.close()

    asyncio.run(run())


@pytest.mark.parametrize("how", ["short", "chunked", "reset"])
def test_a_body_that_is_cut_is_a_lost_answer(make_api: MakeApi, how: str) -> None:
    cut = answer(200, b"x" * 100_000, content_length=200_000, keep=False)
    if how == "chunked":
        cut = answer(200, b"4\r\nabcd\r\n", content_length="", transfer_encoding="chunked", keep=False)

    async def cut_hard(writer: asyncio.StreamWriter, request: SeenRequest) -> bool:
        await answer(200, b"x" * 100_000, content_length=200_000)(writer, request)
        return await reset()(writer, request)

    async def run() -> None:
        async with RawServer(cut_hard if how == "reset" else cut) as server:
            api = make_api(server.base_url)
            with pytest.raises(LostAnswer, match=r"^Downloading file file-1 failed"):
                await collected(api)
            await api.close()

    asyncio.run(run())


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (403, ServiceError), (410, Refused)])
def test_a_file_that_is_not_given(make_api: MakeApi, status: int, kind: type[ServiceError]) -> None:
    async def run() -> None:
        async with RawServer(answer(status, {"error": {"message": "No such File object: file-1"}})) as server:
            api = make_api(server.base_url)
            with pytest.raises(kind, match="file-1"):
                await collected(api)
            assert len(server.requests) == 1
            await api.close()

    asyncio.run(run())


def test_opening_a_download_is_tried_again(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(reset(), answer(500), answer(200, b"ok")) as server:
            api = make_api(server.base_url)
            assert await collected(api) == (0, 2, b"ok")
            await api.close()

    asyncio.run(run())


def test_an_error_while_the_body_is_used_passes_untouched(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(200, b"x" * 1_000_000)) as server:
            api = make_api(server.base_url)
            with pytest.raises(OSError, match="No space left"):
                async with api.stream_file("file-1") as stream:
                    async for _chunk in stream.chunks():
                        raise OSError(28, "No space left on device")
            assert (await collected(api))[1] == 1_000_000
            await api.close()

    asyncio.run(run())


def test_a_download_is_redirected_without_the_key(make_api: MakeApi, secret: str) -> None:
    async def run() -> None:
        async with RawServer(answer(200, b"blob")) as store:
            target = store.base_url.replace("127.0.0.1", "localhost") + "/blob?signature=s"
            async with RawServer(answer(302, b"", location=target)) as server:
                api = make_api(server.base_url)
                assert await collected(api) == (0, 4, b"blob")
                await api.close()
        assert secret not in str(store.requests[0].headers)

    asyncio.run(run())


def test_a_large_download_takes_little_memory(make_api: MakeApi) -> None:
    block = b"0123456789abcdef" * 65_536

    async def send(writer: asyncio.StreamWriter, request: SeenRequest) -> bool:
        await answer(200, b"", content_length=len(block) * 40)(writer, request)
        for _ in range(40):
            writer.write(block)
            await writer.drain()
        return True

    async def run() -> None:
        async with RawServer(send) as server:
            api = make_api(server.base_url)
            await api.warm_up()
            tracemalloc.start()
            digest = hashlib.sha256()
            async with api.stream_file("file-1") as stream:
                async for chunk in stream.chunks():
                    digest.update(chunk)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            await api.close()
        assert digest.hexdigest() == hashlib.sha256(block * 40).hexdigest()
        assert peak < 12_000_000

    asyncio.run(run())


# --- file objects -----------------------------------------------------------


def test_a_file_object(make_api: MakeApi) -> None:
    async def run() -> None:
        async with RawServer(answer(200, FILE)) as server:
            api = make_api(server.base_url)
            file = await api.get_file("file-1")
            assert (file.id, file.bytes, file.filename) == ("file-1", 3, "in.jsonl")
            await api.close()

    asyncio.run(run())


def test_files_are_found_by_their_exact_name_newest_first(make_api: MakeApi) -> None:
    first = {
        "data": [
            {"id": "f1", "filename": "a.jsonl", "created_at": 1_700_000_000},
            {"id": "f2", "filename": "b.jsonl"},
            {"id": "f3", "filename": "a.jsonl", "created_at": 1_700_000_500},
        ],
        "has_more": True,
    }
    second = {"data": [{"id": "f4", "filename": "a.jsonl", "created_at": 1_700_000_900}], "has_more": False}

    async def run() -> None:
        async with RawServer(answer(200, first), answer(200, second)) as server:
            api = make_api(server.base_url)
            assert [file.id for file in await api.find_files("a.jsonl")] == ["f4", "f3", "f1"]
            assert [request.path.partition("?")[2] for request in server.requests] == [
                "order=desc&purpose=batch",
                "after=f3&order=desc&purpose=batch",
            ]
            await api.close()

    asyncio.run(run())


def test_a_file_list_that_never_ends_is_left(make_api: MakeApi) -> None:
    page = {"data": [{"id": "f1", "filename": "a.jsonl"}], "has_more": True}

    async def run() -> None:
        async with RawServer(answer(200, page)) as server:
            api = make_api(server.base_url)
            assert [file.id for file in await api.find_files("a.jsonl")] == ["f1"]
            assert len(server.requests) == 2
            await api.close()

    asyncio.run(run())


@pytest.mark.parametrize("page", [[FILE], {"data": [FILE]}, {"value": [FILE]}])
def test_file_lists_in_other_envelopes(make_api: MakeApi, page: object) -> None:
    async def run() -> None:
        async with RawServer(answer(200, page)) as server:
            api = make_api(server.base_url)
            assert [file.id for file in await api.find_files("in.jsonl")] == ["file-1"]
            await api.close()

    asyncio.run(run())
