"""The history: one SQLite file with every batch ever seen."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Generator
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from batchdeck.errors import HistoryError, NewerHistory
from batchdeck.store.accounts import Accounts
from batchdeck.store.batches import Batches
from batchdeck.store.damage import mark_suspect
from batchdeck.store.link import Link
from batchdeck.store.opening import Opened, copy_into, open_link, open_links, prepare_memory, prepare_reader
from batchdeck.store.samples import Samples
from batchdeck.store.sync_state import SyncStates
from batchdeck.store.trouble import Trouble, sentence_for, trouble_of

if TYPE_CHECKING:
    from batchdeck.store.downloads import Downloads
    from batchdeck.store.inputs import Inputs
    from batchdeck.store.operations import Operations
    from batchdeck.store.request_views import RequestViews
    from batchdeck.store.rows import RowFiles

T = TypeVar("T")


class History:
    """The open history, with a repository for each thing it keeps.

    Reads have a connection of their own, so a write never holds up a page turn. When the disk is full or
    the file cannot be written, the history carries on in memory and says so in `warnings`; the journal does
    not, for nothing may be sent that is not journaled.
    """

    def __init__(self, opened: Opened) -> None:
        self.path = opened.path
        """The file, or None when the history was never to be in one."""
        self.warnings = opened.warnings
        """What the user should know, one sentence each; may grow while the history is open."""
        self.generation = 0
        """Rises with every write of this process."""
        self._writer = opened.writer
        self._reader = opened.reader
        self._aside: Link | None = None
        self._memory: Link | None = opened.writer if opened.journal_fault else None
        self._journal_fault = opened.journal_fault
        self._opening = asyncio.Lock()
        self.accounts = Accounts(self)
        self.batches = Batches(self)
        self.samples = Samples(self)
        self.sync_state = SyncStates(self)

    # What the first paint does not need is imported when it is first asked for.

    @cached_property
    def operations(self) -> Operations:
        """The journal."""
        from batchdeck.store.operations import Operations

        return Operations(self)

    @cached_property
    def inputs(self) -> Inputs:
        """Kept inputs."""
        from batchdeck.store.inputs import Inputs

        return Inputs(self)

    @cached_property
    def downloads(self) -> Downloads:
        """Files that were fetched."""
        from batchdeck.store.downloads import Downloads

        return Downloads(self)

    @cached_property
    def rows(self) -> RowFiles:
        """Indexed result files."""
        from batchdeck.store.rows import RowFiles

        return RowFiles(self)

    @cached_property
    def requests(self) -> RequestViews:
        """Requests with their outcomes."""
        from batchdeck.store.request_views import RequestViews

        return RequestViews(self)

    @staticmethod
    def open(path: Path) -> Opening:
        """Open the history in a file, made when it is not there: `async with History.open(path) as history`.

        Raises:
            NewerHistory: it was written by a newer batchdeck.
            HistoryError: another process holds it locked for too long.
        """
        return Opening(path)

    @staticmethod
    def open_memory() -> Opening:
        """A history that ends with the process."""
        return Opening(None)

    @property
    def is_in_memory(self) -> bool:
        """True when what is written now is lost at the end."""
        return self.path is None or self._memory is not None

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function of the connection on one unchanging view of the history.

        Raises:
            HistoryError: the file is damaged or locked.
        """
        try:
            return await (self._memory or self._reader).read(work)
        except sqlite3.Error as error:
            raise self._told(error, "read") from error

    async def read_aside(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `read`, for what may take long: it holds up no page turn.

        Raises:
            HistoryError: the file is damaged or locked.
        """
        if self._memory is not None or self.path is None:
            return await self.read(work)
        try:
            async with self._opening:
                if self._aside is None:
                    self._aside = await open_link(str(self.path), prepare_reader)
            return await self._aside.read(work)
        except sqlite3.Error as error:
            raise self._told(error, "read") from error

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function of the connection as one transaction; it may be run again after an error.

        Raises:
            HistoryError: the file is damaged, or locked by another process.
        """
        self.generation += 1
        memory = self._memory
        try:
            return await (memory or self._writer).write(work)
        except sqlite3.Error as error:
            if memory is not None or trouble_of(error) is not Trouble.UNWRITABLE:
                raise self._told(error, "write") from error
            await self._carry_on_in_memory(error)
        return await self.write(work)

    async def journal(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """As `write`, but in the file when it returns, or not at all.

        Args:
            durable: True when it must outlast a power cut, with all that was written before it. Without it
                only the death of the process is outlasted.

        Raises:
            HistoryError: it could not be written; nothing may be sent.
        """
        self.generation += 1
        if self._journal_fault is not None:
            raise HistoryError(f"{self._journal_fault} Nothing is sent that cannot be written down first.")
        try:
            return await self._writer.write(work, durable=durable)
        except sqlite3.Error as error:
            raise self._told(error, "journal") from error

    async def read_journal(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `read`, of what `journal` wrote.

        Raises:
            HistoryError: the file is damaged or locked.
        """
        try:
            return await self._reader.read(work)
        except sqlite3.Error as error:
            raise self._told(error, "read") from error

    async def close(self) -> None:
        """Close every connection."""
        links = [link for link in (self._reader, self._aside, self._writer, self._memory) if link]
        for link in dict.fromkeys(links):
            await link.close()

    async def _carry_on_in_memory(self, error: sqlite3.Error) -> None:
        """Copy what the file holds into memory, and write there from now on."""
        async with self._opening:
            if self._memory is not None:
                return
            path = self.path
            if path is None:
                raise self._told(error, "write") from error

            def prepare(connection: sqlite3.Connection) -> None:
                copy_into(connection, path)
                prepare_memory(connection)

            try:
                self._memory = await open_link(":memory:", prepare)
            except sqlite3.Error as failed:
                raise self._told(failed, "read") from failed
            self.generation += 1
            self.warnings.append(
                f"{sentence_for(error, path, 'write')} What the service says is kept in memory until"
                " batchdeck is started again; nothing is sent that cannot be written down first."
            )

    def _told(self, error: sqlite3.Error, doing: str) -> HistoryError:
        if self.path is not None and trouble_of(error) is Trouble.DAMAGED:
            mark_suspect(self.path)
        return HistoryError(sentence_for(error, self.path, doing))


class Opening:
    """A history that is opened by `async with` or `await`."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._history: History | None = None

    async def _open(self) -> History:
        self._history = History(await open_links(self._path))
        return self._history

    def __await__(self) -> Generator[object, None, History]:
        return self._open().__await__()

    async def __aenter__(self) -> History:
        return await self._open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._history is not None:
            await self._history.close()


__all__ = ["History", "HistoryError", "NewerHistory", "Opening"]
