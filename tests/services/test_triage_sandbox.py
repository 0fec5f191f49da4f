"""A whole batch that went wrong in nine ways, from the upload to the retry, against the sandbox.

BATCHDECK_TRIAGE_REQUESTS=50000 makes it as large as a batch can be; then requests and answers are long, too.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from batchdeck.api.openai_client import OpenAIBatchApi
from batchdeck.config.keys import Secret
from batchdeck.jsonl.retry_set import find_unanswered
from batchdeck.models.account import Account, Profile
from batchdeck.models.batch import BatchStatus
from batchdeck.models.lines import Outcome
from batchdeck.models.requests import RequestFilter
from batchdeck.sandbox.app import create_app
from batchdeck.sandbox.state import Sandbox
from batchdeck.services.facade import Folders, Services
from batchdeck.store.database import History
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

REQUESTS = int(os.environ.get("BATCHDECK_TRIAGE_REQUESTS", "1500"))
PADDING = "word " * (720 if REQUESTS >= 20_000 else 4)
LONG_ANSWER = "[[long:3500]]" if REQUESTS >= 20_000 else ""

ENDINGS: dict[int, tuple[str, str, Outcome, bool]] = {
    0: ("[[fail:500]]", "server_error", Outcome.FAILED, True),
    5: ("[[rate]]", "rate_limit_exceeded", Outcome.FAILED, True),
    11: ("[[quota]]", "insufficient_quota", Outcome.FAILED, False),
    17: ("[[context]]", "context_length_exceeded", Outcome.FAILED, False),
    18: ("[[policy]]", "content_policy_violation", Outcome.FAILED, False),
    23: ("[[timeout]]", "timeout", Outcome.FAILED, True),
    29: ("[[bare:overloaded]]", "overloaded", Outcome.FAILED, True),
    31: ("[[status0]]", "http_0", Outcome.FAILED, True),
    37: ("[[fail:400:invalid_image_url]]", "invalid_image_url", Outcome.FAILED, False),
    41: ("[[missing]]", "missing", Outcome.MISSING, True),
}
"""Request number modulo 43 to the word in the request, and what must be said of it."""
REPEATED = 42
TURN = 43


def _words(number: int) -> str:
    turn = number % TURN
    if turn in ENDINGS:
        return ENDINGS[turn][0]
    return f"{'[[repeat]]' if turn == REPEATED else ''}{LONG_ANSWER}"


def _line(number: int) -> bytes:
    request = {
        "custom_id": f"ticket-{number:05}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": f"{_words(number)} {PADDING} número {number}"}],
        },
    }
    return json.dumps(request, ensure_ascii=number % 2 == 0).encode() + b"\n"


@dataclass
class World:
    """The program's services over a sandbox in the process."""

    services: Services
    sandbox: Sandbox
    folder: Path
    expected: dict[str, list[int]] = field(default_factory=dict)

    async def make(self) -> str:
        """Send the file and let the batch end; its id is returned."""
        path = self.folder / "tickets.jsonl"
        with path.open("wb") as file:
            for number in range(REQUESTS):
                file.write(_line(number))
                ending = ENDINGS.get(number % TURN)
                if ending is not None:
                    self.expected.setdefault(ending[1], []).append(number)
        plan = await self.services.submit.plan(path)
        async for created in self.services.submit.create(plan):
            return await self.end(created.batch.id)
        raise AssertionError("nothing was created")

    async def end(self, batch_id: str) -> str:
        """Let time pass until a batch has ended."""
        for _ in range(200):
            self.sandbox.advance_clock(3_600)
            record = await self.services.sync.fetch(batch_id)
            if record.batch.status.is_terminal:
                return batch_id
        raise AssertionError(f"{batch_id} does not end")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    sandbox = Sandbox(patience=60.0)
    transport = httpx2.ASGITransport(app=create_app(sandbox))
    profile = Profile(name="test", base_url="http://sandbox/v1")
    api = OpenAIBatchApi(profile.base_url, Secret("test-key"), transport=transport)
    await api.warm_up()
    folders = Folders(*(tmp_path / name for name in ("inputs", "results", "outbox", "downloads")))
    async with History.open(tmp_path / "data" / "history.sqlite3") as history:
        services = Services(
            history=history,
            account_id=await history.accounts.key(Account(profile.base_url, "0" * 12), profile.name),
            profile=profile,
            clock=FakeClock(),
            folders=folders,
            name_keys=("name",),
            inputs_budget_bytes=10**9,
            api=api,
        )
        yield World(services, sandbox, tmp_path)
    await api.close()
    sandbox.close()


