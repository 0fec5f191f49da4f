"""The text of answers of every endpoint."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdeck.jsonl.content import content_text, usage_of
from batchdeck.models.batch import Usage

CALLS = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


def chat(**message: Any) -> dict[str, Any]:
    return {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}}],
    }


def responses(*output: dict[str, Any]) -> dict[str, Any]:
    return {"object": "response", "output": list(output)}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (chat(content="hello\nthere"), "hello\nthere"),
        (chat(content=None, refusal="I cannot"), "I cannot"),
        (chat(content=None, tool_calls=CALLS), json.dumps(CALLS, separators=(",", ":"))),
        (chat(content="", refusal=None), ""),
        (chat(content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "ab"),
        ({"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]}, '["a","b"]'),
        ({"choices": []}, ""),
        ({"choices": [{"text": "completed", "index": 0}]}, "completed"),
        (
            responses(
                {"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": "one "}]},
                {"type": "message", "content": [{"type": "output_text", "text": "two"}]},
            ),
            "one two",
        ),
        (responses({"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}), "no"),
        (
            responses({"type": "function_call", "name": "f", "arguments": "{}"}),
            '[{"type":"function_call","name":"f","arguments":"{}"}]',
        ),
        ({"data": [{"index": 0, "embedding": [0.5, -1e-07]}]}, "[0.5,-1e-07]"),
        ({"data": [{"embedding": [1]}, {"embedding": [2]}]}, "[[1],[2]]"),
        ({"data": [{"embedding": "AAAA"}]}, "AAAA"),
        ({"data": [{"url": "https://x/y.png"}]}, "https://x/y.png"),
        ({"results": [{"flagged": False}]}, '{"flagged":false}'),
        (None, ""),
        ({}, ""),
        ("plain words", "plain words"),
        (json.dumps(chat(content="in a string")), "in a string"),
    ],
)
def test_the_text_of_each_endpoint(body: Any, text: str) -> None:
    assert content_text(body) == text


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 6}, Usage(5, 6)),
        (
            {
                "input_tokens": 5,
                "input_tokens_details": {"cached_tokens": 2},
                "output_tokens": 6,
                "output_tokens_details": {"reasoning_tokens": 1},
            },
            Usage(5, 6, 2, 1),
        ),
        ({"prompt_tokens": 5, "prompt_tokens_details": None}, Usage(5)),
        ({"prompt_tokens": "5", "completion_tokens": True}, Usage()),
        ({"prompt_tokens": -5}, Usage()),
        (None, Usage()),
        ([], Usage()),
    ],
)
def test_usage_of_either_spelling(usage: Any, expected: Usage) -> None:
    assert usage_of({"usage": usage}) == expected


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "output", "data", "results", "type", "text", "usage"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(ANY_JSON)
def test_any_body_has_some_text_and_usage(body: Any) -> None:
    assert isinstance(content_text(body), str)
    assert usage_of(body).input_tokens >= 0
