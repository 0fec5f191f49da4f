"""Failed requests with their reasons as a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchdeck.errors import Interrupted
from batchdeck.models.progress import Progress

if TYPE_CHECKING:
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.models.requests import RequestRow
    from batchdeck.services.batch_results import BatchResults
    from batchdeck.services.row_search import RowReader
    from batchdeck.store.request_views import Span

COLUMNS = ("custom_id", "outcome", "code", "status_code", "message")
_STOP_EVERY = 256


def write_rows(
    out: Path,
    rows: Sequence[RequestRow],
    spans: Sequence[Span] | None,
    results: BatchResults,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> int:
    """Write rows as JSONL with request and answer when there are spans, else as CSV; bytes are returned.

    Raises:
        FileProblem: a file cannot be read or written.
        Interrupted: told to stop; nothing is left behind.
    """
    from batchdeck.jsonl.merge_rows import CsvLines, json_line
    from batchdeck.jsonl.write import NewFile
    from batchdeck.services.row_search import RowReader

    def tell(done: int) -> None:
        if done % _STOP_EVERY:
            return
        if should_stop is not None and should_stop():
            raise Interrupted(f"Stopped while writing {out.name}; nothing was left there.")
        if on_progress is not None:
            on_progress(Progress(f"exporting from {results.record.id}", done, len(rows), "requests"))

    input_file = results.files.input.id if results.files.input is not None else None
    with NewFile(out) as new, RowReader({} if spans is None else results.paths()) as reader:
        if spans is not None:
            for done, (row, span) in enumerate(zip(rows, spans, strict=True)):
                tell(done)
                new.write(json_line(_record(row) | _bodies(reader, input_file, span)))
        else:
            lines = CsvLines(raw=False)
            new.write(lines.line(COLUMNS))
            for done, row in enumerate(rows):
                tell(done)
                cells = ["" if value is None else value for value in _record(row).values()]
                new.write(lines.line(cells))
    return new.bytes


def _record(row: RequestRow) -> dict[str, Any]:
    return {
        "custom_id": row.custom_id,
        "outcome": str(row.outcome),
        "code": row.code,
        "status_code": row.status_code,
        "message": row.message,
    }


def _bodies(reader: RowReader, input_file: int | None, span: Span) -> dict[str, Any]:
    request = answer = None
    if input_file is not None and span.request is not None:
        request = _parsed(reader.read(input_file, *span.request))
    if span.answer is not None:
        answer = _parsed(reader.read(*span.answer))
    return {"request": request, "answer": answer}


def _parsed(raw: bytes) -> Any:
    """The JSON value of a row, or its text where it is none."""
    from batchdeck.jsonl.read import parse_object

    try:
        return parse_object(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")
