"""Serving the sandbox on a socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from batchdeck.sandbox.app import create_app
from batchdeck.sandbox.state import Sandbox

_SECONDS_TO_FINISH = 0.3


class ServerMissing(RuntimeError):
    """uvicorn is not installed."""


class CannotListen(RuntimeError):
    """The port cannot be had."""


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    sandbox: Sandbox | None = None,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until the process is told to stop by SIGINT or SIGTERM.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for a free one.
        sandbox: What is served; it is closed at the end.
        on_ready: Told the port once connections are accepted.

    Raises:
        ServerMissing: uvicorn is not installed.
        CannotListen: the port is taken or not allowed.
    """
    try:
        import uvicorn
        from uvicorn.protocols.http.h11_impl import H11Protocol
    except ImportError as missing:
        raise ServerMissing("serving needs uvicorn: pip install 'batchdeck[sandbox]'") from missing
    state = sandbox if sandbox is not None else Sandbox()
    connections: dict[tuple[str, int], asyncio.Transport] = {}

    class Protocol(H11Protocol):
        """Keeps the connections at hand for the faults that break them."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if self.client is not None:
                connections[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client is not None:
                connections.pop(self.client, None)
            super().connection_lost(exc)

    class Server(uvicorn.Server):
        """Tells when it listens, and does not raise the signal again that ended it."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and on_ready is not None:
                on_ready(listener.getsockname()[1])

    listener = _listen(host, port)
    config = uvicorn.Config(
        create_app(state, connections),
        http=Protocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,  # type: ignore[arg-type]
        timeout_keep_alive=75,
    )
    server = Server(config)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return
    finally:
        listener.close()
        state.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as problem:
        listener.close()
        raise CannotListen(f"cannot listen on {host}:{port}: {problem.strerror or problem}") from problem
    return listener
