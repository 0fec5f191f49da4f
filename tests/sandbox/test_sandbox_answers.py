"""What a request is answered, by endpoint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchdeck.sandbox.answers import ENDPOINTS, answer
from batchdeck.sandbox.rules import ANSWERED, Fate

KEY = "0123456789abcdef" * 2


def ask(endpoint: str, body: dict[str, Any], fate: Fate = ANSWERED) -> dict[str, Any]:
    """The answer to a body."""
    return answer(endpoint, body, fate, key=KEY, created=1)


def chat_text(body: dict[str, Any], fate: Fate = ANSWERED) -> str:
    """The text of a chat answer."""
    told = ask("/v1/chat/completions", {"model": "gpt-4o-mini", **body}, fate)
    text: str = told["choices"][0]["message"]["content"]
    return text


def said(text: object, system: str = "") -> dict[str, Any]:
    """A body with one thing said."""
    return {"messages": [{"role": "system", "content": system}, {"role": "user", "content": text}]}


def test_chat_echoes_the_last_thing_said() -> None:
    assert chat_text(said("hello there")) == "Echo: hello there"
    assert chat_text(said([{"type": "text", "text": "in parts"}])) == "Echo: in parts"


def test_a_label_is_chosen_where_labels_are_listed() -> None:
    labels = {
        chat_text(said(f"ticket {n}", "Answer with one of: billing, bug or praise.")) for n in range(40)
    }
    assert labels == {"billing", "bug", "praise"}


def test_json_fits_the_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "label": {"enum": ["a", "b"]},
            "score": {"type": "integer", "minimum": 1, "maximum": 3},
            "sure": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "note": {"type": ["string", "null"]},
        },
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    told = json.loads(chat_text({**said("hi"), "response_format": wanted}))
    assert set(told) == set(schema["properties"])
    assert told["label"] in ("a", "b")
    assert 1 <= told["score"] <= 3
    assert isinstance(told["sure"], bool)
    assert isinstance(told["tags"], list)
    plain = json.loads(chat_text({**said("two words"), "response_format": {"type": "json_object"}}))
    assert plain == {"echo": "two words", "words": 2}


def test_an_answer_says_what_it_is_told_to() -> None:
    assert chat_text(said("x"), Fate(say="exactly")) == "exactly"
    assert len(chat_text(said("x"), Fate(length=5_000))) == 5_000


def test_refusals_tools_and_cut_answers() -> None:
    def choice(fate: Fate) -> dict[str, Any]:
        told: dict[str, Any] = ask("/v1/chat/completions", said("x"), fate)["choices"][0]
        return told

    assert choice(Fate(refusal=True))["message"]["refusal"]
    assert choice(Fate(tool_call=True))["finish_reason"] == "tool_calls"
    assert choice(Fate(cut_short=True))["finish_reason"] == "length"
    assert ask("/v1/responses", {"input": "x"}, Fate(tool_call=True))["output"][0]["type"] == "function_call"


def test_responses_answer_text_and_messages() -> None:
    for asked in ("hi", [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]):
        told = ask("/v1/responses", {"model": "gpt-5-mini", "input": asked})
        assert told["output"][0]["content"][0]["text"] == "Echo: hi"
        assert told["usage"]["output_tokens_details"]["reasoning_tokens"] > 0


def test_embeddings_give_a_vector_for_each_input() -> None:
    several = ask("/v1/embeddings", {"model": "m", "input": ["a", "b"], "dimensions": 4})
    assert [len(one["embedding"]) for one in several["data"]] == [4, 4]
    assert several["data"][0]["embedding"] != several["data"][1]["embedding"]
    single = ask("/v1/embeddings", {"model": "m", "input": "a", "dimensions": 4})
    assert single["data"][0]["embedding"] == several["data"][0]["embedding"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "body", [{}, {"messages": "x"}, {"input": None}, {"messages": [1, None, {"role": 3}]}]
)
def test_no_body_is_too_odd(endpoint: str, body: dict[str, Any]) -> None:
    assert json.dumps(ask(endpoint, body))
