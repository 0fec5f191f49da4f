"""The pictures that README shows are what the screens look like now."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from screenshots.make import FOLDER, Scene, shown_text, take_all, use_utc
from screenshots.scenes import SCENES

HOW = "Run 'python screenshots/make.py', look at what changed, and commit it."
PICTURES = [(scene, scene.picture(size)) for scene in SCENES for size in scene.sizes]


@pytest.fixture(scope="module")
def utc() -> Iterator[None]:
    """Times as in the pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        use_utc()
        yield
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.fixture(scope="module")
def taken(utc: None) -> dict[str, str]:
    """Every picture as it comes out now."""
    return take_all(SCENES)


@pytest.mark.posix
@pytest.mark.parametrize(("scene", "name"), PICTURES, ids=[name for _, name in PICTURES])
def test_the_picture_shows_the_screen_as_it_is(scene: Scene, name: str, taken: dict[str, str]) -> None:
    file = FOLDER / f"{name}.svg"
    assert file.is_file(), f"{name}.svg is missing. {HOW}"
    assert shown_text(file.read_text(encoding="utf-8")) == shown_text(taken[name]), (
        f"{name}.svg is older than the screen. {HOW}"
    )


def test_there_is_no_picture_besides() -> None:
    made = {f"{name}.svg" for _, name in PICTURES} | {
        f"{scene.name}.png" for scene in SCENES if scene.has_png
    }
    assert {path.name for path in FOLDER.iterdir() if path.suffix in {".svg", ".png"}} == made, HOW


def test_a_picture_names_no_place_of_the_machine() -> None:
    for _, name in PICTURES:
        words = "\n".join(shown_text((FOLDER / f"{name}.svg").read_text(encoding="utf-8")))
        for sign in ("/tmp", "/home", "/root", "/Users", "batchdeck-picture", "batchdeck-demo"):  # noqa: S108
            assert sign not in words, f"{name}.svg shows {sign}"


def test_words_in_another_place_are_another_picture() -> None:
    row = '<text class="t-r1" x="{x}" y="20" textLength="24.4" clip-path="url(#line-0)">{words}</text>'
    here = shown_text(row.format(x=0, words="ok&#160;") + row.format(x=24.4, words="$1.20"))
    assert here == ["ok $"]
    assert shown_text(row.format(x=12.2, words="ok")) == [" ok"]
