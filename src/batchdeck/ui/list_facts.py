"""What the list says of itself: status line, notices and empty states, from the state of the deck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchdeck.errors import NoKey
from batchdeck.models.query import SortKey
from batchdeck.ui.bindings import shown_key
from batchdeck.ui.list_state import ListState
from batchdeck.ui.widgets.notices import Notice
from batchdeck.ui.widgets.painted import Line
from batchdeck.ui.widgets.status_line import StatusFacts

if TYPE_CHECKING:
    from batchdeck.ui.app import BatchdeckApp

STALE_SECONDS = 300.0
"""Data of active batches older than this is marked as stale."""

SORT_NAMES = {
    SortKey.CREATED: "age",
    SortKey.STATE: "state",
    SortKey.NAME: "name",
    SortKey.REQUESTS: "requests",
    SortKey.DONE: "done",
    SortKey.FAILED: "failed",
    SortKey.MODEL: "model",
    SortKey.ENDPOINT: "endpoint",
    SortKey.COST: "cost",
}
_STRONG = "bold"
_KEY = "$text-accent bold"


def is_stale(deck: BatchdeckApp) -> bool:
    """True when what is shown of active batches may be long past."""
    fresh = deck.freshness
    if fresh.trouble is not None:
        return True
    if fresh.data_at is None:
        return False
    age = (deck.services.clock.now() - fresh.data_at).total_seconds()
    return age > max(STALE_SECONDS, 3 * deck.profile.refresh_seconds)


def should_tick(deck: BatchdeckApp) -> bool:
    """True while a countdown is worth a line a second: a batch moves, somebody looks, asking goes on."""
    poller = deck.poller
    return poller is not None and poller.has_active and not poller.is_paused and deck.app_focus


def status_facts(deck: BatchdeckApp, state: ListState, unsettled: int, waiting: int) -> StatusFacts:
    """Everything the status line can say."""
    poller, fresh = deck.poller, deck.freshness
    sign = deck.glyphs.descending if state.sort.descending else deck.glyphs.ascending
    rows = len(state.page_rows)
    facts = StatusFacts(
        profile=deck.profile.name,
        is_read_only=deck.is_read_only,
        data_at=fresh.data_at,
        now=deck.services.clock.now() if should_tick(deck) else None,
        is_offline=fresh.trouble is not None,
        offline_since=fresh.since,
        is_connecting=deck.is_connecting,
        page=state.page,
        pages=state.pages,
        first_row=state.offset + 1 if rows else 0,
        last_row=state.offset + rows,
        total=state.total,
        filter=state.filter.text,
        sort=f"{SORT_NAMES[state.sort.key]} {sign}",
        marked=len(state.marks),
        unsettled=unsettled,
        waiting=waiting,
    )
    if poller is None:
        return facts
    return facts._replace(
        next_in=poller.next_in,
        next_at=poller.next_at,
        is_paused=poller.is_paused,
        is_asking=poller.is_asking and fresh.data_at is None,
        filling=poller.filled,
    )


def notices(deck: BatchdeckApp) -> list[Notice]:
    """What has to be known just now, the worst first."""
    found: list[Notice] = []
    trouble = deck.freshness.trouble
    if trouble is not None:
        found.append(Notice(trouble.line))
    found += [Notice(warning) for warning in deck.services.history.warnings]
    if deck.hint and not found:
        found.append(Notice(deck.hint, is_problem=False))
    return found


def empty_lines(deck: BatchdeckApp, state: ListState) -> Sequence[Line]:
    """What stands in the list when it is empty: why, and the next key."""

    def key(action_id: str) -> str:
        chosen = deck.keys_of(action_id)
        return shown_key(chosen[0], ascii_only=deck.is_ascii) if chosen else "?"

    if state.rows:
        return ()
    if not state.filter.is_empty:
        return [
            [("Nothing matches ", ""), (state.filter.text, _STRONG)],
            [],
            [(key("list.filter"), _KEY), ("  change the filter", "")],
            [(key("view.back"), _KEY), ("  clear it", "")],
        ]
    if isinstance(deck.freshness.trouble, NoKey) and deck.profile.api_key_command is None:
        return [
            [("There is no API key, and the history is empty.", "")],
            [],
            [
                (key("program.quit"), _KEY),
                ("  quit, set the key, come back:  ", ""),
                (f"export {deck.profile.api_key_env}=sk-...", _STRONG),
            ],
            [(key("view.profile"), _KEY), ("  switch to another profile", "")],
            [("batchdeck --demo", _STRONG), (" needs no key: it opens a made-up account.", "")],
        ]
    if deck.freshness.trouble is not None:
        return [
            [("Nothing to show yet: the history is empty and there is no connection.", "")],
            [],
            [(key("list.refresh"), _KEY), ("  try again", "")],
            [(key("view.profile"), _KEY), ("  switch to another profile", "")],
            [(key("view.help"), _KEY), ("  all keys", "")],
        ]
    if deck.freshness.data_at is None:
        return [[("Asking the service for your batches", ""), (f" {deck.glyphs.ellipsis}", "")]]
    return [
        [("No batches yet.", "")],
        [],
        [(key("batch.create"), _KEY), ("  create one from a JSONL file or a table", "")],
        [(key("view.help"), _KEY), ("  all keys", "")],
    ]
