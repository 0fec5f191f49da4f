"""The made-up account behind `--demo`: a sandbox in the process, over a temporary history."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchdeck.config.settings import Settings
    from batchdeck.sandbox.state import Sandbox

BASE_URL = "http://sandbox.invalid/v1"
KEY_VARIABLE = "BATCHDECK_DEMO_KEY"
NOTHING_OF_THE_USERS = ("profile", "base_url", "config", "data_dir", "log_file")
"""Flags that name what is the user's own: a demo has its own instead."""


HINT = "A made-up account. Try f on a batch with failures, r to send them again, / to filter, ? for the keys."


class Demo:
    """A folder and a sandbox that are gone when the program ends.

    Args:
        clock: Epoch seconds, by which the batches move.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._folder = Path(tempfile.mkdtemp(prefix="batchdeck-demo-"))
        (self._folder / "config.toml").touch()
        self._sandbox: Sandbox | None = None

    def flags(self, flags: Mapping[str, Any]) -> dict[str, Any]:
        """The command line with every place of the user's replaced by one of the demo's."""
        return {name: value for name, value in flags.items() if name not in NOTHING_OF_THE_USERS} | {
            "config": str(self._folder / "config.toml"),
            "data_dir": str(self._folder / "data"),
            "log_file": str(self._folder / "batchdeck.log"),
            "base_url": BASE_URL,
        }

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """The environment without the user's account."""
        return {name: value for name, value in env.items() if not name.startswith("OPENAI_")} | {
            KEY_VARIABLE: "demo"
        }

    def settings(self, settings: Settings) -> Settings:
        """The settings with the demo's profile and download folder."""
        profile = replace(
            settings.profile, name="demo", api_key_env=KEY_VARIABLE, refresh_seconds=2.0, settle_seconds=5.0
        )
        return replace(
            settings,
            profile=profile,
            profiles={"demo": profile},
            download_dir=self._folder / "downloads",
        )

    def transport(self) -> object:
        """An httpx2 transport that ends in the sandbox, without a socket."""
        import httpx2

        from batchdeck.sandbox.app import create_app

        return httpx2.ASGITransport(app=create_app(self._seeded()))

    def _seeded(self) -> Sandbox:
        if self._sandbox is None:
            from batchdeck.sandbox.demo import seed_demo
            from batchdeck.sandbox.state import Sandbox

            self._sandbox = Sandbox(clock=self._clock)
            seed_demo(self._sandbox)
        return self._sandbox

    def close(self) -> None:
        """Remove everything that the demo made."""
        if self._sandbox is not None:
            self._sandbox.close()
        shutil.rmtree(self._folder, ignore_errors=True)
