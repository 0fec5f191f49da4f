"""What several rows need: folders, seeded histories, sandboxes, large files; removed at the end."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.bench.terminal import Terminal

KEY = "sk-bench-0000"
BARE_TABLE = Path(__file__).with_name("bare_table.py")
NOWHERE = "http://127.0.0.1:9/v1"
"""A base URL at which nothing answers."""
REQUESTS = 50_000
JOBS = ("job", "tickets", "reviews", "labels", "archive", "summaries", "mail")
INPUT_BYTES = 190_000_000


@dataclass(frozen=True, slots=True)
class Service:
    """A sandbox on a socket."""

    url: str

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Call a control path, or with a leading slash one of the API."""
        root = self.url.removesuffix("/v1")
        address = f"{self.url}{path}" if path.startswith("/") else f"{root}/_sandbox/{path}"
        request = urllib.request.Request(
            address,
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def calls(self) -> dict[str, int]:
        """What was asked for so far, by method and path."""
        counted: dict[str, int] = self.ask("GET", "stats")["calls"]
        return counted


class Workshop:
    """The place where rows are measured.

    Args:
        report: Told what is being done.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report
        self.folder = Path(tempfile.mkdtemp(prefix="batchdeck-bench-"))
        self._stack = ExitStack()
        self._histories: dict[tuple[int, str], Path] = {}
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh_folder(self, name: str) -> Path:
        """A new empty folder."""
        self._count += 1
        path = self.folder / f"{self._count:03d}-{name}"
        path.mkdir()
        return path

    def environment(self, url: str = NOWHERE) -> dict[str, str]:
        """An environment that knows nothing of the person who measures."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "HOME": str(home),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": kept.get("LANG", "C.UTF-8"),
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": url,
        }

    def batchdeck(self, *arguments: str) -> list[str]:
        """The installed command."""
        installed = Path(sys.executable).with_name("batchdeck")
        start = [str(installed)] if installed.exists() else [sys.executable, "-m", "batchdeck"]
        return [*start, *arguments]

    def deck(self, data_dir: Path, url: str = NOWHERE, *, columns: int = 120, rows: int = 40) -> Terminal:
        """The deck over a data folder, in a terminal."""
        argv = self.batchdeck("--data-dir", str(data_dir))
        return Terminal(argv, self.environment(url), columns=columns, rows=rows)

    def bare(self, *arguments: str) -> Terminal:
        """The bare table, in a terminal of the same size."""
        return Terminal([sys.executable, str(BARE_TABLE), *arguments], self.environment())

    def history(self, batches: int, url: str = NOWHERE) -> Path:
        """A data folder whose history holds so many ended batches; `job 000007` is on its first page."""
        made = self._histories.get((batches, url))
        if made is None:
            self.report(f"seeding a history of {batches:,} batches")
            made = self.fresh_folder(f"history-{batches}")
            asyncio.run(_seed(made, batches, url))
            self._histories[(batches, url)] = made
        copy = self.fresh_folder(f"copy-{batches}")
        shutil.copytree(made, copy, dirs_exist_ok=True)
        return copy

    def sandbox(self, *options: str) -> Service:
        """A sandbox of its own, ended with the workshop."""
        process = subprocess.Popen(
            [sys.executable, "-m", "batchdeck.sandbox", "--port", "0", "--json", "--seed", "1", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._stack.callback(_end, process)
        assert process.stdout is not None
        return Service(json.loads(process.stdout.readline())["url"])

    def start_batches(self, service: Service, count: int) -> None:
        """Make batches whose counts move for an hour."""
        path = self.fresh_folder("input") / "moving.jsonl"
        write_requests(path, 5_000, 1_000_000)
        asyncio.run(_start(service, path, count))
        until = time.perf_counter() + 60
        while service.ask("GET", "stats")["by_status"].get("in_progress", 0) < count:
            if time.perf_counter() > until:
                raise TimeoutError(f"the batches do not move: {service.ask('GET', 'stats')}")
            service.ask("GET", "/batches?limit=100")
            time.sleep(0.2)

    def input_file(self) -> Path:
        """The request file of the budgets: 50,000 requests in 190 MB."""
        path = self.folder / "requests.jsonl"
        if not path.exists():
            self.report("writing 50,000 requests in 190 MB")
            write_requests(path, REQUESTS, INPUT_BYTES)
        return path


def write_requests(path: Path, requests: int, size: int, words: Sequence[str] = ()) -> None:
    """A request file of about `size` bytes.

    Args:
        words: One word for each of the first requests, put into its prompt.
    """
    empty = _line(0, "")
    filling = max(0, size // requests - len(empty))
    sentence = 'The customer writes that the parcel came late, café "open", please classify. '
    text = (sentence * (filling // len(sentence) + 1))[:filling]
    while len(_line(0, text)) > size // requests and text:
        text = text[: -(len(_line(0, text)) - size // requests)]
    with path.open("wb") as out:
        for number in range(requests):
            word = words[number] if number < len(words) else ""
            out.write(_line(number, word + text))


def _line(number: int, prompt: str) -> bytes:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}], "max_tokens": 100}
    request = {
        "custom_id": f"ticket-{number:06d}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body,
    }
    return json.dumps(request).encode() + b"\n"


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


async def _start(service: Service, path: Path, count: int) -> None:
    from batchdeck.api.openai_client import OpenAIBatchApi
    from batchdeck.config.keys import Secret
    from batchdeck.models.remote import NewBatch

    api = OpenAIBatchApi(service.url, Secret(KEY))
    with path.open("rb") as body:
        file = await api.upload_file("moving.jsonl", body)
    for number in range(count):
        metadata = {"description": f"moving {number}", "sandbox_mood": "seconds:3600"}
        await api.create_batch(NewBatch(file.id, "/v1/chat/completions", metadata=metadata))
    await api.close()


async def _seed(data_dir: Path, count: int, url: str) -> None:
    from batchdeck.config.keys import Secret, fingerprint
    from batchdeck.models.account import Account
    from batchdeck.store.database import History

    async with History.open(data_dir / "history.sqlite3") as history:
        account_id = await history.accounts.key(Account(url.rstrip("/"), fingerprint(Secret(KEY))), "default")
        now = datetime.now(UTC)
        for start in range(0, count, 5_000):
            batches = [made_batch(number, now) for number in range(start, min(start + 5_000, count))]
            await history.batches.upsert(
                account_id, batches, seen_at=now, profile="default", name_keys=("description",)
            )


def made_batch(number: int, now: datetime) -> Any:
    """The batch that was made `number` times seven minutes ago."""
    from batchdeck.models.batch import Batch, BatchStatus, RequestCounts

    statuses = (BatchStatus.COMPLETED,) * 17 + (
        BatchStatus.FAILED,
        BatchStatus.EXPIRED,
        BatchStatus.CANCELLED,
    )
    status = statuses[number % len(statuses)]
    created = now - timedelta(minutes=7 * number + 30)
    failed = number * 37 % 11
    total = 100 + number * 91 % 40_000
    return Batch(
        id=f"batch_{number:032x}",
        status=status,
        raw_status=status.value,
        endpoint=("/v1/chat/completions", "/v1/embeddings", "/v1/responses")[number % 3],
        model=("gpt-4o-mini", "gpt-4o", "text-embedding-3-small", "gpt-4.1")[number % 4],
        completion_window="24h",
        input_file_id=f"file-{number:022x}",
        output_file_id=f"file-{number:021x}o",
        error_file_id=f"file-{number:021x}e" if failed else None,
        counts=RequestCounts(total, total - failed, failed),
        created_at=created,
        in_progress_at=created + timedelta(minutes=1),
        finalizing_at=created + timedelta(minutes=18),
        completed_at=created + timedelta(minutes=20) if status is BatchStatus.COMPLETED else None,
        failed_at=created + timedelta(minutes=1) if status is BatchStatus.FAILED else None,
        expired_at=created + timedelta(days=1) if status is BatchStatus.EXPIRED else None,
        cancelled_at=created + timedelta(minutes=9) if status is BatchStatus.CANCELLED else None,
        expires_at=created + timedelta(days=1),
        metadata={
            "description": f"{JOBS[number % 7 - 7]} {number:06d}",
            "team": ("search", "support", "billing")[number % 3],
        },
    )
