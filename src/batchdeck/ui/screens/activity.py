"""Operations, newest first: what was sent, what came back, and what is still open."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from batchdeck.models.operation import Operation, OperationKind, OperationState
from batchdeck.ui import format, text
from batchdeck.ui.bindings import bindings_for
from batchdeck.ui.glyphs import Glyphs
from batchdeck.ui.messages import BatchesChanged, WorkChanged
from batchdeck.ui.screens.base import ActionScreen
from batchdeck.ui.widgets.key_bar import KeyBar
from batchdeck.ui.widgets.line_view import ACCENT, BAD, GOOD, MUTED, WARN, LineView, Piece
from batchdeck.ui.widgets.operation_pane import OperationPane, operation_text, state_words
from batchdeck.ui.work import Factory, Work

_LIMIT = 500
"""Operations shown; the history keeps more."""
_STATE_STYLES = {
    OperationState.DONE: GOOD,
    OperationState.FAILED: BAD,
    OperationState.ABANDONED: MUTED,
}
_WIDTHS = [(0, "-narrow"), (100, "-wide")]
_TITLE = Content.assemble((" activity", "$text-accent bold"), ("  operations, newest first", "$text-muted"))
_MAKERS = (OperationKind.CREATE, OperationKind.RETRY)


class OperationList(LineView):
    """One row an operation: time, kind, state, what it is about."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._now: datetime | None = None
        self.operations: list[Operation] = []
        self.running: frozenset[str] = frozenset()
        """Operations this process works on."""

    def show(self, operations: list[Operation], running: frozenset[str], now: datetime) -> None:
        """Show these; the cursor stays on its operation."""
        current = self.current
        self.operations = operations
        self.running = running
        self._now = now
        self.set_count(len(operations))
        if current is not None:
            for place, operation in enumerate(operations):
                if operation.id == current.id:
                    self.cursor = place

    @property
    def current(self) -> Operation | None:
        """The operation under the cursor."""
        return self.operations[self.cursor] if self.cursor < len(self.operations) else None

    @property
    def open_ones(self) -> list[Operation]:
        """Operations whose end is not known and that nothing here works on."""
        return [each for each in self.operations if not each.state.is_settled and each.id not in self.running]

    def row(self, index: int, width: int) -> list[Piece]:
        """An operation on one line."""
        operation = self.operations[index]
        when = format.moment(operation.created_at, self._now or operation.created_at)
        is_running = operation.id in self.running
        style = ACCENT if is_running else _STATE_STYLES.get(operation.state, WARN)
        return [
            (f" {when}  ", MUTED),
            (f"{operation.kind.value:<9}", ""),
            (f"{state_words(operation, is_running=is_running):<11}", style),
            (text.fit(operation.title, max(1, width - 35)), ""),
        ]


