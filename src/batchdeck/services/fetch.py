"""Fetch one file of the service: whole under its name, or not there."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import (
    BatchdeckError,
    FileProblem,
    IncompleteDownload,
    LostAnswer,
    RateLimited,
    ServerFailed,
    ServiceError,
    Unreachable,
)
from batchdeck.services.disk import target_exists
from batchdeck.services.lock import LockBusy
from batchdeck.services.partfile import OVERLAP, PartFile
from batchdeck.services.pulse import Pulse, stop_when_told
from batchdeck.services.writebehind import WriteBehind

if TYPE_CHECKING:
    from batchdeck.api.base import BatchApi, FileStream
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.clock import Clock
    from batchdeck.services.context import Context
    from batchdeck.services.digest import Digest

BLOCK = 1 << 20
"""Bytes handed to the writing thread at a time."""
MAX_ATTEMPTS = 5
"""How often a broken connection is made again without a byte gained."""
_PASSING = (LostAnswer, ServerFailed, Unreachable, RateLimited)

BeforeNaming = Callable[["Digest"], Awaitable[None]]
"""Called when all bytes are there and before the file gets its name."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that stands whole under its name."""

    path: Path
    bytes: int
    sha256: str
    rows: int
    resumed: bool
    """True when bytes of an earlier download were used."""
    words: str = ""
    """How it went when not straight on: cut off, resumed, begun anew."""


