"""Requests with their outcomes, row by row from the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.message import Message

from batchdeck.models.requests import RequestPage, RequestRow
from batchdeck.ui import text
from batchdeck.ui.glyphs import UNICODE, Glyphs
from batchdeck.ui.outcomes import OUTCOME_STYLES, outcome_glyph
from batchdeck.ui.widgets.line_view import MATCH, MUTED, LineView, Piece

PAGE = 250
"""Rows that are asked for at once."""
KEPT_PAGES = 40


class RequestList(LineView):
    """Rows come in pages when they are about to be drawn; moving never waits for them."""

    DEFAULT_CSS: ClassVar[str] = """
    RequestList { height: 1fr; }
    """

    @dataclass
    class Wanted(Message):
        """A page is to be drawn and is not here."""

        request_list: RequestList
        page: int

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._pages: dict[int, tuple[RequestRow, ...]] = {}
        self._asked: set[int] = set()
        self._search = ""
        self._number_width = 1

    def clear(self, count: int = 0, *, last_line: int = 0) -> None:
        """Forget all rows.

        Args:
            count: How many there are now.
            last_line: The largest line number that can come.
        """
        self._number_width = len(str(max(count, last_line, 1)))
        self._pages.clear()
        self._asked.clear()
        self.cursor = 0
        self.set_count(count)
        self.scroll_to(y=0, animate=False, force=True, immediate=True)

    def put(self, page: RequestPage) -> None:
        """Take in the rows of a page."""
        number = page.offset // PAGE
        self._asked.discard(number)
        self._pages.pop(number, None)
        self._pages[number] = page.rows
        while len(self._pages) > KEPT_PAGES:
            self._pages.pop(next(iter(self._pages)))
        if page.total != self.count:
            self.set_count(page.total)
        self.refresh()

    def highlight(self, search: str) -> None:
        """Mark this text where a custom_id or a message holds it."""
        self._search = search
        self.refresh()

    def request_at(self, index: int) -> RequestRow | None:
        """The request of a row, or None while its page is not here."""
        rows = self._pages.get(index // PAGE, ())
        place = index % PAGE
        return rows[place] if place < len(rows) else None

    def ask(self, index: int) -> None:
        """Ask for the page of a row, once."""
        number = index // PAGE
        if number in self._pages or number in self._asked or not 0 <= index < self.count:
            return
        self._asked.add(number)
        self.post_message(self.Wanted(self, number))

    def row(self, index: int, width: int) -> list[Piece]:
        """Line, outcome, HTTP status, code, custom_id, message; from the right they go when it is narrow."""
        self.ask(index + self.page_size)
        self.ask(index - self.page_size)
        row = self.request_at(index)
        number_width = self._number_width
        if row is None:
            self.ask(index)
            return [
                (text.fit_right(str(index + 1), number_width), MUTED),
                (f"  {self._glyphs.ellipsis}", MUTED),
            ]
        style = OUTCOME_STYLES[row.outcome]
        number = "" if row.line is None else str(row.line)
        pieces: list[Piece] = [
            (text.fit_right(number, number_width) + "  ", MUTED),
            (f"{outcome_glyph(row.outcome, self._glyphs)} {text.fit(row.outcome.value, 9)} ", style),
        ]
        left = width - number_width - 14
        wide = left >= 60
        if wide:
            status = "" if row.status_code is None else str(row.status_code)
            pieces.append((text.fit_right(status, 3) + "  ", MUTED))
            left -= 5
        code_width = min(26, left // 3) if left >= 36 else 0
        custom_id = text.clean_line(
            row.custom_id if row.custom_id is not None else "(no custom_id: a torn line)"
        )
        id_width = left - code_width - 1 if not wide else min(max(20, left // 3), left)
        pieces += self._marked(text.fit(custom_id, max(1, id_width)), "")
        if code_width:
            pieces.append((" " + text.fit(row.code, code_width), style))
            left -= code_width + 1
        left -= id_width
        if wide and left > 12:
            more = f"{row.answers} answers" if row.answers > 1 else ""
            if not row.has_request:
                more = "answers no request"
            words = ", ".join(part for part in (more, row.message) if part)
            pieces.append(("  ", ""))
            pieces += self._marked(text.fit(words, left - 2), MUTED)
        return pieces

    def _marked(self, shown: str, style: str) -> list[Piece]:
        """A text with what is searched for standing out."""
        search = self._search
        if not search:
            return [(shown, style)]
        place = (shown.lower() if search.islower() else shown).find(search)
        if place < 0:
            return [(shown, style)]
        end = place + len(search)
        return [(shown[:place], style), (shown[place:end], MATCH), (shown[end:], style)]
