"""The requests of one batch as the row index knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchdeck.models.lines import Outcome


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests of a batch are shown; all of what is given must hold."""

    outcomes: frozenset[Outcome] = frozenset()
    """Empty for every outcome."""
    code: str | None = None
    """One failure code, or None for every one."""
    custom_id: str = ""
    """Part of the custom_id, in any case; empty for every one."""
    retryable: bool | None = None
    """Only what sending again can help, or cannot; None for both."""
    requests_only: bool = False
    """True to leave out result rows that answer no request."""

    @property
    def is_empty(self) -> bool:
        """True when every row is shown."""
        return self == _EVERY_ROW


_EVERY_ROW = RequestFilter()


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request with how it ended; or a result row that answers no request."""

    position: int
    """Place among all rows of the batch, from 0; requests come in the input's order, the rest after them."""
    line: int | None
    """Line of the input file, from 1; None for a result row without a request, or without the input."""
    custom_id: str | None
    """None for a torn line."""
    outcome: Outcome
    code: str
    """Failure code; empty for `ok` and `pending`."""
    status_code: int | None
    message: str
    """The service's words, at most 300 characters; empty for `ok`."""
    retryable: bool
    answers: int
    """Result rows with this custom_id; more than one is a repeated answer or a repeated id."""
    has_request: bool
    """True when it is a line of the input."""


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Some rows of a batch."""

    rows: tuple[RequestRow, ...]
    offset: int
    """Place of the first row among those that match, from 0."""
    total: int
    """All that match."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One result row, whole."""

    kind: str
    """`output` or `errors`: the file it is from."""
    line: int
    """Its line there, from 1."""
    outcome: Outcome
    code: str
    status_code: int | None
    body: bytes
    """The row's bytes without the line end."""


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """A request with its answers side by side."""

    row: RequestRow
    request: bytes | None
    """The input line's bytes, or None without one."""
    answers: tuple[Answer, ...]
    """The one that counts first."""


@dataclass(frozen=True, slots=True)
class OutcomeGroup:
    """Rows of a batch that share an outcome and a code."""

    outcome: Outcome
    code: str
    count: int
    retryable: bool
    message: str
    """A sample of the service's words."""
    custom_ids: tuple[str, ...]
    """The first few."""
    status_code: int | None = None
    """Of the first."""


@dataclass(frozen=True, slots=True)
class RequestTotals:
    """What the row index says of a whole batch."""

    requests: int
    """Lines of the input; without the input, distinct result rows."""
    rows: int
    """Requests and result rows that answer none."""
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    """Of the requests."""
    groups: tuple[OutcomeGroup, ...] = ()
    """Of the requests that are not ok, largest first."""
    torn_lines: int = 0
    repeated_ids: int = 0
    """custom_ids that more than one result row, or more than one request, carries."""
    unknown_rows: int = 0
    """Result rows whose custom_id is not in the input."""
    nameless_rows: int = 0
    """Result rows without a custom_id that can be read all the same."""
    nameless_requests: int = 0
    """Lines of the input without a custom_id; they are not shown."""
    output_rows: int = 0
    """Rows of the output file."""
    error_rows: int = 0
    """Rows of the error file."""