class Fetch:
    """One download into a folder, from the first byte missing to the file's name.

    Args:
        file_id: What to fetch.
        target: Where it ends up.
        key: Tells this file from every other one, of other services too.
        expected: Its length in bytes as the file object says, or None.
        label: What it is, for sentences: `output of batch_abc`.
    """

    def __init__(
        self,
        api: BatchApi,
        clock: Clock,
        *,
        file_id: str,
        target: Path,
        key: str,
        expected: int | None,
        label: str,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> None:
        self._api = api
        self._clock = clock
        self._file_id = file_id
        self._target = target
        self._key = key
        self._expected = expected
        self._label = label
        self._should_stop = should_stop
        self._pulse = Pulse(on_progress, f"fetching {label}", expected)
        self._waiting = Pulse(on_progress, f"waiting for another process that fetches {label}", unit="")
        self._stopped = f"Stopped fetching {label}; what came stays for the next time."

    @classmethod
    def of(
        cls,
        context: Context,
        file_id: str,
        target: Path,
        *,
        expected: int | None,
        label: str,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Fetch:
        """A download of an account's file."""
        return cls(
            context.api,
            context.clock,
            file_id=file_id,
            target=target,
            key=f"{context.profile.base_url} {file_id}",
            expected=expected,
            label=label,
            on_progress=on_progress,
            should_stop=should_stop,
        )

    async def run(self, *, replace: bool = False, before_naming: BeforeNaming | None = None) -> Fetched:
        """Fetch it.

        Args:
            replace: Take the place of another file under the name.
            before_naming: Awaited when the content is whole; what it raises keeps the file from its name,
                and takes the part away.

        Raises:
            TargetExists: another file stands there, and not `replace`.
            IncompleteDownload: the service sent fewer or more bytes than it announced.
            ServiceError: it could not be fetched; what came stays for the next time.
            FileProblem: the disk is full or the folder cannot be written; nothing is left.
            Interrupted: told to stop; what came stays.
        """
        part, waited = await self._open_part()
        try:
            if waited and not replace and await asyncio.to_thread(os.path.lexists, self._target):
                await asyncio.to_thread(part.discard)
                raise target_exists(self._target)
            resumed, words = await self._fill(part)
            if before_naming is not None:
                try:
                    await before_naming(part.digest)
                except BatchdeckError:
                    await asyncio.to_thread(part.discard)
                    raise
            digest = part.digest
            await asyncio.to_thread(part.publish, replace=replace)
        finally:
            part.close()
        return Fetched(self._target, digest.bytes, digest.sha256, digest.rows, resumed, words)

    async def _open_part(self) -> tuple[PartFile, bool]:
        """The part file, once no other process writes it, and whether one did."""
        waited = False
        while True:
            try:
                return await asyncio.to_thread(PartFile, self._target, self._key), waited
            except LockBusy:
                waited = True
                stop_when_told(self._should_stop, f"Stopped waiting for {self._label}.")
                self._waiting(0)
                await self._clock.sleep(0.2)

    async def _fill(self, part: PartFile) -> tuple[bool, str]:
        """Bring the part to its full length; tell whether earlier bytes were used, and the story in words."""
        left_behind = part.size
        start = await self._prepare(part)
        resumed, anew, unable, cuts, attempts = False, False, False, 0, 0
        while True:
            before = part.digest.bytes
            try:
                began = await self._stream(part, start)
            except _PASSING as error:
                attempts = 0 if part.digest.bytes > before else attempts + 1
                cuts += 1
                if attempts >= MAX_ATTEMPTS:
                    raise
                await self._back_off(attempts, error)
                start = part.digest.bytes
                continue
            except ServiceError as error:
                if error.status == 416 and start:
                    await asyncio.to_thread(part.keep, 0)
                    start, unable = 0, True
                    continue
                if not part.size:
                    await asyncio.to_thread(part.discard)
                raise
            resumed = resumed or (cuts == 0 and began > 0)
            anew = anew or (began == 0 and (left_behind > 0 or cuts > 0))
            unable = unable or began < start
            got = part.digest.bytes
            if self._expected is None or got == self._expected:
                return resumed, _story(resumed=resumed, cuts=cuts, anew=anew, unable=unable)
            # A stream that ends too early without saying so is a cut like any other, once.
            cuts += 1
            attempts += 1
            if got > self._expected or got <= before or attempts >= MAX_ATTEMPTS:
                await asyncio.to_thread(part.discard)
                raise IncompleteDownload(
                    f"The {self._label} came with {got:,} bytes, but the service says it has"
                    f" {self._expected:,}; nothing was put at {self._target}.",
                    hint="Try again later.",
                )
            await self._back_off(attempts, None)
            start = got

    async def _prepare(self, part: PartFile) -> int:
        """Where to go on: behind what an earlier process left, less an overlap."""
        size = part.size
        keep = max(0, size - OVERLAP)
        if self._expected is not None and size > self._expected:
            keep = 0
        if self._expected is not None:
            free = await asyncio.to_thread(_free_bytes, self._target.parent)
            if free is not None and self._expected - keep > free + size - keep:
                await asyncio.to_thread(part.discard)
                raise FileProblem(
                    f"Cannot write {self._target}: the disk has room for {free:,} of its {self._expected:,}"
                    " bytes. Nothing was fetched and nothing half-made was left.",
                    hint="Make room or choose another folder.",
                )
        if size:
            await asyncio.to_thread(part.keep, keep, should_stop=self._should_stop)
        return keep

    async def _stream(self, part: PartFile, start: int) -> int:
        """One call; tells the byte the service really began at."""
        stop_when_told(self._should_stop, self._stopped)
        async with self._api.stream_file(self._file_id, start=start) as stream:
            began = stream.start
            if began != start:
                if began != 0:
                    raise IncompleteDownload(
                        f"The service sent the {self._label} from byte {began:,} instead of {start:,};"
                        f" nothing was put at {self._target}."
                    )
                await asyncio.to_thread(part.keep, 0)
            await self._copy(stream, part)
            return began

    async def _copy(self, stream: FileStream, part: PartFile) -> None:
        """Receive and write at the same time."""
        behind = WriteBehind(part)
        block: list[bytes] = []
        size = 0
        got = part.digest.bytes
        try:
            async for chunk in stream.chunks():
                block.append(chunk)
                size += len(chunk)
                if size >= BLOCK:
                    got += size
                    full, block = block, []
                    await behind.put(full, size)
                    size = 0
                    self._pulse(got)
                    stop_when_told(self._should_stop, self._stopped)
        finally:
            # What has come is written even when the connection broke: the next attempt goes on behind it.
            try:
                if block:
                    await behind.put(block, size)
            finally:
                await behind.finish()
        self._pulse(got + size, at_once=True)

    async def _back_off(self, attempts: int, error: ServiceError | None) -> None:
        wait = 0.5 * 2 ** max(0, attempts - 1) if attempts else 0.1
        if error is not None and error.retry_after is not None:
            wait = max(wait, min(error.retry_after, 60.0))
        stop_when_told(self._should_stop, self._stopped)
        await self._clock.sleep(wait)


def _story(*, resumed: bool, cuts: int, anew: bool, unable: bool) -> str:
    """How a download went, when not straight on."""
    if anew and unable:
        return "An earlier download was cut off; the service cannot go on in the middle, so it began anew."
    if anew:
        return "The download was cut off at its beginning, so it began anew."
    if resumed:
        return "Went on where an earlier download was cut off."
    if cuts:
        return f"The connection broke {cuts} time{'s' if cuts > 1 else ''}; it went on each time."
    return ""


def _free_bytes(folder: Path) -> int | None:
    """Free bytes of the disk a folder is on, or None when the system does not say."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None
