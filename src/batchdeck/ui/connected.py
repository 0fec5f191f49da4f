"""The app's tie to the history and the service: opening, connecting, polling, switching profiles."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from textual.app import App
from textual.message import Message
from textual.notifications import SeverityLevel

from batchdeck.errors import BatchdeckError
from batchdeck.ui import format, terminal, text
from batchdeck.ui.messages import BatchesChanged, BatchesEnded, ServicesReplaced, SyncChanged

if TYPE_CHECKING:
    from batchdeck.config.settings import Settings
    from batchdeck.models.account import Profile
    from batchdeck.models.batch import BatchRecord
    from batchdeck.services.facade import Services
    from batchdeck.ui.poller import Poller

    OpenServices = Callable[[Profile], Awaitable[Services]]
    Connect = Callable[[Services], Awaitable[Services]]

log = logging.getLogger("batchdeck.ui")

_NAMED = 4
"""Ended batches that a toast names."""


class Freshness(NamedTuple):
    """How old the data is, and why it is not newer."""

    data_at: datetime | None
    """When the service last answered, UTC."""
    trouble: BatchdeckError | None
    """Why it does not answer now, or why it is not asked; None when all is well."""
    since: datetime | None
    """When the trouble began, where known."""


class ConnectedApp(App[int]):
    """An app over the services of one profile.

    Args:
        settings: What the command line, the environment and the config file say.
        open_services: Services over the history alone.
        connect: The same with a client.
        use_ansi: True to keep to the terminal's own colours.
    """

    services: Services
    """Over the profile in use. Another object after `ServicesReplaced`."""

    def __init__(
        self, settings: Settings, open_services: OpenServices, connect: Connect, *, use_ansi: bool
    ) -> None:
        super().__init__(ansi_color=True if use_ansi else None)
        self.settings = settings
        self.poller: Poller | None = None
        """The loop that asks the service, once there is a client."""
        self.trouble: BatchdeckError | None = None
        """Why there is no client, or None."""
        self.is_connecting = False
        self._data_at: datetime | None = None
        self._open_services = open_services
        self._connect = connect

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        return self.settings.profile

    @property
    def is_read_only(self) -> bool:
        """True when a flag or the profile forbids whatever spends or changes."""
        return self.settings.read_only or self.settings.profile.read_only

    @property
    def is_connected(self) -> bool:
        """True when there is a client; it may be out of reach all the same."""
        return self.services.api is not None

    @property
    def freshness(self) -> Freshness:
        """How far what is shown can be trusted."""
        if self.poller is None:
            return Freshness(self._data_at, self.trouble, None)
        status = self.services.sync.status
        return Freshness(status.last_success_at or self._data_at, status.error, status.failing_since)

    def tell(self, message: Message) -> None:
        """Post a message to every screen."""
        if isinstance(message, BatchesEnded):
            self._tell_ended(message.records)
        for screen in self.screen_stack:
            screen.post_message(message)

    async def open(self) -> None:
        """Open the history of the profile in use; for the first screen, before it paints.

        Raises:
            BatchdeckError: the history cannot be opened; there is nothing to show.
        """
        self.services = services = await self._open_services(self.profile)
        state = await services.history.sync_state.get(services.account_id)
        self._data_at = state.last_success_at

    def report(self, error: BaseException, *, title: str = "") -> None:
        """Tell the user of an error in one sentence, and the log the rest."""
        raise NotImplementedError

    def connect(self) -> None:
        """Make a client and begin to ask the service; for the first screen, after it painted."""
        if not self.is_connecting:
            self.is_connecting = True
            self.run_worker(self._connect_now(), group="connect", exclusive=True, exit_on_error=False)
            self.tell(SyncChanged())

    async def _connect_now(self) -> None:
        sys.setswitchinterval(0.001)
        before = self.services
        try:
            services = await self._connect(before)
        except BatchdeckError as error:
            self.trouble = error
            log.warning("not connected: %s", error.sentence)
            return
        finally:
            self.is_connecting = False
            self.tell(SyncChanged())
        self.trouble = None
        self.services = services
        self.tell(ServicesReplaced(services.account_id != before.account_id))
        self._poll()
        self.run_worker(self._settle(services), group="work", exit_on_error=False)

    def _poll(self) -> None:
        from batchdeck.ui.poller import Poller

        self.poller = Poller(
            self.services,
            self.tell,
            refresh_seconds=self.settings.refresh_seconds or self.profile.refresh_seconds,
            report=self.report,
            after_refresh=self._tend_room,
        )
        self.poller.set_focused(self.app_focus)
        self.run_worker(self.poller.run(), group="poll", exclusive=True, exit_on_error=False)
        self.run_worker(self.poller.fill(), group="fill", exclusive=True, exit_on_error=False)
        self.run_worker(self.poller.price(), group="price", exclusive=True, exit_on_error=False)

    async def switch_profile(self, name: str) -> None:
        """Show another profile's batches.

        Raises:
            BatchdeckError: its history cannot be opened.
        """
        for group in ("poll", "fill", "connect"):
            self.workers.cancel_group(self, group)
        self.poller = None
        self.is_connecting = False
        self.trouble = None
        profile = self.settings.profiles[name]
        if self.settings.read_only:
            profile = replace(profile, read_only=True)
        self.settings = replace(self.settings, profile=profile)
        await self.open()
        self.tell(ServicesReplaced(another_account=True))
        self.connect()

    def refresh_now(self) -> None:
        """Ask the service now, or try again to make a client."""
        if self.poller is not None:
            self.poller.refresh_now()
        else:
            self.connect()

    def watch_app_focus(self, focused: bool) -> None:
        """Slow down while nobody looks."""
        if self.poller is not None:
            self.poller.set_focused(focused)
            self.tell(SyncChanged())

    # --- what goes on by itself ---------------------------------------------

    async def _settle(self, services: Services) -> None:
        """Find out how operations that were cut off ended; nothing is sent."""
        open_ones = await services.journal.unsettled()
        if all(services.journal.is_held(each.id) for each in open_ones):
            return
        settled = [
            each for each in await services.settle.reconcile(finish=False) if each.operation.state.is_settled
        ]
        if settled:
            self.notify("\n".join(each.words for each in settled), title="Settled what was cut off")
        self.tell(BatchesChanged())

    def _tend_room(self) -> None:
        """See to what waits for room in the queue; never cut off, for it sends."""
        busy = any(worker.group == "room" and worker.is_running for worker in self.workers)
        if not busy and not self.is_read_only:
            self.run_worker(self._try_room(self.services), group="room", exit_on_error=False)

    async def _try_room(self, services: Services) -> None:
        if not await services.room.waiting():
            return
        created = await services.room.tick()
        if created:
            names = ", ".join(each.batch.id for each in created)
            self.notify(f"There was room: created {names}.", title="Create")
            self.tell(BatchesChanged())

    def _tell_ended(self, records: tuple[BatchRecord, ...]) -> None:
        """A toast for batches that ended, and what the config asks for while nobody looks."""
        lines = [f"{text.clean_line(each.name)}: {how_it_ended(each)}" for each in records[:_NAMED]]
        if len(records) > _NAMED:
            lines.append(f"and {len(records) - _NAMED} more")
        is_well = all(each.batch.status == "completed" and not each.batch.counts.failed for each in records)
        severity: SeverityLevel = "information" if is_well else "warning"
        title = f"{format.plural(len(records), 'batch')} ended"
        self.notify("\n".join(lines), title=title, severity=severity)
        if not self.app_focus and self._driver is not None and not self.is_headless:
            ways = {"bell": ("bell",), "desktop": ("osc9", "osc777")}.get(self.settings.notify, ())
            self._driver.write(terminal.notification_sequences(ways, title, lines[0]))
            self._driver.flush()


def how_it_ended(record: BatchRecord) -> str:
    """How a batch ended in a few words: `completed, 12 of 1,500 failed`."""
    counts = record.batch.counts
    words = format.status_words(record.batch.status)
    if counts.failed:
        return f"{words}, {format.count(counts.failed)} of {format.count(counts.total)} failed"
    if record.batch.status != "completed" and counts.completed:
        return f"{words}, {format.count(counts.completed)} of {format.count(counts.total)} answered"
    return words
