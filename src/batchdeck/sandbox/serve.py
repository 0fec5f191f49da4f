"""Serving the sandbox on a socket."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from batchdeck.sandbox.app import create_app
from batchdeck.sandbox.state import Sandbox

_SECONDS_TO_FINISH = 0.3


class ServerMissing(RuntimeError):
    """uvicorn is not installed."""


class CannotListen(RuntimeError):
    """The port cannot be had."""


class SandboxServer:
    """One sandbox on one socket; `run` may be called in any thread, `stop` from any other.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for a free one.
        sandbox: What is served; it is closed at the end.
        on_ready: Told the port once connections are accepted.

    Raises:
        ServerMissing: uvicorn is not installed.
        CannotListen: the port is taken or not allowed.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        sandbox: Sandbox | None = None,
        on_ready: Callable[[int], None] | None = None,
    ) -> None:
        try:
            import uvicorn
            from uvicorn.protocols.http.h11_impl import H11Protocol
        except ImportError as missing:
            raise ServerMissing("serving needs uvicorn: pip install 'batchdeck[sandbox]'") from missing
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
            """Tells when it listens."""

            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started and on_ready is not None:
                    on_ready(listener.getsockname()[1])

        listener = self._listener = _listen(host, port)
        self._sandbox = sandbox if sandbox is not None else Sandbox()
        config = uvicorn.Config(
            create_app(self._sandbox, connections),
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
        self._server = Server(config)

    def run(self) -> None:
        """Serve until stopped, or, in the main thread, until SIGINT, SIGTERM or SIGHUP."""
        log = logging.getLogger("uvicorn.error")
        log.addFilter(self._is_worth_telling)
        try:
            with _quiet_signals():
                self._server.run(sockets=[self._listener])
        finally:
            log.removeFilter(self._is_worth_telling)
            self._listener.close()
            self._sandbox.close()

    def _is_worth_telling(self, record: logging.LogRecord) -> bool:
        """False once the end has been asked for: calls that it cuts off are no news."""
        return not self._server.should_exit

    def stop(self) -> None:
        """Let `run` come to its end, within half a second or so."""
        self._server.should_exit = True


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    sandbox: Sandbox | None = None,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until the process is told to stop; see `SandboxServer`.

    Raises:
        ServerMissing: uvicorn is not installed.
        CannotListen: the port is taken or not allowed.
    """
    SandboxServer(host, port, sandbox, on_ready).run()


@contextmanager
def _quiet_signals() -> Iterator[None]:
    """Let the server end quietly when it is told to.

    uvicorn stops at SIGINT and SIGTERM and then raises them again, for the handlers there were before it.
    Those are made to do nothing, so that what follows still runs. A closed terminal ends the server too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _ignore) for number in (signal.SIGINT, signal.SIGTERM)}
    if sys.platform != "win32":
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(number: int, frame: FrameType | None) -> None:
    """The server has stopped already."""


def _stop(number: int, frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGTERM)


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
