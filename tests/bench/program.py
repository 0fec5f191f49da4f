"""The program's own services, without its screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.workshop import KEY, Service, Workshop

if TYPE_CHECKING:
    from batchdeck.api.base import BatchApi
    from batchdeck.services.facade import Services


@asynccontextmanager
async def services_of(
    workshop: Workshop, service: Service, data: Path | None = None
) -> AsyncIterator[tuple[Services, BatchApi]]:
    """The program's services over an empty history, or the one in `data`, and their client, ready."""
    from batchdeck.api.openai_client import OpenAIBatchApi
    from batchdeck.config.keys import Secret, fingerprint
    from batchdeck.models.account import Account, Profile
    from batchdeck.services.clock import SystemClock
    from batchdeck.services.facade import Folders, Services
    from batchdeck.store.database import History

    data = data or workshop.fresh_folder("services")
    secret = Secret(KEY)
    api = OpenAIBatchApi(service.url, secret)
    await api.warm_up()
    async with History.open(data / "history.sqlite3") as history:
        account_id = await history.accounts.key(Account(service.url, fingerprint(secret)), "default")
        services = Services(
            history=history,
            account_id=account_id,
            profile=Profile(base_url=service.url),
            clock=SystemClock(),
            folders=Folders(data / "inputs", data / "results", data / "outbox", data / "downloads"),
            name_keys=("description", "name", "title", "job", "source"),
            inputs_budget_bytes=10**9,
            api=api,
        )
        yield services, api
    await api.close()


async def synced_history(workshop: Workshop, service: Service) -> Path:
    """A data folder whose history holds all that a sandbox lists."""
    data = workshop.fresh_folder("synced")
    async with services_of(workshop, service, data) as (services, _api):
        await services.sync.refresh()
        async for _report in services.sync.backfill():
            pass
    return data
