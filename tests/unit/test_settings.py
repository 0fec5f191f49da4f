"""Settings: what goes before what, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batchdeck.config.paths import Paths
from batchdeck.config.settings import Settings, load_settings
from batchdeck.errors import ConfigError, UsageError
from batchdeck.models.account import DEFAULT_BASE_URL, Limits, Profile


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.find(config=tmp_path / "config.toml", data_dir=tmp_path / "data")


def _load(paths: Paths, text: str, env: dict[str, str] | None = None, **flags: Any) -> Settings:
    paths.config_file.write_text(text, "utf-8")
    return load_settings(paths, flags, env or {})


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(Paths.find(data_dir=tmp_path), {}, {})
    assert settings.profile == Profile()
    assert settings.profiles == {"default": Profile()}
    assert settings.profile.base_url == DEFAULT_BASE_URL
    assert (settings.mouse, settings.ascii, settings.theme, settings.notify) == (True, False, None, "off")
    assert settings.name_keys == ("description", "name", "title", "job", "source")
    assert settings.inputs_budget_bytes == 2_000_000_000


def test_every_key_of_the_file(paths: Paths) -> None:
    settings = _load(
        paths,
        """
        profile = "groq"
        theme = "nord"
        ascii = true
        mouse = false
        download_dir = "~/results"
        inputs_budget = "1.5 GiB"
        name_keys = ["job"]
        notify = "desktop"

        [keys]
        batch.cancel = "X"

        [profiles.groq]
        base_url = "https://api.groq.com/openai/v1/"
        organization = "org-1"
        project = "proj-1"
        api_key_env = "GROQ_API_KEY"
        api_key_command = "pass show groq"
        read_only = true
        refresh_seconds = 30
        completion_window = "7d"
        batch_discount = 0.5
        settle_seconds = 5.5
        headers = { "X-Team" = "search" }

        [profiles.groq.limits]
        max_requests = 1000
        max_bytes = "100MB"
        max_embedding_inputs = 5
        one_model = false
        strict_endpoints = false
        """,
    )
    assert settings.profile == Profile(
        name="groq",
        base_url="https://api.groq.com/openai/v1",
        organization="org-1",
        project="proj-1",
        api_key_env="GROQ_API_KEY",
        api_key_command="pass show groq",
        read_only=True,
        refresh_seconds=30.0,
        limits=Limits(1000, 100_000_000, 5, one_model=False, strict_endpoints=False),
        completion_window="7d",
        batch_discount=0.5,
        settle_seconds=5.5,
        headers={"X-Team": "search"},
    )
    assert (settings.theme, settings.ascii, settings.mouse, settings.notify) == (
        "nord",
        True,
        False,
        "desktop",
    )
    assert settings.download_dir == Path("~/results").expanduser()
    assert settings.inputs_budget_bytes == int(1.5 * 2**30)
    assert settings.name_keys == ("job",)
    assert settings.keys == {"batch.cancel": ("X",)}


TWO = """
[profiles.default]
base_url = "https://default.example/v1"
[profiles.work]
base_url = "https://work.example/v1"
organization = "org-work"
"""
ENV = {
    "OPENAI_BASE_URL": "https://env.example/v1",
    "OPENAI_ORG_ID": "org-env",
    "OPENAI_PROJECT_ID": "proj-env",
}


def test_environment_goes_before_the_file(paths: Paths) -> None:
    profile = _load(paths, TWO, ENV).profile
    assert profile.base_url == "https://env.example/v1"
    assert (profile.organization, profile.project) == ("org-env", "proj-env")
    assert _load(paths, TWO).profile.base_url == "https://default.example/v1"
    assert _load(paths, TWO, {"OPENAI_BASE_URL": "  "}).profile.base_url == "https://default.example/v1"


def test_a_profile_named_by_flag_goes_before_the_environment(paths: Paths) -> None:
    profile = _load(paths, TWO, ENV, profile="work").profile
    assert profile.base_url == "https://work.example/v1"
    assert profile.organization == "org-work"
    assert profile.project == "proj-env"


def test_flags_go_before_everything(paths: Paths) -> None:
    settings = _load(
        paths,
        TWO + "[profiles.slow]\nrefresh_seconds = 60\n",
        ENV,
        profile="slow",
        base_url="http://127.0.0.1:8000/v1/",
        read_only=True,
        refresh=2.5,
        theme="dracula",
        ascii=True,
        no_mouse=True,
    )
    assert settings.profile.base_url == "http://127.0.0.1:8000/v1"
    assert (settings.profile.read_only, settings.read_only) == (True, True)
    assert (settings.profile.refresh_seconds, settings.refresh_seconds) == (2.5, 2.5)
    assert (settings.theme, settings.ascii, settings.mouse) == ("dracula", True, False)


def test_other_profiles_are_as_the_file_says_but_for_flags(paths: Paths) -> None:
    settings = _load(paths, TWO, ENV, read_only=True, refresh=3.0)
    work = settings.profiles["work"]
    assert (work.base_url, work.organization, work.project) == ("https://work.example/v1", "org-work", None)
    assert (work.read_only, work.refresh_seconds) == (True, 3.0)
    assert settings.profiles["default"] == settings.profile


def test_which_profile_is_used(paths: Paths) -> None:
    assert _load(paths, TWO).profile.name == "default"
    assert _load(paths, 'profile = "work"\n' + TWO).profile.name == "work"
    assert _load(paths, 'profile = "work"\n' + TWO, profile="default").profile.name == "default"
    assert _load(paths, "[profiles.only]\n").profile.name == "only"
    assert _load(paths, "[profiles.a]\n[profiles.b]\n").profile.name == "default"
    assert _load(paths, "", profile="default").profile.name == "default"


def test_an_unknown_profile_is_refused(paths: Paths) -> None:
    with pytest.raises(UsageError) as raised:
        _load(paths, TWO, profile="wrok")
    assert "wrok" in raised.value.sentence
    assert "default, work" in str(raised.value.hint)
    with pytest.raises(ConfigError, match="'gone'"):
        _load(paths, 'profile = "gone"\n' + TWO)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("thme = 'nord'", "thme"),
        ("ascii = 1", "ascii"),
        ("mouse = 'no'", "mouse"),
        ("theme = ''", "theme"),
        ("notify = 'loud'", "notify"),
        ("inputs_budget = 'much'", "inputs_budget"),
        ("inputs_budget = -1", "inputs_budget"),
        ("name_keys = [1]", "name_keys"),
        ("profiles = 3", "profiles"),
        ("[profiles]\nwork = 3", "profiles.work"),
        ("[profiles.a]\nbase_ulr = 'https://x'", "profiles.a.base_ulr"),
        ("[profiles.a]\nbase_url = 'api.example.com'", "profiles.a.base_url"),
        ("[profiles.a]\nbase_url = 'file:///etc/passwd'", "profiles.a.base_url"),
        ("[profiles.a]\nbase_url = 'https://user:secret@x/v1'", "profiles.a.base_url"),
        ("[profiles.a]\nbase_url = 'https://[x/v1'", "profiles.a.base_url"),
        ("[profiles.a]\nrefresh_seconds = 0", "profiles.a.refresh_seconds"),
        ("[profiles.a]\nrefresh_seconds = nan", "profiles.a.refresh_seconds"),
        ("[profiles.a]\nrefresh_seconds = true", "profiles.a.refresh_seconds"),
        ("[profiles.a]\nbatch_discount = -1", "profiles.a.batch_discount"),
        ("[profiles.a]\nlimits = 3", "profiles.a.limits"),
        ("[profiles.a]\nlimits = { max_request = 3 }", "profiles.a.limits.max_request"),
        ("[profiles.a]\nlimits = { max_requests = 0 }", "profiles.a.limits.max_requests"),
        ("[profiles.a]\nheaders = { 'Authorization' = 'Bearer x' }", "profiles.a.headers"),
        ("[profiles.a]\nheaders = { 'api-key' = 'x' }", "profiles.a.headers"),
        ("[profiles.a]\nheaders = { 'X Y' = 'x' }", "profiles.a.headers"),
        ('[profiles.a]\nheaders = { X = "a\\nb" }', "profiles.a.headers"),
        ("[keys]\nbatch.cnacel = 'x'", "keys.batch.cnacel"),
        ("keys = 3", "keys"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(paths: Paths, text: str, name: str) -> None:
    with pytest.raises(ConfigError) as raised:
        _load(paths, text)
    assert name in raised.value.sentence
    assert str(paths.config_file) in raised.value.sentence
    assert "\n" not in raised.value.line


def test_a_misspelt_setting_is_guessed(paths: Paths) -> None:
    with pytest.raises(ConfigError) as raised:
        _load(paths, "[profiles.a]\nbase_ulr = 'https://x'")
    assert raised.value.hint == "Did you mean base_url?"


def test_a_key_in_the_file_is_refused_and_not_repeated(paths: Paths) -> None:
    for text in ("api_key = 'sk-secret'", "[profiles.a]\napi_key = 'sk-secret'"):
        with pytest.raises(ConfigError) as raised:
            _load(paths, text)
        assert "api_key_env" in str(raised.value.hint)
        assert "sk-secret" not in raised.value.line


@pytest.mark.parametrize("content", [b"theme = ", b"\xff\xfe", b"a = 1\na = 2", b"[[" * 5000])
def test_a_file_that_is_not_toml(paths: Paths, content: bytes) -> None:
    paths.config_file.write_bytes(content)
    with pytest.raises(ConfigError, match="is not TOML"):
        load_settings(paths, {}, {})


def test_a_byte_order_mark_is_no_harm(paths: Paths) -> None:
    paths.config_file.write_bytes(b"\xef\xbb\xbftheme = 'nord'\n")
    assert load_settings(paths, {}, {}).theme == "nord"


def test_a_config_file_named_by_flag_must_exist(paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_settings(paths, {}, {})
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(Paths.find(config=tmp_path / "folder"), {}, {})


@pytest.mark.parametrize(
    ("flags", "env", "name"),
    [
        ({"base_url": "localhost"}, {}, "--base-url"),
        ({}, {"OPENAI_BASE_URL": "ftp://x"}, "OPENAI_BASE_URL"),
        ({"refresh": 0.0}, {}, "--refresh"),
    ],
)
def test_wrong_flags_and_variables_are_named(
    paths: Paths, flags: dict[str, Any], env: dict[str, str], name: str
) -> None:
    with pytest.raises(UsageError, match=name):
        _load(paths, "", env, **flags)
