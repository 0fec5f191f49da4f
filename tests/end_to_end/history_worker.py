"""One process that creates batches and syncs on a shared history until its time is over; run as a script."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from batchdeck.api.openai_client import OpenAIBatchApi
from batchdeck.config.keys import Secret
from batchdeck.models.account import Account, Profile
from batchdeck.services.clock import SystemClock
from batchdeck.services.facade import Folders, Services
from batchdeck.store.database import History


async def work(base_url: str, folder: Path, name: str, seconds: float) -> dict[str, object]:
    """Create, refresh, create; the batches made and whatever went wrong."""
    made: list[str] = []
    errors: list[str] = []
    refreshes = 0
    path = folder / f"{name}.jsonl"
    profile = Profile(base_url=base_url)
    async with History.open(folder / "data" / "history.sqlite3") as history:
        account_id = await history.accounts.key(Account(base_url, "0" * 12), "default")
        api = OpenAIBatchApi(base_url, Secret("any"))
        places = Folders(folder / "data" / "inputs", folder / "results", folder / "outbox", folder)
        services = Services(
            history=history,
            account_id=account_id,
            profile=profile,
            clock=SystemClock(),
            folders=places,
            name_keys=("name",),
            inputs_budget_bytes=1_000_000_000,
            api=api,
        )
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            number += 1
            body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"{name} {number}"}]}
            line = {"custom_id": "r", "method": "POST", "url": "/v1/chat/completions", "body": body}
            path.write_text(json.dumps(line) + "\n", encoding="utf-8")
            try:
                plan = await services.submit.plan(path, metadata={"name": f"{name}-{number}"})
                async for created in services.submit.create(plan):
                    made.append(created.batch.id)
                await services.sync.refresh()
                refreshes += 1
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
        warnings = list(history.warnings)
        await api.close()
    return {"made": made, "errors": errors, "refreshes": refreshes, "warnings": warnings}


if __name__ == "__main__":
    told = asyncio.run(work(sys.argv[1], Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])))
    sys.stdout.write(json.dumps(told) + "\n")
