"""Bring a batch's files into a folder of the user's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import BatchdeckError, FileProblem, Interrupted, NotFound, TargetExists
from batchdeck.models.operation import OperationKind, OperationState
from batchdeck.services.digest import digest_file
from batchdeck.services.disk import make_private_folder, path_text, target_exists
from batchdeck.services.fetch import Fetch
from batchdeck.services.files import file_id_of
from batchdeck.services.localcopy import copy_file
from batchdeck.services.names import safe_stem
from batchdeck.services.no_file import gone, nothing_there
from batchdeck.services.partfile import clear_left_behind

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch
    from batchdeck.models.operation import Operation
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context
    from batchdeck.services.digest import Digest
    from batchdeck.services.files import FileKind, Files
    from batchdeck.services.inputs import Inputs
    from batchdeck.services.journal import Journal


@dataclass(frozen=True, slots=True)
class Downloaded:
    """One file that stands whole under its name."""

    batch_id: str
    kind: FileKind
    path: Path
    bytes: int
    rows: int
    """Lines that are not blank."""
    was_there: bool = False
    """True when the same content stood there already and nothing was put in its place."""
    resumed: bool = False
    """True when an earlier download that was cut off went on."""
    words: str = ""
    """What a person should know beyond that; often empty."""


class _SameContent(BatchdeckError):
    """What was fetched is what stands there already."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One file to bring, and where to."""

    batch: Batch
    kind: FileKind
    file_id: str
    target: Path
    force: bool
    on_progress: OnProgress | None
    should_stop: ShouldStop | None

    @property
    def label(self) -> str:
        """What it is, for sentences."""
        return f"{self.kind} of {self.batch.id}"


