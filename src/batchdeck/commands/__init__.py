"""The sub-commands: each a coroutine over the services, with an exit code."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from batchdeck.commands.context import CommandContext

Command = Callable[[CommandContext], Awaitable[int]]


def _find(name: str) -> Command:
    """The coroutine of a sub-command; only its own module is imported."""
    if name in {"list", "show"}:
        from batchdeck.commands import reading

        return {"list": reading.list_batches, "show": reading.show}[name]
    if name in {"failures", "retry"}:
        from batchdeck.commands import retrying

        return {"failures": retrying.failures, "retry": retrying.retry}[name]
    if name in {"check", "build"}:
        from batchdeck.commands import request_files

        return {"check": request_files.check, "build": request_files.build}[name]
    if name in {"create", "cancel", "wait", "reconcile"}:
        from batchdeck.commands import creating, settling, waiting

        return {
            "create": creating.create,
            "cancel": settling.cancel,
            "reconcile": settling.reconcile,
            "wait": waiting.wait,
        }[name]
    if name == "download":
        from batchdeck.commands import downloading

        return downloading.download
    from batchdeck.commands import program

    return {
        "profiles": program.profiles,
        "paths": program.paths,
        "keys": program.keys,
        "doctor": program.doctor,
    }[name]


def run_command(args: argparse.Namespace) -> int:
    """Run the sub-command that the arguments name.

    Returns:
        Its exit code.

    Raises:
        BatchdeckError: what it could not do; the error carries the exit code.
    """
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    from batchdeck.bootstrap import open_session

    command = _find(args.command)
    async with open_session(args) as session:
        context = CommandContext(args, session)
        context.interruption.listen()
        return await command(context)
