"""How many tokens a request will take, roughly, before anything is sent."""

from __future__ import annotations

from typing import Any

_SAMPLED_CHARACTERS = 256
BYTES_PER_TOKEN = 4
"""English text: about one token for four bytes of UTF-8. Other languages take more tokens than this says."""


def text_bytes(body: dict[str, Any]) -> int:
    """Return the UTF-8 bytes of the text a model will read: messages, input, prompt, instructions.

    A token id, which embeddings and completions take in place of text, counts as four bytes. Images and files
    count nothing. A long text that is not all ASCII is judged by how it begins.
    """
    total = 0
    messages = body.get("messages")
    if messages is not None:
        if type(messages) is list:
            for message in messages:
                if type(message) is dict:
                    content = message.get("content")
                    if type(content) is str:
                        total += len(content) if content.isascii() else _utf8_bytes(content)
                    elif content is not None:
                        total += _bytes_of(content)
        return total
    for key in ("instructions", "input", "prompt"):
        value = body.get(key)
        if value is not None:
            total += _bytes_of(value)
    return total


def output_limit(body: dict[str, Any]) -> int:
    """Return the most tokens the request lets the model write, or 0 where it sets no limit."""
    limit = body.get("max_tokens")
    if limit is None:
        limit = body.get("max_completion_tokens")
        if limit is None:
            limit = body.get("max_output_tokens")
    if type(limit) is not int or limit < 0:
        return 0
    choices = body.get("n", 1)
    return limit * choices if type(choices) is int and choices > 0 else limit


def embedding_inputs(body: dict[str, Any]) -> int:
    """Return how many vectors an embeddings request asks for."""
    given = body.get("input")
    if type(given) is not list or not given:
        return 1
    return 1 if type(given[0]) is int else len(given)


def _bytes_of(value: Any) -> int:
    if type(value) is str:
        return len(value) if value.isascii() else _utf8_bytes(value)
    total = 0
    pending = [value]
    while pending:
        item = pending.pop()
        if type(item) is list:
            pending.extend(item)
        elif type(item) is str:
            total += len(item) if item.isascii() else _utf8_bytes(item)
        elif type(item) is int:
            total += BYTES_PER_TOKEN
        elif type(item) is dict:
            pending.extend(
                item[key] for key in ("content", "text", "output") if type(item.get(key)) in (str, list)
            )
    return total


def _utf8_bytes(text: str) -> int:
    """Return about how many bytes a text has in UTF-8; exactly, up to 256 characters."""
    sample = len(text[:_SAMPLED_CHARACTERS].encode("utf-8", "surrogatepass"))
    if len(text) <= _SAMPLED_CHARACTERS:
        return sample
    return sample * len(text) // _SAMPLED_CHARACTERS
