"""Templates of request lines: JSON with `{column}` places, or the short TOML form."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from batchdeck.errors import FileProblem, InvalidInput
from batchdeck.jsonl.read import file_stat
from batchdeck.jsonl.short_form import DEFAULT_ENDPOINT, short_form

MAX_TEMPLATE_BYTES = 4 * 1024 * 1024
_LINE_KEYS = frozenset({"custom_id", "method", "url", "body"})


@dataclass(frozen=True, slots=True)
class Template:
    """A request line whose strings hold `{column}` places."""

    path: Path
    custom_id: str
    """Pattern, such as `comment-{id}`."""
    url: str
    body: Mapping[str, Any]
    """A `Verbatim` in it is taken as it is."""
    extra: Mapping[str, Any]
    """Further keys of the line, beside custom_id, method, url and body."""


def load_template(path: Path) -> Template:
    """Read a template file.

    A JSON file holds either a whole request line, `{"custom_id": "comment-{id}", "url": ..., "body": {...}}`,
    or a body with `custom_id` (and, where the body does not tell it, `url`) beside its own keys. Any other
    file is the short TOML form: see `short_form`.

    Raises:
        FileProblem: The file cannot be read.
        InvalidInput: It is no template; the sentence says why.
    """
    if file_stat(path).st_size > MAX_TEMPLATE_BYTES:
        raise InvalidInput(f"{path.name} is too large for a template.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FileProblem(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name} is not UTF-8: byte {error.start + 1}.") from error
    suffix = path.suffix.lower()
    if suffix == ".json" or (suffix != ".toml" and text.lstrip().startswith("{")):
        return _from_json(path, text)
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"{path.name} is not TOML: {error}.") from error
    custom_id, url, body = short_form(path, found)
    return Template(path, custom_id, url, body, {})


def _from_json(path: Path, text: str) -> Template:
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path.name} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{path.name} must hold a JSON object: a request line or its body.")
    custom_id = found.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id.strip():
        raise InvalidInput(
            f"{path.name} has no custom_id.", hint='Give a pattern over the table\'s columns: "comment-{id}".'
        )
    if found.get("method", "POST") != "POST":
        raise InvalidInput(f'{path.name}: method must be "POST".')
    if isinstance(found.get("body"), dict):
        body = found["body"]
        extra = {key: value for key, value in found.items() if key not in _LINE_KEYS}
    else:
        body = {key: value for key, value in found.items() if key not in (*_LINE_KEYS, "endpoint")}
        extra = {}
    url = found.get("url", found.get("endpoint")) or _endpoint_of(body)
    if not isinstance(url, str) or not url.startswith("/"):
        raise InvalidInput(f"{path.name}: url must be an endpoint such as {DEFAULT_ENDPOINT}.")
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise InvalidInput(f"{path.name} names no model.")
    if body.get("stream"):
        raise InvalidInput(f"{path.name} asks for a stream, which a batch cannot give.")
    return Template(path, custom_id, url, body, extra)


def _endpoint_of(body: Mapping[str, Any]) -> str:
    """Return the endpoint that a body without a url is for."""
    model = str(body.get("model", "")).lower()
    if "messages" in body:
        return "/v1/chat/completions"
    if "input" in body:
        if "embed" in model:
            return "/v1/embeddings"
        return "/v1/moderations" if "moderation" in model else "/v1/responses"
    return "/v1/completions" if "prompt" in body else DEFAULT_ENDPOINT


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
