"""The part of a create that sends: ask, show how it goes, stop while that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from batchdeck.errors import BatchdeckError
from batchdeck.ui import format as words
from batchdeck.ui.creating import question, stage_of, start_sending
from batchdeck.ui.messages import WorkChanged
from batchdeck.ui.screens.confirm import ConfirmScreen
from batchdeck.ui.screens.of_account import AccountScreen
from batchdeck.ui.telling import unless_seen_on
from batchdeck.ui.widgets.create_form import CreateForm
from batchdeck.ui.work import WorkState

if TYPE_CHECKING:
    from batchdeck.services.submit import CreatePlan
    from batchdeck.ui.work import Work


class CreateSending(AccountScreen[None]):
    """A screen with a form that can be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.work: Work | None = None
        """The sending, while it goes on."""

    @property
    def form(self) -> CreateForm:
        """The form."""
        return self.query_one(CreateForm)

    def sending_began(self) -> None:
        """The answer was yes."""
        raise NotImplementedError

    def ask(self, plan: CreatePlan, estimate: float | None, wait_for_room: bool) -> None:
        """Say what would be sent, and send it if the answer is yes."""
        what = words.plural(len(plan.batches), "batch")

        def answered(yes: bool | None) -> None:
            if yes:
                self.sending_began()
                self.form.begin_sending()
                self.work = start_sending(
                    self.deck, plan, wait_for_room=wait_for_room, on_end=unless_seen_on(self)
                )
                self.refresh_bindings()

        self.app.push_screen(
            ConfirmScreen(
                f"Create {what}?",
                question(plan, estimate, wait_for_room=wait_for_room),
                f"Create {what}",
                no_label="Not now",
                danger=False,
            ),
            answered,
        )

    @on(WorkChanged)
    def _work_changed(self, event: WorkChanged) -> None:
        work = event.work
        if work is not self.work:
            return
        if work.state is WorkState.RUNNING:
            if work.progress is not None:
                self.form.show_progress(stage_of(work.progress, can_stop=work.can_stop))
            return
        self.work = None
        self.form.end_sending()
        self.refresh_bindings()
        if work.state is WorkState.DONE:
            self.form.say(f"{work.outcome or 'Done.'}\n\nEsc goes back.", "$text-success")
        elif isinstance(work.error, BatchdeckError):
            self.form.say(work.error.line, "$text-error")
        else:
            self.form.say(
                "It was cut short. The activity says what is known: press esc, then L.", "$text-error"
            )

    def do_create_stop(self) -> None:
        """Stop sending, where that is still possible."""
        work = self.work
        if work is not None and not work.can_stop:
            self.form.say("The create is on its way: it cannot be stopped any more.", "$text-warning")
        elif work is not None:
            work.stop()
            self.form.say("Stopping at the next safe place.")
