"""Answers made by rule: an echo of the prompt, or JSON that fits what the request asks for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from batchdeck.sandbox.rules import Fate

_ONE_OF = re.compile(
    r"one of(?: these| the following)?(?: words| labels| categories)?\s*:\s*([^\n.;]+)", re.IGNORECASE
)
_ECHO_CHARACTERS = 240
_VECTOR_LENGTH = 8


def _digest(text: str) -> int:
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "big")


def count_tokens(text: str) -> int:
    """About one token for four characters, at least one."""
    return max(1, (len(text) + 3) // 4)


def text_of(content: object) -> str:
    """The text of a message's content, which may be a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(part for part in map(_part_text, content) if part)
    return "" if content is None else json.dumps(content)


def _part_text(part: object) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping):
        if "content" in part:
            return text_of(part["content"])
        text = part.get("text")
        return text if isinstance(text, str) else ""
    return ""


def _messages(body: Mapping[str, Any]) -> tuple[str, str]:
    """The instructions and the last thing the user said."""
    told = body.get("messages")
    if told is None:
        told = body.get("input")
        if isinstance(told, str):
            return text_of(body.get("instructions")), told
    system, last = text_of(body.get("instructions")), ""
    for message in told if isinstance(told, list) else ():
        if not isinstance(message, Mapping):
            last = text_of(message) or last
        elif message.get("role") in ("system", "developer"):
            system = text_of(message.get("content"))
        else:
            last = text_of(message.get("content")) or last
    return system, last


def _fit(schema: Mapping[str, Any], text: str, path: str = "") -> Any:
    """A value that fits a JSON schema, the same for the same text."""
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[_digest(f"{path}:{text}") % len(choices)]
    if "const" in schema:
        return schema["const"]
    for several in ("anyOf", "oneOf"):
        options = schema.get(several)
        if isinstance(options, list) and options and isinstance(options[0], Mapping):
            return _fit(options[0], text, path)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else "string"
    if kind == "object" or "properties" in schema:
        members = schema.get("properties")
        if not isinstance(members, Mapping):
            return {}
        return {
            name: _fit(member if isinstance(member, Mapping) else {}, text, f"{path}.{name}")
            for name, member in members.items()
        }
    if kind == "array":
        items = schema.get("items")
        return [_fit(items if isinstance(items, Mapping) else {}, text, f"{path}[]")]
    if kind == "integer":
        low = schema.get("minimum", 1)
        high = schema.get("maximum", 5)
        if not isinstance(low, int) or not isinstance(high, int) or high < low:
            low, high = 1, 5
        return low + _digest(f"{path}:{text}") % (high - low + 1)
    if kind == "number":
        return round((_digest(f"{path}:{text}") % 1000) / 1000, 3)
    if kind == "boolean":
        return _digest(f"{path}:{text}") % 2 == 0
    if kind == "null":
        return None
    return text[:80]


