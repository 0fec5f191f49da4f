"""The composition root: settings, history, client, services and deck are put together here, and closed."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from batchdeck.config.keys import find_key, fingerprint, key_from_environment
from batchdeck.config.log import start_log
from batchdeck.config.paths import Paths
from batchdeck.config.settings import Settings, load_settings
from batchdeck.errors import UsageError
from batchdeck.models.account import Account, Profile
from batchdeck.services.clock import Clock, SystemClock
from batchdeck.services.facade import Folders, Services
from batchdeck.store.database import History

if TYPE_CHECKING:
    from batchdeck.api.openai_client import OpenAIBatchApi
    from batchdeck.demo import Demo


class Session:
    """One run of the program: what is open, and how more is opened.

    Args:
        settings: What flags, environment and config file say.
        paths: Where files are.
        env: The environment.
        demo: The made-up account, or None.
        clock: The time.
    """

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        env: Mapping[str, str],
        *,
        demo: Demo | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.paths = paths
        self.clock = clock or SystemClock()
        self._env = env
        self._demo = demo
        self._history: History | None = None
        self._clients: list[OpenAIBatchApi] = []
        self._told_warnings = 0

    @property
    def hint(self) -> str:
        """A line for the top of the deck, or nothing."""
        if self._demo is None:
            return ""
        from batchdeck.demo import HINT

        return HINT

    async def open_services(self, profile: Profile) -> Services:
        """A profile's services over the history alone; no key command is run and nothing is sent.

        Raises:
            HistoryError: the history cannot be opened.
        """
        history = await self._open_history()
        if profile.api_key_command is None:
            secret = key_from_environment(profile, self._env)
            if secret is not None:
                return self._services(history, profile, await self._account_id(profile, fingerprint(secret)))
        known = await history.accounts.last_used(profile.name, profile.base_url)
        account_id = known[0] if known else await self._account_id(profile, "")
        return self._services(history, profile, account_id)

    async def connect(self, services: Services) -> Services:
        """The services with a client, of the account the key belongs to; the SDK is imported in a thread.

        Raises:
            NoKey: no key was found, or its command failed.
        """
        profile = services.profile
        secret = await find_key(profile, self._env)
        from batchdeck.api.openai_client import OpenAIBatchApi

        api = OpenAIBatchApi(
            profile.base_url,
            secret,
            profile.organization,
            profile.project,
            profile.headers,
            transport=self._demo.transport() if self._demo else None,
        )
        self._clients.append(api)
        with _nothing_but_loading():
            await api.warm_up()
        account_id = await self._account_id(profile, fingerprint(secret))
        return self._services(services.history, profile, account_id, api)

    async def key_source(self, profile: Profile) -> str:
        """Where the key was found, in words.

        Raises:
            NoKey: it was not.
        """
        await find_key(profile, self._env)
        return "its command" if profile.api_key_command else f"${profile.api_key_env}"

    def take_warnings(self) -> list[str]:
        """What the history has to tell the user and has not told yet."""
        warnings = self._history.warnings if self._history else []
        fresh = list(warnings[self._told_warnings :])
        self._told_warnings = len(warnings)
        return fresh

    async def close(self) -> None:
        """Close the clients and the history."""
        for client in self._clients:
            await client.close()
        if self._history is not None:
            await self._history.close()
        if self._demo is not None:
            self._demo.close()

    async def _open_history(self) -> History:
        if self._history is None:
            self.paths.make()
            self._history = await History.open(self.paths.history)
        return self._history

    async def _account_id(self, profile: Profile, key_fingerprint: str) -> int:
        history = await self._open_history()
        account = Account(
            profile.base_url.rstrip("/"),
            key_fingerprint,
            profile.organization or "",
            profile.project or "",
        )
        return await history.accounts.key(account, profile.name)

    def _services(
        self, history: History, profile: Profile, account_id: int, api: OpenAIBatchApi | None = None
    ) -> Services:
        return Services(
            history=history,
            account_id=account_id,
            profile=profile,
            clock=self.clock,
            folders=Folders(
                self.paths.inputs_dir,
                self.paths.results_dir,
                self.paths.outbox_dir,
                self.settings.download_dir,
            ),
            name_keys=self.settings.name_keys,
            inputs_budget_bytes=self.settings.inputs_budget_bytes,
            api=api,
        )


@contextmanager
def _nothing_but_loading() -> Iterator[None]:
    """Keep from looking for garbage while the SDK is imported, and later from looking among what it made."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _make_session(args: argparse.Namespace) -> Session:
    flags = {name: value for name, value in vars(args).items() if value is not None}
    if flags.get("demo"):
        from batchdeck.demo import Demo

        return make_session(flags, os.environ, demo=Demo())
    return make_session(flags, os.environ)


