"""Lines of request and result files, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How one request ended."""

    OK = "ok"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    MISSING = "missing"
    PENDING = "pending"


class ResultRow(NamedTuple):
    """What one row of an output or error file says, without its body."""

    custom_id: str | None
    outcome: Outcome
    status_code: int | None
    """HTTP status; 0 as some services write it; None without a response."""
    code: str
    """Failure code as PRODUCT words it; empty for `ok`."""
    message: str
    """The service's own words; empty for `ok`."""
    retryable: bool
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    model: str = ""


@dataclass(frozen=True, slots=True)
class LineProblem:
    """Something wrong with one line of a request file or a table."""

    line: int
    """Line number from 1; 0 when it is about the whole file."""
    code: str
    """The service's code where it has one (`invalid_json_line`), else ours."""
    message: str
    is_error: bool = True
    """False for a warning: the file may be sent all the same."""
    text: str = ""
    """The start of the line as read, at most 200 characters."""


@dataclass(frozen=True, slots=True)
class Part:
    """A run of whole lines of a request file that makes one batch."""

    start: int
    """First byte."""
    end: int
    """Byte after the last."""
    requests: int
    first_line: int
    """Line number of its first line, from 1."""

    @property
    def bytes(self) -> int:
        """Length in bytes."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a request file holds and what is wrong with it."""

    path: str
    bytes: int
    requests: int
    endpoint: str
    """The one url of all requests; empty when none or several."""
    models: Mapping[str, int]
    """Model name to number of requests."""
    problems: tuple[LineProblem, ...]
    """The first 1,000, in line order."""
    problem_counts: Mapping[str, int]
    """Code to number of problems, all counted."""
    error_count: int
    warning_count: int
    sha256: str
    """Of the whole file as it lies on disk."""
    mtime_ns: int
    """Modification time of the file when it was read."""
    estimated_input_tokens: int
    """About one token for four bytes of message text."""
    estimated_output_tokens: int
    """Sum of the requests' own output limits, where they give one."""
    embedding_inputs: int = 0
    parts: tuple[Part, ...] = ()
    """How it would be split to fit the limits; one part when it fits."""

    @property
    def is_valid(self) -> bool:
        """True when nothing stands against sending it as one batch."""
        return self.error_count == 0

    @property
    def is_valid_when_split(self) -> bool:
        """True when the only errors are that it is over the limits of one batch."""
        over = sum(self.problem_counts.get(code, 0) for code in OVER_LIMIT_CODES)
        return self.error_count == over and bool(self.parts)


OVER_LIMIT_CODES = frozenset({"too_many_tasks", "file_too_large", "too_many_inputs"})
"""Codes of problems that splitting a file solves."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What was built from a table."""

    path: str
    requests: int
    bytes: int
    problems: tuple[LineProblem, ...] = ()
    """The first 1,000; any of them means that no file was written."""
    problem_count: int = 0
    notes: tuple[str, ...] = ()
    """What to know before it is sent, in words: that it must be split."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The failed requests of a batch that share an outcome and a failure code."""

    code: str
    outcome: Outcome
    count: int
    retryable: bool
    why: str
    """Why sending again helps or does not, in a few words."""
    message: str
    """A sample of the service's words."""
    custom_ids: tuple[str, ...]
    """The first few."""
    share: float = 0.0
    """Of all requests of the batch, 0.0 to 1.0."""


@dataclass(frozen=True, slots=True)
class FailureReport:
    """What the files of one batch say, against what its counts say."""

    batch_id: str
    requests: int
    """Distinct requests of the input, by occurrence."""
    ok: int
    groups: tuple[FailureGroup, ...]
    """Largest first."""
    notes: tuple[str, ...] = ()
    """What does not fit together, in words: torn lines, repeated ids, counts that disagree."""
    torn_lines: int = 0
    repeated_ids: int = 0
    unknown_ids: int = 0
    """Result rows whose custom_id is not in the input."""

    @property
    def failed(self) -> int:
        """Requests without an ok answer."""
        return sum(group.count for group in self.groups)


class IndexedRow(NamedTuple):
    """Where a row lies in a file, and what it says in short."""

    line: int
    offset: int
    length: int
    """Bytes without the line end."""
    custom_id: str | None
    outcome: Outcome
    status_code: int | None
    code: str
    retryable: bool = False
    message: str = ""
    """At most 300 characters."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    model: str = ""


@dataclass(frozen=True, slots=True)
class MergeSummary:
    """What a merge wrote."""

    rows: int
    bytes: int
    ok: int
    by_code: Mapping[str, int] = field(default_factory=dict)
    """Failure code to count, `missing` among them."""
    repeated_ids: int = 0
    torn_lines: int = 0
    table_rows_without_request: int = 0
    requests_without_table_row: int = 0
    unknown_ids: int = 0
    """Result rows whose custom_id is not in the input; they are left out."""
    is_input_lost: bool = False
    """True when there was no input: the rows come in the order of the oldest results."""
    notes: tuple[str, ...] = ()
    """What does not fit together, in words."""
