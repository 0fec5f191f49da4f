"""Errors of the service told again with what is known of the money."""

from __future__ import annotations

from batchdeck.errors import ServiceError

_UNCERTAIN = "; whether it was carried out is not known"


def bare(error: ServiceError) -> str:
    """What failed, without the full stop and without what was uncertain at that moment."""
    return error.sentence.rstrip(". ").replace(_UNCERTAIN, "")


def retold(error: ServiceError, effect: str, *, hint: str | None = None) -> ServiceError:
    """The same error with what is known by now of its effect.

    Args:
        effect: The end of a sentence: `no batch was created`.
        hint: Goes before the error's own.
    """
    return type(error)(
        f"{bare(error)}; {effect}.",
        hint=hint or error.hint,
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        retry_after=error.retry_after,
    )
