"""From the list of actions to Textual bindings, key names for people, and handler names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.binding import Binding, BindingType

from batchdeck.actions import BY_ID, Action

APP_ACTIONS = ("view.palette", "view.help", "view.profile", "view.activity", "program.quit")
"""What the app itself answers to, on every screen but a dialog."""

_SAME_KEYS = {"ctrl+@": "ctrl+space"}
"""Names that terminals of the newer keyboard protocols send instead."""
_SHOWN = {
    "escape": "esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "ctrl+@": "ctrl+space",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "delete": "del",
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}
_SHOWN_ASCII = {"up": "up", "down": "down", "left": "left", "right": "right"}
_UNREACHABLE = "f63"
"""Stands for no key: what an action whose keys were taken away is bound to."""


def bindings_for(*action_ids: str) -> list[BindingType]:
    """Bindings with the default keys; each calls `action_act` of the node it is declared on."""
    return [_binding(BY_ID[action_id]) for action_id in action_ids]


def view_bindings(view: str) -> list[BindingType]:
    """Bindings of a widget with actions of its own: `text.fold_all` calls `action_fold_all`."""
    prefix = f"{view}."
    return [
        _binding(action, action.id.removeprefix(prefix))
        for action in BY_ID.values()
        if action.id.startswith(prefix)
    ]


def _binding(action: Action, method: str | None = None) -> Binding:
    keys = [*action.keys, *(_SAME_KEYS[key] for key in action.keys if key in _SAME_KEYS)]
    return Binding(
        ",".join(keys),
        method or f"act('{action.id}')",
        action.label,
        show=False,
        tooltip=action.help,
        id=action.id,
    )


MOVES: list[BindingType] = [
    _binding(BY_ID[action_id], method)
    for action_id, method in (
        ("move.down", "cursor_down"),
        ("move.up", "cursor_up"),
        ("move.first", "cursor_first"),
        ("move.last", "cursor_last"),
        ("move.half_down", "half_down"),
        ("move.half_up", "half_up"),
        ("page.next", "page_next"),
        ("page.previous", "page_previous"),
        ("batch.open", "choose"),
    )
]
"""Bindings of a widget with a cursor: each calls a method of the widget itself."""


def keymap_of(keys: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Textual's keymap of the actions whose keys are not the default ones."""
    return {
        action_id: ",".join(chosen) or _UNREACHABLE
        for action_id, chosen in ((action_id, tuple(keys_)) for action_id, keys_ in keys.items())
        if action_id in BY_ID and chosen != BY_ID[action_id].keys
    }


def shown_key(key: str, *, ascii_only: bool = False) -> str:
    """A Textual key name as a person reads it: `esc`, `ctrl+d`, `]`."""
    if ascii_only and key in _SHOWN_ASCII:
        return _SHOWN_ASCII[key]
    return _SHOWN.get(key, key)


def handler_name(action_id: str) -> str:
    """The method that carries an action out: `do_batch_cancel`."""
    return "do_" + action_id.replace(".", "_")
