"""Whether sending a failed request again can help, and why."""

from __future__ import annotations

from batchdeck.models.lines import Outcome

_QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "insufficient_user_quota",
        "insufficient_balance",
        "insufficient_balance_error",
        "insufficient_funds",
        "insufficient_credits",
        "exceeded_current_quota_error",
        "billing_hard_limit_reached",
        "billing_not_active",
        "low_balance",
        "arrearage",
        "payment_required",
    }
)
_QUOTA_WORDS = (
    "exceeded your current quota",
    "insufficient quota",
    "insufficient balance",
    "insufficient credit",
    "insufficient funds",
    "low balance",
    "balance is too low",
    "not enough balance",
    "out of credits",
)
_RETRYABLE_4XX = frozenset({408, 409, 429})

_WHY_CODE = {
    "context_length_exceeded": "too long for the model; would be again",
    "model_not_found": "the account cannot use this model",
    "content_policy_violation": "refused for its content; would be again",
    "content_filter": "refused for its content; would be again",
    "invalid_api_key": "the key was not accepted",
}


def is_retryable(
    outcome: Outcome, status_code: int | None, codes: tuple[str, ...], message: str, *, has_response: bool
) -> bool:
    """Tell whether sending the same request again can help.

    Args:
        outcome: How the request ended.
        status_code: HTTP status, or None.
        codes: Every code and type the row gives, lower case.
        message: The service's words.
        has_response: False when the request was never run.
    """
    if outcome in (Outcome.EXPIRED, Outcome.CANCELLED, Outcome.MISSING):
        return True
    if outcome in (Outcome.OK, Outcome.PENDING):
        return False
    if is_quota(codes, message):
        return False
    if not has_response:
        return True
    if status_code is None or 200 <= status_code < 300:
        named = next(
            (int(code) for code in codes if code.isascii() and code.isdigit() and len(code) == 3), None
        )
        return named is not None and (named in _RETRYABLE_4XX or 500 <= named < 600)
    return status_code == 0 or status_code in _RETRYABLE_4XX or 500 <= status_code < 600


def is_quota(codes: tuple[str, ...], message: str) -> bool:
    """Tell whether an error is about money or quota, which only the account's owner can mend."""
    if any(code in _QUOTA_CODES for code in codes):
        return True
    words = message.lower()
    return any(phrase in words for phrase in _QUOTA_WORDS)


def why(outcome: Outcome, status_code: int | None, code: str, *, retryable: bool) -> str:
    """Say in a few words why sending a request again helps or does not."""
    if outcome is Outcome.EXPIRED:
        return "the batch's time was up before it was run"
    if outcome is Outcome.CANCELLED:
        return "the batch was cancelled before it was run"
    if outcome is Outcome.MISSING:
        return "no answer came back for it"
    if outcome is Outcome.PENDING:
        return "the batch has not ended"
    if outcome is Outcome.OK:
        return "it has its answer"
    if not retryable:
        return _why_not(status_code, code)
    if status_code is None:
        return "it was never run"
    if status_code == 0:
        return "the service got no answer from the model"
    named = {408: "it timed out", 409: "it clashed with other work", 429: "too much was asked at the time"}
    return named.get(status_code, "the service failed, not the request")


def _why_not(status_code: int | None, code: str) -> str:
    lowered = code.lower()
    if lowered in _QUOTA_CODES or status_code == 402:
        return "out of quota or credit: mend that first"
    if lowered in _WHY_CODE:
        return _WHY_CODE[lowered]
    if status_code == 429:
        return "out of quota or credit: mend that first"
    if status_code in (401, 403):
        return "the account may not do this"
    if status_code is not None and 400 <= status_code < 500:
        return "refused as it is; would be again"
    return "most likely fails again"
