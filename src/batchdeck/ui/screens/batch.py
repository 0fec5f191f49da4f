"""One batch: overview, failures, results, lineage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from batchdeck.actions import BY_ID
from batchdeck.models.batch import BatchRecord
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.bindings import bindings_for, shown_key
from batchdeck.ui.cancelling import ask_to_cancel, why_not_cancel
from batchdeck.ui.copying import copy_text
from batchdeck.ui.messages import BatchesChanged
from batchdeck.ui.screens.of_account import AccountScreen
from batchdeck.ui.widgets.batch_tab import BatchTab
from batchdeck.ui.widgets.columns import STATUS_STYLES
from batchdeck.ui.widgets.failures_tab import FailuresTab
from batchdeck.ui.widgets.key_bar import KeyBar
from batchdeck.ui.widgets.lineage_tab import LineageTab
from batchdeck.ui.widgets.overview_tab import OverviewTab
from batchdeck.ui.widgets.results_tab import ResultsTab
from batchdeck.ui.widgets.tab_bar import TabBar

BESIDE = 100
"""Columns from which panes stand beside each other."""
_BREAKPOINTS = [(0, "-narrow"), (BESIDE, "-beside")]
_HEIGHTS = [(0, "-short"), (20, "-tall")]

TABS: dict[str, tuple[str, Callable[[str], BatchTab]]] = {
    "overview": ("Overview", OverviewTab),
    "failures": ("Failures", FailuresTab),
    "results": ("Results", ResultsTab),
    "lineage": ("Lineage", LineageTab),
}
"""Tab to its name and what makes it, in order."""


class BatchScreen(AccountScreen[None]):
    """One batch as a screen; a tab is built when it is first shown.

    Args:
        batch_id: The batch.
        tab: The tab to begin with.
    """

    CSS_PATH = "../styles/batch.tcss"
    HELP_TITLE: ClassVar[str] = "A batch"
    ACTION_IDS: ClassVar[tuple[str, ...]] = (
        "view.back",
        "tab.overview",
        "tab.failures",
        "tab.results",
        "tab.lineage",
        "batch.failures",
        "batch.results",
        "batch.cancel",
        "batch.download",
        "batch.retry",
        "copy.id",
        "copy.choose",
        "list.refresh",
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(*ACTION_IDS)
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    VERTICAL_BREAKPOINTS = _HEIGHTS

    @dataclass
    class RecordRead(Message, bubble=False):
        """What the history knows of the batch."""

        record: BatchRecord | None

    def __init__(self, batch_id: str, tab: str = "overview") -> None:
        super().__init__()
        self.batch_id = batch_id
        self._first_tab = tab
        self._record: BatchRecord | None = None
        self._tabs: dict[str, BatchTab] = {}

    @property
    def all_action_ids(self) -> tuple[str, ...]:
        """The tab's keys first: they go before the screen's."""
        tab = self._tabs.get(self.active_tab)
        of_tab = tab.action_ids if tab is not None else ()
        taken = {key for action_id in of_tab for key in BY_ID[action_id].keys}
        rest = (each for each in super().all_action_ids if not taken.intersection(BY_ID[each].keys))
        return (*of_tab, *rest)

    @property
    def active_tab(self) -> str:
        """The tab that is shown."""
        return self.query_one(TabBar).active

    def compose(self) -> ComposeResult:
        """A head line, the tabs' names, the tab, the keys."""
        yield Static(id="batch-head", markup=False)
        yield TabBar(
            {tab: name for tab, (name, _) in TABS.items()},
            {tab: shown_key(BY_ID[f"tab.{tab}"].keys[0]) for tab in TABS},
        )
        yield Container(id="batch-tabs")
        yield KeyBar()

    async def on_mount(self) -> None:
        """Show the first tab."""
        self.set_class(self.deck.is_ascii, "-ascii")
        self.query_one("#batch-head", Static).update(text.line(self.batch_id))
        self._read_record()
        await self.show_tab(self._first_tab)
        self.set_interval(1.0, self._tick)

    async def show_tab(self, name: str) -> None:
        """Show a tab, made now if it was not shown before."""
        bar = self.query_one(TabBar)
        if name not in self._tabs:
            self._tabs[name] = TABS[name][1](self.batch_id)
            self._tabs[name].display = False
            await self.query_one("#batch-tabs").mount(self._tabs[name])
        for other, tab in self._tabs.items():
            tab.display = other == name
        bar.active = name
        self._tabs[name].show_tab()
        self.refresh_bindings()

    def _read_record(self) -> None:
        async def read() -> None:
            self.post_message(self.RecordRead(await self.deck.services.browse.batch(self.batch_id)))

        self.read(read(), "batch-record")

    @on(RecordRead)
    def _show_record(self, event: RecordRead) -> None:
        before, record = self._record, event.record
        self._record = record
        if record is None:
            return
        self.query_one("#batch-head", Static).update(self._head(record))
        if record.batch.counts.total:
            self.query_one(TabBar).note("results", words.short_count(record.batch.counts.total))
        if before is not None and before.batch != record.batch:
            for tab in self._tabs.values():
                if isinstance(tab, OverviewTab) or before.batch.status != record.batch.status:
                    tab.reload()

    def _head(self, record: BatchRecord) -> Content:
        status = record.batch.status
        glyph = self.deck.glyphs.status[status]
        parts: list[Content | tuple[str, str]] = [
            (f"{glyph} {words.status_words(status.value)}  ", f"bold {STATUS_STYLES[status]}"),
            text.line(record.name, "bold"),
        ]
        if record.name != record.id:
            parts.append(text.line(f"  {record.id}", "$text-muted"))
        return Content.assemble(*parts)

    @on(FailuresTab.Counted)
    def _note_failed(self, event: FailuresTab.Counted) -> None:
        self.query_one(TabBar).note("failures", words.short_count(event.failed) if event.failed else "")

    @on(TabBar.Clicked)
    async def _tab_clicked(self, event: TabBar.Clicked) -> None:
        await self.show_tab(event.tab)

    @on(BatchesChanged)
    def _batches_changed(self, event: BatchesChanged) -> None:
        if self.batch_id in event.changed:
            self._read_record()
        lineage = self._tabs.get("lineage")
        if lineage is not None and lineage.display and (event.new or self.batch_id in event.changed):
            lineage.reload()

    def _tick(self) -> None:
        """Ages and times left go on."""
        overview = self._tabs.get("overview")
        if isinstance(overview, OverviewTab) and overview.display and self.is_current:
            overview.redraw()

    def why_not(self, action_id: str) -> str | None:
        """Besides read-only: what the batch's state forbids."""
        reason = super().why_not(action_id)
        if reason is not None or self._record is None:
            return reason
        if action_id == "batch.cancel":
            return why_not_cancel([self._record])
        if action_id == "batch.retry" and self._record.batch.status.is_active:
            return "It has not ended yet: what fails is not known before that."
        return None

    def do_view_back(self) -> None:
        """Out of a group or a search first, then out of the batch."""
        tab = self._tabs.get(self.active_tab)
        if isinstance(tab, FailuresTab) and tab.go_back():
            return
        if isinstance(tab, ResultsTab) and tab.close_search():
            return
        self.dismiss(None)

    async def do_tab_overview(self) -> None:
        """Show the overview."""
        await self.show_tab("overview")

    async def do_tab_failures(self) -> None:
        """Show what failed."""
        await self.show_tab("failures")

    async def do_tab_results(self) -> None:
        """Show the requests."""
        await self.show_tab("results")

    async def do_tab_lineage(self) -> None:
        """Show the chain."""
        await self.show_tab("lineage")

    async def do_batch_failures(self) -> None:
        """Show what failed."""
        await self.show_tab("failures")

    async def do_batch_results(self) -> None:
        """Show the requests."""
        await self.show_tab("results")

    def do_batch_cancel(self) -> None:
        """Ask to cancel the batch."""
        if self._record is not None:
            ask_to_cancel(self.deck, [self._record])

    def do_batch_download(self) -> None:
        """Ask what to download."""
        from batchdeck.ui.screens.download import DownloadScreen

        self.app.push_screen(DownloadScreen([self.batch_id]))

    def do_batch_retry(self) -> None:
        """Ask what to send again."""
        from batchdeck.ui.screens.retry import RetryScreen

        self.app.push_screen(RetryScreen([self.batch_id]))

    def do_copy_id(self) -> None:
        """Copy the id."""
        copy_text(self.deck, self.batch_id, "the id")

    def do_copy_choose(self) -> None:
        """Ask what to copy."""
        if self._record is not None:
            from batchdeck.ui.screens.copy import CopyScreen

            self.app.push_screen(CopyScreen(self._record))

    def do_list_refresh(self) -> None:
        """Ask the service now, and read the tab again."""
        self.deck.refresh_now()
        tab = self._tabs.get(self.active_tab)
        if tab is not None:
            tab.reload()
