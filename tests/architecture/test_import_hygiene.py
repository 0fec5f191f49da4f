"""What a fresh process has really imported, seen in `sys.modules`."""

from __future__ import annotations

import subprocess
import sys

import pytest


def modules_after(statement: str) -> set[str]:
    """Names in `sys.modules` of a new interpreter that ran a statement."""
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = ("openai", "httpx2", "pydantic", "starlette", "uvicorn", "genai_prices")


@pytest.mark.parametrize("module", ["batchdeck.cli", "batchdeck.bootstrap", "batchdeck.ui.app"])
def test_nothing_heavy_is_imported_on_the_way_to_the_first_paint(module: str) -> None:
    loaded = modules_after(f"import {module}")
    assert module in loaded
    assert not loaded.intersection(HEAVY)


def test_the_command_line_does_without_textual() -> None:
    loaded = modules_after("import batchdeck.cli")
    assert not any(name.split(".")[0] in {"textual", "rich"} for name in loaded)


@pytest.mark.parametrize(
    "module", ["batchdeck.jsonl", "batchdeck.services", "batchdeck.store", "batchdeck.models"]
)
def test_the_lower_layers_do_without_the_screen_and_the_sdk(module: str) -> None:
    loaded = modules_after(
        "import importlib, pkgutil\n"
        f"package = importlib.import_module({module!r})\n"
        "for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(found.name)"
    )
    assert not any(name.split(".")[0] in {"textual", "openai"} for name in loaded)
