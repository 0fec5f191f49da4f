"""A request file judged in one streaming pass, before anything is sent."""

from __future__ import annotations

import heapq
import os
from pathlib import Path
from typing import Any

import jiter

from batchdeck.jsonl.digest import Hasher
from batchdeck.jsonl.estimate import BYTES_PER_TOKEN, embedding_inputs, output_limit, text_bytes, text_length
from batchdeck.jsonl.file_rules import looks_like_utf16, over_limits, repeated_lines, was_changed
from batchdeck.jsonl.parts import PartPlan
from batchdeck.jsonl.problems import KEPT_PROBLEMS, Problems
from batchdeck.jsonl.read import BOM, MAX_LINE_BYTES, Block, file_stat, is_blank, read_blocks
from batchdeck.jsonl.repeated import SeenIds
from batchdeck.jsonl.rules import ENDPOINTS, LONG_CUSTOM_ID, LineRules
from batchdeck.jsonl.ticker import Ticker
from batchdeck.models.account import Limits
from batchdeck.models.lines import CheckReport, LineProblem, Part
from batchdeck.models.progress import OnProgress, ShouldStop

_BLOCK_BYTES = 1 << 20
"""Larger than elsewhere, so that the hashing thread takes turns less often."""
_SAMPLED_LINES = 128
"""The first lines, whose text is counted in bytes and not only in characters."""
_SAMPLE_EVERY = 32
"""Of the lines after them, one in so many is."""


