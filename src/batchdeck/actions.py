"""Everything a person can do in the deck, as plain data.

Key, footer label, palette entry, help text and danger level come from here and nowhere else.
The ids are public: `config.toml` remaps keys by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Danger(StrEnum):
    """What an action can cost."""

    NONE = "none"
    WRITES = "writes"
    """Writes a local file."""
    SPENDS = "spends"
    """Sends paid work or ends it; confirmed, and off when read-only."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key does."""

    id: str
    """Stable and dotted: `batch.cancel`."""
    keys: tuple[str, ...]
    """Textual key names, the first shown."""
    label: str
    """One or two words for the footer."""
    help: str
    """One sentence for help and palette."""
    group: str
    """Heading in the help: Move, List, Batch, View, Program."""
    danger: Danger = Danger.NONE
    footer: bool = False
    """True when the footer of the list shows it."""


ACTIONS: tuple[Action, ...] = (
    Action("move.down", ("j", "down"), "Down", "Move to the next row.", "Move"),
    Action("move.up", ("k", "up"), "Up", "Move to the row before.", "Move"),
    Action("move.first", ("g", "home"), "First", "Move to the first row.", "Move"),
    Action("move.last", ("G", "end"), "Last", "Move to the last row.", "Move"),
    Action("move.half_down", ("ctrl+d",), "Half down", "Move down half a page.", "Move"),
    Action("move.half_up", ("ctrl+u",), "Half up", "Move up half a page.", "Move"),
    Action("page.next", ("]", "pagedown"), "Next page", "Turn to the next page.", "Move"),
    Action("page.previous", ("[", "pageup"), "Previous page", "Turn to the page before.", "Move"),
    Action("batch.open", ("enter",), "Open", "Open the batch under the cursor.", "Batch", footer=True),
    Action("view.back", ("escape",), "Back", "Go back, or clear the filter.", "View"),
    Action("list.filter", ("/",), "Filter", "Filter the list.", "List", footer=True),
    Action("list.sort", ("s",), "Sort", "Sort by the next column.", "List"),
    Action("list.reverse", ("S",), "Reverse", "Reverse the order.", "List"),
    Action("mark.toggle", ("space",), "Mark", "Mark the batch, or take the mark off.", "List"),
    Action("mark.range", ("ctrl+@",), "Mark range", "Mark from the last mark to here.", "List"),
    Action("mark.all", ("a",), "Mark all", "Mark all that the filter shows, or none.", "List"),
    Action(
        "batch.create", ("c",), "Create", "Create a batch from a file.", "Batch", Danger.SPENDS, footer=True
    ),
    Action(
        "batch.cancel",
        ("x",),
        "Cancel",
        "Cancel the marked batches, or the one under the cursor.",
        "Batch",
        Danger.SPENDS,
        footer=True,
    ),
    Action(
        "batch.download",
        ("d",),
        "Download",
        "Download the results of the marked batches, or of the one under the cursor.",
        "Batch",
        Danger.WRITES,
        footer=True,
    ),
    Action(
        "batch.retry",
        ("r",),
        "Retry",
        "Send again what failed, of the marked batches or the one under the cursor.",
        "Batch",
        Danger.SPENDS,
        footer=True,
    ),
    Action("batch.failures", ("f",), "Failures", "Show what failed, grouped by failure code.", "Batch"),
    Action("batch.results", ("o",), "Results", "Show the results row by row.", "Batch"),
    Action("copy.id", ("y",), "Copy id", "Copy the batch's id.", "Batch"),
    Action("copy.choose", ("Y",), "Copy…", "Choose what to copy.", "Batch"),
    Action("list.refresh", ("R",), "Refresh", "Ask the service now.", "List"),
    Action("list.pause", ("p",), "Pause", "Stop asking the service, or go on.", "List"),
    Action("view.palette", (":", "ctrl+p"), "Commands", "Open the command palette.", "View"),
    Action("view.profile", ("P",), "Profile", "Switch to another profile.", "View"),
    Action("view.activity", ("L",), "Activity", "Show operations and what they did.", "View"),
    Action("view.help", ("?",), "Help", "Show the keys of this view.", "View", footer=True),
    Action("view.next_pane", ("tab",), "Next pane", "Move to the next pane.", "View"),
    Action("program.quit", ("q",), "Quit", "Quit.", "Program", footer=True),
)
"""In the order the help shows them."""

