"""What has to be known just now: work that runs, why there is no service, what the history warns of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.strip import Strip

from batchdeck.models.progress import Progress
from batchdeck.ui import text
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.pace import Pace
from batchdeck.ui.widgets.painted import Line, Painted, Piece
from batchdeck.ui.widgets.progress import bar_cells
from batchdeck.ui.widgets.wrap import wrap_cells
from batchdeck.ui.work import Work

_MAX_LINES = 5
_BAR = 16
_WARNING = "$text-warning"
_MUTED = "$text-muted"


class Notice(NamedTuple):
    """One sentence with what to do about it."""

    words: str
    """May hold remote text."""
    is_problem: bool = True


class Notices(Painted):
    """As many lines as there are notices, none when there are none."""

    DEFAULT_CSS = """
    Notices {
        height: auto;
        width: 1fr;
        background: $surface;
        color: $text;
        display: none;
    }
    """

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._notices: Sequence[Notice] = ()
        self._works: Sequence[Work] = ()
        self._paces: dict[Work, Pace] = {}
        self._height = 0

    def show(self, notices: Sequence[Notice], works: Sequence[Work], at: float) -> None:
        """Show these.

        Args:
            notices: Sentences.
            works: Work that runs.
            at: Seconds of a clock that never goes back, for the rates.
        """
        self._notices = notices
        self._works = works
        self._paces = {work: self._paces.get(work, Pace()) for work in works}
        for work in works:
            if work.progress is not None:
                self._paces[work].note(work.progress, at)
        height = len(self._lines(self.size.width or self.screen.size.width))
        if height != self._height:
            self._height = height
            self.display = height > 0
            self.refresh(layout=True)
        self.redraw()

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One row a line."""
        return len(self._lines(width))

    def build(self, width: int) -> list[Strip]:
        """The lines, drawn."""
        return [self.strip_of(line, width) for line in self._lines(width)]

    def _lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for notice in self._notices:
            style = _WARNING if notice.is_problem else _MUTED
            sign = self._glyphs.warning if notice.is_problem else self._glyphs.separator
            words = text.clean_line(notice.words)
            for place, (start, end) in enumerate(wrap_cells(words, max(8, width - 4))):
                lead = f" {sign} " if place == 0 else "   "
                lines.append([(lead, style), (words[start:end], "" if notice.is_problem else _MUTED)])
        for work in self._works:
            lines.append(self._work_line(work, width))
        return lines[:_MAX_LINES]

    def _work_line(self, work: Work, width: int) -> Line:
        pieces: list[Piece] = [
            (f" {self._glyphs.arrow} ", "$text-primary"),
            (text.clean_line(work.title), "bold"),
        ]
        progress = work.progress
        if work.is_stopping:
            pieces.append(("  stopping", _WARNING))
        elif progress is not None:
            pieces.append((f"  {text.clean_line(progress.stage)}", _MUTED))
            if progress.total and width >= 60:
                pieces += [("  ", ""), *self._bar(progress)]
            words = self._paces[work].words(progress) if progress.done or progress.total else ""
            if words:
                pieces.append((f"  {words}", ""))
        return pieces

    def _bar(self, progress: Progress) -> list[Piece]:
        filled, _ = bar_cells(progress.done, 0, progress.total or 0, _BAR)
        return [
            (self._glyphs.bar_full * filled, "$text-primary"),
            (self._glyphs.bar_empty * (_BAR - filled), "$text-disabled"),
        ]
