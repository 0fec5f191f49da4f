"""Finding a page again where batches came or went before it, with as few reads as that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdeck.models.query import Window
from batchdeck.ui.list_state import Wanted

if TYPE_CHECKING:
    from batchdeck.services.browse import Browse


async def find_window(browse: Browse, wanted: Wanted) -> Window:
    """The rows of the wanted page.

    It begins at its first batch where that is still in the list, goes where the cursor's batch went if it is
    to follow it, and is the last page when the list became shorter.
    """

    async def window(offset: int) -> Window:
        return await browse.window(wanted.filter, wanted.sort, offset=offset, limit=wanted.limit)

    found = await window(wanted.offset)
    if not found.rows and found.total:
        found = await window((found.total - 1) // wanted.limit * wanted.limit)
    if wanted.anchor_id is not None and wanted.anchor_id not in [row.id for row in found.rows[:1]]:
        place = await browse.locate(wanted.anchor_id, wanted.filter, wanted.sort)
        if place is not None:
            found = await window(place)
    if wanted.follow and wanted.cursor_id is not None:
        if any(row.id == wanted.cursor_id for row in found.rows):
            return found
        place = await browse.locate(wanted.cursor_id, wanted.filter, wanted.sort)
        if place is not None:
            found = await window(place if place < found.offset else max(0, place - wanted.limit + 1))
    return found
