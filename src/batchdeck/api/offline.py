"""A Batch API that is not there: every call says why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import BinaryIO

from batchdeck.api.base import FileStream
from batchdeck.errors import ServiceError
from batchdeck.models.batch import Batch
from batchdeck.models.remote import BatchPage, CallResult, NewBatch, RemoteFile


class OfflineApi:
    """Stands where a client will be, or could not be made; nothing is ever sent.

    Args:
        reason: What every call raises.
    """

    def __init__(self, reason: ServiceError) -> None:
        self.reason = reason

    async def list_batches(self, *, after: str | None = None, limit: int = 100) -> BatchPage:
        """Raises the reason."""
        raise self.reason

    async def get_batch(self, batch_id: str) -> Batch:
        """Raises the reason."""
        raise self.reason

    async def create_batch(self, new: NewBatch) -> CallResult:
        """Raises the reason."""
        raise self.reason

    async def cancel_batch(self, batch_id: str) -> CallResult:
        """Raises the reason."""
        raise self.reason

    async def upload_file(
        self, name: str, body: BinaryIO, *, on_bytes: Callable[[int], None] | None = None
    ) -> RemoteFile:
        """Raises the reason."""
        raise self.reason

    async def find_files(self, name: str) -> list[RemoteFile]:
        """Raises the reason."""
        raise self.reason

    async def get_file(self, file_id: str) -> RemoteFile:
        """Raises the reason."""
        raise self.reason

    def stream_file(self, file_id: str, *, start: int = 0) -> AbstractAsyncContextManager[FileStream]:
        """Raises the reason."""
        raise self.reason

    async def close(self) -> None:
        """Nothing to close."""
