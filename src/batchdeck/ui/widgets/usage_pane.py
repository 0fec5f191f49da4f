"""What a batch used and cost, and why its file was refused."""

from __future__ import annotations

from collections.abc import Sequence

from batchdeck.services.costs import Cost, ModelCost
from batchdeck.services.failures import RefusedLine
from batchdeck.ui import format as words
from batchdeck.ui import text
from batchdeck.ui.widgets.painted import Line
from batchdeck.ui.widgets.pane import Pane, fact, heading, paragraph

_MUTED = "$text-muted"
_ERROR = "$text-error"
_SHOWN = 50
_TEXT_CELLS = 600
"""Of a refused line, how much of its own text is shown."""


class UsagePane(Pane):
    """Tokens and dollars model by model; for a refused file each error with the line it names."""

    DEFAULT_CSS = """
    UsagePane { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._cost: Cost | None = None
        self._refused: Sequence[RefusedLine] = ()

    def show(self, cost: Cost | None, refused: Sequence[RefusedLine]) -> None:
        """Show what is known."""
        self._cost = cost
        self._refused = refused
        self.lay_out()

    def lines_for(self, width: int) -> list[Line]:
        """The refused lines first: where there are any, nothing was used."""
        if self._refused:
            return refused_lines(self._refused, width)
        return usage_lines(self._cost, width)


def usage_lines(cost: Cost | None, width: int) -> list[Line]:
    """Tokens and cost in lines of at most `width` cells."""
    lines: list[Line] = [heading("Usage and cost")]
    if cost is None:
        return lines
    if cost.usage is None:
        return [*lines, *paragraph(text.clean(cost.note or "Not known yet."), _MUTED, width)]
    lines += fact(
        "cost",
        (f"{words.money(cost.usd)} at the batch price" if cost.usd is not None else "unknown", ""),
        width,
    )
    if cost.note:
        lines += paragraph(text.clean(cost.note), _MUTED, width)
    usage = cost.usage
    lines += fact("input", (f"{words.count(usage.input_tokens)} tokens", ""), width)
    if usage.cached_tokens:
        lines += fact("", (f"{words.count(usage.cached_tokens)} of them cached", _MUTED), width)
    lines += fact("output", (f"{words.count(usage.output_tokens)} tokens", ""), width)
    if usage.reasoning_tokens:
        lines += fact("", (f"{words.count(usage.reasoning_tokens)} of them reasoning", _MUTED), width)
    if cost.source:
        source = "as the service says" if cost.source == "service" else "summed from the result rows"
        lines += fact("source", (source, _MUTED), width)
    if len(cost.models) > 1:
        lines.append([])
        for model in cost.models:
            lines += _model(model, width)
    return lines


def _model(model: ModelCost, width: int) -> list[Line]:
    amount = "no price" if model.usd is None else words.money(model.usd)
    sent, received = words.short_count(model.usage.input_tokens), words.short_count(model.usage.output_tokens)
    tokens = f"{sent} in, {received} out"
    name_width = max(8, width - len(amount) - 1)
    return [
        [(text.fit(model.model, name_width), ""), (f" {amount}", "")],
        [(f"  {tokens}", _MUTED)],
    ]


def refused_lines(refused: Sequence[RefusedLine], width: int) -> list[Line]:
    """Each error with the input's own line under it."""
    lines: list[Line] = [heading("Why the file was refused", words.count(len(refused)))]
    for error in refused[:_SHOWN]:
        where = "whole file" if error.line is None else f"line {words.count(error.line)}"
        lines.append(
            [(f"{where}  ", _MUTED), (text.fit(error.code, max(4, width - len(where) - 2)).rstrip(), _ERROR)]
        )
        lines += paragraph(text.clean(error.message), "", width, indent=2)
        if error.text is not None:
            lines += paragraph(text.clean_line(error.text)[:_TEXT_CELLS], _MUTED, width, indent=2)
        elif error.line is not None:
            lines += paragraph("No copy of the input is left to show the line.", _MUTED, width, indent=2)
    hidden = len(refused) - _SHOWN
    if hidden > 0:
        lines.append([(f"and {words.count(hidden)} more, in the Failures tab", _MUTED)])
    return lines
