"""API keys: where they come from, and that they are never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from typing import NoReturn

from batchdeck.errors import NoKey
from batchdeck.models.account import Profile

COMMAND_SECONDS = 30.0
"""How long an `api_key_command` may take."""


class Secret:
    """An API key. It shows itself to nobody but who calls `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The key. Hand it on; keep it in no variable that lives longer than the call."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret is not written down.")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self


def fingerprint(secret: Secret | None) -> str:
    """The first 12 hex digits of the key's SHA-256; empty when there is no key."""
    if not secret:
        return ""
    return sha256(secret.reveal().encode("utf-8", "surrogatepass")).hexdigest()[:12]


def key_from_environment(profile: Profile, env: Mapping[str, str]) -> Secret | None:
    """The key in the profile's environment variable, or None."""
    return _usable(env.get(profile.api_key_env, ""), f"${profile.api_key_env}")


async def find_key(profile: Profile, env: Mapping[str, str], *, seconds: float = COMMAND_SECONDS) -> Secret:
    """The profile's key: what its command prints, else what its environment variable holds.

    Args:
        seconds: How long the command may take.

    Raises:
        NoKey: there is none, or the command failed; nothing was sent.
    """
    if profile.api_key_command:
        return await _run(profile, env, seconds)
    secret = key_from_environment(profile, env)
    if secret is None:
        raise NoKey(
            f"There is no API key for the profile {profile.name!r}: {profile.api_key_env} is not set.",
            hint=f"Set {profile.api_key_env}, or name api_key_env or api_key_command in the config file.",
        )
    return secret


async def _run(profile: Profile, env: Mapping[str, str], seconds: float) -> Secret:
    """What the key command prints first; what it says on standard error is shown to nobody."""
    import asyncio
    from asyncio.subprocess import DEVNULL, PIPE

    what = f"The api_key_command of the profile {profile.name!r}"
    hint = "Run it by hand to see what it says."
    command = profile.api_key_command or ""
    try:
        process = await asyncio.create_subprocess_shell(
            command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            env=dict(env),
            # A group of its own, so that what the shell started ends with it.
            start_new_session=os.name == "posix",
        )
    except OSError as error:
        raise NoKey(f"{what} could not be started: {error.strerror or 'no shell'}.", hint=hint) from None
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        raise NoKey(f"{what} took longer than {seconds:g} seconds.", hint=hint) from None
    finally:
        if process.returncode is None:
            _end(process.pid)
            await process.wait()
    if process.returncode:
        raise NoKey(f"{what} ended with code {process.returncode}.", hint=hint)
    line = output.decode("utf-8", "replace").strip().partition("\n")[0]
    secret = _usable(line, what)
    if secret is None:
        raise NoKey(f"{what} printed nothing.", hint=hint)
    return secret


def _end(pid: int) -> None:
    import signal
    from contextlib import suppress

    with suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGTERM)


def _usable(text: str, where: str) -> Secret | None:
    """A key that can stand in a header, or None when there is none.

    Raises:
        NoKey: it holds what no key can.
    """
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise NoKey(
            f"The API key from {where} holds characters that no key has.",
            hint="It may have been pasted with quotes, a line end or a comment.",
        )
    return Secret(text)