def make_session(
    flags: Mapping[str, Any],
    env: Mapping[str, str],
    *,
    demo: Demo | None = None,
    clock: Clock | None = None,
) -> Session:
    """A session that the caller closes.

    Args:
        flags: The command line, by the names of its options.
        env: The environment.
        demo: The made-up account, or None.
        clock: The time, when it is not the machine's.

    Raises:
        ConfigError: a flag, the environment or the config file cannot be used.
    """
    if demo is not None:
        flags, env = demo.flags(flags), demo.environment(env)
    paths = Paths.find(
        config=flags.get("config"), data_dir=flags.get("data_dir"), log_file=flags.get("log_file")
    )
    settings = load_settings(paths, flags, env)
    if demo is not None:
        settings = demo.settings(settings)
    start_log(paths, debug=bool(flags.get("debug")))
    return Session(settings, paths, env, demo=demo, clock=clock)


@asynccontextmanager
async def open_session(args: argparse.Namespace) -> AsyncIterator[Session]:
    """A session that is closed whatever happens.

    Raises:
        ConfigError: a flag, the environment or the config file cannot be used.
    """
    session = _make_session(args)
    try:
        yield session
    finally:
        await session.close()


def run_deck(args: argparse.Namespace) -> int:
    """Open the deck and stay until the user leaves.

    Returns:
        The exit code.

    Raises:
        UsageError: this is no terminal the deck can draw on.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The deck needs a terminal.", hint="Sub-commands do not: see 'batchdeck --help'.")
    if os.environ.get("TERM") == "dumb":
        raise UsageError(
            "The deck cannot draw on TERM=dumb.",
            hint="Set TERM, or use sub-commands such as 'batchdeck list'.",
        )
    # Not asyncio.run: closing the loop waits for threads, such as one that still imports the SDK, while the
    # user has left. Whatever they do is safe to cut off.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop.run_until_complete(_run_deck(args))


async def _run_deck(args: argparse.Namespace) -> int:
    from batchdeck.ui.app import BatchdeckApp

    async with open_session(args) as session:
        app = BatchdeckApp(session.settings, session.open_services, session.connect, hint=session.hint)
        if sys.platform != "win32" and "TEXTUAL_DRIVER" not in os.environ:
            from batchdeck.ui.driver import DeckDriver

            app.driver_class = DeckDriver
        _end_on_signals(app.stop)
        await app.run_async(mouse=session.settings.mouse)
        return app.return_code or 0


LAST_RESORT_SECONDS = 1.5
"""After a signal the process ends within this, even if the terminal takes no more output."""


def _end_on_signals(stop: Callable[[int], None]) -> None:
    """Have SIGHUP and SIGTERM end the deck in order, and by force when that takes too long.

    By force loses nothing: what the history holds is safe against a kill at any moment.
    """
    loop = asyncio.get_running_loop()

    def end(number: int, frame: object) -> None:
        code = 128 + number
        last_resort = threading.Timer(LAST_RESORT_SECONDS, os._exit, [code])
        last_resort.daemon = True
        last_resort.start()
        loop.call_soon_threadsafe(stop, code)

    for name in ("SIGHUP", "SIGTERM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)