async def test_every_group_is_right_to_the_row_and_its_retry_to_the_byte(world: World) -> None:
    services = world.services
    batch_id = await world.make()

    report = await services.failures.report(batch_id)
    by_code = {group.code: group for group in report.groups}
    assert {code: group.count for code, group in by_code.items()} == {
        code: len(numbers) for code, numbers in world.expected.items()
    }
    for word, code, outcome, retryable in ENDINGS.values():
        group = by_code[code]
        assert (group.outcome, group.retryable) == (outcome, retryable), word
        assert group.share == pytest.approx(group.count / REQUESTS)
        page = await services.failures.members(batch_id, group, 0, REQUESTS)
        assert [row.custom_id for row in page.rows] == [f"ticket-{n:05}" for n in world.expected[code]]
        assert [row.line for row in page.rows] == [n + 1 for n in world.expected[code]]
    repeated = len(range(REPEATED, REQUESTS, TURN))
    assert (report.requests, report.repeated_ids) == (REQUESTS, repeated)
    assert report.ok == REQUESTS - sum(map(len, world.expected.values()))
    assert any(f"{repeated:,} custom_id" in note for note in report.notes)

    # The same by the other way in which a retry counts.
    batch = (await services.sync.fetch(batch_id)).batch
    paths = {}
    for kind in ("input", "output", "errors"):
        path = await services.files.local(batch, kind)
        assert path is not None
        paths[kind] = path
    counted = find_unanswered(paths["input"], [paths["output"], paths["errors"]], ended=batch.status)
    assert Counter(g.code for g in report.groups) == Counter(g.code for g in counted.report.groups)
    assert (report.requests, report.ok) == (counted.requests, counted.report.ok)

    plan = await services.retry.plan(batch_id)
    created = await services.retry.send(plan, codes={"timeout", "missing"})
    wanted = sorted(world.expected["timeout"] + world.expected["missing"])
    content = b"".join(_line(number) for number in wanted)
    sent = await services.context.api.get_batch(created.batch.id)
    assert sent.input_file_id is not None
    async with services.context.api.stream_file(sent.input_file_id) as stream:
        held = b"".join([chunk async for chunk in stream.chunks()])
    assert held == content
    assert sent.retry_of == batch_id


async def test_every_request_is_shown_with_its_own_answer(world: World) -> None:
    services = world.services
    batch_id = await world.make()
    results = await services.results.open(batch_id)
    step = max(1, REQUESTS // 300)
    for position in range(0, REQUESTS, step):
        opened = await results.open(position)
        assert opened.request == _line(position).rstrip(b"\n")
        assert opened.row.custom_id == f"ticket-{position:05}"
        expected = 0 if position % TURN == 41 else 2 if position % TURN == REPEATED else 1
        assert len(opened.answers) == expected
        for answer in opened.answers:
            assert json.loads(answer.body)["custom_id"] == opened.row.custom_id
    ok = RequestFilter(outcomes=frozenset({Outcome.OK}))
    last = REQUESTS - 1
    while last % TURN in ENDINGS:
        last -= 1
    assert await results.find(f"número {last}", start=0, filter=ok) == last
    assert (await results.page(await results.locate(last, ok), 1, ok)).rows[0].position == last
    assert results.files.usage["gpt-4o-mini"].output_tokens > 0
    cost = await services.costs.of(batch_id)
    assert cost.usd is not None
    assert cost.usd > 0


async def test_a_chain_agrees_with_its_merged_file(world: World) -> None:
    services = world.services
    root = await world.make()
    first = await services.retry.send(
        await services.retry.plan(root), codes={"server_error", "missing", "timeout"}
    )
    await world.end(first.batch.id)
    second = await services.retry.send(await services.retry.plan(first.batch.id), codes={"missing"})
    await world.end(second.batch.id)
    report = await services.lineages.report(second.batch.id)
    assert [node.record.id for node in report.nodes] == [root, first.batch.id, second.batch.id]
    merged = await services.merge.merged(root, world.folder / "out")
    assert (report.requests, report.answered) == (merged.summary.rows, merged.summary.ok)
    assert report.open == sum(merged.summary.by_code.values())
    assert report.nodes[0].record.batch.status is BatchStatus.COMPLETED
    assert report.nodes[1].requests == sum(
        len(world.expected[code]) for code in ("server_error", "missing", "timeout")
    )
