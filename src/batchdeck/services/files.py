"""Local copies of the service's files, fetched whole or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from batchdeck.services.disk import make_private_folder, plain_size
from batchdeck.services.fetch import Fetch
from batchdeck.services.names import safe_stem
from batchdeck.services.plainfiles import PlainFiles

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.models.stored import KnownDownload
    from batchdeck.services.context import Context
    from batchdeck.services.inputs import Inputs

FileKind = Literal["output", "errors", "input"]

_CLOCK_SLACK = 2.0
"""Seconds by which a file's time may be behind the clock."""


def file_id_of(batch: Batch, kind: FileKind) -> str | None:
    """The service's id of one of a batch's files; None when there is none, or when it may still change."""
    if kind == "input":
        return batch.input_file_id or None
    if not batch.status.is_terminal:
        # Some services give the ids of empty files while the batch still runs.
        return None
    return (batch.output_file_id if kind == "output" else batch.error_file_id) or None


class Files:
    """Keeps complete local copies of a batch's files for whoever needs to read them.

    Args:
        results_dir: Where copies are kept that the user did not ask for.
        budget_bytes: What they may take; the longest unused go first.
    """

    def __init__(
        self, context: Context, inputs: Inputs, *, results_dir: Path, budget_bytes: int = 2_000_000_000
    ) -> None:
        self._context = context
        self._inputs = inputs
        self._plain = PlainFiles(results_dir / str(context.account_id), budget_bytes)
        self._fetching: dict[str, asyncio.Lock] = {}

    async def local(
        self,
        batch: Batch,
        kind: FileKind,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Path | None:
        """A complete local copy of one of a batch's files, fetched when there is none yet.

        None when the batch has no such file: the id is absent, it has not ended, or the file is empty. An
        input comes from wherever `Inputs.find` finds it. The file is not to be written to.

        Raises:
            InputLost: an input of which no copy is left.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: it could not be fetched.
        """
        if kind == "input":
            source = await self._inputs.find(batch, on_progress=on_progress, should_stop=should_stop)
            return source.path
        file_id = file_id_of(batch, kind)
        if file_id is None:
            return None
        async with self._fetching.setdefault(file_id, asyncio.Lock()):
            known = await self.cached(batch, kind)
            if known is None:
                known = await self._fetch(batch, kind, file_id, on_progress, should_stop)
        return known if await asyncio.to_thread(plain_size, known) else None

    async def cached(self, batch: Batch, kind: FileKind) -> Path | None:
        """A complete local copy that is already there, or None; the service is not asked."""
        if kind == "input":
            source = await self._inputs.find_local(batch)
            return None if source is None else source.path
        file_id = file_id_of(batch, kind)
        if file_id is None:
            return None
        history, account_id = self._context.history, self._context.account_id
        for download in await history.downloads.of_file(account_id, file_id):
            if await asyncio.to_thread(self._still_holds, download):
                return Path(download.path)
        return None

    async def _fetch(
        self,
        batch: Batch,
        kind: FileKind,
        file_id: str,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> Path:
        context = self._context
        remote = await context.api.get_file(file_id)
        target = self._plain.folder / f"{kind}-{safe_stem(file_id)}.jsonl"
        await asyncio.to_thread(make_private_folder, self._plain.folder)
        await asyncio.to_thread(self._plain.make_room, remote.bytes or 0)
        fetch = Fetch.of(
            context,
            file_id,
            target,
            expected=remote.bytes,
            label=f"{kind} of {batch.id}",
            on_progress=on_progress,
            should_stop=should_stop,
        )
        fetched = await fetch.run(replace=True)
        await context.history.downloads.remember(
            context.account_id, file_id, str(target), fetched.bytes, fetched.sha256, context.clock.now()
        )
        self._plain.note(target, fetched.sha256)
        return target

    def _still_holds(self, download: KnownDownload) -> bool:
        """True when a file is as it was fetched; one changed since is read to be sure."""
        path = Path(download.path)
        if plain_size(path) != download.bytes:
            return False
        if path.stat().st_mtime <= download.at.timestamp() + _CLOCK_SLACK:
            return True
        return self._plain.is_whole(path, download.bytes, download.sha256)
