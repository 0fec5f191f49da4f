"""A batch, its retries and theirs: what each added, and what is still open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.glyphs import UNICODE, Glyphs
from batchdeck.ui.reading import Reading
from batchdeck.ui.widgets.batch_tab import BatchTab
from batchdeck.ui.widgets.line_view import ACCENT, BAD, GOOD, MUTED, STRONG, WARN, LineView, Piece

if TYPE_CHECKING:
    from batchdeck.services.lineage import LineageNode, LineageReport


class LineageTree(LineView):
    """One batch a row, drawn as a tree."""

    DEFAULT_CSS = """
    LineageTree { height: 1fr; }
    """

    def __init__(self, batch_id: str, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._batch_id = batch_id
        self._glyphs = glyphs
        self._tree: Sequence[LineageNode] = ()
        self._branches: list[str] = []

    def show(self, nodes: Sequence[LineageNode]) -> None:
        """Show this tree, the cursor where it was, else on the batch whose tab it is."""
        before = self.chosen
        wanted = before.record.id if before is not None else self._batch_id
        self._tree = nodes
        self._branches = branches(nodes, self._glyphs)
        self.set_count(len(nodes))
        self.cursor = next((place for place, node in enumerate(nodes) if node.record.id == wanted), 0)

    @property
    def chosen(self) -> LineageNode | None:
        """The batch under the cursor."""
        return self._tree[self.cursor] if self._tree else None

    def row(self, index: int, width: int) -> list[Piece]:
        """Branch, state, name, what it sent and added, what stayed open."""
        node = self._tree[index]
        batch = node.record.batch
        numbers = _numbers(node)
        number_width = max(len(_numbers(each)) for each in self._tree)
        branch = self._branches[index]
        status = f"{self._glyphs.status[batch.status]} {words.status_words(batch.status.value)}"
        here = f"{self._glyphs.cursor} " if node.record.id == self._batch_id else "  "
        left = width - len(here) - len(branch) - 14
        show_numbers = left - number_width >= 12
        name_width = max(1, left - (number_width + 2 if show_numbers else 0))
        pieces: list[Piece] = [
            (here, ACCENT),
            (branch, MUTED),
            (text.fit(status, 13) + " ", STATUS_LINE_STYLES.get(batch.status.value, MUTED)),
            (text.fit(node.record.name, name_width), STRONG),
        ]
        if show_numbers:
            pieces.append((f"  {numbers}", MUTED))
        return pieces


STATUS_LINE_STYLES = {
    "completed": GOOD,
    "failed": BAD,
    "expired": WARN,
    "cancelled": WARN,
    "cancelling": WARN,
}
"""Component class of a status in a list row."""


class LineageTab(BatchTab):
    """What the whole chain came to, the tree, and what is known of the batch under the cursor."""

    NAME = "lineage"
    ACTION_IDS: ClassVar[tuple[str, ...]] = ("lineage.open", "lineage.retry", "lineage.download")
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(*ACTION_IDS)
    DEFAULT_CSS = """
    LineageTab #lineage-head { height: auto; padding: 0 1; }
    LineageTab #lineage-notes { height: auto; max-height: 4; color: $text-warning; padding: 0 1; }
    LineageTab #lineage-words {
        height: auto; max-height: 40%; padding: 0 1;
        border-top: solid $border-blurred; background: $background;
    }
    """

    @dataclass
    class Reported(Message, bubble=False):
        """The tree is known."""

        report: LineageReport

    def __init__(self, batch_id: str) -> None:
        super().__init__(batch_id)
        self._report: LineageReport | None = None

    def compose_view(self) -> list[Widget]:
        """Sum, notes, tree, detail."""
        return [
            Static(id="lineage-head", markup=False),
            Static(id="lineage-notes", markup=False),
            LineageTree(self.batch_id, self.deck.glyphs, id="lineage-tree"),
            Static(id="lineage-words", markup=False),
        ]

    @property
    def tree_view(self) -> LineageTree:
        """The tree."""
        return self.query_one("#lineage-tree", LineageTree)

    @property
    def focus_target(self) -> Widget | None:
        """The tree."""
        return self.tree_view

    async def load(self, reading: Reading) -> None:
        """Count what each batch of the chain answered."""
        report = await self.deck.services.lineages.report(
            self.batch_id, on_progress=reading.on_progress, should_stop=reading.should_stop
        )
        self.post_message(self.Reported(report))

    @on(Reported)
    def _show_report(self, event: Reported) -> None:
        report = self._report = event.report
        self.query_one("#lineage-head", Static).update(_sum(report))
        notes = self.query_one("#lineage-notes", Static)
        notes.display = bool(report.notes)
        notes.update(text.content("\n".join(f"{self.deck.glyphs.warning} {note}" for note in report.notes)))
        self.tree_view.show(report.nodes)
        self._show_detail()
        self.show_view()

    @on(LineView.Moved)
    def _moved(self, event: LineView.Moved) -> None:
        event.stop()
        self._show_detail()

    def _show_detail(self) -> None:
        node = self.tree_view.chosen
        if node is not None:
            self.query_one("#lineage-words", Static).update(_detail(node, self._report))

    @on(LineView.Chosen)
    def _chosen(self, event: LineView.Chosen) -> None:
        event.stop()
        self.do_lineage_open()

    def why_not(self, action_id: str) -> str | None:
        """Nothing is sent again when nothing is open."""
        report = self._report
        if action_id == "lineage.retry":
            if report is None:
                return "It is not known yet what is open."
            if report.open == 0:
                return "Every request of this chain is answered."
        return super().why_not(action_id)

    def do_lineage_open(self) -> None:
        """Open the batch under the cursor."""
        node = self.tree_view.chosen
        if node is not None and node.record.id != self.batch_id:
            from batchdeck.ui.screens.batch import BatchScreen

            self.app.push_screen(BatchScreen(node.record.id, "lineage"))

    def do_lineage_retry(self) -> None:
        """Ask to send again what is still open in the whole chain."""
        if self._report is not None and self._report.nodes:
            from batchdeck.ui.screens.retry import RetryScreen

            self.app.push_screen(RetryScreen([self._report.nodes[0].record.id]))

    def do_lineage_download(self) -> None:
        """Ask where to write the merged answers."""
        if self._report is not None and self._report.nodes:
            from batchdeck.ui.screens.download import DownloadScreen

            self.app.push_screen(DownloadScreen([self._report.nodes[0].record.id], kinds=("merged",)))


def branches(nodes: Sequence[LineageNode], glyphs: Glyphs) -> list[str]:
    """The lines before each node of a tree that is given depth first."""
    drawn: list[str] = []
    trunks: list[str] = []
    blank = " " * len(glyphs.trunk)
    for node in nodes:
        del trunks[max(0, node.depth - 1) :]
        if node.depth == 0:
            drawn.append("")
            continue
        drawn.append("".join(trunks) + (glyphs.last_branch if node.is_last_child else glyphs.branch))
        trunks.append(blank if node.is_last_child else glyphs.trunk)
    return drawn


def _numbers(node: LineageNode) -> str:
    sent = "?" if node.requests is None else words.count(node.requests)
    still_open = "?" if node.still_open is None else words.count(node.still_open)
    return f"sent {sent:>7}  added {'+' + words.count(node.added):>7}  open {still_open:>7}"


def _sum(report: LineageReport) -> Content:
    """What the chain came to."""
    if report.requests is None:
        return Content.assemble(
            (f"{words.count(report.answered)} answered", "bold"),
            ", of how many is not known: the input is lost.",
        )
    is_whole = report.open == 0
    return Content.assemble(
        (f"{words.count(report.answered)} of {words.plural(report.requests, 'request')} answered", "bold"),
        (
            "  every one" if is_whole else f"  {words.count(report.open or 0)} still open",
            _sum_style(is_whole),
        ),
    )


def _sum_style(is_whole: bool) -> str:
    return "$text-success" if is_whole else "$text-warning"


def _detail(node: LineageNode, report: LineageReport | None) -> Content:
    """What is known of one batch of the chain."""
    sent = (
        "an unknown number of requests" if node.requests is None else words.plural(node.requests, "request")
    )
    lines = [
        text.line(f"{node.record.id}  {words.status_words(node.record.batch.raw_status)}", "bold"),
        text.line(
            f"Sent {sent}, {words.count(node.ok)} ok. "
            f"{words.count(node.added)} requests of the root got their first answer here."
        ),
    ]
    if node.problem:
        lines.append(text.line(node.problem, "$text-error"))
    return Content("\n").join(lines)
