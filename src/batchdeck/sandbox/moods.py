"""How the sandbox differs from the reference service, as whole and batch by batch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


class BadMood(ValueError):
    """A mood that does not exist, or a value that does not fit it."""


@dataclass(slots=True)
class Moods:
    """Habits of the whole service; the defaults are those of the reference service."""

    status_case: str = "lower"
    """`lower` or `upper`."""
    unknown_status: str = ""
    """Told instead of `in_progress` when it is not empty."""
    iso_times: bool = False
    """Times as ISO 8601 strings."""
    absent: str = "null"
    """Values that are not there: `null`, `omit` them, or `empty` strings for file ids."""
    has_more: str = "true"
    """`true` to tell the truth, `absent`, or `always`."""
    list_shape: str = "object"
    """`object`, a bare `array`, or `value` for `{"value": [...]}`."""
    ignore_after: bool = False
    """Every page is the first, of batches and of files."""
    unknown_after: str = "404"
    """What an unknown `after` gets: `404` or the `first_page`."""
    list_late: float = 0.0
    """Seconds until a new batch is listed."""
    drop_metadata: bool = False
    null_counts: bool = False
    """`request_counts` is null until the work starts."""
    no_usage: bool = False
    error_shape: str = "openai"
    """`openai`, `digits` (the status as code), `message`, `detail`, `problem`, `html`, or `broken` JSON."""
    auth_status: int = 401
    """Status of a refused key."""
    ranges: bool = True
    """False to ignore `Range`."""
    announce_length: bool = True
    """False to send files without a content-length."""
    content_type: str = "application/octet-stream"
    """Of a file's content."""
    second_cancel: int = 409
    """Answer to cancelling a batch that is being cancelled: 200, 409 or 400."""
    cancel_rows: str = "rows"
    """Requests that a cancel kept from running: `rows` with `batch_cancelled`, or `none`."""
    cancel_loses: bool = False
    """Finished rows of a cancelled batch are lost."""
    early_file_ids: bool = False
    """File ids are there from the start, and both always."""
    window_echo: str = ""
    """Told as `completion_window` when it is not empty."""
    wrapped_create: bool = False
    """A create answers `{"job": ..., "warning": ""}`."""
    string_errors: bool = False
    """`errors` is a string."""
    line_in_message: bool = False
    """Line numbers of validation errors stand in their messages alone."""
    empty_completes: bool = False
    """A file without requests completes with 0 of 0 instead of failing."""
    plain_ids: bool = False
    """Ids of new batches and files are bare UUIDs."""
    close_after_errors: bool = False
    """The connection is closed, unannounced, after every error."""
    late_validation: bool = False
    """A create on an unknown file is accepted and fails later."""
    no_expiry: bool = False
    """Batches go on past `expires_at`."""
    repeated_ids: bool = False
    """A repeated custom_id is accepted and answered twice."""
    mixed_models: bool = False
    max_requests: int = 50_000
    max_batch_bytes: int = 209_715_200
    max_upload_bytes: int = 536_870_912
    queue_tokens: int = 0
    """Prompt tokens that may wait per model; more fail with `token_limit_exceeded`. 0 for no limit."""
    token_limit_at_create: bool = False
    """The same limit answers the create with a 400 instead."""
    requests_per_minute: int = 0
    """Calls per minute before a 429; 0 for no limit."""
    creates_per_hour: int = 2_000
    """Creates per hour before a 429; 0 for no limit."""
    final_newline: bool = True
    """False for files without a newline at the end."""

    def change(self, told: Mapping[str, Any]) -> None:
        """Set some of them.

        Raises:
            BadMood: an unknown name, or a value of another type or choice.
        """
        known = {one.name: one for one in fields(self)}
        for name, value in told.items():
            if name not in known:
                raise BadMood(f"no mood is called '{name}'; there are: {', '.join(known)}")
            current = getattr(self, name)
            if isinstance(current, float) and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not type(current):
                raise BadMood(f"'{name}' takes a {type(current).__name__}")
            choices = _CHOICES.get(name)
            if choices is not None and value not in choices:
                raise BadMood(f"'{name}' is one of: {', '.join(map(str, choices))}")
            setattr(self, name, value)

    def change_by_words(self, told: str) -> None:
        """Set one of them as `name=value`, the value read as what the mood takes.

        Raises:
            BadMood: an unknown name, or a value that does not fit.
        """
        name, _, text = told.partition("=")
        value: object = text
        if not isinstance(getattr(self, name, None), str):
            try:
                value = json.loads(text)
            except ValueError:
                value = text
        self.change({name: value})

    def as_json(self) -> dict[str, Any]:
        """All of them."""
        return asdict(self)


_CHOICES: dict[str, tuple[object, ...]] = {
    "status_case": ("lower", "upper"),
    "absent": ("null", "omit", "empty"),
    "has_more": ("true", "absent", "always"),
    "list_shape": ("object", "array", "value"),
    "unknown_after": ("404", "first_page"),
    "error_shape": ("openai", "digits", "message", "detail", "problem", "html", "broken"),
    "cancel_rows": ("rows", "none"),
    "second_cancel": (200, 400, 409),
}

MOOD_KEY = "sandbox_mood"
"""Metadata key whose words set the mood of one batch."""


@dataclass(frozen=True, slots=True)
class BatchMood:
    """What the words under `sandbox_mood` in a batch's metadata ask for."""

    words: Mapping[str, str]

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> BatchMood:
        """Read `word,word:argument` from a batch's metadata."""
        words: dict[str, str] = {}
        for piece in metadata.get(MOOD_KEY, "").split(","):
            word, _, argument = piece.strip().partition(":")
            if word:
                words[word] = argument
        return cls(words)

    def __contains__(self, word: str) -> bool:
        return word in self.words

    def argument(self, word: str) -> str:
        """What stands behind the word's colon, or nothing."""
        return self.words.get(word, "")

    def number(self, word: str, default: float) -> float:
        """The word's argument as a number."""
        try:
            return float(self.words.get(word, ""))
        except ValueError:
            return default