class ActivityScreen(ActionScreen[None]):
    """The list of operations and the steps of the one under the cursor."""

    ACTION_IDS = (
        "activity.open",
        "activity.look",
        "activity.finish",
        "activity.send_again",
        "activity.abandon",
        "activity.copy",
        "view.next_pane",
        "view.back",
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(*ACTION_IDS)
    AUTO_FOCUS = "OperationList"
    HELP_TITLE = "Activity"
    HELP_TEXT = (
        "Every create, cancel, retry and download is written down before it is sent.\n"
        "An operation is unsettled while it is not known how it ended."
    )
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    CSS = """
    ActivityScreen #activity-title { height: 1; background: $panel; }
    ActivityScreen #operations { height: 1fr; layout: vertical; }
    ActivityScreen.-wide #operations { layout: horizontal; }
    ActivityScreen OperationList { width: 1fr; height: 1fr; background: $background; }
    ActivityScreen OperationPane { width: 1fr; height: 1fr; margin-top: 1; }
    ActivityScreen.-wide OperationPane { width: 50; margin-top: 0; }
    """

    class OperationsRead(Message, bubble=False):
        """The operations as the history has them."""

        def __init__(self, operations: list[Operation], running: frozenset[str]) -> None:
            super().__init__()
            self.operations = operations
            self.running = running

        def can_replace(self, message: Message) -> bool:
            """Only the newest matters."""
            return isinstance(message, ActivityScreen.OperationsRead)

    def compose(self) -> ComposeResult:
        """List and steps."""
        yield Static(_TITLE, id="activity-title")
        with Container(id="operations"):
            yield OperationList(self.deck.glyphs)
            yield OperationPane(self.deck.glyphs)
        yield KeyBar()

    def on_mount(self) -> None:
        """Read the operations."""
        self._read()

    def on_batches_changed(self, _: BatchesChanged) -> None:
        """A batch that changed may have been an operation's."""
        self._read()

    def on_work_changed(self, _: WorkChanged) -> None:
        """Work takes steps."""
        self._read()

    def _read(self) -> None:
        self.read(self._read_operations, "operations")

    async def _read_operations(self) -> None:
        services = self.deck.services
        operations = await services.history.operations.recent(services.account_id, _LIMIT)
        running = frozenset(each.id for each in operations if services.journal.is_held(each.id))
        self.post_message(self.OperationsRead(operations, running))

    @on(OperationsRead)
    def _operations_read(self, message: OperationsRead) -> None:
        view = self.query_one(OperationList)
        view.show(message.operations, message.running, self.deck.services.clock.now())
        self._show_current()

    @on(LineView.Moved)
    def _moved(self, message: LineView.Moved) -> None:
        self._show_current()

    def _show_current(self) -> None:
        view = self.query_one(OperationList)
        current = view.current
        is_running = current is not None and current.id in view.running
        self.query_one(OperationPane).show(current, self.deck.services.clock.now(), is_running=is_running)
        self.query_one(KeyBar).redraw()

    # --- actions ------------------------------------------------------------

    def why_not(self, action_id: str) -> str | None:
        """Why an action cannot run now, or None."""
        reason = super().why_not(action_id)
        if reason is not None or not action_id.startswith("activity."):
            return reason
        view = self.query_one(OperationList)
        current = view.current
        if action_id in ("activity.look", "activity.finish"):
            if not view.open_ones:
                return "Every operation is settled."
            return None if self.deck.is_connected else "There is no connection to the service."
        if current is None:
            return "No operation is chosen."
        if action_id == "activity.open" and current.batch_id is None:
            return "No batch is known of this operation."
        if action_id in ("activity.send_again", "activity.abandon") and current not in view.open_ones:
            words = state_words(current, is_running=current.id in view.running)
            return f"There is nothing to settle: it is {words}."
        if action_id == "activity.send_again":
            if current.kind not in _MAKERS:
                return f"A {current.kind.value} makes no batch; there is nothing to send again."
            return None if self.deck.is_connected else "There is no connection to the service."
        return None

    @on(LineView.Chosen)
    async def _chosen(self, message: LineView.Chosen) -> None:
        await self.action_act("activity.open")

    def do_activity_open(self) -> None:
        """Into the operation's batch."""
        from batchdeck.ui.screens.batch import BatchScreen

        current = self.query_one(OperationList).current
        if current is not None and current.batch_id is not None:
            self.app.push_screen(BatchScreen(current.batch_id, tab="overview"))

    def do_activity_look(self) -> None:
        """Search the service's list; nothing is sent."""
        self.deck.start_work("Searching for what was cut off", self._reconcile(finish=False))

    def do_activity_finish(self) -> None:
        """Ask, then finish what was cut off."""
        open_ones = self.query_one(OperationList).open_ones
        self._ask(
            f"Finish {format.plural(len(open_ones), 'operation')}?",
            [
                *(f"{each.kind.value}  {each.title}" for each in open_ones[:8]),
                "",
                "The service's list is searched first. What is not found there is sent.",
            ],
            "Finish",
            "Finishing what was cut off",
            self._reconcile(finish=True),
        )

    def do_activity_send_again(self) -> None:
        """Ask, then send an operation's create once more."""
        current = self.query_one(OperationList).current
        if current is None:
            return
        operation = current

        async def send(work: Work) -> str:
            created = await self.deck.services.settle.send_again(operation.id)
            return f"Created {created.batch.id}." if created else "It waits for room in the queue."

        lines = [operation.title, "", "It may have arrived. If it did, the service runs and bills it twice."]
        self._ask("Send it again?", lines, "Send again", f"Sending {operation.title} again", send)

    def do_activity_abandon(self) -> None:
        """Ask, then give an operation up."""
        current = self.query_one(OperationList).current
        if current is None:
            return
        operation = current

        async def abandon(work: Work) -> str:
            return (await self.deck.services.settle.abandon(operation.id)).words

        lines = [operation.title, "", "It stays in the journal; nothing is sent for it any more."]
        self._ask("Give it up?", lines, "Give up", f"Giving up {operation.title}", abandon)

    def do_activity_copy(self) -> None:
        """The operation as text."""
        current = self.query_one(OperationList).current
        if current is not None:
            self.deck.copy(operation_text(current), "the operation")

    def do_view_next_pane(self) -> None:
        """The other pane."""
        self.focus_next("OperationList, OperationPane")

    def do_view_back(self) -> None:
        """Back."""
        self.dismiss()

    def _reconcile(self, *, finish: bool) -> Factory:
        async def reconcile(work: Work) -> str:
            settled = await self.deck.services.settle.reconcile(
                finish=finish, on_progress=work.on_progress, should_stop=work.should_stop
            )
            return "\n".join(each.words for each in settled) or "There was nothing to look for."

        return reconcile

    def _ask(self, title: str, lines: list[str], yes: str, working: str, factory: Factory) -> None:
        from batchdeck.ui.screens.confirm import ConfirmScreen

        def answered(is_sure: bool | None) -> None:
            if is_sure:
                self.deck.start_work(working, factory)

        self.app.push_screen(ConfirmScreen(title, lines, yes, no_label="Leave it"), answered)
