"""`profiles`, `paths`, `keys` and `doctor`."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sys
from typing import TYPE_CHECKING

from batchdeck import __version__
from batchdeck.actions import BY_ID
from batchdeck.commands.context import CommandContext
from batchdeck.errors import BatchdeckError

if TYPE_CHECKING:
    from batchdeck.services.facade import Services


async def profiles(context: CommandContext) -> int:
    """Print the configured accounts."""
    settings, out = context.settings, context.out
    rows = []
    for profile in settings.profiles.values():
        source = "api_key_command" if profile.api_key_command else f"${profile.api_key_env}"
        chosen = profile.name == settings.profile.name
        rows.append((profile.name, profile.base_url, source, "yes" if profile.read_only else "no", chosen))
        if out.as_json:
            out.json(
                {
                    "profile": profile.name,
                    "base_url": profile.base_url,
                    "key_from": source,
                    "organization": profile.organization,
                    "project": profile.project,
                    "read_only": profile.read_only,
                    "refresh_seconds": profile.refresh_seconds,
                    "chosen": chosen,
                }
            )
    if not out.as_json:
        out.table(
            ("", "profile", "base_url", "key from", "read-only"),
            [("*" if chosen else "", *cells) for *cells, chosen in rows],
            right=frozenset(),
        )
    return 0


async def paths(context: CommandContext) -> int:
    """Print where files are."""
    where = context.session.paths
    places = {
        "config": where.config_file,
        "data": where.data_dir,
        "history": where.history,
        "inputs": where.inputs_dir,
        "results": where.results_dir,
        "log": where.log_dir,
        "downloads": context.settings.download_dir.absolute(),
    }
    for name, path in places.items():
        if context.out.as_json:
            context.out.json({"name": name, "path": str(path), "exists": path.exists()})
        else:
            context.out.line(f"{name:<10} {path}")
    return 0


async def keys(context: CommandContext) -> int:
    """Print the key table, as the config file leaves it."""
    from batchdeck.config.keymap import effective_keys

    bound = effective_keys(context.settings.keys)
    for action in BY_ID.values():
        if context.out.as_json:
            context.out.json(
                {
                    "action": action.id,
                    "keys": list(bound[action.id]),
                    "label": action.label,
                    "help": action.help,
                    "group": action.group,
                }
            )
    if not context.out.as_json:
        context.out.table(
            ("keys", "does", "action"),
            [
                (" ".join(map(shown_key, bound[action.id])), action.help, action.id)
                for action in BY_ID.values()
            ],
            right=frozenset(),
        )
    return 0


def shown_key(key: str) -> str:
    """A key as people write it."""
    return _KEY_NAMES.get(key, key)


_KEY_NAMES = {
    "escape": "esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "ctrl+@": "ctrl+space",
    "minus": "-",
    "plus": "+",
    "equals_sign": "=",
}


async def doctor(context: CommandContext) -> int:
    """Say what works here; 3 when something that is needed does not."""
    code = 0
    _report(context, "batchdeck", True, f"{__version__}, Python {platform.python_version()}, {sys.platform}")
    _report_terminal(context)
    config = context.session.paths.config_file
    _report(context, "config", True, f"{config}" + ("" if config.exists() else " (none, which is fine)"))
    services: Services | None = None
    try:
        services = await context.session.open_services(context.settings.profile)
        held = sum((await services.browse.counts()).values())
        _report(
            context, "history", True, f"{context.session.paths.history}: {held:,} batches of this account"
        )
    except BatchdeckError as error:
        _report(context, "history", False, error.line)
        code = 3
    profile = context.settings.profile
    try:
        source = await context.session.key_source(profile)
        _report(context, "key", True, f"found, from {source}")
    except BatchdeckError as error:
        _report(context, "key", False, error.line)
        _report(context, "service", False, "not asked: there is no key", is_needed=False)
        return 3
    if services is None:
        _report(context, "service", False, "not asked: the history does not open", is_needed=False)
        return code
    try:
        connected = await context.session.connect(services)
        start = connected.clock.monotonic()
        page = await connected.context.api.list_batches(limit=1)
        took = (connected.clock.monotonic() - start) * 1_000
        found = "it lists batches" if page.batches else "it lists no batch"
        _report(context, "service", True, f"{profile.base_url} answered in {took:.0f} ms: {found}")
    except BatchdeckError as error:
        _report(context, "service", False, error.line)
        code = 3
    return code


def _report_terminal(context: CommandContext) -> None:
    """What the deck would find here; never a failure, for sub-commands need none of it."""
    term = os.environ.get("TERM", "")
    size = shutil.get_terminal_size()
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    can = is_terminal and term != "dumb"
    words = [f"TERM={term or 'not set'}"]
    if is_terminal:
        words.append(f"{size.columns}x{size.lines}")
    else:
        words.append("input or output is no terminal here; the deck needs one, sub-commands do not")
    if term == "dumb":
        words.append("the deck cannot draw on a dumb terminal; sub-commands work")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        words.append(f"encoding {encoding or 'unknown'}: use --ascii")
    if os.environ.get("NO_COLOR"):
        words.append("NO_COLOR is set: no colours")
    for variable in ("TMUX", "STY"):
        if os.environ.get(variable):
            words.append("inside tmux" if variable == "TMUX" else "inside screen")
    words.append(f"locale {locale.getlocale()[0] or 'C'}")
    _report(context, "terminal", can, ", ".join(words), is_needed=False)


def _report(context: CommandContext, check: str, ok: bool, detail: str, *, is_needed: bool = True) -> None:
    """Print how one check came out; what only the deck needs is a note when it is not there."""
    level = "ok" if ok else "FAIL" if is_needed else "note"
    if context.out.as_json:
        context.out.json({"check": check, "ok": level != "FAIL", "level": level.lower(), "detail": detail})
    else:
        context.out.line(f"{level:<4}  {check:<10} {detail}")
