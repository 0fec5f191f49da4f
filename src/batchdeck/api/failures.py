"""From what went wrong in a call to the error that a person is told."""

from __future__ import annotations

import json
import math
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any

from batchdeck.api.call import Call, clean
from batchdeck.api.normalize import text
from batchdeck.errors import (
    BadAnswer,
    Conflict,
    KeyRefused,
    LostAnswer,
    NotFound,
    OutOfRoom,
    RateLimited,
    Refused,
    ServerFailed,
    ServiceError,
    Unreachable,
)

MAX_RETRY_AFTER = 86_400.0

_KEY_WORDS = re.compile(
    r"(invalid|incorrect|malformed|missing|no|wrong|unknown|expired)\W+(\w+\W+){0,3}api[ _-]?key"
    r"|api[ _-]?key\W+(\w+\W+){0,3}(invalid|incorrect|not valid|missing|required|expired)"
    r"|authentication error",
    re.IGNORECASE,
)
_KEY_CODES = frozenset({"invalid_api_key", "auth_error", "authentication_error", "token_not_found_in_db"})
_ROOM_CODES = frozenset(
    {"token_limit_exceeded", "insufficient_quota", "billing_hard_limit_reached", "quota_exceeded"}
)
_CODE_CHARACTERS = re.compile(r"[^\w.:/-]+")


# --- answers ----------------------------------------------------------------


