"""What was asked of a service, in the words that errors use, and remote words made fit for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from batchdeck.api.normalize import text

MAX_QUOTED = 300
"""Characters of a service's own words that a sentence quotes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_KEY_LIKE = re.compile(r"\b(sk|sess|pk|gsk)[-_][A-Za-z0-9_\-*.…]{4,}")
_BEARER = re.compile(r"\bbearer\s+\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked, in the words an error uses."""

    doing: str
    """A present participle and its object: `listing batches`, `cancelling batch batch_abc`."""
    base_url: str
    """Where it was asked."""
    thing: str = ""
    """What the service may not know: `batch batch_abc`; empty when nothing was named."""
    creates: bool = False
    """True when it makes or ends something, so that an unclear end matters."""

    @property
    def begun(self) -> str:
        """`doing` at the start of a sentence."""
        return self.doing[:1].upper() + self.doing[1:]

    @property
    def host(self) -> str:
        """Scheme, host and port of the service, without user name or path."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def place(self) -> str:
        """The base URL without a user name in it."""
        parts = urlsplit(self.base_url)
        return clean(f"{self.host}{parts.path.rstrip('/')}", 120)

    @property
    def effect(self) -> str:
        """What is known of the effect after an unclear end, as the end of a sentence."""
        return "; whether it was carried out is not known" if self.creates else ""


def clean(words: object, limit: int = MAX_QUOTED) -> str:
    """Remote text fit for an error's sentence: one line, no control characters, nothing like a key.

    Args:
        words: What the service wrote.
        limit: Characters kept, 1 or more.
    """
    line = _CONTROL.sub(" ", text(words)[: limit * 8])
    line = _BEARER.sub("Bearer …", _KEY_LIKE.sub(r"\1-…", line))
    line = " ".join(line.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"
