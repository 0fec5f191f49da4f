"""All services of one account in one place, each made when it is first asked for.

A service's module is imported with it, so that opening the deck costs only what the first screen uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import NoKey
from batchdeck.services.context import Context

if TYPE_CHECKING:
    from batchdeck.api.base import BatchApi
    from batchdeck.models.account import Profile
    from batchdeck.services.browse import Browse
    from batchdeck.services.cancel import Cancel
    from batchdeck.services.clock import Clock
    from batchdeck.services.costs import Costs
    from batchdeck.services.creation import Creation
    from batchdeck.services.download import Download
    from batchdeck.services.failures import Failures
    from batchdeck.services.files import Files
    from batchdeck.services.inputs import Inputs
    from batchdeck.services.journal import Journal
    from batchdeck.services.lineage import Lineages
    from batchdeck.services.merge import Merge
    from batchdeck.services.results import Results
    from batchdeck.services.retry_failed import Retry
    from batchdeck.services.room import Room
    from batchdeck.services.settle import Settle
    from batchdeck.services.submit import Submit
    from batchdeck.services.sync import Sync
    from batchdeck.services.wait import Wait
    from batchdeck.store.database import History


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the services keep files."""

    inputs: Path
    results: Path
    outbox: Path
    downloads: Path
    """Where downloads go unless told otherwise."""


class Services:
    """The use cases over one account.

    Args:
        history: The open history.
        account_id: The account in it.
        profile: As configured.
        clock: The time.
        folders: Where files are kept.
        name_keys: Metadata keys that name a batch.
        inputs_budget_bytes: How much the kept inputs may take on disk.
        api: The service, or None while only the history is there.
    """

    def __init__(
        self,
        *,
        history: History,
        account_id: int,
        profile: Profile,
        clock: Clock,
        folders: Folders,
        name_keys: tuple[str, ...],
        inputs_budget_bytes: int,
        api: BatchApi | None = None,
    ) -> None:
        self.history = history
        self.account_id = account_id
        self.profile = profile
        self.clock = clock
        self.folders = folders
        self.name_keys = name_keys
        self.inputs_budget_bytes = inputs_budget_bytes
        self.api = api

    @cached_property
    def context(self) -> Context:
        """What the services share."""
        api = self.api
        if api is None:
            from batchdeck.api.offline import OfflineApi

            api = OfflineApi(NoKey("Not connected to the service yet; nothing was sent."))
        return Context(api, self.history, self.account_id, self.profile, self.clock, self.name_keys)

    @cached_property
    def browse(self) -> Browse:
        """What the screens show."""
        from batchdeck.services.browse import Browse

        return Browse(self.history, self.account_id, self.clock)

    @cached_property
    def sync(self) -> Sync:
        """The history brought up to date."""
        from batchdeck.services.sync import Sync

        return Sync(self.context)

    @cached_property
    def results(self) -> Results:
        """Requests and their answers, row by row."""
        from batchdeck.services.results import Results

        return Results(self.context, self.files)

    @cached_property
    def failures(self) -> Failures:
        """What failed, in groups."""
        from batchdeck.services.failures import Failures

        return Failures(self.context, self.results)

    @cached_property
    def lineages(self) -> Lineages:
        """Retries of retries, and what is still open."""
        from batchdeck.services.lineage import Lineages

        return Lineages(self.context, self.results)

    @cached_property
    def merge(self) -> Merge:
        """The answers of a lineage as one file."""
        from batchdeck.services.merge import Merge

        return Merge(self.context, self.files)

    @cached_property
    def costs(self) -> Costs:
        """Tokens and dollars."""
        from batchdeck.services.costs import Costs

        return Costs(self.context, self.results)

    @cached_property
    def wait(self) -> Wait:
        """Waiting for batches to end."""
        from batchdeck.services.wait import Wait

        return Wait(self.context)

    @cached_property
    def journal(self) -> Journal:
        """The journal of operations."""
        from batchdeck.services.journal import Journal

        return Journal(self.history, self.account_id)

    @cached_property
    def inputs(self) -> Inputs:
        """Kept inputs."""
        from batchdeck.services.inputs import Inputs

        return Inputs(
            self.context,
            inputs_dir=self.folders.inputs,
            outbox_dir=self.folders.outbox,
            budget_bytes=self.inputs_budget_bytes,
        )

    @cached_property
    def creation(self) -> Creation:
        """The path from an operation to one batch."""
        from batchdeck.services.creation import Creation

        return Creation(self.context, self.journal, self.inputs, outbox_dir=self.folders.outbox)

    @cached_property
    def room(self) -> Room:
        """What waits for room in the queue."""
        from batchdeck.services.room import Room

        return Room(self.context, self.creation)

    @cached_property
    def submit(self) -> Submit:
        """Batches from files."""
        from batchdeck.services.submit import Submit

        return Submit(self.context, self.creation, self.room)

    @cached_property
    def settle(self) -> Settle:
        """What was cut off."""
        from batchdeck.services.settle import Settle

        return Settle(self.context, self.creation)

    @cached_property
    def cancel(self) -> Cancel:
        """Cancelling."""
        from batchdeck.services.cancel import Cancel

        return Cancel(self.context, self.journal)

    @cached_property
    def files(self) -> Files:
        """Local copies of the service's files."""
        from batchdeck.services.files import Files

        return Files(self.context, self.inputs, results_dir=self.folders.results)

    @cached_property
    def download(self) -> Download:
        """Files into a folder of the user's."""
        from batchdeck.services.download import Download

        return Download(self.context, self.journal, self.files, self.inputs)

    @cached_property
    def retry(self) -> Retry:
        """New batches of what failed."""
        from batchdeck.services.retry_failed import Retry

        return Retry(
            self.context,
            self.creation,
            self.room,
            self.files,
            self.inputs,
            outbox_dir=self.folders.outbox,
        )
