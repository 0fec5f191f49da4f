"""The signs of the deck, each with an ASCII form; a status always has its word beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from batchdeck.models.batch import BatchStatus


class Glyphs(NamedTuple):
    """One cell each."""

    status: Mapping[BatchStatus, str]
    mark: str
    """Before a marked row."""
    cursor: str
    """Before the row under the cursor where colour cannot show it."""
    bar_full: str
    bar_failed: str
    bar_empty: str
    spark: str
    """From lowest to highest."""
    ascending: str
    descending: str
    separator: str
    """Between two facts on one line."""
    arrow: str
    warning: str
    gone: str
    """Beside a batch that the service no longer lists."""
    ellipsis: str
    dash: str
    """Between the ends of a span."""
    ticked: str
    """A chosen box, three cells."""
    unticked: str
    branch: str
    """Of a tree, before a child that has siblings below it; three cells."""
    last_branch: str
    trunk: str
    folded: str
    unfolded: str
    rule: str
    """Repeated to draw a line across."""
    done: str
    """A step that was reached."""
    ahead: str
    """A step that was not."""


UNICODE = Glyphs(
    status={
        BatchStatus.VALIDATING: "◌",
        BatchStatus.IN_PROGRESS: "●",
        BatchStatus.FINALIZING: "◕",
        BatchStatus.CANCELLING: "◐",
        BatchStatus.COMPLETED: "✓",
        BatchStatus.FAILED: "✗",
        BatchStatus.EXPIRED: "◷",
        BatchStatus.CANCELLED: "⊘",
        BatchStatus.UNKNOWN: "?",
    },
    mark="▌",
    cursor="▸",
    bar_full="█",
    bar_failed="▓",
    bar_empty="░",
    spark="▁▂▃▄▅▆▇█",
    ascending="▲",
    descending="▼",
    separator="·",
    arrow="→",
    warning="▲",
    gone="†",
    ellipsis="…",
    dash="\N{EN DASH}",
    ticked="[✓]",
    unticked="[ ]",
    branch="├─ ",
    last_branch="└─ ",
    trunk="│  ",
    folded="▸",
    unfolded="▾",
    rule="─",
    done="●",
    ahead="○",
)

ASCII = Glyphs(
    status={
        BatchStatus.VALIDATING: "~",
        BatchStatus.IN_PROGRESS: ">",
        BatchStatus.FINALIZING: ")",
        BatchStatus.CANCELLING: "%",
        BatchStatus.COMPLETED: "+",
        BatchStatus.FAILED: "!",
        BatchStatus.EXPIRED: "@",
        BatchStatus.CANCELLED: "-",
        BatchStatus.UNKNOWN: "?",
    },
    mark="*",
    cursor=">",
    bar_full="#",
    bar_failed="!",
    bar_empty=".",
    spark="_.-=+*#",
    ascending="^",
    descending="v",
    separator="|",
    arrow="->",
    warning="!",
    gone="x",
    ellipsis="~",
    dash="-",
    ticked="[x]",
    unticked="[ ]",
    branch="+- ",
    last_branch="`- ",
    trunk="|  ",
    folded="+",
    unfolded="-",
    rule="-",
    done="*",
    ahead="o",
)


def glyphs(ascii_only: bool) -> Glyphs:
    """The signs for a terminal that shows all of Unicode, or none but ASCII."""
    return ASCII if ascii_only else UNICODE
