"""Where files live."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from batchdeck.config.paths import Paths, make_folder, make_private_file
from batchdeck.errors import ConfigError


def test_without_flags_the_platform_decides() -> None:
    paths = Paths.find()
    assert paths.config_file.name == "config.toml"
    assert paths.history == paths.data_dir / "history.sqlite3"
    for folder in (paths.inputs_dir, paths.results_dir, paths.outbox_dir):
        assert folder.parent == paths.data_dir
    assert paths.log_file.parent == paths.log_dir
    assert all("batchdeck" in str(place) for place in (paths.config_file, paths.data_dir, paths.log_dir))
    assert not paths.is_config_named


def test_flags_move_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    paths = Paths.find(config="my.toml", data_dir="data", log_file=tmp_path / "x.log")
    assert paths.config_file == tmp_path / "my.toml"
    assert paths.is_config_named
    assert paths.inputs_dir == tmp_path / "data" / "inputs"
    assert paths.log_dir == tmp_path
    if os.name == "posix":
        assert Paths.find(data_dir="~/d").data_dir == tmp_path / "home" / "d"


def test_finding_makes_nothing(tmp_path: Path) -> None:
    Paths.find(data_dir=tmp_path / "data", log_file=tmp_path / "log" / "x.log")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_what_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    paths = Paths.find(data_dir=tmp_path / "deep" / "data", log_file=tmp_path / "log" / "x.log")
    paths.make()
    paths.make()
    made = [paths.data_dir, paths.inputs_dir, paths.results_dir, paths.outbox_dir]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in made} == {0o700}
    make_private_file(paths.log_file)
    assert stat.S_IMODE(paths.log_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.log_dir.stat().st_mode) == 0o700
    paths.log_file.write_text("kept")
    assert make_private_file(paths.log_file).read_text() == "kept"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        make_folder(tmp_path / "file" / "below")
    with pytest.raises(ConfigError, match="cannot be made"):
        make_private_file(tmp_path)
