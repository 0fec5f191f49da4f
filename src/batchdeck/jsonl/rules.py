"""What one line of a request file must hold, judged field by field."""

from __future__ import annotations

import json
from typing import Any

from batchdeck.jsonl.problems import Problems
from batchdeck.jsonl.read import kind_of, parse_strictly
from batchdeck.models.account import Limits

ENDPOINTS = (
    "/v1/responses",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/moderations",
    "/v1/images/generations",
    "/v1/images/edits",
    "/v1/videos",
)
"""OpenAI's batch endpoints (SDK 3.54, 2026)."""
LONG_CUSTOM_ID = 512
"""Characters above which a custom_id is warned about."""

_NEEDED = {
    "chat/completions": ("messages",),
    "embeddings": ("input",),
    "completions": ("prompt",),
    "moderations": ("input",),
    "responses": ("input", "prompt", "previous_response_id", "conversation"),
    "images/generations": ("prompt",),
    "images/edits": ("prompt",),
    "videos": ("prompt",),
}
"""Endpoint without its first part to the body's fields of which one must be there."""


def plain_endpoint(url: str) -> str:
    """Return an endpoint without slash and version: `/v1/embeddings` and `/embeddings` are one."""
    return url.strip("/").removeprefix("v1/")


class LineRules:
    """Judges lines and remembers what the first ones settled: the one url and the one model."""

    def __init__(self, limits: Limits, endpoint: str | None, problems: Problems) -> None:
        self._limits = limits
        self._problems = problems
        self._asked_endpoint = endpoint
        self.urls: dict[str, int] = {}
        """Every usable url to the line that brought it first."""
        self.models: dict[str, int] = {}
        """Every model to its number of requests; lines passed by the fast path are added there."""
        self.url_line = 0
        self.model_line = 0
        self.url = ""
        """What every line's url must be; empty until a line has a usable one."""
        self.needed = ""
        """A field of the body that a line of that url hardly does without."""
        self.model = ""
        """What every line's model must be, when only one may be; empty until a line has one."""

    def judge(self, line: int, raw: bytes) -> tuple[str | None, dict[str, Any] | None]:
        """Report everything wrong with a line that is not blank.

        Returns:
            Its custom_id and its body, each None where the line has no usable one.
        """
        row = self._parsed(line, raw)
        if row is None:
            return None, None
        custom_id = self._custom_id(line, raw, row)
        self._method(line, raw, row)
        self._url(line, raw, row)
        return custom_id, self._body(line, raw, row)

    def _parsed(self, line: int, raw: bytes) -> dict[str, Any] | None:
        add = self._problems.add
        doubles: list[tuple[dict[str, Any], str]] = []

        def keep_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found = dict(pairs)
            if len(found) != len(pairs):
                seen: set[str] = set()
                twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
                doubles.append((found, twice))
            return found

        try:
            row = parse_strictly(raw, keep_doubles)
        except UnicodeDecodeError as error:
            add(
                line,
                "wrong_encoding",
                f"Byte {error.start + 1} of the line is 0x{raw[error.start]:02X}, which is not UTF-8 there"
                f"{'; the file looks like Latin-1' if raw[error.start] >= 0xA0 else ''}.",
                raw,
            )
            return None
        except ValueError as error:
            add(line, "invalid_json_line", _json_sentence(raw, error), raw)
            return None
        if not isinstance(row, dict):
            add(line, "invalid_json_line", f"The line must be a JSON object, not {kind_of(row)}.", raw)
            return None
        for found, key in doubles:
            is_deep = found is not row and found is not row.get("body")
            add(
                line,
                "duplicate_key",
                f"The key {key!r} stands twice in one object; only one of the two counts.",
                raw,
                is_error=not is_deep,
            )
        return row

    def _custom_id(self, line: int, raw: bytes, row: dict[str, Any]) -> str | None:
        custom_id = row.get("custom_id")
        if custom_id is None:
            self._problems.add(line, "missing_custom_id", "The line has no custom_id.", raw)
        elif type(custom_id) is not str:
            self._problems.add(
                line, "invalid_custom_id", f"custom_id must be a string, not {kind_of(custom_id)}.", raw
            )
        elif not custom_id.strip():
            self._problems.add(line, "invalid_custom_id", "custom_id is empty.", raw)
        else:
            if len(custom_id) > LONG_CUSTOM_ID:
                self._problems.add(
                    line,
                    "long_custom_id",
                    f"custom_id has {len(custom_id):,} characters; over {LONG_CUSTOM_ID} may be refused.",
                    raw,
                    is_error=False,
                )
            return custom_id
        return None

    def _method(self, line: int, raw: bytes, row: dict[str, Any]) -> None:
        method = row.get("method")
        if method is None:
            self._problems.add(line, "missing_method", 'The line has no method; it must be "POST".', raw)
        elif method != "POST":
            shown = repr(method[:40]) if isinstance(method, str) else kind_of(method)
            self._problems.add(line, "invalid_method", f'method must be "POST", not {shown}.', raw)

    def _url(self, line: int, raw: bytes, row: dict[str, Any]) -> None:
        add = self._problems.add
        url = row.get("url")
        if url is None:
            add(line, "missing_url", "The line has no url, such as /v1/chat/completions.", raw)
            return
        if type(url) is not str:
            add(line, "invalid_url", f"url must be a string, not {kind_of(url)}.", raw)
            return
        if self._limits.strict_endpoints:
            if url not in ENDPOINTS:
                add(line, "invalid_url", f"{url[:80]!r} is no batch endpoint; {_nearest(url)}.", raw)
                return
        elif not url.startswith("/") or len(url) < 2 or any(part in url for part in " ?#\n"):
            add(
                line,
                "invalid_url",
                f"url must be a path such as /v1/chat/completions, not {url[:80]!r}.",
                raw,
            )
            return
        self.urls.setdefault(url, line)
        asked = self._asked_endpoint
        if asked is not None and not self._is_asked(url, asked):
            add(line, "url_mismatch", f"url is {url[:80]}, but the batch is for {asked}.", raw)
            return
        if not self.url:
            self.url, self.url_line = url, line
            self.needed = _NEEDED.get(plain_endpoint(url), ("model",))[0]
        elif url != self.url:
            add(
                line,
                "url_mismatch",
                f"url is {url[:80]}, but line {self.url_line} has {self.url[:80]}; all must be the same.",
                raw,
            )

    def _is_asked(self, url: str, asked: str) -> bool:
        if self._limits.strict_endpoints:
            return url == asked
        return plain_endpoint(url) == plain_endpoint(asked)

    def _body(self, line: int, raw: bytes, row: dict[str, Any]) -> dict[str, Any] | None:
        add = self._problems.add
        body = row.get("body")
        if body is None:
            add(line, "missing_body", "The line has no body.", raw)
            return None
        if type(body) is not dict:
            add(line, "invalid_body", f"body must be an object, not {kind_of(body)}.", raw)
            return None
        self._model(line, raw, body)
        if body.get("stream"):
            add(line, "stream_not_supported", "body asks for a stream, which a batch cannot give.", raw)
        url = row.get("url")
        needed = _NEEDED.get(plain_endpoint(url)) if type(url) is str else None
        if needed is not None and not any(body.get(key) for key in needed):
            add(
                line,
                f"missing_{needed[0]}",
                f"body has no {needed[0]}; the service will refuse this request.",
                raw,
                is_error=False,
            )
        return body

    def _model(self, line: int, raw: bytes, body: dict[str, Any]) -> None:
        add = self._problems.add
        model = body.get("model")
        if model is None:
            add(line, "missing_model", "body has no model.", raw)
            return
        if type(model) is not str or not model.strip():
            shown = "an empty string" if type(model) is str else kind_of(model)
            add(line, "invalid_model", f"model must be a name, not {shown}.", raw)
            return
        self.models[model] = self.models.get(model, 0) + 1
        if not self.model:
            self.model, self.model_line = model, line
        elif model != self.model and self._limits.one_model:
            add(
                line,
                "model_mismatch",
                f"model is {model[:80]!r}, but line {self.model_line} has {self.model[:80]!r}; "
                "a batch takes one model.",
                raw,
            )


def _json_sentence(raw: bytes, error: ValueError) -> str:
    if b"\x00" in raw:
        return f"The line holds a NUL byte at byte {raw.index(0) + 1}."
    if isinstance(error, json.JSONDecodeError):
        told = (error.msg[:1].lower() + error.msg[1:]).removesuffix(" at")
        return f"The line is not JSON: {told} at character {error.colno}."
    told = str(error)
    if "integer string conversion" in told:
        told = "a number has more digits than any service reads"
    return f"The line is not JSON: {told}."


def _nearest(url: str) -> str:
    for endpoint in ENDPOINTS:
        if plain_endpoint(url.lower()).endswith(plain_endpoint(endpoint)):
            return f"{endpoint} is one"
    return f"such are {', '.join(ENDPOINTS[:3])}"
