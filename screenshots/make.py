"""Make the pictures and the key table that README shows, from the demo with the clock stopped.

    python screenshots/make.py             all pictures as SVG, and PNG of those that README shows
    python screenshots/make.py deck retry  only those

PNG needs `rsvg-convert` (Debian: librsvg2-bin; macOS: librsvg). Everything else is in the test extra.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.pilot import Pilot

FOLDER = Path(__file__).parent
README = FOLDER.parent / "README.md"
NOW = datetime(2026, 11, 20, 7, 45, tzinfo=UTC)
"""The morning after the night's batches."""


class StoppedClock:
    """A clock that always says the same."""

    def now(self) -> datetime:
        """The time of day, UTC."""
        return NOW

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return NOW.timestamp()

    async def sleep(self, seconds: float) -> None:
        """Wait as long as others would."""
        await asyncio.sleep(seconds)


Steps = Callable[["Stage"], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """One picture."""

    name: str
    steps: Steps
    size: tuple[int, int] = (120, 40)
    """Columns and rows."""
    theme: str | None = None
    has_png: bool = False


class Stage:
    """The deck while a picture is set up."""

    def __init__(self, pilot: Pilot[int], folder: Path) -> None:
        self.pilot = pilot
        self.folder = folder
        """A folder of the scene's own."""

    @property
    def text(self) -> str:
        """What stands on the screen."""
        strips = self.pilot.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in strips)

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.pilot.press(*(_KEYS.get(char, char) for char in text))

    async def wait_for(self, text: str, seconds: float = 30.0) -> None:
        """Wait until a text stands on the screen.

        Raises:
            TimeoutError: it never does.
        """
        end = time.monotonic() + seconds
        while text not in self.text:
            if time.monotonic() > end:
                raise TimeoutError(f"{text!r} never came:\n{self.text}")
            await self.pilot.pause(0.02)

    async def wait_gone(self, text: str, seconds: float = 30.0) -> None:
        """Wait until a text stands on the screen no more.

        Raises:
            TimeoutError: it always does.
        """
        end = time.monotonic() + seconds
        while text in self.text:
            if time.monotonic() > end:
                raise TimeoutError(f"{text!r} stayed:\n{self.text}")
            await self.pilot.pause(0.02)

    async def go_to(self, name: str) -> None:
        """Put the cursor on the first batch that a text finds, over the whole list."""
        await self.press("slash")
        await self.type(name)
        await self.press("enter")
        await self.wait_for("/1 " if self.pilot.app.size.width < 60 else "of 1 ")


_KEYS = {" ": "space", "/": "slash", ".": "full_stop", "-": "minus", "_": "underscore", ":": "colon"}


async def take(scene: Scene) -> str:
    """Play a scene over a fresh demo.

    Returns:
        The picture as SVG.
    """
    from batchdeck.bootstrap import make_session
    from batchdeck.demo import Demo
    from batchdeck.ui.app import BatchdeckApp

    flags = {"theme": scene.theme, "refresh": 600.0}
    demo = Demo(clock=NOW.timestamp)
    session = make_session(flags, {}, demo=demo, clock=StoppedClock())
    app = BatchdeckApp(session.settings, session.open_services, session.connect)
    folder = Path(tempfile.mkdtemp(prefix="batchdeck-picture-"))
    before = Path.cwd()
    os.chdir(folder)
    try:
        async with app.run_test(size=scene.size) as pilot:
            stage = Stage(pilot, folder)
            await stage.wait_for("164")
            await scene.steps(stage)
            await pilot.pause()
            return app.export_screenshot(title="batchdeck")
    finally:
        os.chdir(before)
        await session.close()
        shutil.rmtree(folder)


def shown_text(svg: str) -> str:
    """The words of a picture, without what differs from one run to the next."""
    import html

    words = html.unescape("\n".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))).replace("\xa0", " ")
    return re.sub(r"next in \d+s|\d+s old|batchdeck-picture-\w+", "", words)


def write(scene: Scene, svg: str) -> None:
    """Write a picture, and its PNG where README shows it."""
    path = FOLDER / f"{scene.name}.svg"
    path.write_text(svg, encoding="utf-8")
    if scene.has_png:
        program = shutil.which("rsvg-convert")
        if program is None:
            sys.exit("rsvg-convert is needed for PNG.")
        png = path.with_suffix(".png")
        subprocess.run([program, "--zoom", "1.0", str(path), "-o", str(png)], check=True)


def key_table() -> str:
    """The keys of README, from the action list."""
    from batchdeck.actions import ACTIONS
    from batchdeck.commands.program import shown_key

    rows = ["| key | does |", "| --- | --- |"]
    for action in ACTIONS:
        keys = " ".join(f"`{shown_key(key)}`" for key in action.keys)
        rows.append(f"| {keys} | {action.help.rstrip('.')} |")
    return "\n".join(rows)


def with_key_table(readme: str) -> str:
    """README with its key table made anew."""
    return re.sub(
        r"(<!-- keys:[^>]*-->\n).*?(<!-- /keys -->)",
        lambda match: f"{match[1]}\n{key_table()}\n\n{match[2]}",
        readme,
        flags=re.DOTALL,
    )


def main() -> None:
    """Make what was asked for."""
    sys.path.insert(0, str(FOLDER.parent))
    from screenshots.scenes import SCENES

    names = [scene.name for scene in SCENES]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    wanted = parser.parse_args().names or names
    os.environ["TZ"] = "UTC"
    if hasattr(time, "tzset"):
        time.tzset()
    for scene in SCENES:
        if scene.name in wanted:
            write(scene, asyncio.run(take(scene)))
            print(f"{scene.name}.svg")
    README.write_text(with_key_table(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
