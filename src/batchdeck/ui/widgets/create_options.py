"""How a batch is to be created: metadata, window, expiry, split, room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from batchdeck.models.lines import CheckReport
from batchdeck.ui import format as words
from batchdeck.ui.glyphs import UNICODE, Glyphs
from batchdeck.ui.widgets.check_list import CheckList, Choice
from batchdeck.ui.widgets.field import Field
from batchdeck.ui.widgets.metadata_editor import MetadataEditor

SPLIT = "split"
WAIT = "wait"
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SHORTEST, _LONGEST = 3_600, 2_592_000


@dataclass(frozen=True, slots=True)
class Options:
    """What is chosen."""

    metadata: Mapping[str, str]
    window: str
    output_expires_after: int | None
    split: bool
    wait_for_room: bool


class CreateOptions(Vertical):
    """The choices beside the file itself."""

    DEFAULT_CSS = """
    CreateOptions { height: auto; }
    CreateOptions > .create-options--title { color: $text-muted; text-style: bold; }
    CreateOptions > MetadataEditor { margin: 0 0 1 0; }
    CreateOptions > CheckList { margin: 1 0 0 0; }
    """

    def __init__(self, window: str, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._window = window
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        """Metadata, then the rest."""
        yield Static("METADATA", classes="create-options--title", markup=False)
        yield MetadataEditor()
        yield Field("window", Input(self._window, compact=True, id="create-window"))
        yield Field(
            "results kept",
            Input(placeholder="as the service does, or 7d, 12h", compact=True, id="create-expiry"),
        )
        yield CheckList(self._glyphs, id="create-choices")

    def offer(self, report: CheckReport) -> None:
        """Offer what fits the file; a file over the limits is split unless the tick is taken off."""
        choices, ticked = [], frozenset[str]()
        if not report.is_valid and report.is_valid_when_split:
            choices.append(
                Choice(
                    SPLIT,
                    f"split into {words.plural(len(report.parts), 'batch')}",
                    note="whole lines, in order",
                )
            )
            ticked = frozenset({SPLIT})
        choices.append(Choice(WAIT, "wait for room", note="when the queue is full, send later"))
        self.query_one(CheckList).show(choices, ticked)

    def read(self) -> Options:
        """What is chosen.

        Raises:
            ValueError: something typed cannot be used; the text is a sentence.
        """
        editor = self.query_one(MetadataEditor)
        if editor.problem is not None:
            raise ValueError(editor.problem)
        ticked = self.query_one(CheckList).ticked
        return Options(
            metadata=editor.pairs,
            window=self.query_one("#create-window", Input).value.strip() or self._window,
            output_expires_after=span_of(self.query_one("#create-expiry", Input).value),
            split=SPLIT in ticked,
            wait_for_room=WAIT in ticked,
        )


def span_of(typed: str) -> int | None:
    """Seconds of `7d`, `12h`, `90m` or `86400`; None when nothing is typed.

    Raises:
        ValueError: it is no span, or shorter than an hour or longer than thirty days.
    """
    value = typed.strip().lower()
    if not value:
        return None
    number, unit = (value[:-1], value[-1]) if value[-1] in _UNITS else (value, "s")
    if not number.strip().isdecimal():
        raise ValueError(f"{typed.strip()} is no span of time; write it like 7d or 12h.")
    seconds = int(number) * _UNITS[unit]
    if not _SHORTEST <= seconds <= _LONGEST:
        raise ValueError("Results can be kept for one hour to thirty days.")
    return seconds
