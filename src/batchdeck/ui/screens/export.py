"""Where to write the requests of a failure group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget
from textual.widgets import Static

from batchdeck.errors import TargetExists
from batchdeck.models.lines import FailureGroup
from batchdeck.services.names import safe_stem
from batchdeck.ui import format as words
from batchdeck.ui.screens.confirm import ConfirmScreen
from batchdeck.ui.screens.dialog import Dialog
from batchdeck.ui.widgets.field import Field
from batchdeck.ui.widgets.path_input import PathInput

if TYPE_CHECKING:
    from batchdeck.ui.work import Work


class ExportScreen(Dialog[None]):
    """Asks for a file name; one that ends in `.csv` gives a table.

    Args:
        batch_id: The batch.
        group: Its failure group.
    """

    yes_label = "Export"
    no_label = "Not now"

    def __init__(self, batch_id: str, group: FailureGroup) -> None:
        super().__init__()
        self.batch_id = batch_id
        self.group = group
        self.title_text = f"Export {words.plural(group.count, 'request')} with {group.code}"

    def compose_body(self) -> Iterable[Widget]:
        """The file."""
        name = f"{safe_stem(self.batch_id)}_{safe_stem(self.group.code)}.jsonl"
        yield Field("to file", PathInput(str(self.deck.services.folders.downloads / name), id="export-path"))
        yield Static(
            "JSONL holds each request with its answer; a name that ends in .csv gives a table without them.",
            id="export-hint",
            markup=False,
        )

    @on(PathInput.Submitted)
    def _submitted(self, event: PathInput.Submitted) -> None:
        event.stop()
        self.query_one("#yes").focus()

    def answer_yes(self) -> None:
        """Write it."""
        path = self.query_one(PathInput).path
        if path is None:
            return
        deck, batch_id, group = self.deck, self.batch_id, self.group

        async def export(work: Work) -> str | None:
            async def write(*, force: bool) -> str:
                exported = await deck.services.failures.export(
                    batch_id,
                    [group],
                    path,
                    format="csv" if path.suffix.lower() == ".csv" else "jsonl",
                    force=force,
                    on_progress=work.on_progress,
                    should_stop=work.should_stop,
                )
                return f"{words.plural(exported.rows, 'request')} in {exported.path}."

            try:
                return await write(force=False)
            except TargetExists as error:
                question = ConfirmScreen(
                    "Overwrite it?", [error.sentence], "Overwrite it", no_label="Leave it"
                )
                if await deck.push_screen_wait(question):
                    return await write(force=True)
                return None

        deck.start_work(f"Exporting {words.plural(group.count, 'request')}", export)
        self.dismiss(None)
