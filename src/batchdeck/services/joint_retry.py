"""One retry of several batches: whether they go together, and their requests in one file. Blocking."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from batchdeck.errors import UsageError
from batchdeck.models.batch import MAX_METADATA_VALUE

if TYPE_CHECKING:
    from batchdeck.jsonl.retry_set import WrittenRetry
    from batchdeck.models.account import Limits
    from batchdeck.models.progress import ShouldStop
    from batchdeck.services.retry_plan import RetryPlan


def check_together(
    plans: Sequence[RetryPlan],
    codes: Collection[str] | None,
    include_all: bool,
    should_stop: ShouldStop | None,
) -> None:
    """Refuse batches whose requests cannot go in one file.

    A custom_id that is chosen from one and stands in the input of another could not be told apart in the
    merged answers of either.

    Raises:
        UsageError: they cannot; nothing was sent.
        FileProblem, Interrupted: an input could not be read.
    """
    from batchdeck.jsonl.index import index_input

    if any(plan.same_file for plan in plans):
        raise UsageError("A batch that failed for want of room is sent again by itself; nothing was sent.")
    for what, values in (
        ("endpoint", {plan.batch.endpoint for plan in plans}),
        ("model", {plan.batch.model for plan in plans}),
    ):
        if len(values) > 1:
            named = ", ".join(sorted(value or "unknown" for value in values))
            raise UsageError(f"The batches differ in {what} ({named}); nothing was sent.")
    if len(",".join(plan.batch.id for plan in plans[1:])) > MAX_METADATA_VALUE:
        raise UsageError(f"{len(plans)} batches are too many for one retry; nothing was sent.")
    chosen = [
        {request.custom_id for request in plan.retry_set.chosen(codes, include_all=include_all)}
        if plan.retry_set is not None
        else set()
        for plan in plans
    ]
    for place, plan in enumerate(plans):
        if plan.input_path is None:
            continue
        others = set().union(*(ids for other, ids in enumerate(chosen) if other != place))
        for lines in index_input(plan.input_path, should_stop=should_stop):
            for line in lines:
                if line.custom_id in others:
                    raise UsageError(
                        f"The custom_id {line.custom_id!r} stands in the inputs of two of the batches; retry"
                        " them one by one. Nothing was sent."
                    )


def join_files(pieces: Sequence[WrittenRetry], target: Path, limits: Limits) -> WrittenRetry:
    """Put files of requests one behind the other, and take the pieces away.

    Raises:
        UsageError: together they are over the limits of one batch; nothing was sent.
    """
    from batchdeck.jsonl.retry_set import WrittenRetry
    from batchdeck.jsonl.write import NewFile

    try:
        requests = sum(piece.requests for piece in pieces)
        size = sum(piece.bytes for piece in pieces)
        if requests > limits.max_requests or size > limits.max_bytes:
            raise UsageError(
                f"Together they are {requests:,} requests and {size:,} bytes, too much for one batch; retry"
                " them one by one. Nothing was sent."
            )
        digest = hashlib.sha256()
        by_code: Counter[str] = Counter()
        with NewFile(target) as new:
            for piece in pieces:
                by_code.update(piece.by_code)
                with Path(piece.path).open("rb") as file:
                    while data := file.read(1 << 20):
                        new.write(data)
                        digest.update(data)
    finally:
        for piece in pieces:
            Path(piece.path).unlink(missing_ok=True)
    return WrittenRetry(str(target), requests, size, digest.hexdigest(), dict(by_code.most_common()))


def endpoint_in(path: Path) -> str:
    """The url of a file's first request, for a service that does not say its batches' endpoint."""
    from batchdeck.jsonl.read import parse_object

    with path.open("rb") as file:
        url = parse_object(file.readline()).get("url")
    return url if isinstance(url, str) else ""
