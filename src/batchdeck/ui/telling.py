"""Toasts for work whose own view is not looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from batchdeck.ui.work import WorkState

if TYPE_CHECKING:
    from batchdeck.ui.screens.base import ActionScreen
    from batchdeck.ui.work import Work


def unless_seen_on(screen: ActionScreen[None]) -> Callable[[Work], None]:
    """What to do when work ends that a screen itself shows: a toast, if that screen is left or covered."""
    deck = screen.deck

    def tell(work: Work) -> None:
        if screen.is_attached and screen.is_current:
            return
        if work.state is WorkState.FAILED and work.error is not None:
            deck.report(work.error, title=work.title)
        elif work.outcome:
            deck.notify(work.outcome, title=work.title)

    return tell
