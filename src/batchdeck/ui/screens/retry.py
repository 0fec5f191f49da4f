"""Which of the failed requests to send again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from batchdeck.errors import BatchdeckError, Interrupted
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.reading import Reading
from batchdeck.ui.screens.dialog import Dialog
from batchdeck.ui.widgets.check_list import CheckList, Choice
from batchdeck.ui.widgets.line_view import LineView
from batchdeck.ui.widgets.progress_line import ProgressLine

if TYPE_CHECKING:
    from batchdeck.models.lines import FailureGroup
    from batchdeck.services.retry_failed import RetryPlan
    from batchdeck.ui.work import Work

ONE_BATCH = "one batch"
WAIT = "wait"


class RetryScreen(Dialog[None]):
    """Lists what failed by code, the retryable ones ticked, and sends what is ticked.

    Args:
        batch_ids: The batches whose failed requests are sent again.
        codes: Ticked at the start instead of the retryable ones.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j,up,k", "focus_codes", show=False),
    ]
    no_label = "Not now"
    yes_label = "Send"

    @dataclass
    class Planned(Message, bubble=False):
        """It is known what could be sent."""

        plans: Sequence[RetryPlan]
        problems: Sequence[str]
        """One sentence for each batch that has nothing to send."""
        names: Mapping[str, str]
        """Batch id to what a person calls it."""
        prices: Mapping[str, float]
        """Batch id to the US dollars that one of its ok answers cost, where that is known."""

    def __init__(self, batch_ids: Sequence[str], *, codes: frozenset[str] | None = None) -> None:
        super().__init__()
        self.batch_ids = tuple(batch_ids)
        self.title_text = (
            "Send again what failed"
            if len(self.batch_ids) == 1
            else f"Send again what failed in {len(self.batch_ids)} batches"
        )
        self._wanted_codes = codes
        self._plans: Sequence[RetryPlan] = ()
        self._reading = Reading(self)
        self._left_out = ""
        self._prices: Mapping[str, float] = {}

    def compose_body(self) -> Iterable[Widget]:
        """What failed, what is left out, how it is sent."""
        yield Static(id="retry-head", markup=False)
        yield ProgressLine(self.deck.glyphs, id="retry-progress")
        yield CheckList(self.deck.glyphs, id="retry-codes")
        yield Static(id="retry-left-out", markup=False)
        yield CheckList(self.deck.glyphs, id="retry-options")
        yield Static(id="retry-total", markup=False)

    def on_mount(self) -> None:
        """Begin to find out what could be sent."""
        self.allow_yes(False)
        for name in ("#retry-codes", "#retry-left-out", "#retry-options", "#retry-total"):
            self.query_one(name).display = False
        self.query_one("#retry-head", Static).update("Looking which requests have no ok result. Esc stops.")
        self.read(self._plan(), "retry-plan")

    def on_unmount(self) -> None:
        """Nobody waits any more."""
        self._reading.stop()

    async def _plan(self) -> None:
        plans: list[RetryPlan] = []
        problems: list[str] = []
        for batch_id in self.batch_ids:
            try:
                plans.append(
                    await self.deck.services.retry.plan(
                        batch_id, on_progress=self._reading.on_progress, should_stop=self._reading.should_stop
                    )
                )
            except Interrupted:
                return
            except BatchdeckError as error:
                problems.append(error.line)
        services = self.deck.services
        records = await services.browse.batches(self.batch_ids)
        prices = {}
        for plan in plans:
            cost = await services.costs.known(plan.batch.id)
            if cost.usd is not None and plan.report.ok:
                prices[plan.batch.id] = cost.usd / plan.report.ok
        names = {record.id: record.name for record in records}
        self.post_message(self.Planned(plans, problems, names, prices))

    @on(Reading.Progressed)
    def _show_progress(self, event: Reading.Progressed) -> None:
        self.query_one("#retry-progress", ProgressLine).show(event.progress)

    @on(Planned)
    def _show_plans(self, event: Planned) -> None:
        self._plans = event.plans
        self._prices = event.prices
        self.query_one("#retry-progress").display = False
        self.query_one("#retry-head", Static).update(text.content(self._head(event)))
        groups = self._groups()
        codes = self.query_one("#retry-codes", CheckList)
        codes.display = bool(groups)
        default = frozenset(code for plan in self._plans for code in plan.default_codes)
        codes.show(
            [
                Choice(group.code, group.code, words.count(amount), _note(group))
                for group, amount in groups.values()
            ],
            default if self._wanted_codes is None else self._wanted_codes & frozenset(groups),
        )
        left_out = [
            sentence
            for plan in self._plans
            for sentence in plan.left_out
            if not any(group.code in sentence for group in plan.groups)
        ]
        self._left_out = "\n".join(dict.fromkeys(left_out))
        self._explain(self._left_out)
        options = self.query_one("#retry-options", CheckList)
        options.display = bool(self._plans)
        options.show(self._options(), frozenset())
        self._show_total()

    def _explain(self, sentence: str) -> None:
        note = self.query_one("#retry-left-out", Static)
        note.display = bool(sentence)
        note.update(text.content(sentence, "$text-muted"))

    @on(LineView.Moved)
    def _moved(self, event: LineView.Moved) -> None:
        """The whole of what the row under the cursor has no room for."""
        event.stop()
        groups = list(self._groups().values())
        if event.view.id == "retry-codes" and event.view.has_focus and groups:
            group = groups[event.index][0]
            why = f"{group.code}: {_note(group)}."
            self._explain("\n".join(part for part in (why, group.message, self._left_out) if part))

    def _head(self, planned: Planned) -> str:
        lines = list(planned.problems)
        for plan in self._plans:
            name = planned.names.get(plan.batch.id, plan.batch.id)
            if plan.same_file:
                lines.append(
                    f"{name} found no room in the queue: its whole input is sent again, without an upload."
                )
            else:
                open_count = sum(group.count for group in plan.groups)
                lines.append(
                    f"{name}: {words.count(open_count)} of {words.plural(plan.requests, 'request')} "
                    f"{'has' if open_count == 1 else 'have'} no ok result."
                )
        return "\n".join(lines)

    def _groups(self) -> dict[str, tuple[FailureGroup, int]]:
        """A group and the number of requests for each failure code, retryable ones first."""
        first: dict[str, FailureGroup] = {}
        amounts: Counter[str] = Counter()
        for plan in self._plans:
            for group in () if plan.same_file else plan.groups:
                first.setdefault(group.code, group)
                amounts[group.code] += group.count
        order = sorted(first.values(), key=lambda group: (not group.retryable, -amounts[group.code]))
        return {group.code: (group, amounts[group.code]) for group in order}

    def _options(self) -> list[Choice]:
        options = []
        if len(self._plans) > 1 and self._can_be_one:
            options.append(Choice(ONE_BATCH, "all in one new batch", note="else one new batch for each"))
        options.append(Choice(WAIT, "wait for room", note="when the queue is full, send later"))
        return options

    @property
    def _can_be_one(self) -> bool:
        """True when all plans may go into one file."""
        kinds = {(plan.batch.endpoint, plan.batch.model) for plan in self._plans}
        return len(kinds) == 1 and not any(plan.same_file for plan in self._plans)

    @on(CheckList.Ticked)
    def _show_total(self) -> None:
        amounts = [self._amount(plan) for plan in self._plans]
        requests, batches = sum(amounts), sum(1 for amount in amounts if amount)
        as_one = ONE_BATCH in self.query_one("#retry-options", CheckList).ticked
        total = self.query_one("#retry-total", Static)
        total.display = bool(self._plans)
        if not requests:
            total.update("Nothing is ticked." if self._plans else "")
        else:
            where = words.plural(1 if as_one else batches, "new batch")
            sentence = f"Sends {words.plural(requests, 'request')} in {where}{self._cost(amounts)}."
            total.update(text.content(sentence, "bold"))
        self.allow_yes(bool(requests), f"Send {words.plural(requests, 'request')}" if requests else "Send")

    def _cost(self, amounts: Sequence[int]) -> str:
        """What that will cost if an answer costs what it did so far; empty when it is not known."""
        pairs = [(plan, amount) for plan, amount in zip(self._plans, amounts, strict=True) if amount]
        if not pairs or any(plan.batch.id not in self._prices for plan, _ in pairs):
            return ""
        usd = sum(self._prices[plan.batch.id] * amount for plan, amount in pairs)
        return f", about {words.money(usd)}"

    def _amount(self, plan: RetryPlan) -> int:
        """How many requests of a plan would be sent as it is ticked."""
        if plan.same_file:
            return plan.requests
        ticked = self.query_one("#retry-codes", CheckList).ticked
        return sum(plan.chosen(ticked).values()) if ticked else 0

    def action_focus_codes(self) -> None:
        """Move from the buttons into the list."""
        codes = self.query_one("#retry-codes", CheckList)
        if codes.display and not isinstance(self.focused, CheckList):
            codes.focus()

    def answer_yes(self) -> None:
        """Send what is ticked; it goes on when the dialog is gone."""
        codes = self.query_one("#retry-codes", CheckList).ticked
        options = self.query_one("#retry-options", CheckList).ticked
        plans = [plan for plan in self._plans if self._amount(plan)]
        retry, report = self.deck.services.retry, self.deck.report
        as_one, wait = ONE_BATCH in options, WAIT in options

        async def send(work: Work) -> str | None:
            sentences = []
            if as_one:
                created = await retry.send_as_one(
                    plans,
                    codes=codes,
                    wait_for_room=wait,
                    on_progress=work.on_progress,
                    should_stop=work.should_stop,
                )
                return _sent(created.batch.id, created.requests, created.words)
            for plan in plans:
                try:
                    created = await retry.send(
                        plan,
                        codes=codes or None,
                        wait_for_room=wait,
                        on_progress=work.on_progress,
                        should_stop=work.should_stop,
                    )
                except Interrupted:
                    raise
                except BatchdeckError as error:
                    if len(plans) == 1:
                        raise
                    report(error)
                else:
                    sentences.append(_sent(created.batch.id, created.requests, created.words))
            return "\n".join(sentences) or None

        where = plans[0].batch.id if len(plans) == 1 else f"{len(plans)} batches"
        self.deck.start_work(f"Sending again what failed in {where}", send)
        self.dismiss(None)


def _note(group: FailureGroup) -> str:
    """What stands after a code: whether sending again helps, and why."""
    return group.why or ("sending again can help" if group.retryable else "the same request would fail again")


def _sent(batch_id: str, requests: int, more: str) -> str:
    """One sentence about a new batch."""
    sentence = f"{words.plural(requests, 'request')} sent again as {batch_id}."
    return f"{sentence} {more}" if more else sentence
