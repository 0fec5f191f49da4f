"""Why requests failed: groups, notes, refused lines, exports."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from batchdeck.errors import Interrupted, TargetExists
from batchdeck.models.batch import Batch, BatchStatus, ValidationError
from batchdeck.models.lines import FailureGroup, FailureReport, Outcome
from batchdeck.services.context import Context
from batchdeck.services.failures import Failures
from batchdeck.services.results import Results
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


@pytest.fixture
def failures(context: Context, results: Results) -> Failures:
    return Failures(context, results)


def _batch(
    api: FakeBatchApi,
    *,
    requests: int | bytes,
    output: bytes | None = None,
    errors: bytes | None = None,
    status: BatchStatus = BatchStatus.COMPLETED,
    counts: tuple[int, int, int] = (0, 0, 0),
) -> Batch:
    content = (
        requests if isinstance(requests, bytes) else joined(request_line(f"r-{n}") for n in range(requests))
    )
    return api.add(
        status=status,
        total=counts[0],
        completed=counts[1],
        failed=counts[2],
        input_file_id=api.add_file("file-in", content),
        output_file_id=None if output is None else api.add_file("file-out", output),
        error_file_id=None if errors is None else api.add_file("file-err", errors),
    )


def _mixed(api: FakeBatchApi) -> Batch:
    return _batch(
        api,
        requests=12,
        output=joined(
            [
                *(ok_row(f"r-{n}") for n in range(4)),
                status_zero_row("r-4"),
                http_error_row("r-5", 400, "context_length_exceeded", "Too long."),
            ]
        ),
        errors=joined(
            [
                http_error_row("r-7", 500, "server_error", "Broken."),
                http_error_row("r-6", 500, "server_error", ""),
                http_error_row("r-8", 429, "insufficient_quota", "You exceeded your current quota."),
                not_run_row("r-9", "batch_expired", "Time is up."),
            ]
        ),
        counts=(12, 4, 8),
    )


async def test_groups_are_counted_from_the_files_largest_first(failures: Failures, api: FakeBatchApi) -> None:
    report = await failures.report(_mixed(api).id)
    assert (report.requests, report.ok, report.failed) == (12, 4, 8)
    assert [(g.code, g.outcome, g.count, g.retryable, g.message, g.custom_ids) for g in report.groups] == [
        (
            "missing",
            Outcome.MISSING,
            2,
            True,
            "The batch ended without a row for this request.",
            ("r-10", "r-11"),
        ),
        ("server_error", Outcome.FAILED, 2, True, "Broken.", ("r-6", "r-7")),
        ("batch_expired", Outcome.EXPIRED, 1, True, "Time is up.", ("r-9",)),
        ("context_length_exceeded", Outcome.FAILED, 1, False, "Too long.", ("r-5",)),
        ("http_0", Outcome.FAILED, 1, True, "", ("r-4",)),
        ("insufficient_quota", Outcome.FAILED, 1, False, "You exceeded your current quota.", ("r-8",)),
    ]
    assert report.groups[0].share == pytest.approx(2 / 12)
    assert all(group.why for group in report.groups)
    assert "quota" in report.groups[-1].why


async def test_members_of_a_group_are_its_requests(failures: Failures, api: FakeBatchApi) -> None:
    batch = _mixed(api)
    report = await failures.report(batch.id)
    for group in report.groups:
        page = await failures.members(batch.id, group, 0, 100)
        assert page.total == group.count
        assert {(row.code, row.outcome, row.retryable) for row in page.rows} == {
            (group.code, group.outcome, group.retryable)
        }
    assert await failures.custom_ids(batch.id, report.groups[:2]) == ["r-6", "r-7", "r-10", "r-11"]


async def _notes(failures: Failures, batch: Batch) -> str:
    report: FailureReport = await failures.report(batch.id)
    return "\n".join(report.notes)


async def test_a_batch_in_which_all_went_well_has_no_notes(failures: Failures, api: FakeBatchApi) -> None:
    batch = _batch(api, requests=2, output=ok_row("r-0") + ok_row("r-1"), counts=(2, 2, 0))
    assert await _notes(failures, batch) == ""


async def test_completed_with_only_an_error_file_is_called_out(failures: Failures, api: FakeBatchApi) -> None:
    batch = _batch(
        api,
        requests=2,
        errors=http_error_row("r-0", 500, "x") + http_error_row("r-1", 500, "x"),
        counts=(2, 0, 2),
    )
    assert await _notes(failures, batch) == (
        "The batch is completed, but there is only an error file: no request succeeded."
    )


async def test_an_empty_output_file_counts_as_none(failures: Failures, api: FakeBatchApi) -> None:
    batch = _batch(api, requests=1, output=b"", errors=http_error_row("r-0", 500, "x"), counts=(1, 0, 1))
    assert "only an error file" in await _notes(failures, batch)


async def test_completed_with_neither_file_is_called_out(failures: Failures, api: FakeBatchApi) -> None:
    batch = _batch(api, requests=3, counts=(3, 3, 0))
    notes = await _notes(failures, batch)
    assert "neither an output nor an error file" in notes
    assert "3 requests have no row in either file" in notes
    assert "counts 3 completed and 0 failed of 3; its files hold 0 ok and 0 not ok of 3 requests" in notes


async def test_counts_that_disagree_are_called_out(failures: Failures, api: FakeBatchApi) -> None:
    batch = _batch(
        api,
        requests=3,
        output=ok_row("r-0") + ok_row("r-1"),
        errors=http_error_row("r-2", 500, "x"),
        counts=(3, 3, 0),
    )
    assert await _notes(failures, batch) == (
        "The service counts 3 completed and 0 failed of 3; its files hold 2 ok and 1 not ok of 3 requests."
    )


@pytest.mark.parametrize("failed", [1, 2, 3])
async def test_not_counting_what_was_never_run_is_no_disagreement(
    failures: Failures, api: FakeBatchApi, failed: int
) -> None:
    batch = _batch(
        api,
        requests=5,
        output=ok_row("r-0") + ok_row("r-1"),
        errors=http_error_row("r-2", 500, "x") + not_run_row("r-3", "batch_expired"),
        status=BatchStatus.EXPIRED,
        counts=(5, 2, failed),
    )
    notes = await _notes(failures, batch)
    assert "The service counts" not in notes
    assert "expired, but 2 answers came before and are kept" in notes
    assert "1 request has no row" in notes


async def test_torn_repeated_nameless_and_unknown_rows_are_counted_in_words(
    failures: Failures, api: FakeBatchApi
) -> None:
    batch = _batch(
        api,
        requests=joined([request_line("a"), request_line("b"), b'{"custom_id": null}\n']),
        output=ok_row("a") + ok_row("a") + ok_row("b") + ok_row("stranger") + b"{torn\n" + b"[]\n",
        errors=b'{"error": {"code": "x"}}\n',
    )
    report = await failures.report(batch.id)
    assert (report.torn_lines, report.repeated_ids, report.unknown_ids) == (2, 1, 1)
    notes = "\n".join(report.notes)
    for words in (
        "2 lines of the results cannot be read",
        "1 result row without a custom_id",
        "1 custom_id repeated",
        "1 result row with a custom_id that is not in the input",
        "1 line of the input without a custom_id",
    ):
        assert words in notes


async def test_a_batch_that_goes_on_has_no_failures_yet(failures: Failures, api: FakeBatchApi) -> None:
    batch = _batch(api, requests=3, status=BatchStatus.IN_PROGRESS, counts=(3, 1, 0))
    report = await failures.report(batch.id)
    assert report.groups == ()
    assert report.notes == ("The batch has not ended: 3 requests pending.",)


async def test_a_lost_input_is_told_and_the_result_rows_are_grouped(
    failures: Failures, api: FakeBatchApi
) -> None:
    batch = _batch(api, requests=3, output=ok_row("r-0"), errors=http_error_row("r-1", 500, "x"))
    api.change(batch.id, input_file_id="file-expired")
    report = await failures.report(batch.id)
    assert (report.requests, report.ok, [g.code for g in report.groups]) == (2, 1, ["x"])
    assert any("missing cannot be told" in note for note in report.notes)


# --- refused files ----------------------------------------------------------


async def test_refused_lines_come_with_the_line_itself(failures: Failures, api: FakeBatchApi) -> None:
    lines = [request_line("a"), b'{"custom_id": "b", oops\r\n', request_line("c" * 9_000)]
    batch = _batch(api, requests=joined(lines), status=BatchStatus.FAILED)
    api.change(
        batch.id,
        errors=(
            ValidationError("invalid_json_line", "Line 2 is not JSON.", 2),
            ValidationError("duplicate_custom_id", "Twice.", 3, "custom_id"),
            ValidationError("too_many", "No such line.", 77),
            ValidationError("token_limit_exceeded", "Too many tokens."),
        ),
    )
    refused = await failures.refused_lines(batch.id)
    assert [(line.code, line.line) for line in refused] == [
        ("invalid_json_line", 2),
        ("duplicate_custom_id", 3),
        ("too_many", 77),
        ("token_limit_exceeded", None),
    ]
    assert refused[0].text == '{"custom_id": "b", oops'
    assert refused[1].text is not None
    assert len(refused[1].text) == 2_000
    assert (refused[2].text, refused[3].text) == (None, None)
    report = await failures.report(batch.id)
    assert report.notes == (
        "The service refused the whole file (line 2: invalid_json_line: Line 2 is not JSON,"
        " and 3 more reasons); nothing was run.",
    )


async def test_refused_lines_without_the_input_come_without_text(
    failures: Failures, api: FakeBatchApi
) -> None:
    batch = api.add(
        status=BatchStatus.FAILED, input_file_id="file-gone", errors=(ValidationError("bad", "Bad.", 1),)
    )
    assert [line.text for line in await failures.refused_lines(batch.id)] == [None]


# --- exports ----------------------------------------------------------------


async def test_a_group_is_exported_with_request_and_answer(
    failures: Failures, api: FakeBatchApi, tmp_path: Path
) -> None:
    batch = _mixed(api)
    groups = [g for g in (await failures.report(batch.id)).groups if g.code in ("server_error", "missing")]
    to = tmp_path / "out" / "failed.jsonl"
    exported = await failures.export(batch.id, groups, to)
    rows = [json.loads(line) for line in to.read_bytes().splitlines()]
    assert (exported.rows, exported.bytes, len(rows)) == (4, to.stat().st_size, 4)
    assert [row["custom_id"] for row in rows] == ["r-6", "r-7", "r-10", "r-11"]
    assert rows[1] == {
        "custom_id": "r-7",
        "outcome": "failed",
        "code": "server_error",
        "status_code": 500,
        "message": "Broken.",
        "request": json.loads(request_line("r-7")),
        "answer": json.loads(http_error_row("r-7", 500, "server_error", "Broken.")),
    }
    assert rows[3]["answer"] is None
    with pytest.raises(TargetExists):
        await failures.export(batch.id, groups[:1], to)
    assert (await failures.export(batch.id, groups[:1], to, force=True)).rows == 2


async def test_a_group_is_exported_as_csv_that_is_safe_in_a_spreadsheet(
    failures: Failures, api: FakeBatchApi, tmp_path: Path
) -> None:
    batch = _batch(
        api,
        requests=joined([request_line("=1+1")]),
        errors=http_error_row("=1+1", 500, "x", "@SUM(A1),\nsecond line"),
    )
    to = tmp_path / "failed.csv"
    await failures.export(batch.id, (await failures.report(batch.id)).groups, to, format="csv")
    rows = list(csv.reader(to.read_text("utf-8").splitlines(keepends=True)))
    assert rows == [
        ["custom_id", "outcome", "code", "status_code", "message"],
        ["'=1+1", "failed", "x", "500", "'@SUM(A1),\nsecond line"],
    ]


async def test_an_empty_group_is_an_empty_file(failures: Failures, api: FakeBatchApi, tmp_path: Path) -> None:
    batch = _mixed(api)
    nothing = FailureGroup("none", Outcome.FAILED, 0, True, "", "", ())
    await failures.export(batch.id, [nothing], tmp_path / "none.jsonl")
    assert (tmp_path / "none.jsonl").read_bytes() == b""


async def test_a_stopped_export_leaves_nothing(failures: Failures, api: FakeBatchApi, tmp_path: Path) -> None:
    batch = _mixed(api)
    groups = (await failures.report(batch.id)).groups
    folder = tmp_path / "out"
    with pytest.raises(Interrupted):
        await failures.export(batch.id, groups, folder / "x.jsonl", should_stop=lambda: True)
    assert not folder.exists() or list(folder.iterdir()) == []