def from_answer(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> ServiceError:
    """The error for an answer whose status is not 2xx."""
    message, code = _message_and_code(body)
    known: dict[str, Any] = {
        "status": status,
        "code": code,
        "request_id": request_id(headers),
        "retry_after": retry_after(headers),
    }
    in_short = f"{status} {code}" if code and code != message else str(status)
    told = f"{in_short}: {message}" if message else in_short
    words = f"{code or ''} {message}"

    if status == 401 or (status == 400 and (code in _KEY_CODES or _KEY_WORDS.search(words))):
        return KeyRefused(
            f"{call.begun} failed: {call.host} does not accept the API key ({in_short}).",
            hint="Check the key of this profile and that it belongs to this base URL.",
            **known,
        )
    if status == 402 or code in _ROOM_CODES or "token_limit_exceeded" in words:
        return OutOfRoom(
            f"{call.begun} was refused: there is no room left ({told}).", hint=_room(words), **known
        )
    if status == 403:
        return KeyRefused(f"{call.begun} was refused: the key may not do this ({told}).", **known)
    if status == 404:
        return _not_found(call, told, known)
    if status == 409:
        return Conflict(f"{call.begun} was refused ({told}).", **known)
    if status == 413:
        return Refused(
            f"{call.begun} was refused: the file is too large for {call.host} ({told}).",
            hint="Send it with --split, or lower max_bytes in the profile's limits.",
            **known,
        )
    if status == 429:
        wait = known["retry_after"]
        when = f" Try again in {math.ceil(wait)} s." if wait else ""
        return RateLimited(f"{call.begun} was refused: too many calls ({told}).{when}", **known)
    if status == 408 or status >= 500:
        return ServerFailed(f"{call.begun} failed: {call.host} answered {told}{call.effect}.", **known)
    if 300 <= status < 400:
        elsewhere = clean(headers.get("location", ""), 120) or "another address"
        return Refused(
            f"{call.begun} failed: {call.host} sends on to {elsewhere} ({status}); nothing was made.",
            hint="Set the base URL to where the Batch API is.",
            **known,
        )
    return Refused(f"{call.begun} was refused ({told}).", **known)


def _not_found(call: Call, told: str, known: dict[str, Any]) -> NotFound:
    if call.thing:
        return NotFound(
            f"{call.begun} failed: the service does not know {call.thing} ({told}).",
            hint="Check the id and the profile: a key sees its own project alone.",
            **known,
        )
    return NotFound(
        f"{call.begun} failed: there is no Batch API at {call.place} ({told}).",
        hint="Check the base URL; it usually ends in /v1.",
        **known,
    )


def _room(words: str) -> str:
    if "token_limit_exceeded" in words:
        return "It can be sent again when earlier batches have ended."
    return "Check the account's balance and limits, then send it again."


def not_the_api(call: Call, status: int, headers: Mapping[str, str], what: str = "") -> BadAnswer:
    """The error for a 2xx answer that the Batch API would not give.

    Args:
        what: What was wrong with it, such as `a list without batches`; found out when empty.
    """
    kind = clean(headers.get("content-type", ""), 60) or "no content type"
    what = what or "something else than JSON"
    return BadAnswer(
        f"{call.begun} failed: {call.place} answered {what} ({kind}){call.effect}.",
        hint="Check that the base URL is that of a Batch API; it usually ends in /v1.",
        status=status,
        request_id=request_id(headers),
    )


def request_id(headers: Mapping[str, str]) -> str | None:
    """The x-request-id of an answer, cleaned, or None."""
    return clean(headers.get("x-request-id", ""), 128) or None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the answer asks to wait, at most a day, or None."""
    from email.utils import parsedate_to_datetime

    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        written = headers.get(name)
        if written is None:
            continue
        try:
            seconds = float(written) / divisor
        except ValueError:
            try:
                seconds = parsedate_to_datetime(written).timestamp() - time.time()
            except (TypeError, ValueError, OverflowError):
                continue
        if math.isfinite(seconds):
            return min(max(seconds, 0.0), MAX_RETRY_AFTER)
    return None


def _message_and_code(body: bytes) -> tuple[str, str | None]:
    """The service's words and its code out of every shape of error body."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return _plain_words(body), None
    error = answer
    if isinstance(answer, Mapping):
        inner = answer.get("error", answer.get("errors"))
        error = inner if isinstance(inner, Mapping) and inner else answer
        if isinstance(inner, str) and inner:
            error = {"message": inner, **{key: answer[key] for key in ("code", "type") if key in answer}}
    elif isinstance(answer, list) and answer and isinstance(answer[0], Mapping):
        inner = answer[0].get("error")
        error = inner if isinstance(inner, Mapping) else answer[0]
    if not isinstance(error, Mapping):
        return (clean(error) if isinstance(error, str) else ""), None
    named = (error.get(name) for name in ("message", "detail", "msg", "title"))
    message = next((words for words in map(_words, named) if words), "")
    candidates = (error.get("code"), error.get("type"), error.get("param"))
    code = next((kept for kept in map(_code, candidates[:2]) if kept), None)
    return message, code


def _words(value: object) -> str:
    """A message, or the `[{loc, msg}]` that a validating framework answers, as one line."""
    if isinstance(value, list):
        parts = []
        for entry in value[:5]:
            if isinstance(entry, Mapping):
                where = entry.get("loc")
                place = ".".join(text(part) for part in where) if isinstance(where, list) else ""
                told = clean(entry.get("msg") or entry.get("message") or "")
                parts.append(f"{clean(place, 60)}: {told}" if place else told)
            else:
                parts.append(clean(entry))
        return clean("; ".join(part for part in parts if part))
    if isinstance(value, Mapping):
        return clean(value.get("message") or value.get("msg") or value.get("error") or value)
    return clean(value)


def _code(value: object) -> str | None:
    """An error code verbatim but for what no code holds; digits alone only repeat the status."""
    if not isinstance(value, str) or value.isdigit() or "://" in value:
        return None
    kept = _CODE_CHARACTERS.sub("_", value.strip())[:80]
    return kept if kept.strip("_") and kept.lower() not in ("none", "null", "about:blank") else None


def _plain_words(body: bytes) -> str:
    start = body[:2_000].decode("utf-8", "replace").strip()
    if start.startswith("<"):
        return "a web page, not an answer of the Batch API"
    return clean(start, 120)


# --- exceptions -------------------------------------------------------------


def from_exception(call: Call, error: BaseException) -> ServiceError:
    """The error for what the SDK or its transport raised. Imports openai."""
    import httpx2
    import openai

    if isinstance(error, openai.APIStatusError):
        answer = error.response
        return from_answer(call, answer.status_code, answer.headers, answer.content)
    cause = error
    if isinstance(error, openai.APIConnectionError) and error.__cause__ is not None:
        cause = error.__cause__
    nothing_sent = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.PoolTimeout,
        httpx2.ProxyError,
        httpx2.UnsupportedProtocol,
        httpx2.InvalidURL,
    )
    if isinstance(cause, nothing_sent):
        return Unreachable(
            f"{call.begun} failed: no connection to {call.host} ({_why(cause)}); nothing was sent.",
            hint="Check the network, the base URL and the proxy settings.",
        )
    if isinstance(cause, httpx2.TooManyRedirects | httpx2.DecodingError):
        return BadAnswer(
            f"{call.begun} failed: {call.place} answered what cannot be read ({_why(cause)}){call.effect}."
        )
    return LostAnswer(
        f"{call.begun} failed: the connection to {call.host} broke ({_why(cause)}){call.effect}."
    )


def _why(error: BaseException) -> str:
    """The first cause of a failed connection, in a few words."""
    import httpx2

    if isinstance(error, httpx2.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time"
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, socket.gaierror):
            return "the host name is not known"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {clean(cause.verify_message, 100)}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {clean(cause.reason or 'no common protocol', 100)}"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, ConnectionResetError | BrokenPipeError):
            return "connection reset"
    for cause in reversed(chain):
        if isinstance(cause, OSError) and cause.strerror:
            return clean(cause.strerror, 100)
    return clean(str(error), 100) or type(error).__name__


def _causes(error: BaseException, depth: int = 0) -> Iterator[BaseException]:
    """An exception and what it came from, groups opened."""
    if depth > 12:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner, depth + 1)
    following = error.__cause__ or error.__context__
    if following is not None:
        yield from _causes(following, depth + 1)
