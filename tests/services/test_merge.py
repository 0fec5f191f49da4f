"""One row for every request, over all runs of a lineage and all parts of a split file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from batchdeck.errors import NotFound, TargetExists
from batchdeck.models.batch import GROUP_KEY, PART_KEY, RETRY_KEY, Batch, BatchStatus
from batchdeck.services.context import Context
from batchdeck.services.files import Files
from batchdeck.services.merge import Merge
from tests.fakes import FakeBatchApi
from tests.fakes.rows import http_error_row, joined, not_run_row, ok_row, request_line

pytestmark = pytest.mark.anyio


@pytest.fixture
def merge(context: Context, files: Files) -> Merge:
    return Merge(context, files)


def run(
    api: FakeBatchApi,
    name: str,
    ids: Sequence[str],
    output: Sequence[bytes],
    errors: Sequence[bytes] = (),
    status: BatchStatus = BatchStatus.COMPLETED,
    metadata: dict[str, str] | None = None,
) -> Batch:
    """A batch of the scripted service with its files."""
    return api.add(
        name,
        status=status,
        total=len(ids),
        input_file_id=api.add_file(f"file-{name}-in", joined(request_line(one) for one in ids)),
        output_file_id=api.add_file(f"file-{name}-out", joined(output)) if output else None,
        error_file_id=api.add_file(f"file-{name}-err", joined(errors)) if errors else None,
        metadata=metadata or {},
    )


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.glob(".*")]


@pytest.fixture
def chain(api: FakeBatchApi) -> list[Batch]:
    """A batch that expired, its retry, and the retry of that."""
    return [
        run(
            api,
            "one",
            ["a", "b", "c", "d", "e"],
            [ok_row("c", "first c"), ok_row("a", "first a")],
            [not_run_row("b", "batch_expired"), not_run_row("d", "batch_expired")],
            BatchStatus.EXPIRED,
        ),
        run(
            api,
            "two",
            ["b", "d", "e"],
            [ok_row("b", "second b")],
            [http_error_row("d", 500, "server_error")],
            metadata={RETRY_KEY: "one"},
        ),
        run(api, "three", ["d"], [ok_row("d", "third d")], metadata={RETRY_KEY: "two"}),
    ]


@pytest.mark.parametrize("asked", ["one", "two", "three"])
async def test_a_chain_gives_every_request_once_with_its_newest_ok_answer(
    merge: Merge, context: Context, chain: list[Batch], tmp_path: Path, asked: str
) -> None:
    await context.note_batches(chain)
    merged = await merge.merged(asked, tmp_path / "got")
    assert merged.path == tmp_path / "got" / f"{asked}_merged.jsonl"
    assert merged.batch_ids == ("one", "two", "three")
    rows = rows_of(merged.path)
    assert [(row["custom_id"], row["outcome"], row["batch_id"]) for row in rows] == [
        ("a", "ok", "one"),
        ("b", "ok", "two"),
        ("c", "ok", "one"),
        ("d", "ok", "three"),
        ("e", "missing", rows[4]["batch_id"]),
    ]
    assert (merged.summary.rows, merged.summary.ok, merged.summary.by_code) == (5, 4, {"missing": 1})


async def test_what_an_active_retry_holds_is_pending(
    merge: Merge, context: Context, api: FakeBatchApi, chain: list[Batch], tmp_path: Path
) -> None:
    four = run(api, "four", ["e"], [], status=BatchStatus.IN_PROGRESS, metadata={RETRY_KEY: "three"})
    await context.note_batches([*chain, four])
    merged = await merge.merged("one", tmp_path)
    assert rows_of(merged.path)[4]["outcome"] == "pending"
    assert any("four" in note for note in merged.notes)


async def test_the_parts_of_a_split_file_merge_as_one_in_their_order(
    merge: Merge, context: Context, api: FakeBatchApi, tmp_path: Path
) -> None:
    # Ten parts: by text, part 10 would come before part 2. The last part was created first.
    parts = [
        run(
            api,
            f"part{number}",
            [f"r-{number}"],
            [ok_row(f"r-{number}")],
            metadata={GROUP_KEY: "g", PART_KEY: f"{number}/10"},
        )
        for number in range(10, 0, -1)
    ]
    retry = run(
        api, "again", ["r-3"], [ok_row("r-3", "again")], metadata={RETRY_KEY: "part3", GROUP_KEY: "g"}
    )
    await context.note_batches([*parts, retry])
    merged = await merge.merged("part7", tmp_path)
    rows = rows_of(merged.path)
    assert [row["custom_id"] for row in rows] == [f"r-{number}" for number in range(1, 11)]
    assert rows[2]["batch_id"] == "again"


async def test_a_lost_input_leaves_the_results_in_their_own_order(
    merge: Merge, context: Context, api: FakeBatchApi, tmp_path: Path
) -> None:
    batch = run(api, "one", ["a", "b"], [ok_row("b"), ok_row("a")])
    del api.files["file-one-in"], api.contents["file-one-in"]
    await context.note_batches([batch])
    merged = await merge.merged("one", tmp_path)
    assert [row["custom_id"] for row in rows_of(merged.path)] == ["b", "a"]
    assert merged.notes


async def test_another_file_is_not_overwritten_and_the_same_one_is_left(
    merge: Merge, context: Context, chain: list[Batch], tmp_path: Path
) -> None:
    await context.note_batches(chain)
    first = await merge.merged("one", tmp_path)
    inode = first.path.stat().st_ino
    await merge.merged("one", tmp_path)
    assert first.path.stat().st_ino == inode
    first.path.write_text("mine")
    with pytest.raises(TargetExists):
        await merge.merged("one", tmp_path)
    assert first.path.read_text() == "mine"
    await merge.merged("one", tmp_path, force=True)
    assert len(rows_of(first.path)) == 5
    assert hidden(tmp_path) == []


async def test_a_batch_that_nobody_knows_is_not_found(merge: Merge, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await merge.merged("batch_nobody", tmp_path)


async def test_a_batch_that_only_the_service_knows_is_merged(
    merge: Merge, api: FakeBatchApi, tmp_path: Path
) -> None:
    run(api, "one", ["a"], [ok_row("a")])
    merged = await merge.merged("one", tmp_path)
    assert merged.summary.ok == 1
