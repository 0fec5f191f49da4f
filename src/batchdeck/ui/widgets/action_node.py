"""Actions of `batchdeck.actions` carried out by a widget instead of its screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, cast

from textual.widget import Widget

from batchdeck.actions import BY_ID
from batchdeck.ui.bindings import handler_name

if TYPE_CHECKING:
    from batchdeck.ui.app import BatchdeckApp
    from batchdeck.ui.screens.base import ActionScreen


class ActionNode(Widget):
    """A widget with `BINDINGS = bindings_for(...)` and one `do_...` method for each of them."""

    @property
    def deck(self) -> BatchdeckApp:
        """The app, typed."""
        return cast("BatchdeckApp", self.app)

    def why_not(self, action_id: str) -> str | None:
        """Why an action cannot run now, as a sentence, or None; the screen says unless overridden."""
        return cast("ActionScreen[object]", self.screen).why_not(action_id)

    async def action_act(self, action_id: str) -> None:
        """Carry out an action, or say why not."""
        reason = self.why_not(action_id)
        if reason is not None:
            self.notify(reason, title=BY_ID[action_id].label, severity="warning", markup=False)
            return
        handler: Callable[[], Awaitable[None] | None] = getattr(self, handler_name(action_id))
        result = handler()
        if isawaitable(result):
            await result