VIEW_ACTIONS: tuple[Action, ...] = (
    Action("tab.overview", ("1",), "Overview", "Show how the batch stands.", "Tabs"),
    Action("tab.failures", ("2",), "Failures", "Show what failed, grouped by failure code.", "Tabs"),
    Action("tab.results", ("3",), "Results", "Show every request with its outcome.", "Tabs"),
    Action(
        "tab.lineage", ("4",), "Lineage", "Show the batches that retried this one, and what is open.", "Tabs"
    ),
    Action(
        "failures.open",
        ("enter",),
        "Open",
        "Show the requests of the group, or one request.",
        "Failures",
        footer=True,
    ),
    Action(
        "failures.retry",
        ("r",),
        "Retry group",
        "Send the requests of the group again.",
        "Failures",
        Danger.SPENDS,
        footer=True,
    ),
    Action(
        "failures.export",
        ("e",),
        "Export",
        "Write the requests of the group to a JSONL or CSV file.",
        "Failures",
        Danger.WRITES,
        footer=True,
    ),
    Action("failures.copy", ("y",), "Copy ids", "Copy the custom_ids of the group.", "Failures", footer=True),
    Action(
        "results.open",
        ("enter",),
        "Open",
        "Show the request and its answer side by side.",
        "Results",
        footer=True,
    ),
    Action("results.search", ("/",), "Search", "Search by custom_id or text.", "Results", footer=True),
    Action("results.next_match", ("n",), "Next match", "Go to the next request that matches.", "Results"),
    Action("results.previous_match", ("N",), "Match before", "Go to the match before.", "Results"),
    Action(
        "results.next_outcome",
        ("right", "l"),
        "Outcome",
        "Show only the next outcome.",
        "Results",
        footer=True,
    ),
    Action(
        "results.previous_outcome",
        ("left", "h"),
        "Outcome before",
        "Show only the outcome before.",
        "Results",
    ),
    Action("results.copy", ("y",), "Copy id", "Copy the custom_id under the cursor.", "Results"),
    Action(
        "request.plain",
        ("t",),
        "Text/JSON",
        "Show the plain texts, or the JSON again.",
        "Request",
        footer=True,
    ),
    Action(
        "request.fold",
        ("space", "enter"),
        "Fold",
        "Fold or unfold the block under the cursor.",
        "Request",
        footer=True,
    ),
    Action("request.fold_all", ("minus",), "Fold all", "Fold every block.", "Request"),
    Action("request.unfold_all", ("plus", "equals_sign"), "Unfold all", "Unfold every block.", "Request"),
    Action("request.copy", ("y",), "Copy", "Copy what the pane shows.", "Request", footer=True),
    Action("request.copy_id", ("Y",), "Copy id", "Copy the custom_id.", "Request"),
    Action(
        "request.next",
        ("n",),
        "Next",
        "Go to the next request, or to the next that matches.",
        "Request",
        footer=True,
    ),
    Action(
        "request.previous", ("N",), "Before", "Go to the request before, or to the match before.", "Request"
    ),
    Action("create.check", ("ctrl+r",), "Check", "Check the file again.", "Create", footer=True),
    Action("create.browse", ("ctrl+o",), "Browse", "Choose the file from a tree.", "Create", footer=True),
    Action(
        "create.send",
        ("ctrl+s",),
        "Create",
        "Send the file as it is checked, after a question.",
        "Create",
        Danger.SPENDS,
        footer=True,
    ),
    Action("create.stop", ("s",), "Stop", "Stop sending, until a create is on its way.", "Create"),
    Action(
        "activity.open", ("enter",), "Open batch", "Open the batch of the operation.", "Activity", footer=True
    ),
    Action(
        "activity.look",
        ("s",),
        "Search",
        "Search the service's list for what unsettled operations made; nothing is sent.",
        "Activity",
        footer=True,
    ),
    Action(
        "activity.finish",
        ("f",),
        "Finish",
        "Finish every operation that was cut off, sending what is still to be sent.",
        "Activity",
        Danger.SPENDS,
        footer=True,
    ),
    Action(
        "activity.send_again",
        ("r",),
        "Send again",
        "Send the operation's create once more although it may have arrived.",
        "Activity",
        Danger.SPENDS,
        footer=True,
    ),
    Action(
        "activity.abandon",
        ("x",),
        "Give up",
        "Give the operation up: nothing is sent for it any more.",
        "Activity",
        Danger.SPENDS,
        footer=True,
    ),
    Action("activity.copy", ("y",), "Copy", "Copy the operation as text.", "Activity"),
    Action("lineage.open", ("enter",), "Open", "Open the batch under the cursor.", "Lineage", footer=True),
    Action(
        "lineage.retry",
        ("r",),
        "Retry the rest",
        "Send again what no batch of the chain has answered.",
        "Lineage",
        Danger.SPENDS,
        footer=True,
    ),
    Action(
        "lineage.download",
        ("d",),
        "Download merged",
        "Write one file with the newest answer to every request.",
        "Lineage",
        Danger.WRITES,
        footer=True,
    ),
)
"""What keys do on the screens over the list, where they may mean something else than on it."""

BY_ID = {action.id: action for action in (*ACTIONS, *VIEW_ACTIONS)}
