"""What every sub-command is given."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from batchdeck.commands.interruption import Interruption
from batchdeck.commands.output import Output
from batchdeck.errors import BatchdeckError

if TYPE_CHECKING:
    from batchdeck.bootstrap import Session
    from batchdeck.services.facade import Services


class CommandContext:
    """Arguments, settings and output of one sub-command."""

    def __init__(self, args: argparse.Namespace, session: Session) -> None:
        self.args = args
        self.session = session
        self.settings = session.settings
        self.out = Output(as_json=getattr(args, "json", False))
        self.interruption = Interruption(self.out.say)

    @asynccontextmanager
    async def services(self, *, cached: bool = False) -> AsyncIterator[Services]:
        """The services of the chosen profile, with a client unless only the history is wanted."""
        services = await self.session.open_services(self.settings.profile)
        self._warn()
        try:
            if not cached:
                services = await self.session.connect(services)
            yield services
        finally:
            self._warn()  # a disk can fill up while the command runs

    def _warn(self) -> None:
        for warning in self.session.take_warnings():
            self.out.say(warning)


async def each(context: CommandContext, ids: Iterable[str], do: Callable[[str], Awaitable[int]]) -> int:
    """Do something for each of several batches; one that fails does not stop the others.

    Returns:
        The highest exit code of all.
    """
    worst = 0
    for batch_id in dict.fromkeys(ids):
        try:
            code = await do(batch_id)
        except BatchdeckError as error:
            if error.exit_code == 130:
                raise
            context.out.complain(error.line)
            code = error.exit_code
        worst = max(worst, code)
    return worst
