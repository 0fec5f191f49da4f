"""What the services need of a Batch API, and nothing more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import BinaryIO, Protocol

from batchdeck.models.batch import Batch
from batchdeck.models.remote import BatchPage, CallResult, NewBatch, RemoteFile


class FileStream(Protocol):
    """The body of a file while it is fetched."""

    @property
    def start(self) -> int:
        """The byte the body starts at: 0 when the service ignored the asked-for start."""

    @property
    def length(self) -> int | None:
        """Bytes of this body as the service announced them, or None."""

    @property
    def request_id(self) -> str | None:
        """The service's x-request-id, or None."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body, in chunks of some 64 KiB or more.

        Raises:
            LostAnswer: the connection broke or the body ended before `length` bytes.
        """


class BatchApi(Protocol):
    """A Batch and Files API of one account.

    Every method raises a `batchdeck.errors.ServiceError`. Reading calls are tried again by the client
    itself; calls that create or cancel are sent once.
    """

    async def list_batches(self, *, after: str | None = None, limit: int = 100) -> BatchPage:
        """One page of batches, newest first."""

    async def get_batch(self, batch_id: str) -> Batch:
        """One batch as it is now."""

    async def create_batch(self, new: NewBatch) -> CallResult:
        """Make a batch. Sent once."""

    async def cancel_batch(self, batch_id: str) -> CallResult:
        """Ask for a batch to be cancelled. Sent once."""

    async def upload_file(
        self, name: str, body: BinaryIO, *, on_bytes: Callable[[int], None] | None = None
    ) -> RemoteFile:
        """Upload an input with purpose `batch`, streamed from where `body` stands to its end. Sent once.

        Args:
            name: The file name the service is told.
            body: A seekable binary file; read in chunks, never whole.
            on_bytes: Told the bytes sent so far.
        """

    async def find_files(self, name: str) -> list[RemoteFile]:
        """Input files at the service whose file name is exactly `name`, newest first."""

    async def get_file(self, file_id: str) -> RemoteFile:
        """A file object."""

    def stream_file(self, file_id: str, *, start: int = 0) -> AbstractAsyncContextManager[FileStream]:
        """The content of a file from byte `start` on, where the service can."""

    async def close(self) -> None:
        """Close the connections."""
