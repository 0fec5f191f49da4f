"""The deck as a Textual app: themes, screens, the error boundary, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.app import App

if TYPE_CHECKING:
    from batchdeck.config.settings import Settings
    from batchdeck.models.account import Profile
    from batchdeck.services.facade import Services

    OpenServices = Callable[[Profile], Awaitable[Services]]
    Connect = Callable[[Services], Awaitable[Services]]


class BatchdeckApp(App[int]):
    """The deck.

    Args:
        settings: What the command line, the environment and the config file say.
        open_services: The services of a profile over the history alone: no key is looked for, nothing is
            imported or sent, `services.api` is None. Awaited before the first paint, and again when the
            user switches to another profile.
        connect: The same services with a client (or those of another account, when the key turns out to
            be another). Awaited after the first paint; it may run a key command and import the SDK.
            Raises a BatchdeckError, which the deck shows as one sentence over the cached rows.

    The caller closes the history and every client that the two made, after the app has ended.
    """

    def __init__(self, settings: Settings, open_services: OpenServices, connect: Connect) -> None:
        super().__init__()
        self.settings = settings
        self._open_services = open_services
        self._connect = connect

    @property
    def is_read_only(self) -> bool:
        """True when a flag or the profile forbids whatever spends or changes."""
        return self.settings.read_only or self.settings.profile.read_only

    def report(self, error: BaseException) -> None:
        """Tell the user of an error, and the log the rest."""

    def stop(self, code: int = 0) -> None:
        """End the app now, whatever work runs, with the terminal restored.

        Safe to call from a signal handler of the event loop.
        """
        self.exit(code, return_code=code)
