"""A lineage is whole in whatever order its batches are seen."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdeck.models.account import Account
from batchdeck.models.batch import Batch
from batchdeck.models.filter import BatchFilter
from batchdeck.models.query import BatchSort
from batchdeck.store.database import History
from tests.fakes.batches import NOON, make_batch

pytestmark = pytest.mark.anyio


def _chain(parents: dict[str, str | None]) -> list[Batch]:
    """Batches and the ones they retried, oldest first."""
    return [
        make_batch(name, age=1000 - n, metadata={"retry_of": f"batch_{parent}"} if parent else {})
        for n, (name, parent) in enumerate(parents.items())
    ]


async def _ids(history: History, account_id: int, name: str) -> list[str]:
    found = await history.batches.lineage(account_id, f"batch_{name}")
    return [record.id.removeprefix("batch_") for record in found]


async def test_a_tree_is_whole_in_any_order_of_arrival() -> None:
    batches = _chain({"root": None, "a": "root", "b": "root", "aa": "a", "other": None})
    for order in permutations(batches):
        async with History.open_memory() as history:
            account_id = await history.accounts.key(Account("u", "f"), "p")
            for batch in order:
                await history.batches.upsert(account_id, [batch], seen_at=NOON, profile="p")
            for name in ("root", "a", "b", "aa"):
                assert await _ids(history, account_id, name) == ["root", "a", "b", "aa"]
            assert await _ids(history, account_id, "other") == ["other"]


async def test_two_retries_of_an_unknown_batch_are_of_one_lineage(history: History, account_id: int) -> None:
    batches = _chain({"a": "lost", "b": "lost", "c": None})
    await history.batches.upsert(account_id, batches, seen_at=NOON, profile="p")
    assert await _ids(history, account_id, "a") == ["a", "b"]
    assert await _ids(history, account_id, "lost") == ["a", "b"]
    window = await history.batches.window(
        account_id, BatchFilter.parse("lineage:batch_lost"), BatchSort(), offset=0, limit=9, now=NOON
    )
    assert {row.id for row in window.rows} == {"batch_a", "batch_b"}


async def test_the_filter_finds_joint_retries(history: History, account_id: int) -> None:
    joint = make_batch(
        "joint", age=1, metadata={"retry_of": "batch_a", "batchdeck_also_retries": "batch_b,batch_cc"}
    )
    batches = _chain({"a": None, "b": None, "bb": "b", "c": None, "cc": None})
    await history.batches.upsert(account_id, [*batches, joint], seen_at=NOON, profile="p")
    for name, expected in (
        ("a", {"a", "joint"}),
        ("b", {"b", "bb", "joint"}),
        ("cc", {"cc", "joint"}),
        ("c", {"c"}),
    ):
        window = await history.batches.window(
            account_id, BatchFilter.parse(f"lineage:batch_{name}"), BatchSort(), offset=0, limit=9, now=NOON
        )
        assert {row.id for row in window.rows} == {f"batch_{other}" for other in expected}


async def test_children_are_the_direct_retries(history: History, account_id: int) -> None:
    batches = _chain({"root": None, "a": "root", "b": "root", "aa": "a"})
    await history.batches.upsert(account_id, batches, seen_at=NOON, profile="p")
    children = await history.batches.children(account_id, "batch_root")
    assert [record.id for record in children] == ["batch_a", "batch_b"]


async def test_a_parent_that_is_named_late_joins_the_lineage(history: History, account_id: int) -> None:
    root, child, grandchild = _chain({"root": None, "child": "root", "grandchild": "child"})
    bare = replace(child, metadata={})
    await history.batches.upsert(account_id, [grandchild, bare, root], seen_at=NOON, profile="p")
    assert await _ids(history, account_id, "root") == ["root"]
    await history.batches.upsert(account_id, [child], seen_at=NOON, profile="p")
    assert await _ids(history, account_id, "root") == ["root", "child", "grandchild"]
    await history.batches.upsert(account_id, [bare], seen_at=NOON, profile="p")
    assert await _ids(history, account_id, "root") == ["root"]
    assert await _ids(history, account_id, "grandchild") == ["child", "grandchild"]


@given(
    links=st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 7)), min_size=1, max_size=14),
)
@settings(max_examples=40, deadline=None)
async def test_every_forest_is_the_same_as_if_made_at_once(links: list[tuple[int, int | None]]) -> None:
    """Parents change, are unknown, are the batch itself, go in circles."""
    async with History.open_memory() as history:
        account_id = await history.accounts.key(Account("u", "f"), "p")
        parents: dict[int, int | None] = {}
        for number, parent in links:
            parents[number] = parent
            metadata = {} if parent is None else {"retry_of": f"batch_{parent}"}
            await history.batches.upsert(
                account_id, [make_batch(number, metadata=metadata)], seen_at=NOON, profile="p"
            )
        for number in parents:
            found = {int(name) for name in await _ids(history, account_id, str(number))}
            assert number in found
            if not _is_circular(parents):
                assert found == {
                    other for other in parents if _root(parents, other) == _root(parents, number)
                }


def _root(parents: dict[int, int | None], number: int) -> int:
    while (parent := parents.get(number)) is not None:
        number = parent
    return number


def _is_circular(parents: dict[int, int | None]) -> bool:
    for number in parents:
        seen: set[int | None] = set()
        place: int | None = number
        while place is not None:
            if place in seen:
                return True
            seen.add(place)
            place = parents.get(place)
    return False
