"""The keys of each action, as the config file leaves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from batchdeck.actions import ACTIONS, BY_ID, VIEW_ACTIONS, Action
from batchdeck.errors import ConfigError

_MODIFIERS = frozenset({"ctrl", "alt", "shift", "meta", "super", "hyper"})
_ALIASES = {
    "esc": "escape",
    "return": "enter",
    "del": "delete",
    "ins": "insert",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "pgdown": "pagedown",
    "bksp": "backspace",
    ",": "comma",
    " ": "space",
}
_NAMED = """
    escape enter tab space backspace delete insert home end pageup pagedown up down left right
    comma minus plus equals_sign question_mark slash colon semicolon full_stop
    left_square_bracket right_square_bracket
"""
_NAMES = frozenset(_NAMED.split()) | {f"f{number}" for number in range(1, 25)}
_SAME = {"ctrl+space": "ctrl+@", "ctrl+j": "enter", "ctrl+m": "enter", "ctrl+i": "tab"}
"""What most terminals send for a key; only the first is of use to bind."""
_EVERYWHERE = frozenset({"view.back", "view.palette", "view.profile", "view.activity", "view.help"}) | {
    "view.next_pane",
    "program.quit",
}
"""Actions that answer on every screen."""


def read_keys(table: object, source: str) -> dict[str, tuple[str, ...]]:
    """The `[keys]` table of the config file: action id to keys, checked.

    Raises:
        ConfigError: an action or key is unknown, or one key would do two things.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    for action_id, value in _flattened(table, source):
        place = f"keys.{action_id} in {source}"
        if action_id not in BY_ID:
            near = next(iter(get_close_matches(action_id, BY_ID, 1)), None)
            hint = f"Did you mean {near}?" if near else "'batchdeck keys' lists them all."
            raise ConfigError(f"{place} names no action.", hint=hint)
        keys = [value] if isinstance(value, str) else value
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ConfigError(f"{place} must be a key or a list of keys.")
        chosen[action_id] = _read_each([key for key in keys if key], place)
    effective_keys(chosen, source)
    return chosen


def effective_keys(
    chosen: Mapping[str, Iterable[str]], source: str = "the config file"
) -> dict[str, tuple[str, ...]]:
    """The keys of every action: the user's where chosen, else the default ones.

    Raises:
        ConfigError: an action is unknown, or one key would do two things on one screen.
    """
    for action_id in chosen:
        if action_id not in BY_ID:
            raise ConfigError(f"keys.{action_id} in {source} names no action.")
    keys = {action_id: tuple(chosen.get(action_id, action.keys)) for action_id, action in BY_ID.items()}
    for actions in _screens():
        owners: dict[str, str] = {}
        for action in actions:
            for key in keys[action.id]:
                owner = owners.setdefault(_SAME.get(key, key), action.id)
                if owner != action.id:
                    theirs, ours = (owner, action.id) if action.id in chosen else (action.id, owner)
                    raise ConfigError(
                        f"keys.{ours} in {source}: {key} already does {theirs}.",
                        hint=f"Give keys.{theirs} another key too.",
                    )
    return keys


def _screens() -> list[list[Action]]:
    """Sets of actions that answer at the same time."""
    shared = [
        action for action in ACTIONS if action.id in _EVERYWHERE or action.id.startswith(("move.", "page."))
    ]
    views = dict.fromkeys(action.id.partition(".")[0] for action in VIEW_ACTIONS)
    screens = [list(ACTIONS)]
    for view in views:
        own = [action for action in VIEW_ACTIONS if action.id.startswith((f"{view}.", "tab."))]
        screens.append([*shared, *own])
    return screens


def _flattened(table: object, source: str) -> list[tuple[str, object]]:
    """Action ids and values; TOML reads an unquoted `batch.cancel` as a table in a table."""
    if not isinstance(table, dict):
        raise ConfigError(f"keys in {source} must be a table.")
    found: list[tuple[str, object]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            found.extend((f"{name}.{rest}", inner) for rest, inner in value.items())
        else:
            found.append((name, value))
    return found


def _read_each(keys: list[str], place: str) -> tuple[str, ...]:
    read: list[str] = []
    for key in keys:
        name = _read_key(key)
        if name is None:
            raise ConfigError(f"{place}: {key!r} is not a key.", hint='Keys are written "x", "ctrl+x", "f5".')
        if name not in read:
            read.append(name)
        if name in ("ctrl+space", "ctrl+@"):
            read = list(dict.fromkeys([*read, "ctrl+@"]))
    return tuple(read)


def _read_key(text: str) -> str | None:
    """A key by Textual's name, or None when it is none."""
    if len(text) == 1:
        return _ALIASES.get(text, text) if text.isprintable() else None
    *modifiers, last = text.split("+") if not text.endswith("++") else [*text[:-2].split("+"), "plus"]
    modifiers = [modifier.strip().lower() for modifier in modifiers]
    last = last.strip()
    if not set(modifiers) <= _MODIFIERS or not last:
        return None
    if len(last) > 1:
        last = last.lower()
        last = _ALIASES.get(last, last)
        if last not in _NAMES:
            return None
    elif not last.isprintable() or last.isspace():
        return None
    else:
        last = _ALIASES.get(last, last)
    return "+".join([*modifiers, last])