def _answer_text(body: Mapping[str, Any], fate: Fate, system: str, prompt: str) -> str:
    if fate.say is not None:
        return fate.say
    if fate.length:
        piece = f"{prompt[:60] or 'again'} "
        return (piece * (fate.length // len(piece) + 1))[: fate.length]
    wanted = body.get("response_format")
    if wanted is None and isinstance(body.get("text"), Mapping):
        wanted = body["text"].get("format")
    if isinstance(wanted, Mapping):
        inner = wanted.get("json_schema", wanted)
        schema = inner.get("schema") if isinstance(inner, Mapping) else None
        if isinstance(schema, Mapping):
            return json.dumps(_fit(schema, prompt))
        if wanted.get("type") == "json_object":
            return json.dumps({"echo": prompt[:_ECHO_CHARACTERS], "words": len(prompt.split())})
    listed = _ONE_OF.search(system) or _ONE_OF.search(prompt)
    if listed is not None:
        labels = [label.strip(" \"'`") for label in re.split(r",|\bor\b", listed.group(1))]
        labels = [label for label in labels if label]
        if labels:
            return labels[_digest(prompt) % len(labels)]
    return f"Echo: {prompt[:_ECHO_CHARACTERS]}"


def _cached(prompt_tokens: int) -> int:
    """Cached tokens: where their number divides by four, three quarters of the prompt were in the cache."""
    return prompt_tokens * 3 // 4 if prompt_tokens % 4 == 0 else 0


def _reasoning(model: str, output_tokens: int) -> int:
    return output_tokens * 2 if model.startswith(("o1", "o3", "o4", "gpt-5")) else 0


def _chat(body: Mapping[str, Any], fate: Fate, key: str, created: int) -> dict[str, Any]:
    system, prompt = _messages(body)
    model = str(body.get("model", ""))
    text = _answer_text(body, fate, system, prompt)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    reason = "length" if fate.cut_short else "stop"
    if fate.refusal:
        message.update(content=None, refusal="I'm sorry, I can't help with that.")
    elif fate.tool_call:
        call = {"name": "lookup", "arguments": json.dumps({"query": prompt[:80]})}
        message.update(
            content=None, tool_calls=[{"id": f"call_{key[:12]}", "type": "function", "function": call}]
        )
        reason = "tool_calls"
    prompt_tokens = count_tokens(system) + count_tokens(prompt) + 8
    reasoning = _reasoning(model, count_tokens(text))
    answer_tokens = count_tokens(text) + reasoning
    return {
        "id": f"chatcmpl-{key[:24]}",
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": answer_tokens,
            "total_tokens": prompt_tokens + answer_tokens,
            "prompt_tokens_details": {"cached_tokens": _cached(prompt_tokens), "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_sandbox",
    }


def _responses(body: Mapping[str, Any], fate: Fate, key: str, created: int) -> dict[str, Any]:
    system, prompt = _messages(body)
    model = str(body.get("model", ""))
    text = _answer_text(body, fate, system, prompt)
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    if fate.refusal:
        part = {"type": "refusal", "refusal": "I'm sorry, I can't help with that."}
    item: dict[str, Any] = {
        "id": f"msg_{key[:24]}",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }
    if fate.tool_call:
        arguments = json.dumps({"query": prompt[:80]})
        item = {
            "id": f"fc_{key[:24]}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_{key[:12]}",
            "name": "lookup",
            "arguments": arguments,
        }
    input_tokens = count_tokens(system) + count_tokens(prompt) + 8
    reasoning = _reasoning(model, count_tokens(text))
    output_tokens = count_tokens(text) + reasoning
    return {
        "id": f"resp_{key}",
        "object": "response",
        "created_at": created,
        "status": "incomplete" if fate.cut_short else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if fate.cut_short else None,
        "model": model,
        "output": [item],
        "usage": {
            "input_tokens": input_tokens,
            "input_tokens_details": {"cached_tokens": _cached(input_tokens)},
            "output_tokens": output_tokens,
            "output_tokens_details": {"reasoning_tokens": reasoning},
            "total_tokens": input_tokens + output_tokens,
        },
    }


def _embeddings(body: Mapping[str, Any], fate: Fate, key: str, created: int) -> dict[str, Any]:
    told = body.get("input", "")
    inputs = told if isinstance(told, list) and not all(isinstance(one, int) for one in told) else [told]
    wanted = body.get("dimensions")
    length = wanted if isinstance(wanted, int) and 0 < wanted <= 3072 else _VECTOR_LENGTH
    data = []
    tokens = 0
    for index, one in enumerate(inputs):
        text = one if isinstance(one, str) else json.dumps(one)
        tokens += count_tokens(text)
        number = _digest(text)
        vector = [round(((number >> (7 * (k % 8))) % 997 + k) / 997 - 0.5, 6) for k in range(length)]
        data.append({"object": "embedding", "index": index, "embedding": vector})
    return {
        "object": "list",
        "data": data,
        "model": str(body.get("model", "")),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _completions(body: Mapping[str, Any], fate: Fate, key: str, created: int) -> dict[str, Any]:
    prompt = text_of(body.get("prompt"))
    text = _answer_text(body, fate, "", prompt)
    prompt_tokens, answer_tokens = count_tokens(prompt), count_tokens(text)
    reason = "length" if fate.cut_short else "stop"
    return {
        "id": f"cmpl-{key[:24]}",
        "object": "text_completion",
        "created": created,
        "model": str(body.get("model", "")),
        "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": reason}],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": answer_tokens,
            "total_tokens": prompt_tokens + answer_tokens,
        },
    }


def _moderations(body: Mapping[str, Any], fate: Fate, key: str, created: int) -> dict[str, Any]:
    told = body.get("input", "")
    inputs = told if isinstance(told, list) else [told]
    results = []
    for one in inputs:
        text = text_of([one])
        names = ("harassment", "hate", "self-harm", "sexual", "violence")
        scores = {name: round((_digest(f"{name}:{text}") % 1000) / 1000, 3) for name in names}
        flags = {name: score > 0.95 for name, score in scores.items()}
        results.append({"flagged": any(flags.values()), "categories": flags, "category_scores": scores})
    return {"id": f"modr-{key[:24]}", "model": str(body.get("model", "")), "results": results}


def _images(body: Mapping[str, Any], fate: Fate, key: str, created: int) -> dict[str, Any]:
    return {"created": created, "data": [{"url": f"https://images.invalid/{key}.png", "b64_json": None}]}


def _videos(body: Mapping[str, Any], fate: Fate, key: str, created: int) -> dict[str, Any]:
    return {"id": f"video_{key}", "object": "video", "created_at": created, "status": "completed"}


_BY_ENDPOINT = {
    "/v1/chat/completions": _chat,
    "/v1/responses": _responses,
    "/v1/embeddings": _embeddings,
    "/v1/completions": _completions,
    "/v1/moderations": _moderations,
    "/v1/images/generations": _images,
    "/v1/images/edits": _images,
    "/v1/videos": _videos,
}
ENDPOINTS = tuple(_BY_ENDPOINT)
"""Every endpoint a batch may be made for."""


def answer(endpoint: str, body: Mapping[str, Any], fate: Fate, *, key: str, created: int) -> dict[str, Any]:
    """The body of an answered request.

    Args:
        endpoint: One of `ENDPOINTS`.
        body: The request's own body.
        fate: What the words in the request ask for.
        key: A hexadecimal string that belongs to this request alone.
        created: Epoch seconds.
    """
    return _BY_ENDPOINT.get(endpoint, _chat)(body, fate, key, created)
