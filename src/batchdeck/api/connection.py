"""The SDK's clients, made in a thread: one for reading, one for calls that are sent once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from batchdeck.errors import ConfigError

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

CONNECT_SECONDS = 10.0
"""Longest wait for a connection."""
UPLOAD_READ_SECONDS = 300.0
"""Longest wait for the answer after an upload's last byte: services read the whole file first."""
RECEIVED_AT_A_TIME = 256 * 1024
"""Bytes. With the transport's own 64 KiB a download costs twice the processor time."""

_AZURE_DOMAINS = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
_PLACEHOLDER = "set-for-each-request"
"""Stands where the SDK wants a key, so that no object of the SDK holds the real one."""
_SENT_ANYWHERE = frozenset(
    {
        *("accept", "accept-encoding", "connection", "content-length", "content-type", "host", "range"),
        *("user-agent", "x-stainless-raw-response"),
    }
)
"""The only headers that another host than the base URL's is sent after a redirect.

By the last the SDK knows how to hand on the answer.
"""


class RevealsKey(Protocol):
    """Something that holds an API key and shows it only when asked."""

    def reveal(self) -> str:
        """The key itself."""


class Connection:
    """Both clients of one account. Importing this module imports neither openai nor httpx2.

    Raises:
        ConfigError: the base URL or a header cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        key: RevealsKey,
        *,
        organization: str | None,
        project: str | None,
        headers: Mapping[str, str],
        transport: object | None,
        timeout: float,
    ) -> None:
        """Takes what identifies the account; connects to nothing.

        Args:
            transport: An httpx2 transport to use instead of the network.
            timeout: Longest wait for an answer or between two chunks, in seconds.
        """
        check_base_url(base_url)
        for name, value in headers.items():
            if not _is_header_text(value) or not _is_header_text(name):
                raise ConfigError(f"The header {name!r} of the profile holds what no header can carry.")
        self._base_url = base_url.rstrip("/") + "/"
        self._key = key
        self._organization = organization or None
        self._project = project or None
        self._headers = dict(headers)
        self._transport = transport
        self._timeout = timeout
        self._origin: tuple[str, str, int | None] | None = None
        self.reading: AsyncOpenAI
        """Keeps connections open and follows redirects; the caller retries."""
        self.sending: AsyncOpenAI
        """A connection for each call, so that none is sent into one the service has just closed."""
        self.sending_http: httpx2.AsyncClient
        """What `sending` sends with, for bodies that the SDK would read in the event loop."""

    def build(self) -> None:
        """Import the SDK and make the clients; some 0.6 s, so meant for a thread."""
        root = logging.getLogger()
        if not root.handlers:
            # OPENAI_LOG makes the SDK call basicConfig, which would write over the screen.
            root.addHandler(logging.NullHandler())
        import httpcore2
        import httpx2
        from openai import AsyncOpenAI

        # Each read costs the same few dozen calls whatever it brings; asyncio receives as much at a time.
        httpcore2.AsyncHTTP11Connection.READ_NUM_BYTES = RECEIVED_AT_A_TIME
        timeout = httpx2.Timeout(self._timeout, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        shared: dict[str, Any] = {
            "timeout": timeout,
            "event_hooks": {"request": [self._authorize]},
            "transport": self._transport,
        }
        if self._transport is None and self._base_url.startswith("https:"):
            shared["verify"] = httpx2.create_ssl_context()
        reading_http = httpx2.AsyncClient(
            follow_redirects=True, limits=httpx2.Limits(max_connections=20), **shared
        )
        self.sending_http = httpx2.AsyncClient(
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=20, max_keepalive_connections=0),
            **shared,
        )
        url = httpx2.URL(self._base_url)
        self._origin = (url.scheme, url.host, url.port)
        options: dict[str, Any] = {
            "api_key": _PLACEHOLDER,
            "base_url": self._base_url,
            "organization": self._organization,
            "project": self._project,
            "default_headers": self._headers,
            "timeout": timeout,
            "max_retries": 0,
        }
        self.reading = AsyncOpenAI(http_client=reading_http, **options)
        self.sending = AsyncOpenAI(http_client=self.sending_http, **options)
        # The SDK imports these on first use, which would be in the event loop.
        for client in (self.reading, self.sending):
            _ = (client.batches.with_raw_response, client.files.with_raw_response)
        _ = self.reading.files.with_streaming_response

    async def close(self) -> None:
        """Close what `build` made."""
        await self.reading.close()
        await self.sending.close()

    def upload_timeout(self) -> httpx2.Timeout:
        """Timeouts for a call with a long body."""
        import httpx2

        return httpx2.Timeout(
            self._timeout,
            connect=CONNECT_SECONDS,
            pool=CONNECT_SECONDS,
            read=max(self._timeout, UPLOAD_READ_SECONDS),
        )

    def plain_headers(self) -> dict[str, str]:
        """The SDK's own headers, for a request that is built past it."""
        return {name: value for name, value in self.sending.default_headers.items() if isinstance(value, str)}

    async def _authorize(self, request: httpx2.Request) -> None:
        """Put the key on requests to the service, and take everything private off any other."""
        headers = request.headers
        if (request.url.scheme, request.url.host, request.url.port) != self._origin:
            for name in [name for name in headers if name.lower() not in _SENT_ANYWHERE]:
                del headers[name]
            return
        for name, value in (("openai-organization", self._organization), ("openai-project", self._project)):
            if value is None and name not in {given.lower() for given in self._headers}:
                headers.pop(name, None)
        key = self._key.reveal()
        if request.url.host.endswith(_AZURE_DOMAINS) and not _is_token(key):
            headers.pop("authorization", None)
            headers["api-key"] = key
        else:
            headers["authorization"] = f"Bearer {key}"


def check_base_url(base_url: str) -> None:
    """Judge a base URL.

    Raises:
        ConfigError: it is not an http or https address.
    """
    try:
        parts = urlsplit(base_url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or not base_url.isprintable() or " " in base_url:
        shown = "".join(character if character.isprintable() else "?" for character in base_url)[:120]
        raise ConfigError(
            f"The base URL {shown!r} is not a web address.",
            hint="Give one such as https://api.openai.com/v1.",
        )


def is_sendable_key(key: str) -> bool:
    """True when an HTTP header can carry the key."""
    return bool(key) and _is_header_text(key) and " " not in key


def _is_header_text(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _is_token(key: str) -> bool:
    """True for a signed token (an Entra ID login), which Azure takes as bearer only."""
    return key.startswith("eyJ") and key.count(".") == 2
