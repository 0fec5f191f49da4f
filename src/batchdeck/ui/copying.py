"""Putting a text on the clipboard, or into a file when it is too long for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdeck.ui import format as words
from batchdeck.ui.terminal import clipboard_sequence

if TYPE_CHECKING:
    from batchdeck.ui.app import BatchdeckApp


def copy_text(deck: BatchdeckApp, value: str, what: str) -> None:
    """Copy through the terminal (OSC 52) and say so; ask where to save what is too long.

    Args:
        value: Exactly what to copy.
        what: For the sentence: `the id`.
    """
    if clipboard_sequence(value) is None:
        from batchdeck.ui.screens.copy import SaveScreen

        deck.push_screen(SaveScreen(value, what))
        return
    deck.copy_to_clipboard(value.encode("utf-8", "replace").decode("utf-8"))
    size = len(value.encode("utf-8", "replace"))
    deck.notify(f"Copied {what}" + (f", {words.size(size)}." if size > 200 else "."), timeout=2, markup=False)
