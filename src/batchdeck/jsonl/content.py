"""The text of an answer, and its tokens, from the body of each endpoint."""

from __future__ import annotations

import json
from typing import Any

from batchdeck.models.batch import Usage

_NO_TOKENS = (0, 0, 0, 0)


def usage_of(body: Any) -> Usage:
    """Return the tokens that a response body reports, zeros where it reports none."""
    return Usage(*tokens_of(body))


def tokens_of(body: Any) -> tuple[int, int, int, int]:
    """As `usage_of`, as plain numbers: input, output, cached and reasoning tokens."""
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return _NO_TOKENS
    taken = usage.get("prompt_tokens")
    if taken is None:
        taken = usage.get("input_tokens")
    given = usage.get("completion_tokens")
    if given is None:
        given = usage.get("output_tokens")
    taken_details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    given_details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    return (
        _count(taken),
        _count(given),
        _count(taken_details.get("cached_tokens")) if isinstance(taken_details, dict) else 0,
        _count(given_details.get("reasoning_tokens")) if isinstance(given_details, dict) else 0,
    )


def content_text(body: Any, endpoint: str = "") -> str:
    """Return the text of an answer; empty where the body holds none.

    Chat: the message's content, else its refusal, else its tool calls as JSON. Responses: the output text
    with refusals, else the calls as JSON. Embeddings: the vector as JSON. Completions: the text. Moderations:
    the result as JSON. Images: the url, else the base64 data. Several choices, vectors or images come as one
    JSON array.

    Args:
        body: The response body; a string of JSON will do.
        endpoint: Decides only where the shape alone does not.
    """
    if isinstance(body, str):
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            return body
        body = parsed
    if not isinstance(body, dict):
        return "" if body is None else _json(body)
    choices = body.get("choices")
    if isinstance(choices, list):
        return _one_or_list([_choice(choice) for choice in choices])
    output = body.get("output")
    if isinstance(output, list):
        return _responses(output)
    text = body.get("output_text")
    if isinstance(text, str):
        return text
    results = body.get("results")
    if isinstance(results, list):
        return _one_or_list(results)
    data = body.get("data")
    if isinstance(data, list):
        return _one_or_list([_datum(datum) for datum in data])
    if endpoint.endswith("/videos") and isinstance(body.get("id"), str):
        return str(body["id"])
    return ""


def _choice(choice: Any) -> Any:
    if not isinstance(choice, dict):
        return choice
    message = choice.get("message")
    if not isinstance(message, dict):
        return choice.get("text", "")
    text = _parts(message.get("content"))
    if text:
        return text
    if message.get("refusal"):
        return message["refusal"]
    calls = message.get("tool_calls") or message.get("function_call")
    return _json(calls) if calls else text


def _parts(content: Any) -> str:
    """Return the text of a content that is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return "" if content is None else _json(content)
    texts: list[str] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            text = part.get("text")
            if text is None:
                text = part.get("refusal")
            if isinstance(text, str):
                texts.append(text)
    return "".join(texts)


def _responses(output: list[Any]) -> str:
    texts: list[str] = []
    calls: list[Any] = []
    for item in output:
        if not isinstance(item, dict):
            continue
        kind = item.get("type")
        if kind == "message" or (kind is None and "content" in item):
            texts.append(_parts(item.get("content")))
        elif isinstance(kind, str) and kind.endswith("_call"):
            calls.append(item)
    return "".join(texts) or (_json(calls) if calls else "")


def _datum(datum: Any) -> Any:
    if not isinstance(datum, dict):
        return datum
    for key in ("embedding", "url", "b64_json"):
        if datum.get(key) is not None:
            return datum[key]
    return datum


def _one_or_list(values: list[Any]) -> str:
    if not values:
        return ""
    value = values[0] if len(values) == 1 else values
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
