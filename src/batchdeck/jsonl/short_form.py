"""The short TOML form of a template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchdeck.errors import InvalidInput

DEFAULT_ENDPOINT = "/v1/chat/completions"
_KEYS = frozenset(
    {
        "model",
        "endpoint",
        "custom_id",
        "system",
        "user",
        "input",
        "prompt",
        "text",
        "max_tokens",
        "temperature",
        "response_format",
        "body",
    }
)
_SCHEMA_NAME = "answer"


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A JSON value whose strings hold no places."""

    value: Any


def short_form(path: Path, found: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return the custom_id pattern, the endpoint and the body that a short form stands for.

    Keys: `model` and `custom_id` always; `endpoint`, by default chat completions; `system` and `user` (chat,
    responses), `input` (embeddings, responses, moderations; `text` and `user` mean the same there), `prompt`
    (completions, images); `max_tokens`, which becomes the endpoint's own field; `temperature`;
    `response_format`: `"json"`, a table, or the path of a JSON schema beside the template; and `[body]`,
    whose keys go into the body as they are.

    Raises:
        InvalidInput: A key is wrong, unknown or not for that endpoint.
    """
    form = _Form(path, found)
    endpoint = form.text("endpoint") or DEFAULT_ENDPOINT
    if not endpoint.startswith("/"):
        raise form.wrong("endpoint", f"must be a path such as {DEFAULT_ENDPOINT}")
    custom_id = form.needed("custom_id", 'a pattern over the table\'s columns, such as "comment-{id}"')
    body: dict[str, Any] = {"model": form.needed("model", "the model's name")}
    kind = endpoint.rsplit("/v1/", 1)[-1].strip("/")
    if kind == "chat/completions":
        _chat(form, body)
    elif kind == "responses":
        _responses(form, body)
    elif kind in ("embeddings", "moderations"):
        body["input"] = form.first("input", "text", "user")
    elif kind == "completions":
        body["prompt"] = form.first("prompt", "user", "text")
        form.number("max_tokens", body, "max_tokens")
        form.number("temperature", body, "temperature")
    else:
        body["prompt"] = form.first("prompt", "user", "text")
    extra = form.take("body")
    if extra is not None:
        if not isinstance(extra, dict):
            raise form.wrong("body", "must be a table")
        body.update(extra)
    form.refuse_rest(endpoint)
    if body.get("stream"):
        raise form.wrong("body.stream", "cannot be asked for: a batch gives no stream")
    return custom_id, endpoint, body


def _chat(form: _Form, body: dict[str, Any]) -> None:
    system = form.text("system")
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": form.first("user", "text", "input")})
    body["messages"] = messages
    form.number("max_tokens", body, "max_completion_tokens")
    form.number("temperature", body, "temperature")
    answer = form.answer_format()
    if answer is None:
        return
    if "schema" in answer:
        kind = answer.pop("type")
        answer = {"type": kind, "json_schema": answer}
    body["response_format"] = Verbatim(answer)


def _responses(form: _Form, body: dict[str, Any]) -> None:
    system = form.text("system")
    if system:
        body["instructions"] = system
    body["input"] = form.first("input", "user", "text")
    form.number("max_tokens", body, "max_output_tokens")
    form.number("temperature", body, "temperature")
    answer = form.answer_format()
    if answer is not None:
        body["text"] = {"format": Verbatim(answer)}


class _Form:
    """The keys of a short form, each taken out as it is used."""

    def __init__(self, path: Path, found: Mapping[str, Any]) -> None:
        self._path = path
        self._left = dict(found)
        unknown = next((key for key in found if key not in _KEYS), None)
        if unknown is not None:
            raise self.wrong(unknown, f"is not known; known are {', '.join(sorted(_KEYS))}")

    def wrong(self, key: str, why: str) -> InvalidInput:
        """Return the error for a key."""
        return InvalidInput(f"{self._path.name}: {key} {why}.")

    def take(self, key: str) -> Any:
        """Return a key's value, or None."""
        return self._left.pop(key, None)

    def text(self, key: str) -> str | None:
        """Return a key's text, or None when it is not given."""
        value = self.take(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, "must be a string")
        return value

    def needed(self, key: str, what: str) -> str:
        """Return a key's text, which must be there."""
        value = self.text(key)
        if not value or not value.strip():
            raise self.wrong(key, f"is missing: give {what}")
        return value

    def first(self, *keys: str) -> str:
        """Return the text under the first of these keys that is given."""
        for key in keys:
            value = self.text(key)
            if value:
                return value
        raise self.wrong(keys[0], 'is missing: give a text with a place, such as "{text}"')

    def number(self, key: str, body: dict[str, Any], field: str) -> None:
        """Put a number into the body, if it is given."""
        value = self.take(key)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, "must be a number")
        if key == "max_tokens" and (not isinstance(value, int) or value < 1):
            raise self.wrong(key, "must be a whole number above zero")
        body[field] = value

    def answer_format(self) -> dict[str, Any] | None:
        """Return what `response_format` asks for, with a schema's keys flat beside `type`."""
        value = self.take("response_format")
        if value is None:
            return None
        if value in ("json", "json_object"):
            return {"type": "json_object"}
        if value == "text":
            return {"type": "text"}
        if isinstance(value, str):
            value = self._schema_file(value)
        if not isinstance(value, dict):
            raise self.wrong("response_format", 'must be "json", a table, or the path of a JSON schema')
        if value.get("type") == "json_schema":
            inner = value.get("json_schema", value)
            if not isinstance(inner, dict) or not isinstance(inner.get("schema"), dict):
                raise self.wrong("response_format", "has no schema")
            named = {key: part for key, part in inner.items() if key != "type"}
            return {"type": "json_schema", "name": _SCHEMA_NAME, **named}
        if value.get("type") in ("json_object", "text"):
            return dict(value)
        schema = value
        return {"type": "json_schema", "name": _SCHEMA_NAME, "schema": schema, "strict": is_strict(schema)}

    def _schema_file(self, name: str) -> Any:
        path = self._path.parent / name
        try:
            return json.loads(path.read_text("utf-8-sig"))
        except OSError as error:
            raise self.wrong(
                "response_format", f'is neither "json" nor a file that can be read: {path}'
            ) from error
        except (ValueError, RecursionError) as error:
            raise self.wrong("response_format", f"names {path.name}, which is not JSON: {error}") from error

    def refuse_rest(self, endpoint: str) -> None:
        """Refuse keys that the endpoint has no use for."""
        left = next(iter(self._left), None)
        if left is not None:
            raise self.wrong(left, f"is not for {endpoint}, or is given twice under another name")


def is_strict(schema: Any) -> bool:
    """Tell whether a JSON schema keeps the rules of strict mode: closed objects, every property required."""
    if isinstance(schema, list):
        return all(is_strict(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        if schema.get("additionalProperties") is not False or not isinstance(properties, dict):
            return False
        required = schema.get("required")
        if not isinstance(required, list) or set(properties) != {str(name) for name in required}:
            return False
        if not all(is_strict(part) for part in properties.values()):
            return False
    return all(is_strict(part) for key, part in schema.items() if key != "properties")
