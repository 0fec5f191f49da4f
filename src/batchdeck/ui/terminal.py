"""What goes to the terminal beside the picture: smaller updates, clipboard, bell, desktop notification."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, CompositorUpdate
from textual.strip import Strip

from batchdeck.ui.text import clean_line

MAX_CLIPBOARD_BYTES = 74_994
"""What xterm takes in one OSC 52, 100,000 characters of base64; tmux and others take no more."""


class ExactUpdate(CompositorUpdate):
    """A partial update that writes the changed spans and nothing before them.

    Textual's own begins each span at the left edge of the widget it lies in
    (`textual/_compositor.py`, "TODO: crop to x extents"), which for one cell of a wide list is a whole row.
    """

    def __init__(self, update: ChopsUpdate) -> None:
        self._chops = update.chops
        self._spans = update.spans
        self._chop_ends = update.chop_ends

    def render_segments(self, console: Console) -> str:
        """The update as text with escape sequences."""
        written: list[str] = []
        for y, x1, x2 in self._spans:
            written_to = -1
            for end, (x, strip) in zip(self._chop_ends[y], self._chops[y].items(), strict=False):
                if strip is None or x >= x2 or end <= x1:
                    continue
                start, stop = max(x, x1), min(end, x2)
                part: Strip = strip.crop(start - x, stop - x) if (start, stop) != (x, end) else strip
                if start != written_to:
                    written.append(Control.move_to(start, y).segment.text)
                written.append(part.render(console))
                written_to = stop
        return "".join(written)


def clipboard_sequence(text: str) -> str | None:
    """OSC 52 that puts a text on the clipboard, or None when it is too long for terminals to take."""
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_CLIPBOARD_BYTES:
        return None
    return f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07"


def notification_sequences(ways: Sequence[str], title: str, body: str) -> str:
    """The bell and desktop notifications a user asked for.

    Args:
        ways: Any of `bell`, `osc9`, `osc777`.
        title: Cleaned here.
        body: Cleaned here.
    """
    heading = clean_line(title).replace(";", ",")
    words = clean_line(body).replace(";", ",")
    forms = {
        "bell": "\x07",
        "osc9": f"\x1b]9;{heading}: {words}\x07",
        "osc777": f"\x1b]777;notify;{heading};{words}\x07",
    }
    return "".join(forms[way] for way in ways if way in forms)
