"""The other side: a Textual program with nothing but a table of 50 rows.

Run as a program. With `--openai` it imports the SDK in a thread after its first picture.
"""

from __future__ import annotations

import sys

from textual.app import App, ComposeResult
from textual.widgets import DataTable

LAST_SHOWN = "row number 12"
"""On the screen once the table is drawn."""


class BareTable(App[None]):
    """A table."""

    def compose(self) -> ComposeResult:
        """One widget."""
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Fill it."""
        table = self.query_one(DataTable)
        for title in ("id", "state", "name", "requests", "done", "failed", "model", "endpoint", "age"):
            table.add_column(title)
        for number in range(50):
            table.add_row(
                f"batch_{number:08d}",
                "completed",
                f"row number {number}",
                "1000",
                "100 %",
                "3",
                "gpt-4o-mini",
                "chat",
                "3 h",
            )
        if "--openai" in sys.argv:
            self.call_after_refresh(self.run_worker, self._import, thread=True)

    def _import(self) -> None:
        import openai

        self.call_from_thread(self.notify, f"openai {openai.__version__} imported")

    def key_j(self) -> None:
        """Down, as the deck has it."""
        self.query_one(DataTable).action_cursor_down()

    def key_k(self) -> None:
        """Up."""
        self.query_one(DataTable).action_cursor_up()


if __name__ == "__main__":
    BareTable().run()
