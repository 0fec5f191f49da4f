"""The direction of imports, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "batchdeck"

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "actions": set(),
    "models": {"models", "errors"},
    "api": {"api", "models", "errors", "version"},
    "store": {"store", "models", "errors"},
    "jsonl": {"jsonl", "models", "errors"},
    "services": {"services", "api", "store", "jsonl", "models", "errors", "actions"},
    "config": {"config", "models", "errors", "actions"},
    "ui": {"ui", "services", "config", "models", "errors", "actions", "version"},
    "sandbox": {"sandbox", "version"},
    "bootstrap": {
        "bootstrap",
        "config",
        "store",
        "api",
        "services",
        "models",
        "errors",
        "ui",
        "demo",
        "version",
    },
    "demo": {"demo", "config", "sandbox"},
    "commands": {
        "commands",
        "bootstrap",
        "config",
        "services",
        "models",
        "errors",
        "actions",
        "sandbox",
        "version",
    },
    "cli": {
        "cli",
        "commands",
        "bootstrap",
        "config",
        "services",
        "models",
        "errors",
        "actions",
        "sandbox",
        "version",
    },
    "__main__": {"cli"},
    "__init__": set(),
}
"""Who may import whom: ui -> services -> (api, store, jsonl) -> models."""


def layer_of(path: Path) -> str:
    """The top-level package or module a file belongs to."""
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imported_modules(path: Path) -> Iterator[str]:
    """Full names of the batchdeck and outside modules that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            assert node.module is not None
            if node.module == "batchdeck":
                yield from (f"batchdeck.{alias.name}" for alias in node.names)
            else:
                yield node.module


def files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def target_layer(module: str) -> str | None:
    """The layer of a batchdeck module, or None for another library's."""
    parts = module.split(".")
    if parts[0] != "batchdeck":
        return None
    if len(parts) == 1 or parts[1] == "__version__":
        return "version"
    return parts[1]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_imports_only_what_its_layer_may(path: Path) -> None:
    layer = layer_of(path)
    targets = {target_layer(module) for module in imported_modules(path)} - {None}
    assert targets <= ALLOWED[layer], f"{layer} imports {targets - ALLOWED[layer]}"


def who_imports(library: str) -> set[str]:
    return {
        layer_of(path)
        for path in files()
        if any(module.split(".")[0] == library for module in imported_modules(path))
    }


def test_only_the_api_layer_knows_the_sdk() -> None:
    assert who_imports("openai") == {"api"}


def test_only_the_store_layer_knows_sqlite() -> None:
    layers = who_imports("aiosqlite") | who_imports("sqlite3")
    assert "store" in layers
    assert layers <= {"store", "jsonl"}, "jsonl may use a temporary database for what does not fit in memory"


def test_only_the_ui_knows_textual() -> None:
    assert who_imports("textual") == {"ui"}


def test_only_bootstrap_imports_the_ui_from_outside() -> None:
    outside = {
        layer_of(path)
        for path in files()
        if layer_of(path) != "ui" and "ui" in {target_layer(m) for m in imported_modules(path)}
    }
    assert outside == {"bootstrap"}


def test_only_the_command_line_imports_bootstrap() -> None:
    importers = {
        layer_of(path) for path in files() if "bootstrap" in {target_layer(m) for m in imported_modules(path)}
    }
    assert importers <= {"cli", "commands", "bootstrap"}
