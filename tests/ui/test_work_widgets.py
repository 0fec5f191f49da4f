"""Parts of the dialogs and views that can be tried by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from batchdeck.errors import FileProblem, TargetExists
from batchdeck.models.progress import Progress
from batchdeck.services.local_files import SourceKind, complete_path, kind_of, save_text
from batchdeck.ui.pace import Pace
from batchdeck.ui.text import clean_line
from batchdeck.ui.widgets.wrap import wrap_cells
from tests.ui.work_support import HOSTILE


@given(st.text(), st.integers(2, 60), st.integers(0, 4))
def test_wrapped_rows_hold_the_whole_line_and_fit(words: str, width: int, hang: int) -> None:
    text = clean_line(words)
    rows = wrap_cells(text, width, hang=hang)
    assert "".join(text[start:end] for start, end in rows) == text
    for place, (start, end) in enumerate(rows):
        room = width if place == 0 else max(1, width - hang)
        assert cell_len(text[start:end]) <= max(room, 2)


def test_a_row_breaks_after_a_space_where_one_is_near() -> None:
    text = "label the ticket by its topic"
    assert [text[start:end] for start, end in wrap_cells(text, 12)] == [
        "label the ",
        "ticket by ",
        "its topic",
    ]


def test_a_megabyte_of_text_is_wrapped_in_rows() -> None:
    assert len(wrap_cells("x" * 1_000_000, 80)) == 12_500
    assert len(wrap_cells("\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 100_000, 80)) == 2_500


def test_pace_tells_amounts_rate_and_time_left() -> None:
    pace = Pace()
    for second in range(4):
        step = Progress("uploading", done=second * 1_000_000, total=10_000_000, unit="bytes")
        pace.note(step, float(second))
    assert pace.words(step) == "3.0 MB of 10.0 MB, 1.0 MB/s, 7s left"
    other = Progress("creating")
    pace.note(other, 5.0)
    assert pace.per_second is None
    assert pace.words(other) == "0"


@pytest.mark.anyio
async def test_paths_are_completed_to_where_names_part(tmp_path: Path) -> None:
    for name in ("tickets-1.jsonl", "tickets-2.jsonl", ".hidden", "only.csv"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder").mkdir()
    assert await complete_path(f"{tmp_path}/ti") == f"{tmp_path}/tickets-"
    assert await complete_path(f"{tmp_path}/o") == f"{tmp_path}/only.csv"
    assert await complete_path(f"{tmp_path}/fo") == f"{tmp_path}/folder/"
    assert await complete_path(f"{tmp_path}/o", folders_only=True) is None
    assert await complete_path(f"{tmp_path}/tickets-") is None
    assert await complete_path(f"{tmp_path}/nothing") is None
    assert await complete_path(f"{tmp_path}/no/such/folder/x") is None


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.csv", "id\n1\n", SourceKind.TABLE),
        ("a.tsv", "", SourceKind.TABLE),
        ("a.jsonl", '\n{"custom_id": "1"}\n', SourceKind.REQUESTS),
        ("a.jsonl", '\ufeff{"body": {}}\n', SourceKind.REQUESTS),
        ("a.jsonl", '{"id": 1, "text": "x"}\n', SourceKind.TABLE),
        ("a.jsonl", "not json\n", SourceKind.REQUESTS),
        ("a.jsonl", "", SourceKind.REQUESTS),
    ],
)
async def test_what_a_file_holds(tmp_path: Path, name: str, text: str, kind: SourceKind) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert await kind_of(tmp_path / name) is kind


@pytest.mark.anyio
async def test_what_is_saved_replaces_nothing(tmp_path: Path) -> None:
    await save_text(tmp_path / "new", HOSTILE + "\ud800")
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    with pytest.raises(TargetExists):
        await save_text(tmp_path / "new", "other")
    assert (tmp_path / "new").read_bytes().startswith(HOSTILE.encode())
    with pytest.raises(FileProblem):
        await save_text(tmp_path / "none" / "new", "x")
    with pytest.raises(FileProblem):
        await kind_of(tmp_path / "none.jsonl")