def check_file(
    path: Path,
    limits: Limits,
    *,
    endpoint: str | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> CheckReport:
    """Judge a request file, plan how it is split, and take its SHA-256, in one pass.

    Args:
        path: A regular file.
        limits: Of the profile.
        endpoint: What the batch is for, or None to take it from the file.
        on_progress: Told bytes read.
        should_stop: Asked between blocks.

    Raises:
        FileProblem: The file cannot be read, or is no regular file.
        Interrupted: `should_stop` said so; nothing was sent.
    """
    before = file_stat(path)
    ticker = Ticker(on_progress, f"checking {path.name}", before.st_size, "bytes")
    with Hasher() as hasher:
        judged = _Pass(limits, endpoint)
        for block in read_blocks(
            path,
            end=before.st_size,
            block_bytes=_BLOCK_BYTES,
            on_chunk=hasher.add,
            should_stop=should_stop,
        ):
            judged.take(block)
            ticker.at(hasher.bytes)
    ticker.end(hasher.bytes)
    return judged.report(path, before, hasher)


class _Pass:
    """What is known of the file so far."""

    def __init__(self, limits: Limits, endpoint: str | None) -> None:
        self._limits = limits
        self._problems = Problems()
        self._rules = LineRules(limits, endpoint, self._problems)
        self._ids = SeenIds()
        self._plan: PartPlan | None = None
        self._models: dict[str, int] = {}
        """Models that the fast path lets pass, with the number of requests it let pass."""
        self._counts_inputs = False
        """True when the requests are for embeddings."""
        self._blank_first = 0
        self._blank_count = 0
        """Blank lines that no request has followed yet."""
        self._has_crlf = False
        self._is_utf16 = False
        self._text_length = 0
        """Characters of all texts."""
        self._sampled_length = 0
        self._sampled_bytes = 0
        self._output_tokens = 0
        self._embedding_inputs = 0
        self.requests = 0
        if endpoint is not None and limits.strict_endpoints and endpoint not in ENDPOINTS:
            self._problems.add(0, "invalid_url", f"{endpoint[:80]!r} is no batch endpoint.")

    def take(self, block: Block) -> None:
        """Judge the lines of a block."""
        if self._plan is None:
            self._plan = PartPlan(self._limits, block.offset)
            if block.offset == len(BOM):
                self._problems.add(
                    1,
                    "bom",
                    "The file begins with a byte order mark, which services refuse; save it as plain UTF-8.",
                )
            self._is_utf16 = looks_like_utf16(block.lines)
            if self._is_utf16:
                self._problems.add(
                    1, "wrong_encoding", "Byte 1 of line 1: the file is UTF-16; it must be UTF-8."
                )
        if self._is_utf16:
            return
        if block.skipped:
            self._take_long(block)
            return
        before = self.requests
        inputs: dict[int, int] = {}
        self._judge(block.number, block.lines, inputs)
        self._embedding_inputs += sum(inputs.values())
        self._plan.add_block(block.number, block.offset, block.lines, self.requests - before, inputs)

    def _judge(self, number: int, lines: list[bytes], inputs: dict[int, int]) -> None:
        """Judge lines that follow each other.

        A line that is in order in every respect is recognised here, with as few steps as can be; every other
        one goes to the rules, which judge it anew.
        """
        from_json = jiter.from_json
        rules, models = self._rules, self._models
        add_digest, add_line = self._ids.add_digest, self._ids.add_line
        url, needed, counts_inputs = rules.url, rules.needed, self._counts_inputs
        requests = text = output = 0
        for line, raw in enumerate(lines, number):
            try:
                row = from_json(raw, allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True)
                custom_id = row["custom_id"]
                body = row["body"]
                model = body["model"]
                is_plain = (
                    row["url"] == url
                    and row["method"] == "POST"
                    and type(custom_id) is str
                    and len(custom_id) <= LONG_CUSTOM_ID
                    and custom_id.strip()
                    and "stream" not in body
                    and body.get(needed)
                    and model in models
                    and not self._blank_count
                )
            except (ValueError, TypeError, KeyError, IndexError):
                is_plain = False
            if is_plain:
                requests += 1
                models[model] += 1
                add_digest(hash(custom_id))
                add_line(line)
                text += text_length(body)
                output += output_limit(body)
                if line <= _SAMPLED_LINES or not line % _SAMPLE_EVERY:
                    self._sample(body)
                if counts_inputs:
                    inputs[line] = embedding_inputs(body)
            else:
                self._judge_slowly(line, raw, inputs)
                url, needed, counts_inputs = rules.url, rules.needed, self._counts_inputs
            if not self._has_crlf and raw.endswith(b"\r") and not is_blank(raw):
                self._has_crlf = True
                self._problems.add(
                    line, "crlf", "Lines end with CR LF; plain line feeds are safer.", raw, is_error=False
                )
        self.requests += requests
        self._text_length += text
        self._output_tokens += output

    def _sample(self, body: dict[str, Any]) -> None:
        """Learn how many bytes a character of the texts has."""
        self._sampled_length += text_length(body)
        self._sampled_bytes += text_bytes(body)

    def _judge_slowly(self, line: int, raw: bytes, inputs: dict[int, int]) -> None:
        if is_blank(raw):
            if not self._blank_count:
                self._blank_first = line
            self._blank_count += 1
            return
        self._flush_blank_lines()
        self.requests += 1
        custom_id, body = self._rules.judge(line, raw)
        if custom_id is not None:
            self._ids.add(custom_id, line)
        if not self._models or not self._limits.one_model:
            self._models.update((model, 0) for model in self._rules.models if model not in self._models)
        self._counts_inputs = self._rules.url.endswith("/embeddings")
        if body is not None:
            self._text_length += text_length(body)
            self._sample(body)
            self._output_tokens += output_limit(body)
            if self._counts_inputs:
                inputs[line] = embedding_inputs(body)

    def _take_long(self, block: Block) -> None:
        self._flush_blank_lines()
        self.requests += 1
        self._problems.add(
            block.number,
            "line_too_long",
            f"The line has {block.skipped:,} bytes; one request may have {MAX_LINE_BYTES:,}.",
        )
        if self._plan is not None:
            self._plan.add_long(block.number, block.offset, block.skipped)

    def _flush_blank_lines(self) -> None:
        """Report blank lines that a request has followed."""
        if self._blank_count:
            self._problems.add_run(
                self._blank_first, self._blank_count, "invalid_json_line", "The line is empty."
            )
            self._blank_count = 0

    def report(self, path: Path, before: os.stat_result, hasher: Hasher) -> CheckReport:
        """Judge the file as a whole and return everything that is known of it."""
        problems, rules = self._problems, self._rules
        if self._blank_count and self.requests:
            problems.add(
                self._blank_first,
                "blank_lines_at_end",
                f"The file ends with {'an empty line' if self._blank_count == 1 else 'empty lines'}.",
                is_error=False,
            )
        whole = self._whole_file(was_changed(path, before, hasher.bytes), hasher.bytes)
        repeated = self._repeated(path)
        models = {model: rules.models.get(model, 0) + count for model, count in self._models.items()}
        return CheckReport(
            path=str(path),
            bytes=hasher.bytes,
            requests=self.requests,
            endpoint=next(iter(rules.urls)) if len(rules.urls) == 1 else "",
            models={**rules.models, **models},
            problems=problems.merged([*whole, *repeated]),
            problem_counts=dict(problems.by_code),
            error_count=problems.errors,
            warning_count=problems.warnings,
            sha256=hasher.hexdigest(),
            mtime_ns=before.st_mtime_ns,
            estimated_input_tokens=self._input_tokens(),
            estimated_output_tokens=self._output_tokens,
            embedding_inputs=self._embedding_inputs,
            parts=self._parts(hasher.bytes),
        )

    def _input_tokens(self) -> int:
        if not self._sampled_length:
            return 0
        size = self._text_length * self._sampled_bytes // self._sampled_length
        return size // BYTES_PER_TOKEN

    def _whole_file(self, is_changed: bool, size: int) -> list[LineProblem]:
        """Count what is wrong with the file as a whole, and return it: it is kept whatever else was."""
        found = over_limits(self._limits, self.requests, size, self._embedding_inputs)
        if not self.requests and not self._is_utf16:
            found.insert(0, ("empty_file", "The file holds no request."))
        if is_changed:
            found.append(("file_changed", "The file was changed while it was being read; check it again."))
        for code, _ in found:
            self._problems.count(code, 1)
        return [LineProblem(0, code, message) for code, message in found]

    def _repeated(self, path: Path) -> list[LineProblem]:
        """Count the repeated custom_ids, and return the first of them with their text."""
        count = 0
        first: list[tuple[int, int]] = []
        for pair in self._ids.repeated():
            count += 1
            first.append(pair)
            if len(first) >= 4 * KEPT_PROBLEMS:
                first = heapq.nsmallest(KEPT_PROBLEMS, first)
        if not count:
            return []
        self._problems.count("duplicate_custom_id", count)
        return repeated_lines(path, heapq.nsmallest(KEPT_PROBLEMS, first))

    def _parts(self, size: int) -> tuple[Part, ...]:
        plan = self._plan
        if plan is None or not self.requests:
            return ()
        if over_limits(self._limits, self.requests, size, self._embedding_inputs):
            return plan.parts(size)
        return (plan.whole(self.requests, size),)
