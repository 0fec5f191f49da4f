"""A batch, its retries and theirs: what each added, and what is still not answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdeck.errors import InputLost, NotFound
from batchdeck.models.batch import ALSO_KEY, PART_KEY
from batchdeck.services.journal import Journal
from batchdeck.services.relatives import Lineage, age

if TYPE_CHECKING:
    from batchdeck.models.batch import Batch, BatchRecord
    from batchdeck.models.progress import OnProgress, ShouldStop
    from batchdeck.services.batch_results import IndexedFiles
    from batchdeck.services.context import Context
    from batchdeck.services.files import Files
    from batchdeck.services.results import Results


@dataclass(frozen=True, slots=True)
class LineageNode:
    """One batch of the tree."""

    record: BatchRecord
    depth: int
    """0 for the root."""
    parent: str | None
    """Id of the batch it retries, where that is in the tree."""
    is_last_child: bool
    """True for the last retry of its parent: how the branch is drawn."""
    requests: int | None
    """Requests it sent, or None when its input is not known."""
    ok: int
    """Its ok answers."""
    added: int
    """Requests of the root that had no ok answer before it and have one since."""
    still_open: int | None
    """Requests of the root without an ok answer up to and with it; None when the root's input is lost."""
    problem: str | None = None
    """Why its files could not be counted, or None."""


@dataclass(frozen=True, slots=True)
class LineageReport:
    """The tree and what came of it."""

    nodes: tuple[LineageNode, ...]
    """Depth first, a batch before its retries, retries oldest first; the parts of a split file in order."""
    requests: int | None
    """Requests of the root, or None when its input is lost."""
    answered: int
    """Of these, with an ok answer by now."""
    open: int | None
    """Of these, without one."""
    notes: tuple[str, ...] = ()
    """What a person should know: a run still active, an input that is lost."""


@dataclass(slots=True)
class _Run:
    """What is counted of one batch."""

    record: BatchRecord
    files: IndexedFiles | None = None
    requests: int | None = None
    problem: str | None = None
    ok: int = 0
    added: int = 0
    still_open: int | None = None


class Lineages:
    """Counts what a chain of retries came to."""

    def __init__(self, context: Context, results: Results) -> None:
        self._context = context
        self._results = results

    async def report(
        self,
        batch_id: str,
        *,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> LineageReport:
        """The tree a batch belongs to, from its root; the numbers are those of a merge.

        Raises:
            NotFound: no such batch.
            ServiceError, FileProblem, Interrupted: the files could not be fetched or read.
        """
        await self._results.record(batch_id)
        roots = await roots_of(self._context, batch_id)
        members = await members_of(self._context, self._results.local_files, roots)
        root_ids = {root.id for root in roots}
        runs: dict[str, _Run] = {}
        for batch in members:
            runs[batch.id] = await self._run(batch, batch.id in root_ids, on_progress, should_stop)
        inputs = [files.input.id for root in roots if (files := runs[root.id].files) and files.input]
        has_inputs = len(inputs) == len(roots)
        answers = [
            [file.id for file in run.files.results] if run.files is not None else [] for run in runs.values()
        ]
        requests, tallies = await self._context.history.rows.tally(inputs if has_inputs else None, answers)
        left = requests
        for run, (ok, added) in zip(runs.values(), tallies, strict=True):
            left -= added
            run.ok, run.added = ok, added
            run.still_open = left if has_inputs else None
        answered = sum(run.added for run in runs.values())
        return LineageReport(
            nodes=tuple(_tree(roots, runs)),
            requests=requests if has_inputs else None,
            answered=answered,
            open=left if has_inputs else None,
            notes=tuple(_notes(runs.values(), has_inputs=has_inputs)),
        )

    async def _run(
        self,
        batch: Batch,
        is_root: bool,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> _Run:
        run = _Run(await self._results.record(batch.id), requests=batch.counts.total or None)
        try:
            run.files = await self._results.indexed(
                batch.id, needs_input=is_root, on_progress=on_progress, should_stop=should_stop
            )
        except NotFound as gone:
            run.problem = gone.sentence
            return run
        if run.files.input is None and not is_root:
            try:
                own = await self._results.indexed_input(
                    batch, only_local=True, on_progress=on_progress, should_stop=should_stop
                )
            except InputLost:
                own = None
            run.requests = own.rows if own is not None else run.requests
        elif run.files.input is not None:
            run.requests = run.files.input.rows
        else:
            run.problem = run.files.input_problem
        return run


async def roots_of(context: Context, batch_id: str) -> list[Batch]:
    """The batches whose inputs are the whole: the root, or the parts of a split file in order."""
    batches, account_id = context.history.batches, context.account_id
    root = (await batches.lineage(account_id, batch_id))[0].batch
    if root.group_id is None:
        return [root]
    parts = [record.batch for record in await batches.group(account_id, root.group_id)]
    return sorted((part for part in parts if part.retry_of is None), key=_part_number) or [root]


async def members_of(context: Context, files: Files, roots: Sequence[Batch]) -> list[Batch]:
    """All batches of some lineages, oldest first, joint retries among them."""
    lineage = Lineage(context, Journal(context.history, context.account_id), files)
    found: dict[str, Batch] = {}
    for root in roots:
        for batch in await lineage.members(root):
            found.setdefault(batch.id, batch)
    return sorted(found.values(), key=age)


def _tree(roots: Sequence[Batch], runs: dict[str, _Run]) -> list[LineageNode]:
    """The runs depth first; one whose parent is not among them hangs on the first root."""
    root_ids = [root.id for root in roots]
    children: dict[str, list[str]] = {}
    parents: dict[str, str] = {}
    for batch_id, run in runs.items():
        if batch_id in root_ids:
            continue
        metadata = run.record.batch.metadata
        named = [run.record.batch.retry_of or "", *metadata.get(ALSO_KEY, "").split(",")]
        parent = next((name for name in named if name in runs and name != batch_id), root_ids[0])
        parents[batch_id] = parent
        children.setdefault(parent, []).append(batch_id)
    nodes: list[LineageNode] = []
    left = dict(runs)
    todo = [(root_id, 0, True) for root_id in reversed(root_ids)]
    while todo or left:
        # Metadata can claim anything, even that two batches retried each other: none may be left out.
        batch_id, depth, is_last = todo.pop() if todo else (next(iter(left)), 1, True)
        if batch_id not in left:
            continue
        run = left.pop(batch_id)
        nodes.append(
            LineageNode(
                record=run.record,
                depth=depth,
                parent=parents.get(batch_id),
                is_last_child=is_last,
                requests=run.requests,
                ok=run.ok,
                added=run.added,
                still_open=run.still_open,
                problem=run.problem,
            )
        )
        below = children.get(batch_id, [])
        todo += [(child, depth + 1, child == below[-1]) for child in reversed(below)]
    return nodes


def _notes(runs: Iterable[_Run], *, has_inputs: bool) -> Iterator[str]:
    if not has_inputs:
        yield "The input of the root is lost: what is still open cannot be told."
    for run in runs:
        if run.record.batch.status.is_active:
            yield f"{run.record.id} has not ended: what it answers is not counted yet."
        if run.problem is not None:
            yield f"{run.record.id}: {run.problem}"


def _part_number(batch: Batch) -> tuple[int, float]:
    number = batch.metadata.get(PART_KEY, "").partition("/")[0]
    return int(number) if number.isascii() and number.isdigit() else 0, age(batch)
