"""The list of batches with its panes: the screen the deck opens on."""

from __future__ import annotations

import gc
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.message import Message

from batchdeck.errors import BatchdeckError
from batchdeck.models.batch import BatchRecord
from batchdeck.models.query import Totals
from batchdeck.services.pace import Pace
from batchdeck.ui import list_facts
from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.list_state import ListState, Wanted
from batchdeck.ui.messages import BatchesChanged, ServicesReplaced, SyncChanged, WorkChanged
from batchdeck.ui.paging import find_window
from batchdeck.ui.screens.batch_actions import BATCH_ACTIONS, BatchActions
from batchdeck.ui.screens.list_choices import CHOICE_ACTIONS
from batchdeck.ui.screens.list_moves import MOVE_ACTIONS
from batchdeck.ui.widgets.batch_detail import StatusPane
from batchdeck.ui.widgets.batch_table import BatchTable
from batchdeck.ui.widgets.columns import RowContext
from batchdeck.ui.widgets.header import CountsHeader
from batchdeck.ui.widgets.key_bar import KeyBar
from batchdeck.ui.widgets.notices import Notices
from batchdeck.ui.widgets.progress import RequestsPane
from batchdeck.ui.widgets.status_line import StatusLine

_WIDTHS = [(0, "-narrow"), (60, "-stacked"), (100, "-wide"), (150, "-very-wide")]
_HEIGHTS = [(0, "-tiny"), (8, "-short"), (20, "-tall")]


