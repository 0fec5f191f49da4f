"""Rows about the network: a download against curl, calls of a refresh."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time
from pathlib import Path

from tests.bench.program import services_of
from tests.bench.row import Result, Row, amount, ratio, spread
from tests.bench.workshop import KEY, Service, Workshop

RUNS = 7
REFRESHES = 5


def download(workshop: Workshop) -> list[Result]:
    """A file of 190 MB from the sandbox, whole, checked and named, against curl."""
    service = workshop.sandbox()
    path = workshop.input_file()
    workshop.report("downloads and curl by turns")
    return asyncio.run(_download(workshop, service, path, path.stat().st_size))


async def _download(workshop: Workshop, service: Service, path: Path, size: int) -> list[Result]:
    from batchdeck.models.remote import NewBatch

    ours: list[float] = []
    streams: list[float] = []
    theirs: list[float] = []
    async with services_of(workshop, service) as (_services, api):
        with path.open("rb") as body:
            file = await api.upload_file("large.jsonl", body)
        made = await api.create_batch(NewBatch(file.id, "/v1/chat/completions"))
    for number in range(RUNS + 1):
        for times, side in ((theirs, _curl), (ours, _service_download), (streams, _stream)):
            seconds = await side(workshop, service, made.batch.id, file.id, size)
            if number:
                times.append(seconds)
    note = (
        f"ours without the start of Python, with length check, SHA-256 and fsync: {spread(ours)} s; "
        f"curl whole, without them: {spread(theirs)} s; our stream alone: {spread(streams)} s"
    )
    what = f"download of {size / 1e6:.0f} MB on loopback / curl"
    return [ratio("download", what, statistics.median(ours), statistics.median(theirs), "s", 1.25, note)]


async def _curl(workshop: Workshop, service: Service, _batch_id: str, file_id: str, size: int) -> float:
    target = workshop.fresh_folder("curl") / "file"
    argv = ["curl", "--silent", "--fail", "--output", str(target), "--header", f"Authorization: Bearer {KEY}"]
    begun = time.perf_counter()
    await asyncio.to_thread(subprocess.run, [*argv, f"{service.url}/files/{file_id}/content"], check=True)
    seconds = time.perf_counter() - begun
    _remove(target, size)
    return seconds


async def _service_download(
    workshop: Workshop, service: Service, batch_id: str, _file_id: str, size: int
) -> float:
    async with services_of(workshop, service) as (services, api):
        await api.list_batches()
        folder = workshop.fresh_folder("ours")
        begun = time.perf_counter()
        done = [one async for one in services.download.download(batch_id, ["input"], folder)]
        seconds = time.perf_counter() - begun
    _remove(done[0].path, size)
    return seconds


async def _stream(workshop: Workshop, service: Service, _batch_id: str, file_id: str, size: int) -> float:
    async with services_of(workshop, service) as (_services, api):
        await api.list_batches()
        begun = time.perf_counter()
        count = 0
        async with api.stream_file(file_id) as stream:
            async for chunk in stream.chunks():
                count += len(chunk)
        seconds = time.perf_counter() - begun
    if count != size:
        raise AssertionError(f"{count} bytes came instead of {size}")
    return seconds


def _remove(path: Path, size: int) -> None:
    if path.stat().st_size != size:
        raise AssertionError(f"{path} has {path.stat().st_size} bytes instead of {size}")
    path.unlink()


def calls(workshop: Workshop) -> list[Result]:
    """What one refresh asks for, by the sandbox's own count."""
    results = []
    for active, budget in ((0, 1), (20, 1), (130, 31)):
        service = workshop.sandbox("--seed-batches", "250")
        workshop.start_batches(service, active)
        workshop.report(f"calls of a refresh, {active} active batches")
        counts = asyncio.run(_calls(workshop, service))
        what = f"calls per refresh, {active} batches active"
        note = f"{REFRESHES} refreshes: {', '.join(map(str, counts))}"
        results.append(amount("calls", what, max(counts), "calls", budget, note))
    return results


async def _calls(workshop: Workshop, service: Service) -> list[int]:
    counts = []
    async with services_of(workshop, service) as (services, _api):
        async for _report in services.sync.backfill():
            pass
        await services.sync.refresh()
        for _ in range(REFRESHES):
            before = _api_calls(service)
            await services.sync.refresh()
            counts.append(_api_calls(service) - before)
    return counts


def _api_calls(service: Service) -> int:
    return sum(count for name, count in service.calls().items() if "_sandbox" not in name)


ROWS = [
    Row("download", "download on loopback against curl", download),
    Row("calls", "calls per refresh", calls),
]
