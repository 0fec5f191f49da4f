"""Whose batches: profiles as configured, accounts as the history keeps them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_BASE_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one batch may hold. OpenAI: 50,000 requests and 200 MB (batch guide, 2026)."""

    max_requests: int = 50_000
    max_bytes: int = 200_000_000
    """Bytes of the input file."""
    max_embedding_inputs: int = 50_000
    """Inputs over all requests of an embeddings batch."""
    one_model: bool = True
    """True when every request of a file must name the same model."""
    strict_endpoints: bool = True
    """True when the url must be one of OpenAI's batch endpoints."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A named account of the config file."""

    name: str = "default"
    base_url: str = DEFAULT_BASE_URL
    organization: str | None = None
    project: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key."""
    api_key_command: str | None = None
    """Shell command whose first output line is the key; goes before `api_key_env`."""
    read_only: bool = False
    refresh_seconds: float = 10.0
    """Seconds between refreshes while a batch is active."""
    limits: Limits = Limits()
    completion_window: str = "24h"
    batch_discount: float = 0.5
    """Factor on the list price for batch work."""
    settle_seconds: float = 20.0
    """How long, in seconds, the list is searched for a batch after an unclear create."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Extra request headers, never holding the key."""


@dataclass(frozen=True, slots=True)
class Account:
    """What keeps two accounts apart in one history."""

    base_url: str
    key_fingerprint: str
    """First 12 hex digits of the key's SHA-256; empty when there is no key."""
    organization: str = ""
    project: str = ""
