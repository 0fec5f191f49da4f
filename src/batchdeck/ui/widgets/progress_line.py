"""What long work does just now, with a bar, a rate and the time left."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.widgets import Static

from batchdeck.models.progress import Progress
from batchdeck.ui import text
from batchdeck.ui.glyphs import UNICODE, Glyphs
from batchdeck.ui.pace import Pace

if TYPE_CHECKING:
    from batchdeck.ui.app import BatchdeckApp


class ProgressLine(Static):
    """Two lines: the stage, then a bar with the amounts. Drawn only when told something new."""

    DEFAULT_CSS = """
    ProgressLine { height: 2; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._glyphs = glyphs
        self._pace = Pace()

    def show(self, progress: Progress) -> None:
        """Show a step of the work."""
        self._pace.note(progress, cast("BatchdeckApp", self.app).services.clock.monotonic())
        bar_width = max(6, min(30, (self.size.width or self.app.size.width) - 44))
        parts: list[Content | tuple[str, str]] = [text.line(progress.stage), ("\n", "")]
        if progress.total:
            filled = min(bar_width, bar_width * progress.done // progress.total)
            parts += [
                (self._glyphs.bar_full * filled, "$primary"),
                (self._glyphs.bar_empty * (bar_width - filled), "$text-muted"),
                (f" {min(100, 100 * progress.done // progress.total)}%  ", ""),
            ]
        if progress.done or progress.total:
            parts.append((self._pace.words(progress), "$text-muted"))
        self.update(Content.assemble(*parts))
