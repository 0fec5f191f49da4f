"""The steps of a create that only read: what the file is, what is wrong with it, what would be sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from batchdeck.errors import UsageError
from batchdeck.services.local_files import SourceKind, kind_of

if TYPE_CHECKING:
    from batchdeck.models.lines import BuildReport, CheckReport
    from batchdeck.services.facade import Services
    from batchdeck.services.submit import CreatePlan
    from batchdeck.services.tables import TablePreview
    from batchdeck.ui.reading import Reading
    from batchdeck.ui.widgets.create_options import Options


@dataclass
class TableFound(Message, bubble=False):
    """The file is a table."""

    path: Path


@dataclass
class Checked(Message, bubble=False):
    """The file was judged."""

    path: Path
    report: CheckReport
    estimate: float | None
    """US dollars at the batch price, or None when it is not known."""


@dataclass
class Previewed(Message, bubble=False):
    """The first requests of a table."""

    preview: TablePreview


@dataclass
class Built(Message, bubble=False):
    """A table became a request file, or its problems are known."""

    report: BuildReport


@dataclass
class Planned(Message, bubble=False):
    """It is known what would be sent."""

    plan: CreatePlan
    wait_for_room: bool


async def look(services: Services, path: Path, reading: Reading) -> Message:
    """Find out what a file is; judge it when it holds requests."""
    if await kind_of(path) is SourceKind.TABLE:
        return TableFound(path)
    report = await services.submit.check(
        path, on_progress=reading.on_progress, should_stop=reading.should_stop
    )
    return Checked(path, report, await _estimate(services, report))


async def _estimate(services: Services, report: CheckReport) -> float | None:
    """The cost of a file of one model; of several it is not known how the tokens spread."""
    if len(report.models) != 1:
        return None
    model = next(iter(report.models))
    return await services.costs.estimate(model, report.estimated_input_tokens, report.estimated_output_tokens)


async def preview(table: Path, template: Path) -> Message:
    """The first requests of a table."""
    from batchdeck.services.tables import preview_table

    return Previewed(await preview_table(table, template))


async def build(services: Services, table: Path, template: Path, out: Path, reading: Reading) -> Message:
    """The whole request file of a table."""
    from batchdeck.services.tables import build_from_table

    return Built(
        await build_from_table(
            table,
            template,
            out,
            limits=services.profile.limits,
            on_progress=reading.on_progress,
            should_stop=reading.should_stop,
        )
    )


async def plan(
    services: Services, path: Path, report: CheckReport, options: Options, reading: Reading
) -> Message:
    """What a create would send."""
    if not report.is_valid and not (options.split and report.is_valid_when_split):
        raise UsageError("The file has errors, so nothing was sent.", hint="Correct it and check again.")
    planned = await services.submit.plan(
        path,
        window=options.window,
        metadata=options.metadata,
        output_expires_after=options.output_expires_after,
        split=options.split,
        report=report,
        on_progress=reading.on_progress,
        should_stop=reading.should_stop,
    )
    return Planned(planned, options.wait_for_room)
