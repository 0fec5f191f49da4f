"""A service on a real socket that answers by script, down to the byte."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """Which connection it came on, from 0."""


Step = Callable[[asyncio.StreamWriter, SeenRequest], Awaitable[bool]]
"""Answers one request; True keeps the connection open."""


def answer(status: int = 200, body: object = b"", *, keep: bool = True, **headers: str | int) -> Step:
    """A whole answer; `body` is bytes, or an object to be sent as JSON. Header names: `_` for `-`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields: dict[str, Any] = {"content_type": "application/json", "content_length": len(raw), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items() if value != "")
    message = f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode("latin-1") + raw

    async def send(writer: asyncio.StreamWriter, _request: SeenRequest) -> bool:
        writer.write(message)
        await writer.drain()
        return keep

    return send


def then_closed(step: Step) -> Step:
    """The same answer, after which the connection is closed without having said so."""

    async def send(writer: asyncio.StreamWriter, request: SeenRequest) -> bool:
        await step(writer, request)
        return False

    return send


def reset() -> Step:
    """No answer: the connection is reset."""

    async def send(writer: asyncio.StreamWriter, _request: SeenRequest) -> bool:
        socket = writer.get_extra_info("socket")
        socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return False

    return send


def hang() -> Step:
    """No answer: the connection stays open until the server ends."""

    async def send(_writer: asyncio.StreamWriter, _request: SeenRequest) -> bool:
        await asyncio.Event().wait()
        return False

    return send


class RawServer:
    """Serves each request with the next step of a script; the last step serves all later ones.

    Use as `async with RawServer(step, step) as server`.
    """

    def __init__(self, *script: Step) -> None:
        self._script = list(script)
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[SeenRequest] = []
        self.connections = 0
        self.base_url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number = self.connections
        self.connections += 1
        try:
            while (request := await _read_request(reader, number)) is not None:
                self.requests.append(request)
                step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
                if not await step(writer, request):
                    return
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()
            self._tasks.discard(task)


async def _read_request(reader: asyncio.StreamReader, number: int) -> SeenRequest | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    method, path, _version = first.split(" ")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return SeenRequest(method, path, headers, body, number)