class Download:
    """Downloads files to where the user wants them, each one journaled."""

    def __init__(self, context: Context, journal: Journal, files: Files, inputs: Inputs) -> None:
        self._context = context
        self._journal = journal
        self._files = files
        self._inputs = inputs

    async def download(
        self,
        batch_id: str,
        kinds: Sequence[FileKind],
        to: Path,
        *,
        force: bool = False,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> AsyncIterator[Downloaded]:
        """Bring files of a batch into a folder, as `<batch id>_<kind>.jsonl`; what it has not is passed over.

        Args:
            to: The folder, made when it is not there.
            force: Put the file in the place of another one that stands under its name.

        Raises:
            TargetExists: another file stands there, and not `force`.
            InputLost: an input of which no copy is left.
            BatchdeckError: the batch has none of these files.
            ServiceError, IncompleteDownload, FileProblem, Interrupted: it could not be fetched.
        """
        batch = await self._batch(batch_id)
        to = await asyncio.to_thread(to.absolute)
        await asyncio.to_thread(make_private_folder, to)
        brought = 0
        for kind in kinds:
            file_id = file_id_of(batch, kind)
            if file_id is None:
                continue
            target = to / f"{safe_stem(batch.id)}_{kind}.jsonl"
            wanted = _Wanted(batch, kind, file_id, target, force, on_progress, should_stop)
            done = await self._journaled(wanted)
            if done is not None:
                brought += 1
                yield done
        if not brought:
            raise nothing_there(batch, kinds)

    async def _batch(self, batch_id: str) -> Batch:
        """The batch as it is now, or as it was last seen when the service forgot it."""
        try:
            batch = await self._context.api.get_batch(batch_id)
        except NotFound:
            record = await self._context.history.batches.get(self._context.account_id, batch_id)
            if record is None:
                raise
            return record.batch
        await self._context.note_batches([batch])
        return batch

    async def _journaled(self, wanted: _Wanted) -> Downloaded | None:
        """One file, with its steps in the journal; None when it is empty."""
        payload = {
            "file_id": wanted.file_id,
            "kind": wanted.kind,
            "path": path_text(wanted.target),
        }
        operation = await self._journal.begin(
            OperationKind.DOWNLOAD, wanted.label, payload, batch_id=wanted.batch.id
        )
        async with self._journal.hold(operation):
            try:
                done, note = await self._bring(operation, wanted)
            except (Interrupted, asyncio.CancelledError):
                await self._journal.step(
                    operation, OperationState.ABANDONED, note="stopped; what came stays for the next time"
                )
                raise
            except BatchdeckError as error:
                await self._journal.step(operation, OperationState.FAILED, error=error.sentence)
                raise
            await self._journal.step(operation, OperationState.DONE, note=note)
        return done

    async def _bring(self, operation: Operation, wanted: _Wanted) -> tuple[Downloaded | None, str]:
        standing = await self._standing(wanted)
        if standing is not None and await self._is_known(wanted, standing):
            await asyncio.to_thread(clear_left_behind, wanted.target)
            return self._was_there(wanted, standing), "the same content was there already"
        copied = await self._from_local(wanted, standing)
        if copied is not None:
            return copied, "copied from what was fetched before"
        try:
            remote = await self._context.api.get_file(wanted.file_id)
        except NotFound as error:
            raise gone(wanted.batch, wanted.kind, wanted.file_id, error) from error
        if remote.bytes == 0 and wanted.kind != "input":
            return None, "the file is empty; nothing was written"
        if standing is not None and not wanted.force and remote.bytes not in (None, standing.bytes):
            raise target_exists(wanted.target)
        await self._journal.step(
            operation, OperationState.SENDING, note=f"fetching {wanted.file_id} to {wanted.target}"
        )
        fetch = Fetch.of(
            self._context,
            wanted.file_id,
            wanted.target,
            expected=remote.bytes,
            label=wanted.label,
            on_progress=wanted.on_progress,
            should_stop=wanted.should_stop,
        )

        async def before_naming(digest: Digest) -> None:
            await self._judge(wanted, standing, digest)

        try:
            fetched = await fetch.run(replace=wanted.force, before_naming=before_naming)
        except _SameContent:
            if standing is None:
                return None, "the file is empty; nothing was written"
            return self._was_there(wanted, standing), "the same content was there already"
        except NotFound as error:
            raise gone(wanted.batch, wanted.kind, wanted.file_id, error) from error
        except TargetExists:
            now = await self._standing(wanted) if standing is None else None
            if now is not None and await self._is_known(wanted, now):
                return self._was_there(wanted, now), "another process brought it meanwhile"
            await self._forget(wanted)
            raise
        except BatchdeckError:
            await self._forget(wanted)
            raise
        return Downloaded(
            wanted.batch.id,
            wanted.kind,
            wanted.target,
            fetched.bytes,
            fetched.rows,
            resumed=fetched.resumed,
            words=fetched.words,
        ), " ".join(part for part in (f"{fetched.bytes:,} bytes.", fetched.words) if part)

    async def _judge(self, wanted: _Wanted, standing: Digest | None, digest: Digest) -> None:
        """Decide, once the content is whole, whether it may take the name; note it before it does."""
        if standing is not None and standing.sha256 == digest.sha256:
            await self._remember(wanted, digest)
            raise _SameContent("the same")
        if standing is not None and not wanted.force:
            raise target_exists(wanted.target)
        if digest.bytes == 0 and wanted.kind != "input":
            raise _SameContent("empty")
        await self._remember(wanted, digest)

    async def _standing(self, wanted: _Wanted) -> Digest | None:
        """What stands under the name by now, or None."""
        target = wanted.target
        if not await asyncio.to_thread(os.path.lexists, target):
            return None
        if await asyncio.to_thread(target.is_dir):
            raise FileProblem(f"Cannot write {target}: a folder stands there.", hint="Choose another folder.")
        return await asyncio.to_thread(digest_file, target, should_stop=wanted.should_stop)

    async def _is_known(self, wanted: _Wanted, standing: Digest) -> bool:
        """True when what stands there is what the service's file was found to hold."""
        context = self._context
        known = await context.history.downloads.of_file(context.account_id, wanted.file_id)
        same = any(
            (download.bytes, download.sha256) == (standing.bytes, standing.sha256) for download in known
        )
        if same:
            await self._remember(wanted, standing)
        return same

    async def _from_local(self, wanted: _Wanted, standing: Digest | None) -> Downloaded | None:
        """Copy a complete local file instead of fetching it again; None when there is none."""
        source = await self._files.cached(wanted.batch, wanted.kind)
        if source is None or source == wanted.target:
            return None
        if standing is not None and not wanted.force:
            digest = await asyncio.to_thread(digest_file, source, should_stop=wanted.should_stop)
            if digest.sha256 != standing.sha256:
                raise target_exists(wanted.target)
            await self._remember(wanted, standing)
            return self._was_there(wanted, standing)
        copied = await asyncio.to_thread(
            copy_file,
            source,
            wanted.target,
            replace=wanted.force,
            label=wanted.label,
            on_progress=wanted.on_progress,
            should_stop=wanted.should_stop,
        )
        await self._remember(wanted, copied)
        return Downloaded(
            wanted.batch.id,
            wanted.kind,
            wanted.target,
            copied.bytes,
            copied.rows,
            words=f"Copied from {source}.",
        )

    def _was_there(self, wanted: _Wanted, standing: Digest) -> Downloaded:
        return Downloaded(
            wanted.batch.id,
            wanted.kind,
            wanted.target,
            standing.bytes,
            standing.rows,
            was_there=True,
            words="The same content was there already.",
        )

    async def _remember(self, wanted: _Wanted, digest: Digest) -> None:
        context = self._context
        await context.history.downloads.remember(
            context.account_id,
            wanted.file_id,
            path_text(wanted.target),
            digest.bytes,
            digest.sha256,
            context.clock.now(),
        )

    async def _forget(self, wanted: _Wanted) -> None:
        await self._context.history.downloads.forget(
            self._context.account_id, wanted.file_id, path_text(wanted.target)
        )
