"""Keep what was sent, and find it again."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from batchdeck.errors import FileProblem, InputLost, NotFound
from batchdeck.services.disk import make_private_folder, plain_size
from batchdeck.services.fetch import Fetch
from batchdeck.services.gzcopy import CopyDamaged, compress, copy_range, expand
from batchdeck.services.names import safe_stem
from batchdeck.services.plainfiles import PlainFiles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from batchdeck.models.batch import Batch
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.models.stored import KeptInput
    from batchdeck.services.context import Context

Origin = Literal["kept", "original", "service"]

_ORPHAN_SECONDS = 86_400.0
"""Age from which a copy that no input names is taken away."""


@dataclass(frozen=True, slots=True)
class InputSource:
    """A plain file that holds a batch's input, byte for byte. Not to be written to."""

    path: Path
    origin: Origin
    """Where it came from: the kept copy, the file it was sent from, or the service."""
    bytes: int


class Inputs:
    """Compressed copies of sent inputs, within a budget.

    Args:
        inputs_dir: Where the compressed copies are.
        outbox_dir: Where plain files are written that are made here.
        budget_bytes: What the compressed copies may take; the plain ones may take as much again.
    """

    def __init__(
        self, context: Context, *, inputs_dir: Path, outbox_dir: Path, budget_bytes: int = 2_000_000_000
    ) -> None:
        self._context = context
        self._inputs_dir = inputs_dir
        self._budget_bytes = budget_bytes
        self._plain = PlainFiles(outbox_dir / "plain", budget_bytes)

    # --- keeping ------------------------------------------------------------

    async def keep(
        self,
        path: Path,
        *,
        start: int,
        end: int,
        sha256: str,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Path | None:
        """Keep a compressed copy of what is about to be sent; None when the budget or the disk has no room.

        Raises:
            FileProblem: the file cannot be read, or its bytes are not those that were checked.
            Interrupted: told to stop.
        """
        target = self._inputs_dir / f"{sha256}-{self._context.account_id}.jsonl.gz"
        if plain_size(target) is not None:
            with suppress(OSError):
                os.utime(target)
            return target
        try:
            digest = await asyncio.to_thread(
                compress, path, target, start=start, end=end, on_progress=on_progress, should_stop=should_stop
            )
        except FileProblem:
            if plain_size(path) is None:
                raise
            # A full disk must not stand in the way of the send: the file itself is still there.
            return None
        if digest.sha256 != sha256:
            target.unlink(missing_ok=True)
            raise FileProblem(
                f"{path} has changed since it was checked; nothing was created.", hint="Check it again."
            )
        if not await self._make_room(target):
            target.unlink(missing_ok=True)
            return None
        return target

    async def remember(self, input_file_id: str, payload: Mapping[str, Any]) -> None:
        """Note what a file at the service was made of.

        Args:
            payload: That of the operation which uploaded it.
        """
        kept = payload.get("kept")
        await self._context.history.inputs.remember(
            self._context.account_id,
            input_file_id,
            payload["sha256"],
            payload["bytes"],
            payload["path"],
            kept if kept and plain_size(Path(kept)) is not None else None,
            payload["requests"],
            payload["name"],
        )

    async def _make_room(self, fresh: Path) -> bool:
        """Take old copies away until `fresh` fits; False when it does not."""
        size = plain_size(fresh) or 0
        inputs = self._context.history.inputs
        await asyncio.to_thread(self._sweep_orphans, await self._known_copies(), fresh)
        excess = await inputs.total_kept_bytes() + size - self._budget_bytes
        if size > self._budget_bytes:
            return False
        if excess > 0:
            seen: set[str] = set()
            for old in await inputs.evictable():
                if old.kept_path is None or old.kept_path in seen or old.kept_path == str(fresh):
                    continue
                seen.add(old.kept_path)
                await inputs.forget_copy(old.kept_path)
                with suppress(OSError):
                    os.unlink(old.kept_path)
                excess -= old.kept_bytes
                if excess <= 0:
                    break
        return excess <= 0

    async def _known_copies(self) -> set[str]:
        """Names of copies that an input or an open operation still needs, of those old enough to look at."""
        history, account_id = self._context.history, self._context.account_id
        known = {
            Path(kept).name
            for operation in await history.operations.unsettled(account_id)
            if isinstance(kept := operation.payload.get("kept"), str)
        }
        for name in await asyncio.to_thread(self._own_old_copies):
            if any(entry.kept_path for entry in await history.inputs.of_sha256(account_id, name[:64])):
                known.add(name)
        return known

    def _own_old_copies(self) -> list[str]:
        suffix = f"-{self._context.account_id}.jsonl.gz"
        oldest = time.time() - _ORPHAN_SECONDS
        names = []
        with suppress(OSError), os.scandir(self._inputs_dir) as entries:
            for entry in entries:
                if entry.name.endswith(suffix) and entry.stat().st_mtime < oldest:
                    names.append(entry.name)
        return names

    def _sweep_orphans(self, known: set[str], fresh: Path) -> None:
        """Take away copies that a killed process left behind."""
        for name in self._own_old_copies():
            if name not in known and name != fresh.name:
                with suppress(OSError):
                    os.unlink(self._inputs_dir / name)

    # --- finding ------------------------------------------------------------

    async def find(
        self,
        batch: Batch,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> InputSource:
        """The batch's input as a plain local file: the kept copy, the original, else the service's file.

        Raises:
            InputLost: none is left; the sentence says what is still possible.
            ServiceError: the service could not be asked.
            FileProblem, Interrupted: it could not be written out.
        """
        found = await self.find_local(batch, on_progress=on_progress, should_stop=should_stop)
        if found is not None:
            return found
        if not batch.input_file_id:
            raise InputLost(
                f"Batch {batch.id} does not say which file it was made of, and no copy was kept here.",
                hint="Its results can still be downloaded; a retry needs the file it was sent from.",
            )
        return await self._from_service(batch, batch.input_file_id, on_progress, should_stop)

    async def find_local(
        self,
        batch: Batch,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> InputSource | None:
        """The same without asking the service; None when no copy is left here.

        Raises:
            FileProblem, Interrupted: it could not be written out.
        """
        if not batch.input_file_id:
            return None
        known = await self._context.history.inputs.of_file(self._context.account_id, batch.input_file_id)
        if known is None:
            return None
        kept = await self._from_copy(known, on_progress, should_stop)
        return kept or await self._from_original(batch, known, on_progress, should_stop)

    async def _from_copy(
        self, known: KeptInput, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> InputSource | None:
        if known.kept_path is None:
            return None
        plain = self._plain.folder / f"{known.sha256}.jsonl"
        if await self._is_whole(plain, known.bytes, known.sha256, should_stop):
            return InputSource(plain, "kept", known.bytes)
        await asyncio.to_thread(self._plain.make_room, known.bytes)
        try:
            await asyncio.to_thread(
                expand,
                Path(known.kept_path),
                plain,
                sha256=known.sha256,
                on_progress=on_progress,
                should_stop=should_stop,
            )
        except CopyDamaged:
            await self._context.history.inputs.forget_copy(known.kept_path)
            return None
        self._plain.note(plain, known.sha256)
        return InputSource(plain, "kept", known.bytes)

    async def _from_original(
        self,
        batch: Batch,
        known: KeptInput,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> InputSource | None:
        path = Path(known.original_path)
        if await self._is_whole(path, known.bytes, known.sha256, should_stop, on_progress):
            return InputSource(path, "original", known.bytes)
        for operation in await self._context.history.operations.by_batch(self._context.account_id, batch.id):
            start, end = operation.payload.get("start"), operation.payload.get("end")
            if not isinstance(start, int) or not isinstance(end, int) or end - start != known.bytes:
                continue
            plain = self._plain.folder / f"{known.sha256}.jsonl"
            try:
                await asyncio.to_thread(
                    copy_range,
                    path,
                    plain,
                    start=start,
                    end=end,
                    sha256=known.sha256,
                    should_stop=should_stop,
                )
            except CopyDamaged:
                continue
            self._plain.note(plain, known.sha256)
            return InputSource(plain, "original", known.bytes)
        return None

    async def _from_service(
        self, batch: Batch, file_id: str, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> InputSource:
        context = self._context
        target = self._plain.folder / f"{safe_stem(file_id)}-{context.account_id}.jsonl"
        for download in await context.history.downloads.of_file(context.account_id, file_id):
            path = Path(download.path)
            if await self._is_whole(path, download.bytes, download.sha256, should_stop):
                return InputSource(path, "service", download.bytes)
        try:
            remote = await context.api.get_file(file_id)
            await asyncio.to_thread(self._plain.make_room, remote.bytes or 0)
            make_private_folder(self._plain.folder)
            fetched = await Fetch.of(
                context,
                file_id,
                target,
                expected=remote.bytes,
                label=f"input of {batch.id}",
                on_progress=on_progress,
                should_stop=should_stop,
            ).run(replace=True)
        except NotFound as error:
            raise InputLost(
                f"No copy of the input of batch {batch.id} is left: none was kept here, and the service has"
                f" deleted {file_id}.",
                hint="Its results can still be downloaded; a retry needs the file it was sent from.",
            ) from error
        await context.history.downloads.remember(
            context.account_id, file_id, str(target), fetched.bytes, fetched.sha256, context.clock.now()
        )
        self._plain.note(target, fetched.sha256)
        return InputSource(target, "service", fetched.bytes)

    async def _is_whole(
        self,
        path: Path,
        size: int,
        sha256: str,
        should_stop: ShouldStop | None,
        on_progress: OnProgress | None = None,
    ) -> bool:
        return await asyncio.to_thread(
            self._plain.is_whole, path, size, sha256, on_progress=on_progress, should_stop=should_stop
        )
