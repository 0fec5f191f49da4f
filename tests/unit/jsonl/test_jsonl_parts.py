"""How files over the limits are split: as full as can be, by whole lines."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdeck.jsonl.check import check_file
from batchdeck.jsonl.parts import PartPlan
from batchdeck.models.account import Limits


def greedy(lines: list[bytes], inputs: list[int], limits: Limits) -> list[tuple[int, int, int, int]] | None:
    """Return the parts line by line, or None when a line alone does not fit."""
    parts: list[tuple[int, int, int, int]] = []
    start = count = held = 0
    first = 1
    offset = 0
    for number, (raw, asked) in enumerate(zip(lines, inputs, strict=True), 1):
        end = offset + len(raw) + 1
        if len(raw) + 1 > limits.max_bytes or asked > limits.max_embedding_inputs:
            return None
        is_full = count == limits.max_requests or held + asked > limits.max_embedding_inputs
        if count and (is_full or end - start > limits.max_bytes):
            parts.append((start, offset, count, first))
            start, count, held, first = offset, 0, 0, number
        count += 1
        held += asked
        offset = end
    parts.append((start, offset, count, first))
    return parts


LINES = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 3)), min_size=1, max_size=20)
LIMITS = st.builds(
    Limits,
    max_requests=st.integers(1, 8),
    max_bytes=st.integers(8, 60),
    max_embedding_inputs=st.integers(2, 12),
)


@given(lines=LINES, limits=LIMITS, block=st.integers(1, 7))
def test_any_lines_in_any_blocks_are_split_as_if_one_by_one(
    lines: list[tuple[int, int]], limits: Limits, block: int
) -> None:
    raws = [b"x" * length for length, _ in lines]
    inputs = [asked for _, asked in lines]
    plan = PartPlan(limits, 0)
    offset = 0
    for place in range(0, len(raws), block):
        some = raws[place : place + block]
        asked = {place + 1 + number: inputs[place + number] for number in range(len(some))}
        plan.add_block(place + 1, offset, some, len(some), asked)
        offset += sum(len(raw) + 1 for raw in some)
    expected = greedy(raws, inputs, limits)
    found = [(part.start, part.end, part.requests, part.first_line) for part in plan.parts(offset)]
    assert found == (expected or [])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=12),
    requests=st.integers(1, 12),
    spare=st.integers(-3, 500),
)
def test_a_file_is_split_exactly_at_its_limits(
    tmp_path: Path, sizes: list[int], requests: int, spare: int
) -> None:
    lines = [
        json.dumps(
            {
                "custom_id": f"r-{number}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "m", "messages": [{"role": "user", "content": "x" * size}]},
            }
        ).encode()
        for number, size in enumerate(sizes)
    ]
    data = b"".join(line + b"\n" for line in lines)
    path = tmp_path / "requests.jsonl"
    path.write_bytes(data)
    limits = Limits(max_requests=requests, max_bytes=max(1, len(data) - spare))
    report = check_file(path, limits)
    parts = [(part.start, part.end, part.requests, part.first_line) for part in report.parts]
    assert parts == (greedy(lines, [0] * len(lines), limits) or [])
    assert report.is_valid == (len(lines) <= requests and spare <= 0)
    assert report.is_valid_when_split == bool(parts)
