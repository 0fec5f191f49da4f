"""What each retry of a chain added, and what is still open: the numbers of the merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdeck.errors import NotFound
from batchdeck.models.batch import ALSO_KEY, GROUP_KEY, PART_KEY, RETRY_KEY, Batch, BatchStatus
from batchdeck.services.context import Context
from batchdeck.services.files import Files
from batchdeck.services.lineage import LineageReport, Lineages
from batchdeck.services.merge import Merge
from batchdeck.services.results import Results
from tests.fakes import FakeBatchApi
from tests.fakes.rows import http_error_row, joined, not_run_row, ok_row, request_line

pytestmark = pytest.mark.anyio


@pytest.fixture
def lineages(context: Context, results: Results) -> Lineages:
    return Lineages(context, results)


@pytest.fixture
def merge(context: Context, files: Files) -> Merge:
    return Merge(context, files)


def _run(
    api: FakeBatchApi,
    name: str,
    ids: Sequence[str],
    ok: Sequence[str],
    errors: Sequence[bytes] = (),
    status: BatchStatus = BatchStatus.COMPLETED,
    metadata: Mapping[str, str] | None = None,
) -> Batch:
    return api.add(
        name,
        status=status,
        total=len(ids),
        input_file_id=api.add_file(f"file-{name}-in", joined(request_line(one) for one in ids)),
        output_file_id=api.add_file(f"file-{name}-out", joined(ok_row(one) for one in ok)) if ok else None,
        error_file_id=api.add_file(f"file-{name}-err", joined(errors)) if errors else None,
        metadata=metadata or {},
    )


async def _chain(api: FakeBatchApi, context: Context) -> list[Batch]:
    batches = [
        _run(
            api, "one", "abcdef", "ac", [not_run_row(i, "batch_expired") for i in "bd"], BatchStatus.EXPIRED
        ),
        _run(
            api, "two", "bdef", "be", [http_error_row("d", 500, "server_error")], metadata={RETRY_KEY: "one"}
        ),
        _run(api, "three", "df", "d", metadata={RETRY_KEY: "two"}),
    ]
    await context.note_batches(batches)
    return batches


def _numbers(report: LineageReport) -> list[tuple[str, int, int | None, int, int, int | None]]:
    return [
        (node.record.id, node.depth, node.requests, node.ok, node.added, node.still_open)
        for node in report.nodes
    ]


@pytest.mark.parametrize("asked", ["one", "two", "three"])
async def test_a_chain_of_three_tells_what_each_added(
    lineages: Lineages, context: Context, api: FakeBatchApi, asked: str
) -> None:
    await _chain(api, context)
    for batch_id in ("two", "three"):
        await lineages._results.indexed(batch_id, needs_input=True)
    report = await lineages.report(asked)
    assert _numbers(report) == [
        ("one", 0, 6, 2, 2, 4),
        ("two", 1, 4, 2, 2, 2),
        ("three", 2, 2, 1, 1, 1),
    ]
    assert (report.requests, report.answered, report.open, report.notes) == (6, 5, 1, ())
    assert [node.parent for node in report.nodes] == [None, "one", "two"]


async def test_the_numbers_are_those_of_the_merged_file(
    lineages: Lineages, merge: Merge, context: Context, api: FakeBatchApi, tmp_path: Path
) -> None:
    await _chain(api, context)
    report = await lineages.report("one")
    summary = (await merge.merged("one", tmp_path / "out")).summary
    assert (report.requests, report.answered, report.open) == (
        summary.rows,
        summary.ok,
        summary.rows - summary.ok,
    )


async def test_two_retries_of_one_batch_are_two_branches(
    lineages: Lineages, context: Context, api: FakeBatchApi
) -> None:
    batches = [
        _run(api, "root", "abc", ""),
        _run(api, "left", "ab", "a", metadata={RETRY_KEY: "root"}),
        _run(api, "right", "ab", "ab", metadata={RETRY_KEY: "root"}),
        _run(api, "below", "c", "c", metadata={RETRY_KEY: "left"}),
    ]
    await context.note_batches(batches)
    report = await lineages.report("below")
    assert [
        (node.record.id, node.depth, node.is_last_child, node.ok, node.added) for node in report.nodes
    ] == [
        ("root", 0, True, 0, 0),
        ("left", 1, False, 1, 1),
        ("below", 2, True, 1, 1),
        ("right", 1, True, 2, 1),
    ]
    assert (report.answered, report.open) == (3, 0)


async def test_a_joint_retry_of_several_batches_counts_for_each(
    lineages: Lineages, merge: Merge, context: Context, api: FakeBatchApi, tmp_path: Path
) -> None:
    batches = [
        _run(api, "first", "ab", "a"),
        _run(api, "second", "xy", "x"),
        _run(api, "joint", "by", "by", metadata={RETRY_KEY: "first", ALSO_KEY: "second"}),
    ]
    await context.note_batches(batches)
    for asked in ("first", "second"):
        report = await lineages.report(asked)
        assert (report.requests, report.answered, report.open) == (2, 2, 0)
        assert report.nodes[-1].record.id == "joint"
        assert (report.nodes[-1].parent, report.nodes[-1].ok, report.nodes[-1].added) == (asked, 2, 1)
        summary = (await merge.merged(asked, tmp_path)).summary
        assert (summary.rows, summary.ok) == (2, 2)


async def test_the_parts_of_a_split_file_stand_side_by_side(
    lineages: Lineages, context: Context, api: FakeBatchApi
) -> None:
    batches = [
        _run(api, "p2", "cd", "c", metadata={GROUP_KEY: "g", PART_KEY: "2/2"}),
        _run(api, "p1", "ab", "ab", metadata={GROUP_KEY: "g", PART_KEY: "1/2"}),
        _run(api, "again", "d", "d", metadata={GROUP_KEY: "g", PART_KEY: "2/2", RETRY_KEY: "p2"}),
    ]
    await context.note_batches(batches)
    report = await lineages.report("again")
    assert [(node.record.id, node.depth) for node in report.nodes] == [("p1", 0), ("p2", 0), ("again", 1)]
    assert (report.requests, report.answered, report.open) == (4, 4, 0)


async def test_an_active_retry_is_told_and_counts_nothing_yet(
    lineages: Lineages, context: Context, api: FakeBatchApi
) -> None:
    batches = [
        _run(api, "root", "abc", "a"),
        _run(api, "now", "bc", "", status=BatchStatus.IN_PROGRESS, metadata={RETRY_KEY: "root"}),
    ]
    await context.note_batches(batches)
    report = await lineages.report("root")
    assert (report.answered, report.open) == (1, 2)
    assert report.notes == ("now has not ended: what it answers is not counted yet.",)


async def test_a_lost_input_is_told_and_nothing_open_is_invented(
    lineages: Lineages, context: Context, api: FakeBatchApi
) -> None:
    batch = _run(api, "root", "abc", "ab", [http_error_row("c", 500, "x")])
    api.change("root", input_file_id="file-gone")
    retry = _run(api, "again", "c", "c", metadata={RETRY_KEY: "root"})
    await context.note_batches([api.batches[-1], retry])
    assert batch.id == "root"
    report = await lineages.report("root")
    assert (report.requests, report.answered, report.open) == (None, 3, None)
    assert [node.still_open for node in report.nodes] == [None, None]
    assert any("cannot be told" in note for note in report.notes)


async def test_results_the_service_deleted_are_told(
    lineages: Lineages, context: Context, api: FakeBatchApi
) -> None:
    batches = [
        _run(api, "root", "abc", "a"),
        _run(api, "again", "bc", "bc", metadata={RETRY_KEY: "root"}),
    ]
    await context.note_batches(batches)
    del api.files["file-again-out"], api.contents["file-again-out"]
    report = await lineages.report("root")
    assert (report.answered, report.open) == (1, 2)
    assert report.nodes[1].problem
    assert any(note.startswith("again: ") for note in report.notes)


async def test_batches_that_claim_to_have_retried_each_other_are_all_shown(
    lineages: Lineages, context: Context, api: FakeBatchApi
) -> None:
    batches = [
        _run(api, "hen", "a", "", metadata={RETRY_KEY: "egg"}),
        _run(api, "egg", "a", "a", metadata={RETRY_KEY: "hen"}),
        _run(api, "self", "a", "a", metadata={RETRY_KEY: "self"}),
    ]
    await context.note_batches(batches)
    assert {node.record.id for node in (await lineages.report("egg")).nodes} == {"hen", "egg"}
    assert [node.record.id for node in (await lineages.report("self")).nodes] == ["self"]


async def test_joint_retries_hang_where_they_belong_and_none_is_left_out(
    lineages: Lineages, context: Context, api: FakeBatchApi
) -> None:
    batches = [
        _run(api, "first", "a", ""),
        _run(api, "root", "x", ""),
        _run(api, "again", "x", "", metadata={RETRY_KEY: "root"}),
        _run(api, "joint", "ax", "ax", metadata={RETRY_KEY: "first", ALSO_KEY: "again"}),
        _run(api, "round", "x", "x", metadata={RETRY_KEY: "about", ALSO_KEY: "root"}),
        _run(api, "about", "x", "x", metadata={RETRY_KEY: "round"}),
    ]
    await context.note_batches(batches)
    report = await lineages.report("root")
    assert {node.record.id for node in report.nodes} == {"root", "again", "joint", "round", "about"}
    assert {node.record.id: node.parent for node in report.nodes}["joint"] == "again"


async def test_a_batch_nobody_knows(lineages: Lineages) -> None:
    with pytest.raises(NotFound):
        await lineages.report("batch_wrong")


_IDS = st.lists(st.sampled_from("abcd"), max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=_IDS, runs=st.lists(st.tuples(_IDS, _IDS), min_size=1, max_size=3))
async def test_any_lineage_agrees_with_its_merge(
    lineages: Lineages,
    merge: Merge,
    context: Context,
    api: FakeBatchApi,
    tmp_path: Path,
    ids: list[str],
    runs: list[tuple[list[str], list[str]]],
) -> None:
    number = len(api.batches)
    batches: list[Batch] = []
    for place, (ok, failed) in enumerate(runs):
        metadata = {RETRY_KEY: batches[-1].id} if batches else {}
        errors = [http_error_row(one, 500, "x") for one in failed]
        batches.append(_run(api, f"b{number}-{place}", ids, ok, errors, metadata=metadata))
    await context.note_batches(batches)
    report = await lineages.report(batches[-1].id)
    merged = await merge.merged(batches[0].id, tmp_path, force=True)
    if not ids:
        # An empty input is no input: the merge goes by the results then.
        assert report.requests in (0, None)
        return
    assert (report.requests, report.answered) == (merged.summary.rows, merged.summary.ok)
    assert report.open == sum(merged.summary.by_code.values())