class MainScreen(BatchActions):
    """One page of batches, and what is known of the one under the cursor.

    The page is read in the handlers themselves: a read takes milliseconds on a connection of its own, and
    so keys keep their order.
    """

    ACTION_IDS = (*MOVE_ACTIONS, *BATCH_ACTIONS, *CHOICE_ACTIONS)
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(*ACTION_IDS)
    AUTO_FOCUS = "BatchTable"
    HELP_TITLE = "The list of batches"
    HELP_TEXT = (
        "Cursor, marks and page stay on their batches when new ones come.\n"
        "Moving past the last or first row turns the page; g and G go to the ends of the page,"
        " then of the list."
    )
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS

    class PaceRead(Message, bubble=False):
        """What can be said of the speed of the batch under the cursor."""

        def __init__(self, record: BatchRecord, pace: Pace) -> None:
            super().__init__()
            self.record = record
            self.pace = pace

        def can_replace(self, message: Message) -> bool:
            """Only the batch under the cursor now matters."""
            return isinstance(message, MainScreen.PaceRead)

    class TotalsRead(Message, bubble=False):
        """Sums over what the filter shows."""

        def __init__(self, totals: Totals, unsettled: int, waiting: int) -> None:
            super().__init__()
            self.totals = totals
            self.unsettled = unsettled
            """Operations whose end is not known and that nothing here works on."""
            self.waiting = waiting
            """Operations that wait for room."""

    def __init__(self) -> None:
        super().__init__()
        self.listing = ListState()
        self.unsettled = 0
        self.waiting = 0
        self._pace: Pace | None = None
        self._is_open = False
        self._is_following = False
        self._is_ticking = False

    def compose(self) -> ComposeResult:
        """Header, list and panes, notices, status, keys."""
        glyphs = self.deck.glyphs
        yield CountsHeader(glyphs)
        with Container(id="body"):
            with Vertical(id="left"):
                yield BatchTable(glyphs)
            with Container(id="panes"):
                yield StatusPane(id="status-pane")
                yield RequestsPane(id="requests-pane")
        yield Notices(glyphs)
        yield StatusLine(glyphs)
        yield KeyBar()

    async def on_mount(self) -> None:
        """Read the first page before anything is painted; all that is slow comes after."""
        self._ticker = self.set_interval(1.0, self.show_status, pause=True)
        try:
            await self.deck.open()
            self.listing.page_size = max(1, self.app.size.height - 4)
            await self.read_page(self.listing.first_page())
            await self._read_counts()
            record = self.listing.cursor
            self._pace = await self.deck.services.browse.pace(record) if record else None
            self._is_open = True
        except BatchdeckError as error:
            self.deck.leave(error)
            return
        self.show_status()
        self.show_panes()
        self.show_notices()
        self.call_after_refresh(self._after_first_paint)

    def _after_first_paint(self) -> None:
        if not gc.isenabled():
            # What was loaded until here stays; looking through it for garbage would hold up a key.
            gc.freeze()
            gc.enable()
        self.read_totals()
        self.deck.connect()

    # --- reading ------------------------------------------------------------

    async def read_page(self, wanted: Wanted) -> None:
        """Read a page of the history and show it; the panes follow. What was shown stays if that fails."""
        try:
            window = await find_window(self.deck.services.browse, wanted)
        except BatchdeckError as error:
            if not self._is_open:
                raise
            self.deck.report(error)
            return
        self.listing.take(wanted, window)
        self.show_list()
        self.show_status()
        self.follow_cursor()

    async def _read_counts(self) -> None:
        self.query_one(CountsHeader).show(await self.deck.services.browse.counts())

    def read_totals(self) -> None:
        """Sum up what the filter shows, in the background."""
        self.read(self._read_totals, "totals")

    async def _read_totals(self) -> None:
        services = self.deck.services
        totals = await services.browse.totals(self.listing.filter)
        open_ones = await services.history.operations.unsettled(services.account_id)
        if open_ones:
            open_ones = [each for each in open_ones if not services.journal.is_held(each.id)]
        waiting = sum(each.state == "waiting" for each in open_ones)
        self.post_message(self.TotalsRead(totals, len(open_ones) - waiting, waiting))

    def follow_cursor(self) -> None:
        """Show the batch under the cursor in the panes, once the list is drawn."""
        if not self._is_following:
            self._is_following = True
            self.call_after_refresh(self._follow_cursor_now)

    def _follow_cursor_now(self) -> None:
        self._is_following = False
        record = self.listing.cursor
        if record is not None:
            self.read(partial(self._read_pace, record), "pace")
        else:
            self._pace = None
            self.show_panes()

    async def _read_pace(self, record: BatchRecord) -> None:
        pace = await self.deck.services.browse.pace(record)
        self.post_message(self.PaceRead(record, pace))

    # --- showing ------------------------------------------------------------

    @property
    def row_context(self) -> RowContext:
        """What rows and panes depend on besides the batches."""
        return RowContext(self.deck.services.clock.now(), self.deck.glyphs, list_facts.is_stale(self.deck))

    def show_list(self) -> None:
        """Show the page as it is known."""
        state = self.listing
        self.query_one(BatchTable).show(
            state.rows,
            cursor_id=state.cursor_id,
            marks=state.marks,
            sort=state.sort,
            context=self.row_context,
            empty=list_facts.empty_lines(self.deck, state),
        )

    def show_panes(self) -> None:
        """Show the batch under the cursor."""
        context = self.row_context
        self.query_one(StatusPane).show(self.listing.cursor, context)
        self.query_one(RequestsPane).show(self.listing.cursor, self._pace, context)

    def show_status(self) -> None:
        """Show the status line; it ticks once a second while a batch is active, else not at all."""
        if not self._is_open:
            return
        facts = list_facts.status_facts(self.deck, self.listing, self.unsettled, self.waiting)
        self.query_one(StatusLine).show(facts)
        should_tick = list_facts.should_tick(self.deck)
        if should_tick != self._is_ticking:
            self._is_ticking = should_tick
            if should_tick:
                self._ticker.resume()
            else:
                self._ticker.pause()

    def show_notices(self) -> None:
        """Show what has to be known just now."""
        clock = self.deck.services.clock
        self.query_one(Notices).show(list_facts.notices(self.deck), self.deck.works, clock.monotonic())

    def filter_changed(self) -> None:
        """Other batches are summed up."""
        self.read_totals()

    def put_cursor(self, batch_id: str) -> None:
        """Put the cursor on a batch of the page; the panes follow."""
        self.listing.cursor_id = batch_id
        self.query_one(BatchTable).move_cursor(batch_id)
        self.query_one(KeyBar).redraw()
        self.follow_cursor()

    # --- messages -----------------------------------------------------------

    async def on_batches_changed(self, _: BatchesChanged) -> None:
        """The history holds something new."""
        if self._is_open:
            await self.read_page(self.listing.same())
            await self._read_counts()
            self.read_totals()

    def on_sync_changed(self, _: SyncChanged) -> None:
        """A call began or ended."""
        if self._is_open:
            self.show_status()
            self.show_notices()
            self.show_list()
            self.show_panes()

    async def on_services_replaced(self, message: ServicesReplaced) -> None:
        """Another client, or another account."""
        if message.another_account:
            state = self.listing
            self.listing = ListState(state.filter, state.sort, state.page_size)
            await self.read_page(self.listing.first_page())
            await self._read_counts()
            self.read_totals()
        self.query_one(KeyBar).redraw()
        self.show_status()
        self.show_notices()

    def on_work_changed(self, _: WorkChanged) -> None:
        """Work began, came further or ended."""
        self.show_notices()

    @on(PaceRead)
    def _pace_read(self, message: PaceRead) -> None:
        if message.record.id == self.listing.cursor_id:
            self._pace = message.pace
            self.show_panes()

    @on(TotalsRead)
    def _totals_read(self, message: TotalsRead) -> None:
        self.unsettled, self.waiting = message.unsettled, message.waiting
        self.query_one(CountsHeader).show_totals(message.totals, is_filtered=not self.listing.filter.is_empty)
        self.show_status()

    @on(BatchTable.PageSizeChanged)
    async def _page_size_changed(self, message: BatchTable.PageSizeChanged) -> None:
        """Another number of rows fits: the page grows or shrinks, with the cursor's batch on it."""
        state = self.listing
        state.page_size = message.page_size
        if not self._is_open:
            return
        has_enough = len(state.rows) >= min(message.page_size, state.total - state.offset)
        is_seen = any(record.id == state.cursor_id for record in state.page_rows)
        if has_enough and (is_seen or not state.rows):
            self.show_list()
            self.show_status()
        else:
            await self.read_page(state.same())

    @on(BatchTable.Pressed)
    def _row_pressed(self, message: BatchTable.Pressed) -> None:
        self.put_cursor(message.batch_id)

    @on(BatchTable.Opened)
    async def _row_opened(self, message: BatchTable.Opened) -> None:
        self.put_cursor(message.batch_id)
        await self.action_act("batch.open")

    @on(BatchTable.Scrolled)
    async def _wheel_turned(self, message: BatchTable.Scrolled) -> None:
        await self.move_by(message.rows)

    def on_key(self, _: events.Key) -> None:
        """The first key takes the hint away."""
        if self.deck.hint and self._is_open:
            self.deck.hint = ""
            self.show_notices()
