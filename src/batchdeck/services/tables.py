"""Request files from tables, off the event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import TargetExists

if TYPE_CHECKING:
    from batchdeck.models.account import Limits
    from batchdeck.models.lines import BuildReport, LineProblem
    from batchdeck.models.progress import OnProgress, ShouldStop


@dataclass(frozen=True, slots=True)
class TablePreview:
    """The first requests that a table and a template would give."""

    columns: tuple[str, ...]
    """The table's."""
    lines: tuple[str, ...]
    """Lines of the request file as they would be."""
    problems: tuple[LineProblem, ...]


async def preview_table(table: Path, template: Path, *, count: int = 3) -> TablePreview:
    """Build the first requests in memory.

    Raises:
        FileProblem: one of the two cannot be read.
        InvalidInput: the template is not one, or does not fit the table.
    """
    return await asyncio.to_thread(_preview, table, template, count)


def _preview(table: Path, template: Path, count: int) -> TablePreview:
    from batchdeck.jsonl.build import load_template, preview
    from batchdeck.jsonl.table import open_table

    shown = preview(table, load_template(template), count)
    return TablePreview(tuple(open_table(table).columns), tuple(shown.lines), tuple(shown.problems))


async def build_from_table(
    table: Path,
    template: Path,
    out: Path,
    *,
    limits: Limits,
    force: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> BuildReport:
    """Write the request file of a whole table; any problem means that nothing was written.

    Args:
        force: Replace a file of that name.

    Raises:
        TargetExists: a file of that name stands there, and not `force`.
        FileProblem: one of the files cannot be read or written.
        InvalidInput: the template is not one, or does not fit the table.
        Interrupted: told to stop.
    """

    def build() -> BuildReport:
        from batchdeck.jsonl.build import build_file, load_template

        if out.exists() and not force:
            raise TargetExists(
                f"{out} is there already; nothing was written.",
                hint="Choose another name, or use --force to replace it.",
            )
        return build_file(
            table,
            load_template(template),
            out,
            limits=limits,
            on_progress=on_progress,
            should_stop=should_stop,
        )

    return await asyncio.to_thread(build)
