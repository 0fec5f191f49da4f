"""Screens that show something of one account, and go when another is chosen."""

from __future__ import annotations

from textual import on
from textual.screen import ScreenResultType

from batchdeck.ui.messages import ServicesReplaced
from batchdeck.ui.screens.base import ActionScreen


class AccountScreen(ActionScreen[ScreenResultType]):
    """Closes itself, as soon as it is on top, once the deck shows another account's batches."""

    _is_of_another = False

    @on(ServicesReplaced)
    def _services_replaced(self, event: ServicesReplaced) -> None:
        self._is_of_another = self._is_of_another or event.another_account
        self.on_screen_resume()

    def on_screen_resume(self) -> None:
        """Nothing that stands here belongs to the account any more."""
        if self._is_of_another and self.is_current:
            self.dismiss()
