"""Make the pictures and the key table that README shows, from the demo with the clock stopped.

    python screenshots/make.py             all pictures as SVG, and PNG of those that README shows
    python screenshots/make.py deck retry  only those

PNG needs `rsvg-convert` (Debian: librsvg2-bin; macOS: librsvg). Everything else is in the test extra.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from batchdeck.actions import Action

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
        """Never end: no time passes."""
        await asyncio.Event().wait()


PATIENCE = 30.0
"""Seconds before a picture is given up."""

Steps = Callable[["Stage"], Awaitable[None]]

WIDE = (120, 40)
SMALL = (80, 24)
NARROW = (50, 15)


@dataclass(frozen=True)
class Scene:
    """What is shown, in one picture for each size."""

    name: str
    steps: Steps
    sizes: tuple[tuple[int, int], ...] = (WIDE, SMALL)
    """Columns and rows; the picture of the first is named as the scene is, the others say their size."""
    theme: str | None = None
    has_png: bool = False
    """True when README shows it."""

    def picture(self, size: tuple[int, int]) -> str:
        """The picture's name, without suffix."""
        return self.name if size == self.sizes[0] else f"{self.name}_{size[0]}x{size[1]}"


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

    async def paste(self, text: str) -> None:
        """Paste a text."""
        self.pilot.app.post_message(events.Paste(text))
        await self.pilot.pause()

    async def wait_for(self, text: str) -> None:
        """Wait until a text stands on the screen.

        Raises:
            TimeoutError: it never does.
        """
        await self.wait_until(lambda: text in self.text, text)

    async def wait_until(self, holds: Callable[[], bool], what: str = "") -> None:
        """Wait until something holds.

        Raises:
            TimeoutError: it never does.
        """
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"{what!r} never came:\n{self.text}")
            await self.pilot.pause(0.02)

    async def go_to(self, name: str) -> None:
        """Filter the list for a batch that is the only one of its name."""
        await self.press("slash")
        await self.paste(name)
        await self.wait_for(" 1 shown")
        await self.press("enter")

    async def go_home(self) -> None:
        """Back to the whole list, the cursor on its first batch."""
        for _ in range(6):
            await self.press("escape")
        await self.press("g")


async def take(scenes: Sequence[Scene]) -> dict[str, str]:
    """Play scenes one after another over one fresh demo.

    Args:
        scenes: All of one theme.

    Returns:
        Name of the picture to the picture as SVG.
    """
    from batchdeck.bootstrap import make_session
    from batchdeck.demo import Demo
    from batchdeck.ui.app import BatchdeckApp

    demo = Demo(clock=NOW.timestamp)
    flags = {"theme": scenes[0].theme, "refresh": 59.0}
    session = make_session(flags, {}, demo=demo, clock=StoppedClock())
    app = BatchdeckApp(session.settings, session.open_services, session.connect)
    folder = Path(tempfile.mkdtemp(prefix="batchdeck-picture-"))
    before = Path.cwd()
    os.chdir(folder)
    pictures = {}
    try:
        async with app.run_test(size=WIDE) as pilot:
            stage = Stage(pilot, folder)
            await stage.wait_for("164")
            await stage.press("R")
            await stage.wait_until(lambda: app.services.costs.is_history_priced)
            for scene in scenes:
                await pilot.resize_terminal(*scene.sizes[0])
                await stage.go_home()
                await scene.steps(stage)
                for size in scene.sizes:
                    await pilot.resize_terminal(*size)
                    await pilot.pause()
                    svg = app.export_screenshot(title="batchdeck")
                    pictures[scene.picture(size)] = _plain_starts(_COUNTDOWN.sub(_ten_seconds, svg))
    finally:
        os.chdir(before)
        await session.close()
        shutil.rmtree(folder)
    return pictures


def take_all(scenes: Sequence[Scene]) -> dict[str, str]:
    """Play scenes, those of one theme together.

    Returns:
        Name of the picture to the picture as SVG.
    """
    pictures: dict[str, str] = {}
    for theme in dict.fromkeys(scene.theme for scene in scenes):
        pictures |= asyncio.run(take([scene for scene in scenes if scene.theme == theme]))
    return pictures


_COUNTDOWN = re.compile(r"(next(?:&#160;in)?)((?:(?:&#160;)+\d+[ms])+)")
"""The one number that moves though the clock stands: the event loop's own time to the next refresh."""


