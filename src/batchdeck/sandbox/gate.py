"""What stands before every call: faults, the key, the rate, a request id on every answer."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import sys
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from batchdeck.sandbox.errors import ApiError, rate_limited
from batchdeck.sandbox.faults import FaultRule
from batchdeck.sandbox.state import Sandbox

CONTROL_PATH = "/_sandbox"
_ID = re.compile(r"^(/v1/(?:batches|files))/[^/]+")
_GARBAGE = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"

Connections = MutableMapping[tuple[str, int], asyncio.Transport]
"""Open connections by the client's address, where a real server serves the app."""


class Dropped(ConnectionResetError):
    """Stands for a broken connection where there is no socket to break."""


class Gate:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox, connections: Connections | None = None) -> None:
        self._app = app
        self._sandbox = sandbox
        self._connections: Connections = {} if connections is None else connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._sandbox.ids.request().encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        path: str = scope["path"]
        if path.startswith(CONTROL_PATH):
            await self._app(scope, receive, send_with_id)
            return
        method: str = scope["method"]
        kind = _ID.sub(r"\1/{id}", path)
        self._sandbox.calls[f"{method} {kind}"] += 1
        rule = self._sandbox.faults.falls_on(method, path)
        if rule is None and not self._sandbox.moods.close_after_errors:
            await self._guarded(scope, receive, send_with_id)
        elif rule is None:
            await self._guarded_or_closed(scope, receive, send_with_id)
        else:
            await self._fault(rule, scope, receive, send_with_id)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check_key(scope)
            self._check_rate()
        except ApiError as refusal:
            await answer_error(refusal, self._sandbox.moods.error_shape, send)
            return
        await self._app(scope, receive, send)

    async def _guarded_or_closed(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self._guarded(scope, receive, watch)
        transport = self._transport(scope)
        if status >= 400 and transport is not None:
            transport.close()

    def _transport(self, scope: Scope) -> asyncio.Transport | None:
        client = scope.get("client")
        return self._connections.get(tuple(client)) if client else None

    def _check_key(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        told = headers.get(b"authorization", b"").decode("latin-1")
        scheme, _, key = told.partition(" ")
        key = key.strip() if scheme.lower() == "bearer" else ""
        key = key or headers.get(b"api-key", b"").decode("latin-1").strip()
        status = self._sandbox.moods.auth_status
        if not key:
            raise ApiError(
                status,
                "You didn't provide an API key. You need to provide your API key in an Authorization header "
                "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            )
        wanted = self._sandbox.api_key
        is_wrong = key == "wrong-key" or key.startswith("sk-wrong") if wanted is None else key != wanted
        if is_wrong:
            shown = key if len(key) < 12 else f"{key[:4]}{'*' * 8}{key[-4:]}"
            raise ApiError(status, f"Incorrect API key provided: {shown}.", code="invalid_api_key")

    def _check_rate(self) -> None:
        limit = self._sandbox.moods.requests_per_minute
        if not limit:
            return
        now, recent = self._sandbox.now(), self._sandbox.recent_calls
        while recent and recent[0] <= now - 60:
            recent.popleft()
        if len(recent) >= limit:
            raise rate_limited(
                f"Rate limit reached for requests per minute: Limit {limit}.", recent[0] + 60 - now
            )
        recent.append(now)

    async def _fault(self, rule: FaultRule, scope: Scope, receive: Receive, send: Send) -> None:
        if rule.kind in ("drop_before", "reset"):
            await self._drop(scope, receive, abruptly=rule.kind == "reset")
        elif rule.kind == "drop_after":
            await self._guarded(scope, receive, _swallow)
            await self._drop(scope, receive)
        elif rule.kind == "delay":
            await asyncio.sleep(rule.seconds)
            await self._guarded(scope, receive, send)
        elif rule.kind in ("status", "status_after"):
            if rule.kind == "status_after":
                await self._guarded(scope, receive, _swallow)
            await self._answer_status(rule, send)
        elif rule.kind == "garbage":
            body = rule.body if rule.body is not None else _GARBAGE
            await answer(200, body.encode(), send, content_type="text/html", headers=rule.headers)
        elif rule.kind == "truncate":
            cut = _Cut(send, rule.at)
            try:
                await self._guarded(scope, receive, cut)
            except _Enough:
                await self._drop(scope, receive)
        else:
            await self._guarded(scope, receive, _Slow(send, rule.rate))

    async def _answer_status(self, rule: FaultRule, send: Send) -> None:
        if rule.body is not None:
            await answer(rule.status, rule.body.encode(), send, headers=rule.headers)
            return
        kind = (
            "requests"
            if rule.status == 429
            else "server_error"
            if rule.status >= 500
            else "invalid_request_error"
        )
        refusal = ApiError(rule.status, f"A fault rule answers {rule.status}.", kind=kind)
        await answer_error(refusal, self._sandbox.moods.error_shape, send, headers=rule.headers)

    async def _drop(self, scope: Scope, receive: Receive, *, abruptly: bool = False) -> None:
        """Close the connection; what was written before goes out, but nothing after."""
        transport = self._transport(scope)
        if transport is None:
            raise Dropped("the connection was dropped by a fault rule")
        if abruptly:
            _reset(transport)
        else:
            transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass


def _reset(transport: asyncio.Transport) -> None:
    """Close a connection so that the client sees it reset."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


class _Enough(Exception):
    """The part of the answer that is to be sent has been sent."""


class _Cut:
    """Sends an answer up to a byte of its body."""

    def __init__(self, send: Send, at: int) -> None:
        self._send = send
        self._left = at

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            if len(body) >= self._left:
                await self._send(
                    {"type": "http.response.body", "body": body[: self._left], "more_body": True}
                )
                raise _Enough
            self._left -= len(body)
        await self._send(message)


class _Slow:
    """Sends an answer at so many bytes a second."""

    def __init__(self, send: Send, rate: int) -> None:
        self._send = send
        self._rate = max(1, rate)

    async def __call__(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        body = message.get("body", b"")
        step = max(1, self._rate // 10)
        for start in range(0, len(body), step):
            piece = body[start : start + step]
            await asyncio.sleep(len(piece) / self._rate)
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send(
            {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
        )


async def _swallow(message: Message) -> None:
    """Let an answer go nowhere."""


async def answer(
    status: int,
    body: bytes,
    send: Send,
    *,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> None:
    """Send a whole answer."""
    told = {"content-type": content_type, "content-length": str(len(body)), **(headers or {})}
    raw = [(name.lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def answer_error(
    refusal: ApiError, shape: str, send: Send, *, headers: dict[str, str] | None = None
) -> None:
    """Send a refusal in the service's shape."""
    content_type, told = refusal.body(shape)
    body: Any = told if isinstance(told, str) else json.dumps(told)
    extra = dict(headers or {})
    if refusal.retry_after is not None:
        extra.setdefault("retry-after", str(max(1, round(refusal.retry_after))))
    await answer(refusal.status, body.encode(), send, content_type=content_type, headers=extra)
