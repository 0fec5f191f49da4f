"""The deck's own two themes, and what the short names stand for."""

from __future__ import annotations

from collections.abc import Iterable

from textual.theme import Theme

from batchdeck.errors import UsageError

DARK = Theme(
    name="batchdeck-dark",
    primary="#6ea8d8",
    secondary="#8f9fb3",
    accent="#d9a86c",
    warning="#d9a441",
    error="#d97a7a",
    success="#83b388",
    foreground="#d3d8de",
    background="#14171b",
    surface="#1a1e23",
    panel="#22272d",
    dark=True,
    variables={
        "border": "#6ea8d8",
        "border-blurred": "#2b3138",
        "footer-key-foreground": "#d9a86c",
        "block-cursor-background": "#34506b",
        "block-cursor-foreground": "#e8edf2",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#263442",
        "button-color-foreground": "#14171b",
    },
)
LIGHT = Theme(
    name="batchdeck-light",
    primary="#2f6da3",
    secondary="#5f7186",
    accent="#9a5b13",
    warning="#94640a",
    error="#b03a3a",
    success="#2f7a3b",
    foreground="#22272d",
    background="#f7f7f5",
    surface="#efefec",
    panel="#e4e4e0",
    dark=False,
    variables={
        "border": "#2f6da3",
        "border-blurred": "#d5d5d0",
        "footer-key-foreground": "#9a5b13",
        "block-cursor-background": "#c3d8ea",
        "block-cursor-foreground": "#14171b",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#dbe5ee",
    },
)

_SHORT = {"dark": DARK.name, "light": LIGHT.name, "ansi": "ansi-dark"}
NO_COLOR_THEME = "ansi-dark"
"""Its colours are the terminal's own, so that taking them away leaves plain text."""


def full_name(name: str | None) -> str:
    """A theme's full name from what the user wrote; the deck's dark one for None."""
    return DARK.name if name is None else _SHORT.get(name, name)


def known_name(name: str | None, available: Iterable[str]) -> str:
    """A theme's full name from what the user wrote.

    Args:
        name: What the user wrote, or None.
        available: The full names there are.

    Raises:
        UsageError: there is no such theme.
    """
    names = sorted(available)
    full = full_name(name)
    if full not in names:
        others = ", ".join(each for each in names if each not in _SHORT.values())
        raise UsageError(f"There is no theme {name!r}.", hint=f"Themes: {', '.join(_SHORT)}, {others}.")
    return full
