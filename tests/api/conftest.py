"""What the tests of the client share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from batchdeck.api.openai_client import OpenAIBatchApi

SECRET = "sk-test-0123456789abcdef"


class HeldKey:
    """A key as the config holds it."""

    def __init__(self, key: str = SECRET) -> None:
        self._key = key

    def reveal(self) -> str:
        """The key itself."""
        return self._key


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The SDK reads these by itself."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_LOG"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield


@pytest.fixture
def waits() -> list[float]:
    """The waits between two tries, in seconds, none of them spent."""
    return []


@pytest.fixture
def secret() -> str:
    """The key that `make_api` sends."""
    return SECRET


@pytest.fixture
def make_api(waits: list[float]) -> Callable[..., OpenAIBatchApi]:
    """Makes a client whose waits between tries take no time."""

    async def no_wait(seconds: float) -> None:
        waits.append(seconds)

    def make(base_url: str, key: str | None = SECRET, **options: Any) -> OpenAIBatchApi:
        held = HeldKey(key) if key is not None else None
        return OpenAIBatchApi(base_url, held, sleep=no_wait, **options)

    return make
