"""A request file from a table and a template."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring, encode_basestring_ascii
from pathlib import Path
from typing import Any

from batchdeck.errors import InvalidInput
from batchdeck.jsonl.pattern import Pattern, Place, parse_pattern, text_of
from batchdeck.jsonl.problems import KEPT_PROBLEMS, Problems
from batchdeck.jsonl.repeated import SeenIds
from batchdeck.jsonl.rules import ENDPOINTS
from batchdeck.jsonl.short_form import Verbatim
from batchdeck.jsonl.table import Table, TableRow, open_table
from batchdeck.jsonl.template import Template, load_template
from batchdeck.jsonl.ticker import Ticker
from batchdeck.jsonl.write import NewFile, require_other_file
from batchdeck.models.account import Limits
from batchdeck.models.lines import BuildReport, LineProblem
from batchdeck.models.progress import OnProgress, ShouldStop

__all__ = ["Preview", "Template", "build_file", "load_template", "preview"]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first requests that a table and a template give."""

    lines: tuple[str, ...]
    """Request lines as JSON, without line ends."""
    problems: tuple[LineProblem, ...]
    """What is wrong with the header, the template or the rows looked at."""


def preview(table: Path, template: Template, count: int = 3) -> Preview:
    """Return the first requests, and what is wrong with the rows up to there.

    Raises:
        FileProblem: The table cannot be read.
        InvalidInput: It has no header.
    """
    opened = open_table(table)
    problems = Problems()
    lines: list[str] = []
    renderer = _Renderer(opened, template, problems)
    if problems.errors == 0:
        for row in opened.rows():
            filled = renderer.render(row)
            if filled is not None:
                lines.append(filled[1].decode("utf-8").rstrip("\n"))
            if len(lines) >= count or problems.errors >= KEPT_PROBLEMS:
                break
    return Preview(tuple(lines), problems.merged([]))


