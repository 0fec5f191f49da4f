"""A sandbox on a real socket, served by a thread of the test's own process."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

import httpx2

from batchdeck.sandbox.serve import SandboxServer
from batchdeck.sandbox.state import Sandbox


class Served:
    """A sandbox that answers at `url` while the context is open."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.port = 0
        self._ready = threading.Event()
        self._server = SandboxServer(port=0, sandbox=sandbox, on_ready=self._listens)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def _listens(self, port: int) -> None:
        self.port = port
        self._ready.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        """Where the API is, without `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx2.Client:
        """A client with a key."""
        return httpx2.Client(base_url=self.url, headers={"Authorization": "Bearer any"}, timeout=20)

    def fault(self, **rule: Any) -> None:
        """Set a fault over the control path."""
        answer = httpx2.post(f"{self.url}/_sandbox/faults", json=rule)
        assert answer.status_code == 200, answer.text
