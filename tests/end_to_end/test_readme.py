"""What README says is true: its commands run, its tables are the program's."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batchdeck.cli import build_parser
from batchdeck.config.paths import Paths
from batchdeck.config.settings import load_settings
from batchdeck.models.filter import BatchFilter
from screenshots.make import with_key_table
from tests.end_to_end.conftest import Home, ServedSandbox

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, str]:
    """Heading of the second level to its text."""
    parts = re.split(r"^## (.+)$", README, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


SECTIONS = sections()


def examples() -> list[tuple[str, list[str]]]:
    """Commands over the demo, with the lines that README shows below them."""
    found = []
    for name, code in BLOCK.findall(README):
        if name == "console":
            command, _, output = code.partition("\n")
            assert command.startswith("$ batchdeck "), command
            found.append((command[2:], [line for line in output.splitlines() if line != "..."]))
    assert len(found) > 3
    return found


def row_sign(line: str) -> list[str]:
    """What is the same in a line at any hour: its first words, without the time of day or the day."""
    words = [word for word in line.split() if not re.search(r"\d{4}-\d\d|\d[smhd]$|%$|^[\d,]+$|\$", word)]
    return words[:4]


def blocks(section: str, language: str) -> list[str]:
    """The code blocks of a section in a language."""
    found = [code for name, code in BLOCK.findall(SECTIONS[section]) if name == language]
    assert found, f"{section} has no {language} block"
    return found


def environment(home: Home, url: str | None) -> dict[str, str]:
    """A shell's environment in which `batchdeck` is this interpreter's."""
    env = home.environment(url)
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    return env


def run_script(script: str, home: Home, url: str | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment(home, url),
        cwd=home.work,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.posix
def test_the_cookbook_runs_as_written(home: Home, serve: Callable[..., ServedSandbox]) -> None:
    url = serve("--speed", "300").url
    recipes = blocks("Cookbook", "sh")
    assert len(recipes) == 5
    outputs = []
    for recipe in recipes:
        done = run_script(recipe, home, url)
        assert done.returncode == 0, f"{recipe}\n{done.stdout}\n{done.stderr}"
        outputs.append(done.stdout)
    merged = sorted(home.work.glob("*_merged.*"))
    assert [path.suffix for path in merged].count(".csv") == 1
    assert [path.suffix for path in merged].count(".jsonl") == 1
    table = next(path for path in merged if path.suffix == ".csv").read_text(encoding="utf-8")
    assert "Love the new dashboard, thank you!" in table
    assert table.count(",ok,") == 3
    assert "exit code 1" in outputs[1]
    assert "duplicate_custom_id" in outputs[1]
    assert "invalid_json_line" in outputs[1]
    assert sorted(path.name.split("_")[-1] for path in (home.work / "results").iterdir()) == ["output.jsonl"]


@pytest.mark.posix
@pytest.mark.parametrize("example", examples(), ids=lambda example: example[0][:40])
def test_the_commands_with_output_say_what_is_shown(example: tuple[str, list[str]], home: Home) -> None:
    command, shown = example
    done = run_script(command, home, None)
    assert done.returncode in (0, 1), done.stdout
    said = iter([row_sign(line) for line in done.stdout.splitlines()])
    for line in shown:
        assert row_sign(line) in said, f"{line!r} is not said, or not there:\n{done.stdout}"


def named_commands() -> Iterator[list[str]]:
    """Every `batchdeck ...` line of the shell blocks outside the cookbook."""
    for section in ("Two commands", "First run"):
        for block in blocks(section, "sh"):
            for line in block.splitlines():
                for part in line.split("&&"):
                    words = shlex.split(part)
                    if words and Path(words[0]).name == "batchdeck":
                        yield words[1:]


def test_the_other_commands_are_commands() -> None:
    commands = list(named_commands())
    assert ["--demo"] in commands
    assert ["doctor"] in commands
    for arguments in commands:
        build_parser().parse_args(arguments)


def test_the_test_command_is_what_ci_runs() -> None:
    commands = "".join(blocks("Two commands", "sh"))
    assert "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest\n" in commands
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_sub_command_and_flag_is_told() -> None:
    told = SECTIONS["Commands"] + SECTIONS["Filter"]
    parser = build_parser()
    commands = next(action.choices for action in parser._actions if isinstance(action.choices, dict))
    for name, command in commands.items():
        assert f"`{name}" in told or f"{name}`" in told, name
        if name == "sandbox":
            continue
        for action in command._actions:
            for flag in action.option_strings:
                if flag.startswith("--") and flag not in {"--help", "--json", "--endpoint", "--preview"}:
                    assert flag in told, f"{name} {flag}"


def test_the_filter_terms_are_terms() -> None:
    rows = re.findall(r"^\| (`.+?) \|", SECTIONS["Filter"], re.MULTILINE)
    terms = [term for row in rows for term in re.findall(r"`([^`]+)`", row)]
    assert len(terms) > 10
    for term in terms:
        assert not BatchFilter.parse(term).is_empty


def test_the_configuration_is_accepted(tmp_path: Path) -> None:
    (example,) = blocks("Configuration", "toml")
    file = tmp_path / "config.toml"
    file.write_text(example, encoding="utf-8")
    settings = load_settings(Paths.find(config=file, data_dir=tmp_path), {}, {})
    assert set(settings.profiles) == {"work", "night", "azure"}
    assert settings.profiles["azure"].limits.max_requests == 100_000
    assert settings.keys["batch.cancel"] == ("X",)


def test_the_key_table_is_the_action_list() -> None:
    assert with_key_table(README) == README, "Run 'python screenshots/make.py deck'."
    assert "Mark from the last mark to here" in README


def test_the_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file(), picture
