"""What failed, grouped by failure code; a group opens into its requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import FailureGroup, FailureReport
from batchdeck.models.requests import RequestFilter
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.copying import copy_text
from batchdeck.ui.reading import Reading
from batchdeck.ui.widgets.failure_words import group_words, nothing_failed, refused_words
from batchdeck.ui.widgets.group_list import GroupList, RefusedList
from batchdeck.ui.widgets.line_view import LineView
from batchdeck.ui.widgets.request_list import RequestList
from batchdeck.ui.widgets.requests_tab import RequestsTab

if TYPE_CHECKING:
    from batchdeck.services.failures import RefusedLine
    from batchdeck.services.results import BatchResults


class FailuresTab(RequestsTab):
    """Notes, the groups, and what is known of the one under the cursor."""

    NAME = "failures"
    ACTION_IDS: ClassVar[tuple[str, ...]] = (
        "failures.open",
        "failures.retry",
        "failures.export",
        "failures.copy",
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(*ACTION_IDS)
    DEFAULT_CSS = """
    FailuresTab #failures-notes { height: auto; max-height: 30%; color: $text-warning; padding: 0 1; }
    FailuresTab #failures-head { height: 1; padding: 0 1; color: $text-muted; }
    FailuresTab #failures-detail {
        height: auto; max-height: 45%; padding: 0 1;
        border-top: solid $border-blurred; background: $background;
    }
    """

    @dataclass
    class Reported(Message, bubble=False):
        """What failed is known."""

        report: FailureReport
        results: BatchResults
        refused: tuple[RefusedLine, ...]

    @dataclass
    class Counted(Message):
        """How many requests failed, for the name of the tab."""

        failed: int

    def __init__(self, batch_id: str) -> None:
        super().__init__(batch_id)
        self._report: FailureReport | None = None
        self._open_group: FailureGroup | None = None

    def compose_view(self) -> list[Widget]:
        """Notes, list, detail."""
        return [
            Static(id="failures-notes", markup=False),
            Static(id="failures-head", markup=False),
            GroupList(self.deck.glyphs, id="failures-groups"),
            RefusedList(id="failures-refused"),
            RequestList(self.deck.glyphs, id="failures-requests"),
            VerticalScroll(Static(id="failures-words", markup=False), id="failures-detail", can_focus=False),
        ]

    @property
    def groups(self) -> GroupList:
        """The groups."""
        return self.query_one("#failures-groups", GroupList)

    @property
    def refused(self) -> RefusedList:
        """The lines the service refused."""
        return self.query_one("#failures-refused", RefusedList)

    @property
    def focus_target(self) -> Widget | None:
        """The list that is shown."""
        return next((each for each in (self.groups, self.refused, self.requests) if each.display), None)

    async def load(self, reading: Reading) -> None:
        """Group what failed; for a refused file, find its lines."""
        services = self.deck.services
        record = await services.browse.batch(self.batch_id)
        refused: tuple[RefusedLine, ...] = ()
        if record is not None and record.batch.status is BatchStatus.FAILED:
            refused = await services.failures.refused_lines(
                self.batch_id, on_progress=reading.on_progress, should_stop=reading.should_stop
            )
        report = await services.failures.report(
            self.batch_id, on_progress=reading.on_progress, should_stop=reading.should_stop
        )
        results = await services.results.open(self.batch_id, should_stop=reading.should_stop)
        self.post_message(self.Reported(report, results, refused))

    @on(Reported)
    def _show_report(self, event: Reported) -> None:
        report = self._report = event.report
        self.results = event.results
        self._open_group = None
        self.post_message(self.Counted(len(event.refused) or report.failed))
        notes = self.query_one("#failures-notes", Static)
        notes.update(text.content("\n".join(f"{self.deck.glyphs.warning} {note}" for note in report.notes)))
        if not report.groups and not event.refused:
            self.show_state("\n".join((nothing_failed(report), *report.notes)))
            return
        self.refused.show(event.refused)
        self.groups.show(report.groups)
        self._show_lists()
        self.show_view()

    def _show_lists(self) -> None:
        """Groups, or refused lines, or the requests of the open group."""
        report, group = self._report, self._open_group
        if report is None:
            return
        self.requests.display = group is not None
        self.refused.display = group is None and self.refused.count > 0
        self.groups.display = group is None and not self.refused.display
        head = self.query_one("#failures-head", Static)
        if group is not None:
            head.update(
                Content.assemble(
                    text.line(group.code, "bold $text"),
                    f"  {words.plural(group.count, 'request')}, esc goes back to the groups",
                )
            )
        elif self.refused.display:
            head.update(
                f"The file was refused: {words.plural(self.refused.count, 'error')}, nothing was run."
            )
        else:
            head.update(
                f"{words.count(report.failed)} of {words.plural(report.requests, 'request')} "
                f"{'has' if report.failed == 1 else 'have'} no ok result, {words.count(report.ok)} do."
            )
        self.query_one("#failures-notes").display = group is None and bool(report.notes)
        self.query_one("#failures-detail").display = group is None
        self._show_detail()

    @on(LineView.Moved)
    def _moved(self, event: LineView.Moved) -> None:
        event.stop()
        self._show_detail()

    def _show_detail(self) -> None:
        """What is known of the group or line under the cursor."""
        detail = self.query_one("#failures-words", Static)
        refused = self.refused.chosen if self.refused.display else None
        group = self.groups.chosen
        if refused is not None:
            detail.update(refused_words(refused))
        elif group is not None:
            detail.update(group_words(group))

    def why_not(self, action_id: str) -> str | None:
        """A refused file has no groups."""
        if action_id in ("failures.retry", "failures.export", "failures.copy") and self._group is None:
            return "There is no group of failed requests here."
        return super().why_not(action_id)

    @property
    def _group(self) -> FailureGroup | None:
        """The group that keys are about: the open one, else the one under the cursor."""
        if self._open_group is not None:
            return self._open_group
        return self.groups.chosen if self.groups.display else None

    @on(LineView.Chosen)
    def _chosen(self, event: LineView.Chosen) -> None:
        event.stop()
        self.do_failures_open()

    def do_failures_open(self) -> None:
        """A group opens into its requests, a request beside its answer."""
        if self._open_group is not None:
            self.open_request()
        elif self.groups.display and self.groups.chosen is not None:
            self._open_group = self.groups.chosen
            group = self._open_group
            self.list_requests(
                RequestFilter(outcomes=frozenset({group.outcome}), code=group.code), group.count
            )
            self._show_lists()
            self.take_focus()

    def go_back(self) -> bool:
        """From the requests to the groups; False when the groups are shown."""
        if self._open_group is None:
            return False
        self._open_group = None
        self._show_lists()
        self.take_focus()
        return True

    def do_failures_retry(self) -> None:
        """Ask to send the group again."""
        group = self._group
        if group is not None:
            from batchdeck.ui.screens.retry import RetryScreen

            self.app.push_screen(RetryScreen([self.batch_id], codes=frozenset({group.code})))

    def do_failures_export(self) -> None:
        """Ask where to write the group."""
        group = self._group
        if group is not None:
            from batchdeck.ui.screens.export import ExportScreen

            self.app.push_screen(ExportScreen(self.batch_id, group))

    def do_failures_copy(self) -> None:
        """Copy the custom_ids of the group."""
        group = self._group
        if group is None:
            return

        async def read() -> None:
            ids = await self.deck.services.failures.custom_ids(self.batch_id, [group])
            self.post_message(self.IdsRead(ids))

        self.after_reading(read, "ids")

    @dataclass
    class IdsRead(Message, bubble=False):
        """The custom_ids of a group."""

        ids: list[str]

    @on(IdsRead)
    def _copy_ids(self, event: IdsRead) -> None:
        copy_text(self.deck, "\n".join(event.ids), words.plural(len(event.ids), "custom_id"))
