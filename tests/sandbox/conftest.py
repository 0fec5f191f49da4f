"""What the tests of the sandbox share: one in the process with a clock of its own, and one on a socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from batchdeck.sandbox.app import create_app
from batchdeck.sandbox.state import Sandbox
from tests.sandbox.served import Served

START = 1_795_000_000.0


class Clock:
    """Epoch seconds that go on only when told to."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> float:
        return self.time


class Client:
    """The calls of the API, with their JSON."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def upload(
        self, lines: list[Any] | bytes, *, name: str = "in.jsonl", purpose: str = "batch"
    ) -> dict[str, Any]:
        """Upload lines, or bytes as they are."""
        body = lines if isinstance(lines, bytes) else as_lines(lines)
        answer = await self.http.post("/v1/files", files={"file": (name, body)}, data={"purpose": purpose})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def try_create(self, file_id: str, **more: Any) -> httpx2.Response:
        """Ask for a batch."""
        asked = {
            "input_file_id": file_id,
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            **more,
        }
        return await self.http.post("/v1/batches", json={k: v for k, v in asked.items() if v is not None})

    async def create(self, lines: list[Any] | bytes, **more: Any) -> dict[str, Any]:
        """Upload lines and make a batch of them."""
        answer = await self.try_create((await self.upload(lines))["id"], **more)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def batch(self, batch_id: str) -> dict[str, Any]:
        """A batch as it is now."""
        told: dict[str, Any] = (await self.http.get(f"/v1/batches/{batch_id}")).json()
        return told

    async def rows(self, file_id: str | None) -> list[dict[str, Any]]:
        """The rows of a result file."""
        if not file_id:
            return []
        content = (await self.http.get(f"/v1/files/{file_id}/content")).content
        return [json.loads(line) for line in content.splitlines()]


def as_lines(lines: list[Any]) -> bytes:
    """Lines of JSON; a string stands as it is."""
    texts = (one if isinstance(one, str) else json.dumps(one) for one in lines)
    return "".join(f"{text}\n" for text in texts).encode("utf-8", "surrogatepass")


def chat(number: int, text: str = "hello", **more: Any) -> dict[str, Any]:
    """A chat request."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **more}
    return {"custom_id": f"r-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def sandbox(clock: Clock, tmp_path: Path) -> Iterator[Sandbox]:
    """An empty sandbox that waits for its own file work, however long it takes."""
    state = Sandbox(clock=clock, folder=tmp_path / "files", patience=30.0)
    yield state
    state.close()


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Client]:
    """A client in the same process."""
    transport = httpx2.ASGITransport(app=create_app(sandbox))
    headers = {"Authorization": "Bearer any"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox", headers=headers) as http:
        yield Client(http)


@pytest.fixture
def served() -> Iterator[Served]:
    """A sandbox on a socket of its own."""
    with Served(Sandbox(speed=1_000.0)) as running:
        yield running
