"""How one call is made: the client built first, failures translated, reading calls tried again."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from batchdeck.api import failures
from batchdeck.api.call import Call
from batchdeck.api.connection import Connection, RevealsKey, is_sendable_key
from batchdeck.api.transfer import is_transport_error
from batchdeck.errors import (
    KeyRefused,
    LostAnswer,
    NoKey,
    NotFound,
    RateLimited,
    ServerFailed,
    Unreachable,
)

if TYPE_CHECKING:
    import httpx2

READ_ATTEMPTS = 3
"""How often a reading call is tried."""
RETRY_WITHIN = 15.0
"""Seconds after which a reading call that fails is not tried again, so that OFFLINE shows in time."""
LONGEST_WAIT = 10.0
"""Seconds. When a service asks for a longer wait, the caller is told at once."""
BIG_ANSWER = 256 * 1024
"""Bytes from which an answer is parsed in a thread."""

_T = TypeVar("_T")


class Calls:
    """Makes the calls of one account."""

    def __init__(
        self,
        connection: Connection | None,
        key: RevealsKey | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Takes the connection, which is None without a key.

        Args:
            sleep: How to wait between two tries.
        """
        self._connection = connection
        self._key = key
        self._sleep = sleep
        self._is_built = False
        self._is_closed = False
        self._building = asyncio.Lock()

    async def ready(self, call: Call) -> Connection:
        """The connection, built in a thread on first use.

        Raises:
            NoKey: there is no key.
            KeyRefused: no header can carry the key.
            Unreachable: the connection was closed.
        """
        if self._key is None or self._connection is None:
            raise NoKey(
                f"{call.begun} failed: no API key was found; nothing was sent.",
                hint="Set OPENAI_API_KEY, or api_key_env or api_key_command in the config file.",
            )
        if self._is_closed:
            raise Unreachable(f"{call.begun} failed: the connection was closed; nothing was sent.")
        if not self._is_built:
            if not is_sendable_key(self._key.reveal()):
                raise KeyRefused(
                    f"{call.begun} failed: the API key holds characters that no key has; nothing was sent.",
                    hint="Look for a line break, a space or a letter outside ASCII in it.",
                )
            async with self._building:
                if not self._is_built:
                    await asyncio.to_thread(self._connection.build)
                    self._is_built = True
        return self._connection

    async def close(self) -> None:
        """Close the connections; a later call raises Unreachable."""
        self._is_closed = True
        async with self._building:
            if self._is_built and self._connection is not None:
                self._is_built = False
                await self._connection.close()

    async def once(self, call: Call, send: Callable[[], Awaitable[_T]]) -> _T:
        """A call that is made once, its failure as one of ours."""
        try:
            return await send()
        except ValueError as error:
            # The SDK refuses ids that would change the path, before anything is sent.
            raise NotFound(f"{call.begun} failed: that is not an id; nothing was sent.") from error
        except Exception as error:
            if not is_transport_error(error):
                raise
            raise failures.from_exception(call, error) from error

    async def read(self, call: Call, ask: Callable[[], Awaitable[_T]]) -> _T:
        """A reading call, tried again after what passes.

        The SDK's own retries are off: they would try again on 409, and wait for up to two minutes.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self.once(call, ask)
            except (Unreachable, LostAnswer, ServerFailed, RateLimited) as error:
                wait = error.retry_after
                if wait is None:
                    # A kept connection that the service had closed needs no wait.
                    is_stale = isinstance(error, LostAnswer) and attempt == 1
                    wait = 0.0 if is_stale else 2.0 ** (attempt - 2) * random.uniform(0.75, 1.25)  # noqa: S311
                if attempt == READ_ATTEMPTS or wait > LONGEST_WAIT or loop.time() - begun > RETRY_WITHIN:
                    raise
            if wait > 0:
                await self._sleep(wait)

    async def json(self, call: Call, response: httpx2.Response) -> object:
        """The answer's JSON.

        Raises:
            BadAnswer: it is none.
        """
        body = response.content
        try:
            if len(body) >= BIG_ANSWER:
                return await asyncio.to_thread(json.loads, body)
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            start = body.lstrip()[:1]
            what = {b"": "nothing", b"<": "a web page", b"{": "broken JSON", b"[": "broken JSON"}.get(
                start, ""
            )
            raise failures.not_the_api(call, response.status_code, response.headers, what) from error
