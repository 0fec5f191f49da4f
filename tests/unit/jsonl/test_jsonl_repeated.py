"""Repeated ids among many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchdeck.jsonl.repeated import SeenIds


@given(st.lists(st.sampled_from(["a", "b", "", "é", "\ud800", "a ", "0", "-1"]), max_size=30))
def test_each_repeated_id_is_found_with_its_first_line(names: list[str]) -> None:
    seen = SeenIds()
    first: dict[str, int] = {}
    expected: list[tuple[int, int]] = []
    for line, name in enumerate(names, 10):
        seen.add(name, line)
        if first.setdefault(name, line) != line:
            expected.append((line, first[name]))
    assert sorted(seen.repeated()) == expected
    assert len(seen) == len(names)


def test_repeated_ids_are_found_among_more_than_are_looked_at_together() -> None:
    seen = SeenIds()
    count = 700_000
    for line in range(count):
        seen.add(f"id-{line}", line)
    for line in (3, 350_000, 699_999):
        seen.add(f"id-{line}", count + line)
    assert sorted(seen.repeated()) == [(count + line, line) for line in (3, 350_000, 699_999)]