def build_file(
    table: Path,
    template: Template,
    out: Path,
    *,
    limits: Limits | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> BuildReport:
    """Write one request line for each row of a table.

    Nothing is written when the report holds a problem. A file over the limits of one batch is written all the
    same, with a note.

    Args:
        table: CSV, TSV or JSONL.
        template: What a line holds.
        out: Put in place whole; an earlier file of that name is replaced, unless it is read from.
        limits: Of one batch, for the notes.
        on_progress: Told rows read.
        should_stop: Asked between blocks.

    Raises:
        FileProblem: A file cannot be read or written.
        InvalidInput: The table has no header, or `out` is the table or the template.
        Interrupted: `should_stop` said so; nothing was left behind.
    """
    require_other_file(out, table, template.path)
    opened = open_table(table)
    problems = Problems()
    renderer = _Renderer(opened, template, problems)
    if problems.errors > 0:
        return BuildReport(str(out), 0, 0, problems.merged([]), problems.errors)
    ids = SeenIds()
    ticker = Ticker(on_progress, f"building {out.name}", None, "rows")
    requests = 0
    with NewFile(out, is_durable=False) as new:
        for row in opened.rows(should_stop=should_stop):
            filled = renderer.render(row)
            if filled is not None:
                ids.add(filled[0], row.number)
                requests += 1
                if not problems.errors:
                    new.write(filled[1])
            ticker.at(requests)
        if not requests and not problems.errors:
            problems.add(0, "empty_table", f"{table.name} has no rows below its header.")
        repeated = _repeated(opened, renderer, ids, problems)
        if problems.errors > 0:
            new.discard()
            return BuildReport(str(out), requests, 0, problems.merged(repeated), problems.errors)
    ticker.end(requests)
    return BuildReport(
        str(out), requests, new.bytes, notes=_notes(requests, new.bytes, template, limits or Limits())
    )


def _notes(requests: int, size: int, template: Template, limits: Limits) -> tuple[str, ...]:
    notes: list[str] = []
    if requests > limits.max_requests or size > limits.max_bytes:
        notes.append(
            f"{requests:,} requests and {size:,} bytes are more than one batch takes; create it with --split."
        )
    if limits.strict_endpoints and template.url not in ENDPOINTS:
        notes.append(f"{template.url} is no batch endpoint that is known.")
    return tuple(notes)


def _repeated(table: Table, renderer: _Renderer, ids: SeenIds, problems: Problems) -> list[LineProblem]:
    """Count the rows whose custom_id an earlier row has, and return the first of them."""
    pairs = list(ids.repeated())
    if not pairs:
        return []
    problems.count("duplicate_custom_id", len(pairs))
    wanted = dict(heapq.nsmallest(KEPT_PROBLEMS, pairs))
    found: list[LineProblem] = []
    for row in table.rows():
        first = wanted.pop(row.number, None)
        if first is not None:
            custom_id = renderer.custom_id.fill(row.values)
            found.append(
                LineProblem(
                    row.number,
                    "duplicate_custom_id",
                    f"Row {row.number} gives the custom_id {custom_id[:80]!r}, as row {first} does.",
                    text=custom_id[:200],
                )
            )
            if not wanted:
                break
    return found


class _Renderer:
    """Turns rows into request lines; what is the same in every line was encoded once."""

    def __init__(self, table: Table, template: Template, problems: Problems) -> None:
        self._table = table
        self._problems = problems
        columns = frozenset(table.columns)
        self.custom_id = parse_pattern(template.custom_id, columns)
        line = {
            "custom_id": template.custom_id,
            "method": "POST",
            "url": Verbatim(template.url),
            **template.extra,
            "body": template.body,
        }
        pieces: list[str | Place] = []
        _encode(line, columns, pieces)
        self._line = Pattern(_joined(pieces))
        self._columns = self._line.columns
        self._check_header(columns)

    def _check_header(self, columns: frozenset[str]) -> None:
        add = self._problems.add
        if not self.custom_id.columns:
            raise InvalidInput(
                "The template's custom_id names no column, so every row would have the same.",
                hint='Give a pattern such as "comment-{id}".',
            )
        repeated = self._table.repeated_columns
        for column in self._columns:
            if column in repeated:
                add(1, "repeated_column", f"The header has the column {column!r} twice.")
            elif column not in columns and not self._table.is_jsonl:
                add(
                    1,
                    "missing_column",
                    f"The template asks for the column {column!r}; the table has "
                    f"{_listed(self._table.columns)}. Write {{{{{column}}}}} where the braces are meant.",
                )

    def render(self, row: TableRow) -> tuple[str, bytes] | None:
        """Return a row's custom_id and its request line, or None where the row has a problem."""
        values = row.values
        if row.code:
            self._problems.add(row.number, row.code, row.message, _shown(row))
            return None
        for column in self.custom_id.columns:
            if column in values and not text_of(values[column]).strip():
                self._problems.add(
                    row.number,
                    "empty_id",
                    f"Row {row.number} has nothing in {column!r}, which its custom_id is made of.",
                    _shown(row),
                )
                return None
        try:
            return self.custom_id.fill(values), self._filled(values, encode_basestring).encode("utf-8")
        except KeyError as error:
            column = str(error.args[0])
            self._problems.add(
                row.number, "missing_column", f"Row {row.number} has no {column!r}.", _shown(row)
            )
            return None
        except UnicodeEncodeError:
            line = self._filled(values, encode_basestring_ascii)
            return self.custom_id.fill(values), line.encode("utf-8")

    def _filled(self, values: Mapping[str, Any], encode: Any) -> str:
        parts = [
            piece if type(piece) is str else encode(text_of(values[piece.column]))[1:-1]  # type: ignore[union-attr]
            for piece in self._line.pieces
        ]
        parts.append("\n")
        return "".join(parts)


def _encode(value: Any, columns: frozenset[str], pieces: list[str | Place]) -> None:
    """Append a value's JSON, with places inside its strings."""
    if isinstance(value, Verbatim):
        pieces.append(_json(value.value))
    elif isinstance(value, str):
        pieces.append('"')
        for piece in parse_pattern(value, columns).pieces:
            pieces.append(_json(piece)[1:-1] if isinstance(piece, str) else piece)
        pieces.append('"')
    elif isinstance(value, Mapping):
        pieces.append("{")
        for place, (key, item) in enumerate(value.items()):
            pieces.append(f"{', ' if place else ''}{_json(str(key))}: ")
            _encode(item, columns, pieces)
        pieces.append("}")
    elif isinstance(value, list):
        pieces.append("[")
        for place, item in enumerate(value):
            if place:
                pieces.append(", ")
            _encode(item, columns, pieces)
        pieces.append("]")
    else:
        pieces.append(_json(value))


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if _is_encodable(text) else json.dumps(value)


def _is_encodable(text: str) -> bool:
    """Tell whether a text is free of lone surrogates, which UTF-8 cannot hold."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _joined(pieces: list[str | Place]) -> tuple[str | Place, ...]:
    """Put literal pieces that follow each other together."""
    together: list[str | Place] = []
    for piece in pieces:
        if isinstance(piece, str) and together and isinstance(together[-1], str):
            together[-1] += piece
        else:
            together.append(piece)
    return tuple(together)


def _listed(columns: tuple[str, ...]) -> str:
    shown = ", ".join(column[:40] for column in columns[:12])
    return f"{shown} and {len(columns) - 12} more" if len(columns) > 12 else shown


def _shown(row: TableRow) -> bytes:
    return ", ".join(text_of(cell)[:80] for cell in row.cells[:20]).encode("utf-8", "replace")
