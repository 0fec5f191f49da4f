"""The answers of a batch and its lineage as one file, joined to a table if that is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from batchdeck.errors import Interrupted
from batchdeck.jsonl.merge_answers import Answers, notes_on
from batchdeck.jsonl.merge_index import MergeIndex, RowReader, RunFiles
from batchdeck.jsonl.merge_join import Join, joined
from batchdeck.jsonl.merge_rows import Format, RowWriter
from batchdeck.jsonl.ticker import Ticker
from batchdeck.jsonl.write import NewFile, require_other_file
from batchdeck.models.lines import MergeSummary
from batchdeck.models.progress import OnProgress, ShouldStop

__all__ = ["Format", "Join", "RunFiles", "merge"]

_STOP_EVERY = 256


def merge(
    input: Path | Sequence[Path] | None,
    runs: Sequence[RunFiles],
    out: Path,
    *,
    format: Format = "jsonl",
    raw: bool = False,
    join: Join | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> MergeSummary:
    """Write one row for each request, in the input's order, the newest ok answer winning.

    A request without an ok answer has its newest row; one without a row is `missing`, or `pending` while a
    run that may hold it goes on. A custom_id that stands on several lines of the input has a row for each,
    its answers in the order they came. Without an input the order is that of the oldest results.

    Joined to a table, there is one row for each row of the table, in its order: the table's own columns
    first, under their names, then those of the result; a result column whose name the table has is called
    `batch_` and its name. A table row without a request has its result columns empty.

    Args:
        input: The root's request file, the files of the parts of a split one in order, or None if it is lost.
        runs: The batches, oldest first.
        out: Put in place whole; an earlier file of that name is replaced.
        format: `csv` has the text of the answer in place of the whole response.
        raw: True leaves CSV cells as they are; otherwise one that a spreadsheet could take for a formula gets
            an apostrophe before it.
        join: A table and how its rows name their requests.
        on_progress: Told rows written.
        should_stop: Asked between rows.

    Raises:
        FileProblem: A file cannot be read or written.
        InvalidInput: The table or the join's pattern cannot be used, or `out` is one of the files read.
        Interrupted: `should_stop` said so; nothing was left behind.
    """
    inputs = [] if input is None else [input] if isinstance(input, Path) else list(input)
    results = [path for run in runs for path in run.result_paths]
    require_other_file(out, *inputs, *results, *([join.table] if join else []))
    ticker = Ticker(on_progress, f"merging {out.name}", None, "rows")
    index = MergeIndex()
    for place, run in enumerate(runs):
        for path in run.result_paths:
            index.add_results(path, place, should_stop)
    lines_without_id = sum(index.add_input(path, should_stop) for path in inputs)
    if not inputs:
        index.order_by_results()
    for place, run in enumerate(runs):
        if run.input is not None and run.status.is_active:
            index.add_pending(run.input, place, should_stop)
    reader = RowReader(index.versions)
    answers = Answers(index, runs, reader, needs_rows=format == "csv")
    try:
        with NewFile(out) as new:
            writer = RowWriter(format, raw=raw)
            rows = _plain(answers, writer) if join is None else joined(answers, writer, join, should_stop)
            new.write(next(rows))
            written = 0
            for written, line in enumerate(rows, 1):
                new.write(line)
                ticker.at(written)
                if written % _STOP_EVERY == 0 and should_stop is not None and should_stop():
                    raise Interrupted(f"Stopped while writing {out.name}; nothing was left there.")
    finally:
        reader.close()
    ticker.end(written)
    return MergeSummary(
        rows=written,
        bytes=new.bytes,
        ok=answers.ok,
        by_code=dict(answers.by_code.most_common()),
        repeated_ids=index.repeated_ids,
        torn_lines=index.torn_lines,
        table_rows_without_request=answers.table_rows_without_request,
        requests_without_table_row=answers.requests_not_taken if join else 0,
        unknown_ids=index.unknown_rows,
        is_input_lost=not inputs,
        notes=tuple(
            notes_on(index, answers, lines_without_id, has_input=bool(inputs), is_joined=join is not None)
        ),
    )


def _plain(answers: Answers, writer: RowWriter) -> Iterator[bytes]:
    names = writer.columns
    yield writer.header(names)
    for number in answers.index.order:
        yield writer.line((), names, answers.next(number))
