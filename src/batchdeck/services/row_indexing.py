"""One pass over a local file puts every row's place into the history, off the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import FileProblem
from batchdeck.store.rows import CHUNK, IndexedFile

if TYPE_CHECKING:
    from batchdeck.jsonl.index import InputLine
    from batchdeck.models.lines import IndexedRow
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.context import Context

MAX_ROWS = 4_000_000
"""Rows the index keeps; the files not used for longest leave it first, and are indexed again when needed."""


async def indexed_file(
    context: Context,
    file_id: str,
    kind: str,
    path: Path,
    *,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> IndexedFile:
    """The index of a file, made now when there is none or the file is not the same any more.

    Args:
        file_id: The service's id of the file.
        kind: `input`, `output` or `errors`.
        path: A complete local copy.

    Raises:
        FileProblem: it cannot be read, or changed meanwhile.
        Interrupted: told to stop; what was indexed so far is swept later.
    """
    history, account_id = context.history, context.account_id
    size, mtime_ns = await asyncio.to_thread(_identity, path)
    known = await history.rows.find(account_id, file_id)
    if known is not None and known.size == size:
        if known.path == str(path) and known.mtime_ns == mtime_ns:
            return known
        if known.path != str(path):
            # Another copy of the same file of the service: what a file id names never changes there.
            await history.rows.moved(known.id, str(path), mtime_ns)
            return await _found(context, known.id)
    file = await history.rows.begin(
        account_id, file_id, kind, path=str(path), size=size, mtime_ns=mtime_ns, at=context.clock.now()
    )
    told_to_stop = threading.Event()

    def stop() -> bool:
        return told_to_stop.is_set() or (should_stop is not None and should_stop())

    reader = _Reader(path, kind, on_progress, stop)
    ahead = asyncio.ensure_future(asyncio.to_thread(reader.next_chunk))
    try:
        while chunk := await ahead:
            # The next rows are parsed while these are written.
            ahead = asyncio.ensure_future(asyncio.to_thread(reader.next_chunk))
            if chunk.results:
                await history.rows.add_results(file, chunk.first, chunk.results)
            else:
                await history.rows.add_lines(file, chunk.first, chunk.lines)
    finally:
        told_to_stop.set()
        if not ahead.done():
            ahead.cancel()
            with suppress(asyncio.CancelledError):
                await ahead
    if await asyncio.to_thread(_identity, path) != (size, mtime_ns):
        raise FileProblem(f"{path.name} was changed while it was being indexed.", hint="Try again.")
    await history.rows.finish(
        file,
        rows=reader.rows,
        torn=reader.torn,
        nameless=reader.nameless,
        usage=reader.usage,
        at=context.clock.now(),
    )
    await history.rows.sweep(context.clock.now(), max_rows=MAX_ROWS)
    return await _found(context, file)


async def _found(context: Context, file: int) -> IndexedFile:
    found = await context.history.rows.get(file)
    if found is None:
        raise FileProblem("The index of a file was deleted while it was being made.", hint="Try again.")
    return found


def _identity(path: Path) -> tuple[int, int]:
    from batchdeck.jsonl.read import file_stat

    found = file_stat(path)
    return found.st_size, found.st_mtime_ns


@dataclass(slots=True)
class _Chunk:
    """Rows to write in one transaction."""

    first: int
    results: list[IndexedRow] = field(default_factory=list)
    lines: list[tuple[int, int, int, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.results or self.lines)


class _Reader:
    """Reads a file in a thread, some thousand rows a call."""

    def __init__(self, path: Path, kind: str, on_progress: OnProgress | None, stop: ShouldStop) -> None:
        self._path = path
        self._kind = kind
        self._on_progress = on_progress
        self._stop = stop
        self._results: Iterator[list[IndexedRow]] | None = None
        self._lines: Iterator[list[InputLine]] | None = None
        self.rows = 0
        self.torn = 0
        self.nameless = 0
        self.usage: dict[str, list[int]] = {}

    def next_chunk(self) -> _Chunk:
        """The next rows; empty at the end."""
        from batchdeck.jsonl import index

        chunk = _Chunk(self.rows)
        if self._kind == "input":
            if self._lines is None:
                self._lines = index.index_input(
                    self._path, on_progress=self._on_progress, should_stop=self._stop
                )
            for lines in self._lines:
                named = [
                    (line, offset, length, custom_id)
                    for line, offset, length, custom_id in lines
                    if custom_id is not None
                ]
                self.nameless += len(lines) - len(named)
                chunk.lines += named
                if len(chunk.lines) >= CHUNK:
                    break
            self.rows += len(chunk.lines)
            return chunk
        if self._results is None:
            self._results = index.index_results(
                self._path, on_progress=self._on_progress, should_stop=self._stop
            )
        for rows in self._results:
            self._note(rows)
            chunk.results += rows
            if len(chunk.results) >= CHUNK:
                break
        self.rows += len(chunk.results)
        return chunk

    def _note(self, rows: list[IndexedRow]) -> None:
        from batchdeck.jsonl.result import TORN_CODE

        usage = self.usage
        for row in rows:
            if row.custom_id is None:
                if row.code == TORN_CODE:
                    self.torn += 1
                else:
                    self.nameless += 1
            if row.input_tokens or row.output_tokens:
                tokens = usage.get(row.model)
                if tokens is None:
                    tokens = usage[row.model] = [0, 0, 0]
                tokens[0] += row.input_tokens
                tokens[1] += row.output_tokens
                tokens[2] += row.cached_tokens
