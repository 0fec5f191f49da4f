"""Error answers in the shapes that services give them, as sentences for a person."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdeck.api import failures
from batchdeck.api.call import Call, clean
from batchdeck.errors import (
    BadAnswer,
    Conflict,
    KeyRefused,
    NotFound,
    OutOfRoom,
    RateLimited,
    Refused,
    ServerFailed,
    ServiceError,
)

LISTING = Call("listing batches", "https://user:pw@api.example.com/v1")
CREATING = Call("creating a batch of file-1", "https://api.example.com/v1", creates=True)
ASKING = Call("asking for batch batch_1", "https://api.example.com/v1", thing="batch batch_1")


def told(status: int, body: object, call: Call = ASKING, **headers: str) -> ServiceError:
    """The error for an answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return failures.from_answer(call, status, {name.replace("_", "-"): v for name, v in headers.items()}, raw)


def openai_error(message: str, code: str | None = None, kind: str | None = None) -> dict[str, object]:
    """An error body as OpenAI writes it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, openai_error("Incorrect API key provided", "invalid_api_key"), KeyRefused, "invalid_api_key"),
        (401, b"", KeyRefused, None),
        (
            400,
            openai_error("Authentication Error, No api key passed in.", "400", "auth_error"),
            KeyRefused,
            "auth_error",
        ),
        (400, {"error": {"message": "Invalid API Key"}}, KeyRefused, None),
        (403, openai_error("Project has no access", "model_not_found"), KeyRefused, "model_not_found"),
        (404, openai_error("No batch found"), NotFound, None),
        (404, {"detail": "Not Found"}, NotFound, None),
        (409, openai_error("Cannot cancel a batch with status 'completed'."), Conflict, None),
        (413, b"<html>413</html>", Refused, None),
        (422, {"detail": [{"loc": ["body", "endpoint"], "msg": "field required"}]}, Refused, None),
        (400, openai_error("Invalid file format for Batch API"), Refused, None),
        (429, openai_error("Rate limit reached", "rate_limit_exceeded"), RateLimited, "rate_limit_exceeded"),
        (429, openai_error("You exceeded your quota", "insufficient_quota"), OutOfRoom, "insufficient_quota"),
        (429, openai_error("You exceeded", None, "insufficient_quota"), OutOfRoom, "insufficient_quota"),
        (402, {"message": "top up"}, OutOfRoom, None),
        (400, openai_error("queue is full", "token_limit_exceeded"), OutOfRoom, "token_limit_exceeded"),
        (400, {"error": "token_limit_exceeded: queue is full"}, OutOfRoom, None),
        (408, b"", ServerFailed, None),
        (500, openai_error("The server had an error", None, "server_error"), ServerFailed, "server_error"),
        (502, b"<html><body>Bad Gateway</body></html>", ServerFailed, None),
        (307, b"", Refused, None),
    ],
)
def test_status_and_body_decide_the_kind(status: int, body: object, kind: type, code: str | None) -> None:
    error = told(status, body)
    assert type(error) is kind
    assert (error.status, error.code) == (status, code)
    assert error.sentence.startswith("Asking for batch batch_1 ")
    assert str(status) in error.sentence


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "only this"}}, "only this"),
        ({"error": "a sentence"}, "a sentence"),
        ({"message": "flat"}, "flat"),
        ({"detail": "from FastAPI"}, "from FastAPI"),
        ({"detail": [{"loc": ["body", 0, "x"], "msg": "bad"}, {"msg": "worse"}]}, "body.0.x: bad; worse"),
        ({"type": "about:blank", "title": "Nope", "detail": "problem json"}, "problem json"),
        ({"type": "https://x/y", "title": "Only title"}, "Only title"),
        ([{"error": {"message": "in a list"}}], "in a list"),
        ({"errors": {"message": "plural"}}, "plural"),
        (b"plain text", "plain text"),
        (b"<!doctype html><p>x", "a web page"),
    ],
)
def test_the_services_words_are_found_in_every_shape(body: object, words: str) -> None:
    assert words in told(400, body).sentence


@pytest.mark.parametrize("code", ["400", 400, None, "", {}, "https://x/y", "None"])
def test_codes_that_say_nothing_are_no_codes(code: object) -> None:
    assert told(400, {"error": {"message": "m", "code": code}}).code is None


def test_an_unknown_code_is_kept_verbatim() -> None:
    error = told(400, openai_error("m", "brand_new.code-7"))
    assert error.code == "brand_new.code-7"
    assert "brand_new.code-7" in error.sentence


def test_what_is_not_known_is_named() -> None:
    assert "does not know batch batch_1" in told(404, b"").sentence
    listing = told(404, b"<html>", LISTING)
    assert "no Batch API at https://api.example.com/v1" in listing.sentence
    assert listing.hint is not None and "/v1" in listing.hint


def test_a_user_name_in_the_base_url_is_not_shown() -> None:
    for error in (told(404, b"", LISTING), told(500, b"", LISTING), failures.not_the_api(LISTING, 200, {})):
        assert "pw" not in error.line


def test_an_unclear_end_says_so_only_where_it_matters() -> None:
    assert "not known" in told(500, b"", CREATING).sentence
    assert "not known" not in told(500, b"", LISTING).sentence
    assert told(500, b"", CREATING).unclear
    assert not told(400, b"", CREATING).unclear


def test_a_web_page_names_the_base_url_and_the_content_type() -> None:
    error = failures.not_the_api(ASKING, 200, {"content-type": "text/html"}, "a web page")
    assert isinstance(error, BadAnswer)
    assert "https://api.example.com/v1 answered a web page (text/html)" in error.sentence


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "12"}, 12.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "1500"}, 1.5),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "1e99"}, failures.MAX_RETRY_AFTER),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    assert failures.from_answer(ASKING, 429, named, b"").retry_after == seconds


def test_retry_after_as_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=60)
    seconds = told(429, b"", retry_after=format_datetime(later, usegmt=True)).retry_after
    assert seconds is not None and 50 < seconds <= 60


def test_request_id_is_kept() -> None:
    assert told(500, b"", x_request_id="req_1").request_id == "req_1"


@pytest.mark.parametrize(
    "leak",
    [
        "sk-proj-abcdefghijklmnop",
        "Bearer abcdefgh1234",
        "sk-abcd***************wxyz",
    ],
)
def test_nothing_like_a_key_is_quoted(leak: str) -> None:
    error = told(400, openai_error(f"Incorrect thing: {leak}."))
    assert leak not in error.line
    assert leak.split()[-1][6:] not in error.line


HOSTILE = st.text(st.characters(exclude_categories=()), max_size=400)


@settings(max_examples=300, deadline=None)
@given(
    status=st.sampled_from([307, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 503]),
    words=HOSTILE,
    code=HOSTILE | st.integers() | st.none(),
    raw=st.none() | st.binary(max_size=300),
)
def test_any_error_body_becomes_one_bounded_printable_line(
    status: int, words: str, code: object, raw: bytes | None
) -> None:
    body = raw if raw is not None else json.dumps({"error": {"message": words, "code": code}}).encode()
    error = told(status, body, x_request_id=words[:50], location=words)
    for part in (error.sentence, error.hint or "", error.code or "", error.request_id or ""):
        assert len(part) < 600
        assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in part)
        part.encode()


def test_clean_keeps_ordinary_words_and_shortens_long_ones() -> None:
    assert clean("naïve café, 中文 😀") == "naïve café, 中文 😀"
    assert clean("a\x1b[31mb\r\nc\u202ed") == "a [31mb c d"
    assert clean("x" * 1000, 10) == "x" * 9 + "…"
