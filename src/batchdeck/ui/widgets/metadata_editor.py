"""Metadata pairs, one a row; an empty row is always there to go on."""

from __future__ import annotations

from collections.abc import Mapping

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from batchdeck.models.batch import MAX_METADATA_KEY, MAX_METADATA_PAIRS, MAX_METADATA_VALUE
from batchdeck.ui import text

RESERVED = 3
"""Pairs that creating may add itself: the operation, the split group, the part."""
MAX_PAIRS = MAX_METADATA_PAIRS - RESERVED


class MetadataRow(Horizontal):
    """A key and its value."""

    DEFAULT_CSS = """
    MetadataRow { height: 1; }
    MetadataRow > Input { background: $panel; }
    MetadataRow > .metadata--key { width: 1fr; max-width: 24; margin: 0 1 0 0; }
    MetadataRow > .metadata--value { width: 2fr; }
    """

    def compose(self) -> ComposeResult:
        """Two inputs."""
        yield Input(placeholder="key", compact=True, max_length=MAX_METADATA_KEY, classes="metadata--key")
        yield Input(
            placeholder="value", compact=True, max_length=MAX_METADATA_VALUE, classes="metadata--value"
        )

    @property
    def pair(self) -> tuple[str, str]:
        """What is typed."""
        return (
            self.query_one(".metadata--key", Input).value.strip(),
            self.query_one(".metadata--value", Input).value,
        )


class MetadataEditor(Vertical):
    """As many rows as are filled, and one more."""

    DEFAULT_CSS = """
    MetadataEditor { height: auto; }
    MetadataEditor > .metadata--problem { color: $text-error; height: auto; }
    """

    def compose(self) -> ComposeResult:
        """One empty row."""
        yield MetadataRow()
        problem = Static(classes="metadata--problem", markup=False)
        problem.display = False
        yield problem

    @property
    def pairs(self) -> Mapping[str, str]:
        """The filled rows."""
        return {key: value for key, value in self._typed if key}

    @property
    def problem(self) -> str | None:
        """What is wrong with what is typed, as a sentence, or None."""
        keys = [key for key, _ in self._typed if key]
        repeated = next((key for key in keys if keys.count(key) > 1), None)
        if repeated is not None:
            return f"The key {repeated} is there twice."
        if any(value and not key for key, value in self._typed):
            return "A value has no key."
        if len(keys) > MAX_PAIRS:
            return f"At most {MAX_PAIRS} pairs fit beside those that batchdeck adds."
        return None

    @property
    def _typed(self) -> list[tuple[str, str]]:
        return [row.pair for row in self.query(MetadataRow)]

    @on(Input.Changed)
    async def _changed(self, event: Input.Changed) -> None:
        event.stop()
        rows = list(self.query(MetadataRow))
        if rows[-1].pair != ("", "") and len(rows) <= MAX_PAIRS:
            await self.mount(MetadataRow(), after=rows[-1])
        shown = self.query_one(".metadata--problem", Static)
        problem = self.problem
        shown.display = problem is not None
        shown.update(text.line(problem or ""))
