"""The line at the foot that says what is shown and how far it can be trusted."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from rich.cells import cell_len
from textual.strip import Strip

from batchdeck.ui import format, text
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.widgets.columns import MUTED
from batchdeck.ui.widgets.painted import Line, Painted, Piece

_PLAIN = ""
_STRONG = "bold"
_WARNING = "$text-warning bold"
_READ_ONLY = "$text-warning bold"


class StatusFacts(NamedTuple):
    """Everything the line can say."""

    profile: str
    is_read_only: bool = False
    is_demo: bool = False
    data_at: datetime | None = None
    """When the service last answered."""
    now: datetime | None = None
    """For ages; None shows the time of day instead, as suits a line that does not tick."""
    next_in: float | None = None
    """Seconds to the next refresh, or None when none is planned."""
    next_at: datetime | None = None
    """The same as a time, for a line that does not tick."""
    is_paused: bool = False
    is_offline: bool = False
    is_asking: bool = False
    is_connecting: bool = False
    offline_since: datetime | None = None
    filling: int | None = None
    """Batches stored by the fill of the history so far, while it runs."""
    page: int = 1
    pages: int = 1
    first_row: int = 0
    """From 1; 0 when there are none."""
    last_row: int = 0
    total: int = 0
    filter: str = ""
    sort: str = ""
    """Such as `age ▼`."""
    marked: int = 0
    unsettled: int = 0
    """Operations whose end is not known."""
    waiting: int = 0
    """Operations that wait for room in the service's queue."""


class StatusLine(Painted):
    """Draws `StatusFacts`, as much of them as fits."""

    DEFAULT_CSS = """
    StatusLine {
        height: 1;
        width: 1fr;
        background: $panel;
        color: $text;
    }
    """

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._facts: StatusFacts | None = None

    def show(self, facts: StatusFacts) -> None:
        """Show these facts."""
        self._facts = facts
        self.redraw()

    def build(self, width: int) -> list[Strip]:
        """The one line."""
        line = status_line(self._facts, width, self._glyphs) if self._facts is not None else ()
        return [self.strip_of(line, width)]


def status_line(facts: StatusFacts, width: int, glyphs: Glyphs) -> Line:
    """The longest form that fits; the least needed facts go first when not even the shortest does."""
    line: Line = ()
    for form in range(5):
        line = _form(facts, form, glyphs)
        if sum(cell_len(piece) for piece, _ in line) <= width:
            return line
    return line


def _form(facts: StatusFacts, form: int, glyphs: Glyphs) -> Line:
    """One of five forms: 0 with all words, 4 the shortest."""
    parts: list[list[Piece]] = [[(_short(facts.profile, 20 if form < 2 else 10), _STRONG)]]
    if facts.is_read_only:
        parts[0].append((" READ-ONLY" if form < 3 else " RO", _READ_ONLY))
    if facts.unsettled and form > 0:
        parts.append([(f"{facts.unsettled} unsettled", _WARNING)])
    if form < 4 or facts.is_offline or facts.is_paused:
        parts.append(_freshness(facts, form))
    parts.append(_place(facts, form, glyphs))
    if facts.filling is not None:
        parts.append([(f"filling {glyphs.ellipsis} {format.count(facts.filling)}", MUTED)])
    if facts.waiting:
        parts.append(
            [(f"{facts.waiting} waiting for room" if form == 0 else f"{facts.waiting} waiting", MUTED)]
        )
    if facts.marked:
        parts.append([(f"{format.count(facts.marked)} marked", "$text-accent bold")])
    if facts.filter and form < 3:
        shown = _short(facts.filter, 40 if form == 0 else 16)
        parts.append([("filter " if form == 0 else "/", MUTED), (shown, _PLAIN)])
    if facts.sort and form < 2:
        parts.append([("sort " if form == 0 else "", MUTED), (facts.sort, _PLAIN)])
    if facts.unsettled and form == 0:
        parts.append([(f"{format.plural(facts.unsettled, 'unsettled operation')} (L)", _WARNING)])
    between = f"  {glyphs.separator}  " if form == 0 else f" {glyphs.separator} "
    line: list[Piece] = [(" ", "")]
    for place, part in enumerate(part for part in parts if part):
        if place:
            line.append((between, MUTED))
        line.extend(part)
    return line


def _short(words: str, width: int) -> str:
    shown = text.clean_line(words)
    return text.fit(shown, min(width, text.width_of(shown)))


def _countdown(seconds: float) -> str:
    """Seconds in a fixed width as long as they are few, so that a tick moves nothing else."""
    whole = max(0, round(seconds))
    return f"{whole:>2}s" if whole < 100 else format.duration(whole)


def _freshness(facts: StatusFacts, form: int) -> list[Piece]:
    """How old the data is and when it is asked for next."""
    if facts.is_offline:
        since = f" since {format.clock(facts.offline_since)[:5]}" if facts.offline_since and form < 2 else ""
        pieces: list[Piece] = [(f"OFFLINE{since}", _WARNING)]
    elif facts.is_paused:
        pieces = [("PAUSED", _WARNING)]
    else:
        pieces = []
    if facts.is_connecting:
        return [("connecting", MUTED)]
    if facts.data_at is None:
        data = "no data yet" if form < 2 else ""
    elif facts.now is None or facts.is_paused:
        data = f"as of {format.clock(facts.data_at)}" if form < 2 else format.clock(facts.data_at)[:5]
    else:
        seconds = max(0.0, (facts.now - facts.data_at).total_seconds())
        data = f"{format.duration(seconds):>3} old"
    coming = ""
    if facts.is_asking:
        coming = "asking" if form < 3 else ""
    elif not facts.is_paused and form < 3:
        if facts.now is None and facts.next_at is not None:
            coming = f"next {format.clock(facts.next_at)}"
        elif facts.next_in is not None:
            coming = f"next{' in' if form == 0 else ''} {_countdown(facts.next_in)}"
    for words in (data, coming):
        if words and form < 4:
            if pieces:
                pieces.append((", " if form < 3 else " ", MUTED))
            pieces.append((words, _PLAIN))
    return pieces


def _place(facts: StatusFacts, form: int, glyphs: Glyphs) -> list[Piece]:
    """Which page and rows of how many."""
    rows = f"{format.count(facts.first_row)}{glyphs.dash}{format.count(facts.last_row)}"
    total = format.count(facts.total)
    if form == 0:
        return [
            (f"page {format.count(facts.page)} of {format.count(facts.pages)}", _PLAIN),
            (f", rows {rows} of {total}", MUTED),
        ]
    if form < 3:
        return [(f"p {facts.page}/{facts.pages}", _PLAIN), (f" {rows}/{total}", MUTED)]
    return [(f"{facts.page}/{facts.pages}", _PLAIN)]