def _ten_seconds(match: re.Match[str]) -> str:
    width = len(html.unescape(match[2]))
    return match[1] + "10s".rjust(width).replace(" ", "&#160;")


_TEXT = re.compile(r'(<text[^>]* x=")([\d.]+)("[^>]* textLength=")([\d.]+)("[^>]*>)((?:&#160;)+)([^<]*)')


def _plain_starts(svg: str) -> str:
    """The picture with each text moved to where its first letter is: some programs drop leading spaces."""

    def moved(match: re.Match[str]) -> str:
        head, x, middle, length, tail, spaces, words = match.groups()
        shift = spaces.count("&#160;") * _CELL
        return f"{head}{float(x) + shift:g}{middle}{max(0.0, float(length) - shift):g}{tail}{words}"

    return _TEXT.sub(moved, svg)


_CELL = 12.2
"""Width of a character cell in the pictures."""


def shown_text(svg: str) -> list[str]:
    """The lines of the screen in a picture, words where they stand.

    Sums of money are without their digits: prices change.
    """
    found = re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)" textLength[^>]*>([^<]*)</text>', svg)
    places = sorted((float(y), float(x), words) for x, y, words in found)
    lines: dict[float, str] = {}
    for y, x, words in places:
        shown = html.unescape(words).replace("\xa0", " ")
        lines[y] = lines.get(y, "").ljust(round(x / _CELL)) + shown
    return [re.sub(r"\$[\d.,]+", "$", line).rstrip() for line in lines.values()]


def write(name: str, svg: str, *, has_png: bool) -> None:
    """Write a picture, and its PNG where README shows it."""
    path = FOLDER / f"{name}.svg"
    path.write_text(svg, encoding="utf-8")
    if has_png:
        program = shutil.which("rsvg-convert")
        if program is None:
            sys.exit("rsvg-convert is needed for PNG.")
        png = path.with_suffix(".png")
        # rsvg-convert does not fit text to its given length, and Fira Code is a little wider than a cell.
        fitting = svg.replace("font-size: 20px", "font-size: 19.83px")
        subprocess.run([program, "-o", str(png)], check=True, input=fitting.encode())


def key_table() -> str:
    """The keys of README, from the action list."""
    from batchdeck.actions import ACTIONS, VIEW_ACTIONS

    rows = ["| key | on the list |", "| --- | --- |"]
    rows += [f"| {_keys(action)} | {action.help.rstrip('.')} |" for action in ACTIONS]
    rows += ["", "| view | key | does there |", "| --- | --- | --- |"]
    rows += [
        f"| {_VIEWS[action.group]} | {_keys(action)} | {action.help.rstrip('.')} |" for action in VIEW_ACTIONS
    ]
    return "\n".join(rows)


_VIEWS = {
    "Tabs": "a batch",
    "Failures": "its failures",
    "Results": "its results",
    "Request": "one request",
    "Create": "create",
    "Activity": "activity",
    "Lineage": "its lineage",
}
"""The action list's headings as README names the views."""


def _keys(action: Action) -> str:
    from batchdeck.commands.program import shown_key

    return " ".join(f"`{shown_key(key)}`" for key in action.keys)


def with_key_table(readme: str) -> str:
    """README with its key table made anew."""
    return re.sub(
        r"(<!-- keys:[^>]*-->\n).*?(<!-- /keys -->)",
        lambda match: f"{match[1]}\n{key_table()}\n\n{match[2]}",
        readme,
        flags=re.DOTALL,
    )


def use_utc() -> None:
    """Have this process show times in UTC."""
    os.environ["TZ"] = "UTC"
    if hasattr(time, "tzset"):
        time.tzset()


def main() -> None:
    """Make what was asked for."""
    sys.path.insert(0, str(FOLDER.parent))
    from screenshots.scenes import SCENES

    names = [scene.name for scene in SCENES]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    wanted = parser.parse_args().names or names
    unknown = set(wanted) - set(names)
    if unknown:
        parser.error(f"no such picture: {', '.join(sorted(unknown))}")
    use_utc()
    scenes = [scene for scene in SCENES if scene.name in wanted]
    with_png = {scene.name for scene in scenes if scene.has_png}
    for name, svg in take_all(scenes).items():
        write(name, svg, has_png=name in with_png)
        print(f"{name}.svg")
    README.write_text(with_key_table(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
