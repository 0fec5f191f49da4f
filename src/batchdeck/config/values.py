"""Reading single values of the config file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from batchdeck.errors import ConfigError

Reader = Callable[[object], Any]


class WrongValue(Exception):
    """What was expected of a value, in words."""


_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE | re.ASCII)
_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_FACTORS |= {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "cookie"})


def text(value: object) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise WrongValue("text")
    return value.strip()


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise WrongValue("true or false")
    return value


def count(value: object) -> int:
    """A whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise WrongValue("a whole number above 0")
    return value


def seconds(value: object) -> float:
    """A number of seconds above 0."""
    number = amount(value)
    if number <= 0:
        raise WrongValue("a number of seconds above 0")
    return number


def amount(value: object) -> float:
    """A number, 0 or above."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise WrongValue("a number, 0 or above")
    return float(value)


def size(value: object) -> int:
    """Bytes as a whole number, or text such as 2GB."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _BYTES.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise WrongValue('bytes, as a number or as text such as "2GB"')
    return int(float(match[1]) * _FACTORS[(match[2] or "").lower()])


def url(value: object) -> str:
    """An http or https address, without the slash at its end."""
    from urllib.parse import urlsplit

    address = text(value)
    expected = "an address that begins with https:// or http://"
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_usable = False
    if not is_usable or any(char.isspace() or not char.isprintable() for char in address):
        raise WrongValue(expected)
    if parts.username or parts.password:
        raise WrongValue(f"{expected}, without a user or password in it")
    return address.rstrip("/")


def texts(value: object) -> tuple[str, ...]:
    """A list of texts, or one text."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise WrongValue("a list of texts")
    return tuple(value)


def headers(value: object) -> Mapping[str, str]:
    """A table of header names and values that holds no key."""
    if not isinstance(value, dict):
        raise WrongValue("a table of header names and values")
    for name, content in value.items():
        if not _HEADER.fullmatch(name):
            raise WrongValue(f"header names without spaces, not {name!r}")
        if name.lower() in _SECRET_HEADERS:
            raise WrongValue(f"no {name} header: keys are never written down, name api_key_env instead")
        if not isinstance(content, str) or not content.isprintable():
            raise WrongValue(f"one line of text for the header {name}")
    return dict(value)


def one_of(*words: str) -> Reader:
    """One of these words."""

    def read(value: object) -> str:
        if value not in words:
            raise WrongValue("one of " + ", ".join(words))
        return str(value)

    return read


def read_table(table: object, readers: Mapping[str, Reader], place: str, source: str) -> dict[str, Any]:
    """The values of a table of the config file, each read by its reader.

    Args:
        place: What stands before a key in messages, such as `profiles.work.`.
        source: The file, for messages.

    Raises:
        ConfigError: a key is unknown or its value is wrong; names the key and the file.
    """
    if not isinstance(table, dict):
        raise ConfigError(f"{place.rstrip('.')} in {source} must be a table.")
    values = {}
    for key, value in table.items():
        name = f"{place}{key}"
        if key == "api_key":
            raise ConfigError(
                f"{name} in {source} holds a key, and keys are never written down.",
                hint="Name where it comes from with api_key_env or api_key_command, and make a new key.",
            )
        if key not in readers:
            near = _nearest(key, readers)
            hint = f"Did you mean {near}?" if near else "Known here: " + ", ".join(sorted(readers)) + "."
            raise ConfigError(f"There is no setting {name}, in {source}.", hint=hint)
        try:
            values[key] = readers[key](value)
        except WrongValue as wrong:
            raise ConfigError(f"{name} in {source} must be {wrong}.") from None
    return values


def _nearest(key: str, known: Mapping[str, Reader]) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(key, known, 1)), None)
