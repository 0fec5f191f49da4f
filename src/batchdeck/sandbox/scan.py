"""Judging an input file as the service does, after the create."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from batchdeck.sandbox.answers import ENDPOINTS
from batchdeck.sandbox.rules import ANSWERED, Fate, fate_of

_LOOK_EVERY = 256


class Stopped(Exception):
    """The sandbox is closing: leave the work."""


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """What an input file may hold."""

    requests: int = 50_000
    embedding_inputs: int = 50_000
    mixed_models: bool = False
    repeated_ids: bool = False
    """Accept a repeated custom_id, as some services do."""
    errors: int = 1_000
    """How many errors are told."""


@dataclass(slots=True)
class Scan:
    """What an input file holds."""

    path: Path
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    """Where each request's line starts."""
    errors: list[dict[str, Any]] = field(default_factory=list)
    model: str | None = None
    estimated_tokens: int = 0
    special: dict[int, Fate] = field(default_factory=dict)
    """Requests, from 0, that do not simply get an answer."""
    counted: list[bytes] = field(default_factory=list)
    """Digests of the lines whose words hold only so many times."""

    @property
    def count(self) -> int:
        """Requests in the file."""
        return len(self.offsets)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


class _Judge:
    def __init__(
        self, scan: Scan, endpoint: str, limits: ScanLimits, times_sent: Callable[[bytes], int]
    ) -> None:
        self.scan = scan
        self.endpoint = endpoint
        self.limits = limits
        self.times_sent = times_sent
        self.ids: set[str] = set()
        self.inputs = 0

    def error(self, code: str, message: str, line: int | None, param: str | None = None) -> None:
        if len(self.scan.errors) < self.limits.errors:
            self.scan.errors.append({"code": code, "message": message, "param": param, "line": line})

    def line(self, raw: bytes, number: int, offset: int) -> None:
        scan = self.scan
        scan.offsets.append(offset)
        if len(scan.offsets) > self.limits.requests:
            return
        try:
            request = json.loads(raw.decode(), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            self.error("invalid_json_line", "This line is not parseable as valid JSON.", number)
            return
        if not isinstance(request, dict):
            self.error("invalid_json_line", "This line is not a JSON object.", number)
            return
        self._fields(request, number)
        fate = fate_of(raw)
        if fate.once:
            digest = hashlib.blake2b(raw.strip(), digest_size=16).digest()
            scan.counted.append(digest)
            if self.times_sent(digest) >= fate.once:
                return
        if fate is not ANSWERED:
            scan.special[len(scan.offsets) - 1] = fate

    def _fields(self, request: dict[str, Any], number: int) -> None:
        custom_id = request.get("custom_id")
        if not isinstance(custom_id, str) or not custom_id:
            self.error("invalid_request", "Missing required parameter: 'custom_id'.", number, "custom_id")
        elif custom_id in self.ids and not self.limits.repeated_ids:
            self.error(
                "duplicate_custom_id",
                "The custom_id for this request is a duplicate of another request. "
                "The custom_id parameter must be unique for each request in a batch.",
                number,
                "custom_id",
            )
        else:
            self.ids.add(custom_id)
        method = request.get("method")
        if method != "POST":
            told = "Missing required parameter: 'method'." if method is None else "Method must be 'POST'."
            self.error("invalid_request" if method is None else "invalid_method", told, number, "method")
        url = request.get("url")
        if url is None:
            self.error("invalid_request", "Missing required parameter: 'url'.", number, "url")
        elif url != self.endpoint:
            known = url in ENDPOINTS
            self.error(
                "url_mismatch" if known else "invalid_url",
                "The URL provided for this request does not match the prefix expected for the batch endpoint."
                if known
                else "The URL provided for this request is not an endpoint that batches can be made for.",
                number,
                "url",
            )
        body = request.get("body")
        if not isinstance(body, dict):
            self.error("invalid_request", "Missing required parameter: 'body'.", number, "body")
            return
        self._model(body.get("model"), number)
        if self.endpoint == "/v1/embeddings":
            told_input = body.get("input")
            several = isinstance(told_input, list) and not all(isinstance(one, int) for one in told_input)
            self.inputs += len(told_input) if isinstance(told_input, list) and several else 1

    def _model(self, model: object, number: int) -> None:
        scan = self.scan
        if not isinstance(model, str) or not model:
            if self.endpoint != "/v1/moderations":
                self.error("invalid_request", "Missing required parameter: 'model'.", number, "body.model")
            return
        if model.startswith("no-such"):
            self.error(
                "model_not_found", f"The provided model '{model}' is not supported by the Batch API.", number
            )
        if scan.model is None:
            scan.model = model
        elif model != scan.model and not self.limits.mixed_models:
            self.error(
                "model_mismatch",
                f"The model '{model}' does not match the model of the first request: '{scan.model}'. "
                "All requests in a batch must use the same model.",
                number,
                "body.model",
            )

    def whole(self) -> None:
        scan, limits = self.scan, self.limits
        if scan.count == 0:
            self.error(
                "empty_file", "The input file is empty. Please ensure that the batch has requests.", None
            )
        elif scan.count > limits.requests:
            scan.errors[:] = []
            self.error(
                "too_many_tasks",
                "The number of requests in the input file exceeds the maximum allowed value of "
                f"{limits.requests:,}.",
                None,
            )
        elif self.inputs > limits.embedding_inputs:
            self.error(
                "too_many_inputs",
                f"The batch holds {self.inputs:,} embedding inputs; at most {limits.embedding_inputs:,} fit.",
                None,
            )


def scan_file(
    path: Path,
    endpoint: str,
    limits: ScanLimits,
    *,
    times_sent: Callable[[bytes], int],
    should_stop: Callable[[], bool],
) -> Scan:
    """Read an input file once, line by line.

    Args:
        path: The uploaded file.
        endpoint: The batch's endpoint, which every line's url must be.
        limits: What the file may hold.
        times_sent: How often earlier batches ran the line with this digest.
        should_stop: Looked at now and then.

    Raises:
        Stopped: `should_stop` said so.
        OSError: the file cannot be read.
    """
    scan = Scan(path)
    judge = _Judge(scan, endpoint, limits, times_sent)
    offset = 0
    blank: list[int] = []
    with path.open("rb", buffering=1 << 20) as lines:
        for number, raw in enumerate(lines, start=1):
            if number % _LOOK_EVERY == 0 and should_stop():
                raise Stopped
            if raw.isspace():
                blank.append(number)
            else:
                for empty in blank:
                    judge.error("invalid_json_line", "This line is not parseable as valid JSON.", empty)
                blank.clear()
                judge.line(raw, number, offset)
            offset += len(raw)
    judge.whole()
    scan.estimated_tokens = offset // 4
    return scan
