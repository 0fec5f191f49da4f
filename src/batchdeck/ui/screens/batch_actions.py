"""What can be done to batches from the list: to the marked ones, or to the one under the cursor."""

from __future__ import annotations

from batchdeck.models.batch import BatchRecord, BatchStatus
from batchdeck.ui import format
from batchdeck.ui.screens.list_choices import ListChoices

BATCH_ACTIONS = (
    "batch.open",
    "batch.create",
    "batch.cancel",
    "batch.download",
    "batch.retry",
    "batch.failures",
    "batch.results",
    "copy.id",
    "copy.choose",
)
_NEEDS_ONE = frozenset(BATCH_ACTIONS) - {"batch.create"}
_NEEDS_SERVICE = frozenset({"batch.create", "batch.cancel", "batch.retry"})


class BatchActions(ListChoices):
    """The actions on batches. Dialogs and screens are imported when they are first opened."""

    def why_not(self, action_id: str) -> str | None:
        """Why an action cannot run now, or None."""
        reason = super().why_not(action_id)
        if reason is not None:
            return reason
        if action_id in _NEEDS_SERVICE and not self.deck.is_connected:
            trouble = self.deck.trouble
            return trouble.line if trouble else "There is no connection to the service yet."
        record = self.listing.cursor
        if action_id in _NEEDS_ONE and record is None and not self.listing.marks:
            return "No batch is chosen."
        if record is None or self.listing.marks:
            return None
        return _why_not_this(action_id, record)

    async def targets(self) -> list[BatchRecord]:
        """The marked batches in the order of the list, or the one under the cursor."""
        state = self.listing
        if not state.marks:
            return [state.cursor] if state.cursor else []
        ids = await self.deck.services.browse.ids(state.filter, state.sort)
        shown = [batch_id for batch_id in ids if batch_id in state.marks]
        hidden = sorted(state.marks.difference(shown))
        return await self.deck.services.browse.batches([*shown, *hidden])

    # --- opening ------------------------------------------------------------

    def _open(self, tab: str) -> None:
        from batchdeck.ui.screens.batch import BatchScreen

        if self.listing.cursor is not None:
            self.app.push_screen(BatchScreen(self.listing.cursor.id, tab=tab))

    def do_batch_open(self) -> None:
        """Into the batch."""
        self._open("overview")

    def do_batch_failures(self) -> None:
        """What failed."""
        self._open("failures")

    def do_batch_results(self) -> None:
        """Row by row."""
        self._open("results")

    def do_batch_create(self) -> None:
        """From a file."""
        from batchdeck.ui.screens.create import CreateScreen

        self.app.push_screen(CreateScreen())

    # --- copying ------------------------------------------------------------

    async def do_copy_id(self) -> None:
        """The id, or the ids of the marked batches, one a line."""
        records = await self.targets()
        what = "the batch's id" if len(records) == 1 else f"{len(records)} ids"
        self.deck.copy("\n".join(record.id for record in records), what)

    async def do_copy_choose(self) -> None:
        """Choose what to copy."""
        from batchdeck.ui.screens.copy import CopyScreen

        if self.listing.cursor is not None:
            self.app.push_screen(CopyScreen(self.listing.cursor))

    # --- files and money ----------------------------------------------------

    async def do_batch_download(self) -> None:
        """Choose what to download, and where to."""
        from batchdeck.ui.screens.download import DownloadScreen

        records = await self.targets()
        self.app.push_screen(DownloadScreen([record.id for record in records]))

    async def do_batch_retry(self) -> None:
        """Choose what to send again."""
        from batchdeck.ui.screens.retry import RetryScreen

        records = await self.targets()
        self.app.push_screen(RetryScreen([record.id for record in records]))

    async def do_batch_cancel(self) -> None:
        """Ask, then cancel every chosen batch that still runs."""
        from batchdeck.ui.cancelling import ask_to_cancel, why_not_cancel

        records = await self.targets()
        reason = why_not_cancel(records)
        if reason is not None:
            self.notify(reason, severity="warning")
            return
        ask_to_cancel(self.deck, records)


def _why_not_this(action_id: str, record: BatchRecord) -> str | None:
    """Why an action means nothing for one batch, or None."""
    status = record.batch.status
    match action_id:
        case "batch.cancel" if status.is_terminal:
            return f"The batch has ended: it is {format.status_words(status)}."
        case "batch.cancel" if status is BatchStatus.CANCELLING:
            return "The batch is being cancelled already."
        case "batch.retry" if status.is_active:
            return "The batch still runs; what failed is known when it has ended."
        case _:
            return None
