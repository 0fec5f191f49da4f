"""What the user chose: flags before environment before config file before defaults.

A profile named by the flag `--profile` counts as a flag for everything it defines: the environment's
base_url, organization and project then fill in only what the profile leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from batchdeck.config import values
from batchdeck.config.paths import Paths
from batchdeck.errors import ConfigError, UsageError
from batchdeck.models.account import Limits, Profile

Notify = Literal["off", "bell", "desktop"]

NAME_KEYS = ("description", "name", "title", "job", "source")
INPUTS_BUDGET = 2_000_000_000
_ENVIRONMENT = {
    "base_url": "OPENAI_BASE_URL",
    "organization": "OPENAI_ORG_ID",
    "project": "OPENAI_PROJECT_ID",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be chosen."""

    profile: Profile = field(default_factory=Profile)
    """The profile in use, with what flags and environment say."""
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """All profiles by name, the one in use among them."""
    theme: str | None = None
    """A Textual theme, or None for the deck's own."""
    ascii: bool = False
    mouse: bool = True
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Action id to keys, of the actions whose keys the user chose."""
    download_dir: Path = Path()
    inputs_budget_bytes: int = INPUTS_BUDGET
    """Bytes that the kept copies of inputs may take."""
    name_keys: tuple[str, ...] = NAME_KEYS
    """Metadata keys that give a batch its name, the first that has a value."""
    notify: Notify = "off"
    read_only: bool = False
    """True when a flag forbids whatever spends or changes, in every profile."""
    refresh_seconds: float | None = None
    """Seconds between refreshes by flag, or None when the profile says."""


_LIMITS: dict[str, values.Reader] = {
    "max_requests": values.count,
    "max_bytes": values.size,
    "max_embedding_inputs": values.count,
    "one_model": values.flag,
    "strict_endpoints": values.flag,
}
_PROFILE: dict[str, values.Reader] = {
    "base_url": values.url,
    "organization": values.text,
    "project": values.text,
    "api_key_env": values.text,
    "api_key_command": values.text,
    "read_only": values.flag,
    "refresh_seconds": values.seconds,
    "limits": lambda table: table,
    "completion_window": values.text,
    "batch_discount": values.amount,
    "settle_seconds": values.amount,
    "headers": values.headers,
}
_TOP: dict[str, values.Reader] = {
    "profile": values.text,
    "profiles": lambda table: table,
    "theme": values.text,
    "ascii": values.flag,
    "mouse": values.flag,
    "keys": lambda table: table,
    "download_dir": values.text,
    "inputs_budget": values.size,
    "name_keys": values.texts,
    "notify": values.one_of("off", "bell", "desktop"),
}


def load_settings(paths: Paths, flags: Mapping[str, Any], env: Mapping[str, str]) -> Settings:
    """Put flags, environment and config file together.

    Args:
        paths: Names the config file; a missing one counts as empty, unless a flag named it.
        flags: `profile`, `base_url`, `read_only`, `refresh`, `theme`, `ascii`, `no_mouse`; others are
            ignored.
        env: The environment.

    Raises:
        ConfigError: the config file cannot be read, or a value cannot be used.
        UsageError: a flag's value cannot be used.
    """
    source = str(paths.config_file)
    chosen = values.read_table(_read(paths), _TOP, "", source)
    defined = {
        name: _profile_values(table, name, source) for name, table in _tables(chosen.get("profiles"), source)
    }
    name = _profile_name(flags, chosen, defined, source)
    own = defined.get(name, {})
    given = _from_flags(flags)
    from_environment = _from_environment(env)
    layers = [own, from_environment] if not flags.get("profile") else [from_environment, own]
    merged: dict[str, Any] = {}
    for layer in (*layers, given):
        merged |= layer
    read_only = bool(flags.get("read_only"))
    profiles = {other: Profile(name=other, **found) for other, found in defined.items()}
    profiles[name] = Profile(name=name, **merged)
    # What flags say of reading only and refreshing holds for every profile that is switched to.
    for other, found in profiles.items():
        profiles[other] = replace(
            found,
            read_only=read_only or found.read_only,
            refresh_seconds=given.get("refresh_seconds", found.refresh_seconds),
        )
    from batchdeck.config.keymap import read_keys

    settings = Settings(
        profile=profiles[name],
        profiles=profiles,
        theme=flags.get("theme") or chosen.get("theme"),
        ascii=bool(flags.get("ascii")) or chosen.get("ascii", False),
        mouse=not flags.get("no_mouse") and chosen.get("mouse", True),
        keys=read_keys(chosen.get("keys", {}), source),
        download_dir=Path(chosen.get("download_dir", "")).expanduser(),
        inputs_budget_bytes=chosen.get("inputs_budget", INPUTS_BUDGET),
        name_keys=chosen.get("name_keys", NAME_KEYS),
        notify=chosen.get("notify", "off"),
        read_only=read_only,
        refresh_seconds=given.get("refresh_seconds"),
    )
    return settings


def _read(paths: Paths) -> dict[str, Any]:
    try:
        content = paths.config_file.read_bytes()
    except FileNotFoundError:
        if paths.is_config_named:
            raise ConfigError(f"The config file {paths.config_file} does not exist.") from None
        return {}
    except OSError as error:
        raise ConfigError(
            f"The config file {paths.config_file} cannot be read: {error.strerror or error}."
        ) from error
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"The config file {paths.config_file} is not TOML: {error}.") from error


def _tables(profiles: object, source: str) -> list[tuple[str, object]]:
    if profiles is None:
        return []
    if not isinstance(profiles, dict):
        raise ConfigError(f"profiles in {source} must be tables such as [profiles.work].")
    return list(profiles.items())


def _profile_values(table: object, name: str, source: str) -> dict[str, Any]:
    place = f"profiles.{name}."
    found = values.read_table(table, _PROFILE, place, source)
    if "limits" in found:
        found["limits"] = Limits(**values.read_table(found["limits"], _LIMITS, f"{place}limits.", source))
    return found


def _profile_name(
    flags: Mapping[str, Any], chosen: Mapping[str, Any], defined: Mapping[str, Any], source: str
) -> str:
    asked = flags.get("profile")
    if asked:
        if asked not in defined and asked != "default":
            raise UsageError(f"There is no profile {asked!r} in {source}.", hint=_known(defined))
        return str(asked)
    name = chosen.get("profile")
    if name is not None:
        if name not in defined and name != "default":
            raise ConfigError(
                f"profile in {source} names {name!r}, which is not there.", hint=_known(defined)
            )
        return str(name)
    return next(iter(defined)) if len(defined) == 1 else "default"


def _known(profiles: Mapping[str, Any]) -> str:
    names = ", ".join(sorted(profiles))
    return f"Known profiles: {names}." if names else "Make one with a [profiles.NAME] table."


def _from_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if flags.get("base_url"):
        found["base_url"] = _url(flags["base_url"], "--base-url")
    if flags.get("refresh") is not None:
        try:
            found["refresh_seconds"] = values.seconds(flags["refresh"])
        except values.WrongValue as wrong:
            raise UsageError(f"--refresh must be {wrong}.") from None
    return found


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, variable in _ENVIRONMENT.items():
        value = env.get(variable, "").strip()
        if value:
            found[key] = _url(value, variable) if key == "base_url" else value
    return found


def _url(address: object, name: str) -> str:
    try:
        return values.url(address)
    except values.WrongValue as wrong:
        raise UsageError(f"{name} must be {wrong}.") from None
