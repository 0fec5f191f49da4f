"""Every request of a batch with its outcome, page by page, found and opened."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdeck.errors import FileProblem, Interrupted, NotFound, ServiceError, Unreachable
from batchdeck.jsonl.retry_set import find_unanswered
from batchdeck.models.account import Account
from batchdeck.models.batch import Batch, BatchStatus
from batchdeck.models.lines import Outcome
from batchdeck.models.requests import RequestFilter
from batchdeck.services.context import Context
from batchdeck.services.files import Files
from batchdeck.services.inputs import Inputs
from batchdeck.services.results import BatchResults, Results
from batchdeck.services.row_search import Needles, RowReader
from batchdeck.store.database import History
from batchdeck.store.rows import spell, unspell
from tests.fakes import FakeBatchApi
from tests.fakes.rows import (
    http_error_row,
    joined,
    not_run_row,
    ok_row,
    request_line,
    status_zero_row,
)

pytestmark = pytest.mark.anyio


def make_batch(
    api: FakeBatchApi,
    *,
    input: bytes | None,
    output: bytes | None,
    errors: bytes | None,
    status: BatchStatus = BatchStatus.COMPLETED,
) -> Batch:
    """A batch with its files at the service."""
    number = len(api.batches)
    files: dict[str, Any] = {}
    for kind, content in (("input", input), ("output", output), ("error", errors)):
        if content is not None:
            files[f"{kind}_file_id"] = api.add_file(f"file-{kind}-{number}", content)
    return api.add(status=status, **files)


async def test_requests_come_in_the_inputs_order_with_their_outcomes(
    results: Results, api: FakeBatchApi
) -> None:
    batch = make_batch(
        api,
        input=joined(request_line(f"r-{n}") for n in range(8)),
        output=joined([ok_row("r-7"), ok_row("r-0"), status_zero_row("r-3")]),
        errors=joined(
            [
                http_error_row("r-5", 400, "context_length_exceeded", "Too long."),
                not_run_row("r-2", "batch_expired", "Time is up."),
                not_run_row("r-1", "batch_cancelled"),
                http_error_row("r-4", 429, None, "Slow down."),
            ]
        ),
    )
    opened = await results.open(batch.id)
    page = await opened.page(0, 100)
    assert page.total == 8
    assert [
        (row.custom_id, row.line, row.outcome, row.code, row.status_code, row.retryable) for row in page.rows
    ] == [
        ("r-0", 1, Outcome.OK, "", 200, False),
        ("r-1", 2, Outcome.CANCELLED, "batch_cancelled", None, True),
        ("r-2", 3, Outcome.EXPIRED, "batch_expired", None, True),
        ("r-3", 4, Outcome.FAILED, "http_0", 0, True),
        ("r-4", 5, Outcome.FAILED, "some_error", 429, True),
        ("r-5", 6, Outcome.FAILED, "context_length_exceeded", 400, False),
        ("r-6", 7, Outcome.MISSING, "missing", None, True),
        ("r-7", 8, Outcome.OK, "", 200, False),
    ]
    assert page.rows[5].message == "Too long."
    assert opened.totals.outcomes == {
        Outcome.OK: 2,
        Outcome.FAILED: 3,
        Outcome.EXPIRED: 1,
        Outcome.CANCELLED: 1,
        Outcome.MISSING: 1,
    }
    assert (opened.totals.output_rows, opened.totals.error_rows) == (3, 4)


async def test_pages_and_filters(results: Results, api: FakeBatchApi) -> None:
    ids = [f"ticket-{n:03}" for n in range(100)]
    batch = make_batch(
        api,
        input=joined(request_line(i) for i in ids),
        output=joined(ok_row(i) for i in ids if int(i[-1]) < 7),
        errors=joined(http_error_row(i, 500, "server_error") for i in ids if i[-1] == "8"),
    )
    opened = await results.open(batch.id)
    page = await opened.page(10, 5)
    assert ([row.custom_id for row in page.rows], page.offset, page.total) == (ids[10:15], 10, 100)
    failed = RequestFilter(outcomes=frozenset({Outcome.FAILED}))
    page = await opened.page(3, 2, failed)
    assert ([row.custom_id for row in page.rows], page.total) == (["ticket-038", "ticket-048"], 10)
    both = RequestFilter(outcomes=frozenset({Outcome.FAILED, Outcome.MISSING}))
    assert [row.custom_id for row in (await opened.page(0, 4, both)).rows] == [
        "ticket-007",
        "ticket-008",
        "ticket-009",
        "ticket-017",
    ]
    assert (await opened.page(0, 9, RequestFilter(code="server_error"))).total == 10
    assert (await opened.page(0, 9, RequestFilter(retryable=False))).total == 70
    some = await opened.page(0, 50, RequestFilter(custom_id="TICKET-01", outcomes=both.outcomes))
    assert [row.custom_id for row in some.rows] == ["ticket-017", "ticket-018", "ticket-019"]
    assert (await opened.page(500, 10)).rows == ()
    assert await opened.locate(48, failed) == 4
    assert await opened.locate(48) == 48
    assert await opened.custom_ids(RequestFilter(code="server_error", custom_id="ticket-0")) == [
        f"ticket-0{n}8" for n in range(10)
    ]


async def test_like_characters_in_a_custom_id_are_plain_text(results: Results, api: FakeBatchApi) -> None:
    batch = make_batch(
        api, input=joined(request_line(i) for i in ("a%b", "a_b", "axb", "a\\b")), output=None, errors=None
    )
    opened = await results.open(batch.id)
    for part in ("%", "_", "\\"):
        rows = (await opened.page(0, 10, RequestFilter(custom_id=part))).rows
        assert [row.custom_id for row in rows] == [f"a{part}b"]


async def test_a_request_opens_with_the_bytes_of_its_answers(results: Results, api: FakeBatchApi) -> None:
    lines = [request_line("a", "é\n"), request_line("b"), request_line("c")]
    answers = [ok_row("c", "see"), ok_row("a", "ay")]
    batch = make_batch(api, input=joined(lines), output=joined(answers), errors=None)
    opened = await results.open(batch.id)
    first = await opened.open(0)
    assert first.request == lines[0].rstrip(b"\n")
    assert [(answer.kind, answer.line, answer.body) for answer in first.answers] == [
        ("output", 2, answers[1].rstrip(b"\n"))
    ]
    nothing = await opened.open(1)
    assert nothing.request == lines[1].rstrip(b"\n")
    assert nothing.answers == ()
    assert (await opened.open(2)).answers[0].body == answers[0].rstrip(b"\n")
    with pytest.raises(FileProblem):
        await opened.open(3)


async def test_a_repeated_answer_keeps_both_rows_and_the_ok_one_counts(
    results: Results, api: FakeBatchApi
) -> None:
    batch = make_batch(
        api,
        input=joined([request_line("a"), request_line("b")]),
        output=joined([ok_row("b"), ok_row("a", "yes")]),
        errors=joined([http_error_row("a", 500, "server_error")]),
    )
    opened = await results.open(batch.id)
    rows = (await opened.page(0, 10)).rows
    assert [(row.custom_id, row.outcome, row.answers) for row in rows] == [
        ("a", Outcome.OK, 2),
        ("b", Outcome.OK, 1),
    ]
    answers = (await opened.open(0)).answers
    assert [(answer.kind, answer.outcome) for answer in answers] == [
        ("output", Outcome.OK),
        ("errors", Outcome.FAILED),
    ]
    assert opened.totals.repeated_ids == 1


async def test_a_repeated_id_in_the_input_takes_as_many_answers_as_there_are(
    results: Results, api: FakeBatchApi
) -> None:
    batch = make_batch(
        api,
        input=joined(request_line(i) for i in ("x", "a", "x", "x", "x")),
        output=joined([ok_row("x", "one"), ok_row("a")]),
        errors=joined([http_error_row("x", 500, "server_error"), http_error_row("x", 400, "bad")]),
    )
    opened = await results.open(batch.id)
    rows = (await opened.page(0, 10)).rows
    assert [(row.custom_id, row.outcome, row.code) for row in rows] == [
        ("x", Outcome.OK, ""),
        ("a", Outcome.OK, ""),
        ("x", Outcome.FAILED, "server_error"),
        ("x", Outcome.FAILED, "bad"),
        ("x", Outcome.MISSING, "missing"),
    ]
    assert [answer.code for answer in (await opened.open(2)).answers] == ["server_error", "", "bad"]


async def test_rows_that_answer_nothing_and_torn_lines_come_last(results: Results, api: FakeBatchApi) -> None:
    batch = make_batch(
        api,
        input=joined([request_line("a")]),
        output=ok_row("stranger") + ok_row("a") + b"[1, 2]\n\n" + b'{"torn": tr',
        errors=b'{"error": {"code": "nameless"}, "response": null}\n',
    )
    opened = await results.open(batch.id)
    rows = (await opened.page(0, 10)).rows
    assert [(row.custom_id, row.code, row.has_request) for row in rows] == [
        ("a", "", True),
        ("stranger", "", False),
        (None, "torn_line", False),
        (None, "torn_line", False),
        (None, "nameless", False),
    ]
    totals = opened.totals
    assert (totals.requests, totals.rows, totals.torn_lines, totals.unknown_rows, totals.nameless_rows) == (
        1,
        5,
        2,
        1,
        1,
    )
    assert (await opened.open(3)).answers[0].body == b'{"torn": tr'
    assert (await opened.page(0, 9, RequestFilter(requests_only=True))).total == 1


async def test_without_the_input_the_result_rows_are_shown(results: Results, api: FakeBatchApi) -> None:
    batch = make_batch(
        api,
        input=None,
        output=joined(ok_row(f"r-{n}") for n in (3, 1)),
        errors=joined([http_error_row("r-2", 500, "server_error"), ok_row("r-3")]) + b"torn\n",
    )
    api.change(batch.id, input_file_id="file-deleted-long-ago")
    opened = await results.open(batch.id)
    assert opened.input_problem
    rows = (await opened.page(0, 10)).rows
    assert [(row.custom_id, row.line, row.outcome, row.has_request) for row in rows] == [
        ("r-3", None, Outcome.OK, False),
        ("r-1", None, Outcome.OK, False),
        ("r-2", None, Outcome.FAILED, False),
        ("r-3", None, Outcome.OK, False),
        (None, None, Outcome.FAILED, False),
    ]
    assert (opened.totals.requests, opened.totals.rows, opened.totals.repeated_ids) == (4, 5, 1)
    assert (await opened.open(2)).request is None
    assert [row.position for row in (await opened.page(0, 9, RequestFilter(custom_id="r-3"))).rows] == [0, 3]
    assert await opened.find("r-2", start=0) == 2


async def test_while_a_batch_goes_on_its_requests_are_pending(results: Results, api: FakeBatchApi) -> None:
    batch = make_batch(
        api,
        input=joined(request_line(f"r-{n}") for n in range(3)),
        output=None,
        errors=None,
        status=BatchStatus.IN_PROGRESS,
    )
    opened = await results.open(batch.id)
    assert opened.totals.outcomes == {Outcome.PENDING: 3}
    api.add_file("file-out", joined([ok_row("r-1")]))
    api.change(batch.id, status=BatchStatus.EXPIRED, output_file_id="file-out")
    await results._context.note_batches([await api.get_batch(batch.id)])
    opened = await results.open(batch.id)
    assert opened.totals.outcomes == {Outcome.OK: 1, Outcome.MISSING: 2}


async def test_files_are_read_once_and_again_only_when_they_changed(
    results: Results, api: FakeBatchApi, context: Context
) -> None:
    batch = make_batch(
        api, input=joined([request_line("a"), request_line("b")]), output=ok_row("a"), errors=None
    )
    opened = await results.open(batch.id)
    assert opened.files.output is not None
    again = await Results(context, results._files).open(batch.id)
    assert again.files == opened.files
    path = Path(opened.files.output.path)
    await asyncio.to_thread(path.write_bytes, ok_row("a") + ok_row("b"))
    os.utime(path, ns=(1, 1))
    with pytest.raises(FileProblem, match="changed since"):
        await opened.open(0)
    mended = await results.open(batch.id)
    assert (await mended.open(0)).answers[0].body == ok_row("a").rstrip(b"\n")
    assert mended.totals.outcomes == {Outcome.OK: 1, Outcome.MISSING: 1}


async def test_an_index_cut_off_half_way_is_made_anew(
    results: Results, api: FakeBatchApi, context: Context
) -> None:
    batch = make_batch(
        api,
        input=joined(request_line(f"r-{n}") for n in range(20_000)),
        output=joined(ok_row(f"r-{n}") for n in range(20_000)),
        errors=None,
    )
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 12

    with pytest.raises(Interrupted):
        await results.open(batch.id, should_stop=stop)
    opened = await results.open(batch.id)
    assert opened.totals.outcomes == {Outcome.OK: 20_000}


async def test_a_history_in_memory_indexes_as_well(
    api: FakeBatchApi, context: Context, tmp_path: Path
) -> None:
    async with History.open_memory() as history:
        account_id = await history.accounts.key(Account("http://x/v1", ""), "test")
        alone = replace(context, history=history, account_id=account_id)
        inputs = Inputs(alone, inputs_dir=tmp_path / "i", outbox_dir=tmp_path / "o")
        results = Results(alone, Files(alone, inputs, results_dir=tmp_path / "r"))
        batch = make_batch(api, input=request_line("a"), output=ok_row("a"), errors=None)
        opened = await results.open(batch.id)
        assert opened.totals.outcomes == {Outcome.OK: 1}
        assert await opened.find("hello", start=0) == 0


async def test_what_was_not_used_for_longest_leaves_the_index(
    results: Results, api: FakeBatchApi, context: Context
) -> None:
    rows = context.history.rows
    batches = [
        make_batch(api, input=joined(request_line(f"r-{n}") for n in range(50)), output=None, errors=None)
        for _ in range(4)
    ]
    for batch in batches:
        await results.open(batch.id)
        context.clock.advance(10)  # type: ignore[attr-defined]
    assert await rows.sweep(context.clock.now(), max_rows=100) == 2
    assert batches[0].input_file_id is not None
    assert batches[3].input_file_id is not None
    assert await rows.find(context.account_id, batches[0].input_file_id) is None
    assert await rows.find(context.account_id, batches[3].input_file_id) is not None
    assert (await results.open(batches[0].id)).totals.requests == 50


async def test_a_batch_nobody_knows(results: Results) -> None:
    with pytest.raises(NotFound):
        await results.open("batch_wrong")


async def test_results_that_cannot_be_fetched_are_an_error_and_not_an_empty_list(
    results: Results, api: FakeBatchApi
) -> None:
    batch = make_batch(api, input=request_line("a"), output=ok_row("a"), errors=None)
    api.crash("stream_file", Unreachable("No route."), times=50, only_id=batch.output_file_id)
    with pytest.raises(ServiceError):
        await results.open(batch.id)


# --- search -----------------------------------------------------------------


@pytest.fixture
async def searched(results: Results, api: FakeBatchApi) -> BatchResults:
    texts = ["apple", "Banana", "cherry", "straße", "日本", "banana split", 'quote "x"', "end"]
    batch = make_batch(
        api,
        input=joined(request_line(f"r-{n}", text) for n, text in enumerate(texts)),
        output=joined(ok_row(f"r-{n}", f"answer {n}") for n in (6, 2, 0)),
        errors=None,
    )
    return await results.open(batch.id)


@pytest.mark.parametrize(
    ("text", "start", "backwards", "position"),
    [
        ("banana", 0, False, 1),
        ("banana", 2, False, 5),
        ("banana", 6, False, 1),
        ("Banana", 2, False, 1),
        ("banana", 4, True, 1),
        ("banana", 0, True, 5),
        ("answer 2", 0, False, 2),
        ("r-7", 0, False, 7),
        ("straße", 0, False, 3),
        ("日本", 7, False, 4),
        ('quote "x"', 0, False, 6),
        ('"custom_id": "r-4"', 0, False, 4),
        ("nowhere to be found", 3, False, None),
        ("", 0, False, None),
        ("apple", 0, True, 0),
        ("end", 99, False, 7),
    ],
)
async def test_the_next_row_with_a_text_is_found(
    searched: BatchResults, text: str, start: int, backwards: bool, position: int | None
) -> None:
    assert await searched.find(text, start=start, backwards=backwards) == position


async def test_a_search_keeps_to_the_filter(searched: BatchResults) -> None:
    answered = RequestFilter(outcomes=frozenset({Outcome.OK}))
    assert await searched.find("banana", start=0, filter=answered) is None
    assert await searched.find("r-", start=1, filter=answered) == 2


async def test_a_far_row_is_found_and_so_are_the_ones_after_it(results: Results, api: FakeBatchApi) -> None:
    marked = {700, 701, 1_400}
    batch = make_batch(
        api,
        input=joined(request_line(f"r-{n}", "Nadel" if n in marked else "hay" * 400) for n in range(1_500)),
        output=joined(ok_row(f"r-{n}", "nAdel" if n == 3 else "straw" * 300) for n in range(1_499, -1, -1)),
        errors=joined([http_error_row("r-9", 500, "x", "needle, again")]),
    )
    opened = await results.open(batch.id)
    found = [await opened.find("nadel", start=start) for start in (0, 4, 701, 702, 1_401)]
    assert found == [3, 700, 701, 1_400, 3]
    assert [await opened.find("nadel", start=start, backwards=True) for start in (1_499, 699, 2)] == [
        1_400,
        3,
        1_400,
    ]
    assert await opened.find("Nadel", start=0) == 700
    only_far = RequestFilter(custom_id="r-14")
    assert await opened.find("nadel", start=0, filter=only_far) == 1_400
    assert await opened.find("r-1234", start=3) == 1_234


@given(st.integers(1, 400), st.integers(0, 60))
def test_a_hit_across_two_blocks_counts(size: int, place: int) -> None:
    rows = [b"x" * place + b"needle", b"needle" + b"y" * 40, b"nothing"]
    offsets = [0, len(rows[0]) + 1, len(rows[0]) + len(rows[1]) + 2]
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(rows))
        file.flush()
        with RowReader({1: Path(file.name)}) as reader:
            found = reader.rows_with(
                1, Needles("needle"), offsets, [len(row) for row in rows], None, block_bytes=size
            )
    assert found == {0, 1}


async def test_a_search_can_be_stopped(searched: BatchResults) -> None:
    with pytest.raises(Interrupted):
        await searched.find("nowhere", start=0, should_stop=lambda: True)


@given(st.text(min_size=1, max_size=20))
def test_any_text_is_found_in_json_however_it_is_written(text: str) -> None:
    needles = Needles(text)
    for ascii_only in (False, True):
        row = json.dumps({"content": f"before {text} after"}, ensure_ascii=ascii_only)
        assert needles.are_in(row.encode("utf-8", "surrogatepass"))


_HARD = ["\0", "\ud800", "\udfff", "\ufdd0", "\\", "u", "0", "é", '"']
_ANY_TEXT = st.text(max_size=12) | st.lists(st.sampled_from(_HARD), max_size=4).map("".join)


@given(_ANY_TEXT, _ANY_TEXT)
def test_no_two_custom_ids_are_kept_alike(one: str, other: str) -> None:
    assert unspell(spell(one)) == one
    kept = spell(one)
    assert kept is not None
    kept.encode()
    assert "\0" not in kept
    assert (spell(one) == spell(other)) == (one == other)


# --- agreement with what a retry sends --------------------------------------

_IDS = st.sampled_from(["a", "b", "c", "d", "é", "\ud800", "\ufdd0x"])
_ROWS = st.lists(
    st.tuples(_IDS, st.sampled_from(["ok", "500", "400", "expired", "zero", "torn", "nameless"])), max_size=14
)


def _result(custom_id: str, kind: str) -> bytes:
    match kind:
        case "ok":
            return ok_row(custom_id)
        case "500":
            return http_error_row(custom_id, 500, "server_error", "Broken.")
        case "400":
            return http_error_row(custom_id, 400, "server_error", "Refused.")
        case "expired":
            return not_run_row(custom_id, "batch_expired")
        case "zero":
            return status_zero_row(custom_id)
        case "torn":
            return b'{"custom_id": "a", "resp\n'
    return b'{"response": null, "error": {"code": "x"}}\n'


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ids=st.lists(_IDS, max_size=12),
    output=_ROWS,
    errors=_ROWS,
    status=st.sampled_from([BatchStatus.COMPLETED, BatchStatus.EXPIRED]),
)
async def test_the_groups_are_those_of_the_retry_set(
    results: Results,
    api: FakeBatchApi,
    tmp_path: Path,
    ids: list[str],
    output: list[tuple[str, str]],
    errors: list[tuple[str, str]],
    status: BatchStatus,
) -> None:
    contents = {
        "input": joined(request_line(i) for i in ids),
        "output": joined(_result(*row) for row in output),
        "errors": joined(_result(*row) for row in errors),
    }
    batch = make_batch(api, **contents, status=status)
    paths = {}
    for kind, content in contents.items():
        paths[kind] = tmp_path / f"{kind}.jsonl"
        paths[kind].write_bytes(content)
    expected = find_unanswered(paths["input"], [paths["output"], paths["errors"]], ended=status)
    opened = await results.open(batch.id)
    totals = opened.totals
    assert totals.requests == expected.requests
    # Groups of one size and code come in any order.
    assert sorted(
        (g.code, g.outcome, g.count, g.retryable, g.message, g.custom_ids) for g in totals.groups
    ) == sorted(
        (g.code, g.outcome, g.count, g.retryable, g.message, g.custom_ids) for g in expected.report.groups
    )
    assert [g.count for g in totals.groups] == [g.count for g in expected.report.groups]
    assert totals.outcomes.get(Outcome.OK, 0) == expected.report.ok
    assert totals.torn_lines == expected.report.torn_lines
    assert totals.repeated_ids == expected.report.repeated_ids
    assert totals.unknown_rows == expected.report.unknown_ids
    rows = (await opened.page(0, 100)).rows
    unanswered = [
        (r.line, r.custom_id, r.code) for r in rows if r.has_request and r.outcome is not Outcome.OK
    ]
    assert unanswered == [(u.line, u.custom_id, u.code) for u in expected.unanswered]
