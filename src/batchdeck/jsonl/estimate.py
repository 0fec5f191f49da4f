"""How many tokens a request will take, roughly, before anything is sent."""

from __future__ import annotations

from typing import Any

BYTES_PER_TOKEN = 4
"""English text: about one token for four bytes of UTF-8. Other languages take more tokens than this says."""


def text_length(body: dict[str, Any]) -> int:
    """Return the characters of the text a model will read: messages, input, prompt, instructions.

    A token id, which embeddings and completions take in place of text, counts as four. Images and files count
    nothing.
    """
    messages = body.get("messages")
    if type(messages) is list:
        total = 0
        for message in messages:
            if type(message) is dict:
                content = message.get("content")
                if type(content) is str:
                    total += len(content)
                elif content is not None:
                    total += sum(map(len, _texts(content)))
        return total
    return sum(map(len, _texts_of(body)))


def text_bytes(body: dict[str, Any]) -> int:
    """Return the same in bytes of UTF-8."""
    return sum(
        len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        for text in _texts_of(body)
    )


def output_limit(body: dict[str, Any]) -> int:
    """Return the most tokens the request lets the model write, or 0 where it sets no limit."""
    limit = body.get("max_completion_tokens")
    if limit is None:
        limit = body.get("max_tokens")
        if limit is None:
            limit = body.get("max_output_tokens")
    if type(limit) is not int or limit < 0:
        return 0
    choices = body.get("n")
    return limit * choices if type(choices) is int and choices > 0 else limit


def embedding_inputs(body: dict[str, Any]) -> int:
    """Return how many vectors an embeddings request asks for."""
    given = body.get("input")
    if type(given) is not list or not given:
        return 1
    return 1 if type(given[0]) is int else len(given)


def _texts_of(body: dict[str, Any]) -> list[str]:
    if type(body.get("messages")) is list:
        return _texts(body["messages"])
    return _texts([body.get(key) for key in ("instructions", "input", "prompt")])


def _texts(value: Any) -> list[str]:
    """Return the texts in a value, and four letters for each token id."""
    texts: list[str] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if type(item) is str:
            texts.append(item)
        elif type(item) is list:
            pending.extend(item)
        elif type(item) is int:
            texts.append("x" * BYTES_PER_TOKEN)
        elif type(item) is dict:
            pending.extend(
                item[key] for key in ("content", "text", "output") if type(item.get(key)) in (str, list)
            )
    return texts
