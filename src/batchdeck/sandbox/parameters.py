"""The parameters of a create, checked as the service checks them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from batchdeck.sandbox import errors

_WINDOW = re.compile(r"([1-9][0-9]{0,3})([hd])")


def window_parameter(window: str) -> float:
    """The seconds of a `completion_window` such as `24h` or `7d`.

    Raises:
        ApiError: it is not what it must be.
    """
    length = _WINDOW.fullmatch(window)
    if length is None:
        words = f"Invalid value: '{window}'. Supported values are: '24h'."
        raise errors.invalid_parameter("completion_window", words)
    return int(length.group(1)) * (3_600.0 if length.group(2) == "h" else 86_400.0)


def text_parameter(told: Mapping[str, Any], name: str) -> str:
    """A parameter that must be there and be a string.

    Raises:
        ApiError: it is not what it must be.
    """
    value = told.get(name)
    if value is None:
        raise errors.missing_parameter(name)
    if not isinstance(value, str):
        raise errors.invalid_parameter(name, f"Invalid type for '{name}': expected a string.")
    return value


def metadata_parameter(told: object) -> dict[str, str]:
    """The metadata of a create, checked against its limits.

    Raises:
        ApiError: it is not what it must be.
    """
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise errors.invalid_parameter("metadata", "Invalid type for 'metadata': expected an object.")
    if len(told) > 16:
        raise errors.invalid_parameter(
            "metadata", f"Too many properties in 'metadata': expected at most 16, got {len(told)}."
        )
    for key, value in told.items():
        if not isinstance(value, str):
            raise errors.invalid_parameter(
                f"metadata.{key}", f"Invalid type for 'metadata.{key}': expected a string."
            )
        if len(key) > 64:
            raise errors.invalid_parameter(
                "metadata", f"Invalid 'metadata': key '{key[:20]}…' is longer than 64 characters."
            )
        if len(value) > 512:
            raise errors.invalid_parameter(
                f"metadata.{key}",
                f"Invalid 'metadata.{key}': string too long. Expected a string with maximum length 512, "
                f"but got a string with length {len(value)} instead.",
            )
    return told


def output_life_parameter(told: object) -> int | None:
    """The seconds of `output_expires_after`, or None.

    Raises:
        ApiError: it is not what it must be.
    """
    if told is None:
        return None
    if not isinstance(told, dict) or told.get("anchor") != "created_at":
        raise errors.invalid_parameter(
            "output_expires_after.anchor", "Invalid value: supported values are 'created_at'."
        )
    seconds = told.get("seconds")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 3_600 <= seconds <= 2_592_000:
        raise errors.invalid_parameter(
            "output_expires_after.seconds", "Invalid value: expected 3600 to 2592000 seconds."
        )
    return seconds
