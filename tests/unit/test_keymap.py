"""The user's keys: checked against the actions, never two things on one key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdeck.actions import ACTIONS, BY_ID
from batchdeck.config.keymap import effective_keys, read_keys
from batchdeck.errors import ConfigError


def test_the_default_keys_are_those_of_the_actions() -> None:
    keys = effective_keys({})
    assert keys == {action_id: action.keys for action_id, action in BY_ID.items()}


def test_a_chosen_key_takes_the_place_of_the_default_ones() -> None:
    chosen = read_keys({"batch": {"cancel": "X"}, "move.down": ["v", "down"]}, "config.toml")
    assert chosen == {"batch.cancel": ("X",), "move.down": ("v", "down")}
    keys = effective_keys(chosen)
    assert keys["batch.cancel"] == ("X",)
    assert keys["move.up"] == ("k", "up")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("x", ("x",)),
        ("X", ("X",)),
        ("CTRL+x", ("ctrl+x",)),
        ("ctrl+shift+F5", ("ctrl+shift+f5",)),
        ("esc", ("escape",)),
        ("PgDn", ("pagedown",)),
        (",", ("comma",)),
        (" ", ("space",)),
        ("alt+,", ("alt+comma",)),
        ("+", ("+",)),
        ("ctrl++", ("ctrl+plus",)),
        ("ä", ("ä",)),
        (["f5", "f5", "F6"], ("f5", "f6")),
        ("ctrl+space", ("ctrl+space", "ctrl+@")),
        ([], ()),
        ("", ()),
    ],
)
def test_how_keys_are_written(written: object, read: tuple[str, ...]) -> None:
    free: dict[str, object] = {action.id: [] for action in BY_ID.values()}
    assert read_keys(free | {"batch.cancel": written}, "c")["batch.cancel"] == read


@pytest.mark.parametrize("key", ["abc", "ctrl+", "strg+x", "f25", "ctrl+\n", "\x1b", "ctrl x", "+x"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_keys({"batch.cancel": key}, "config.toml")
    assert "keys.batch.cancel in config.toml" in raised.value.sentence


@pytest.mark.parametrize("value", [3, True, {"x": 1}, ["x", 3], None])
def test_what_is_neither_key_nor_list_is_refused(value: object) -> None:
    with pytest.raises(ConfigError):
        read_keys({"batch.cancel": value}, "config.toml")


def test_an_unknown_action_is_refused_and_guessed() -> None:
    with pytest.raises(ConfigError) as raised:
        read_keys({"batch.cancle": "x"}, "config.toml")
    assert raised.value.hint == "Did you mean batch.cancel?"
    with pytest.raises(ConfigError):
        effective_keys({"batch.cancle": ("x",)})


def test_one_key_does_not_do_two_things() -> None:
    with pytest.raises(ConfigError) as raised:
        read_keys({"batch.cancel": "d"}, "config.toml")
    assert "keys.batch.cancel" in raised.value.sentence
    assert "batch.download" in raised.value.sentence
    assert "keys.batch.download" in str(raised.value.hint)
    assert read_keys({"batch.cancel": "d", "batch.download": "D"}, "c")
    with pytest.raises(ConfigError, match=r"results\.copy"):
        read_keys({"results.copy": "q"}, "c")
    with pytest.raises(ConfigError):
        read_keys({"batch.create": "ctrl+j"}, "c")


def test_the_same_key_may_do_other_things_on_other_screens() -> None:
    assert read_keys({"results.copy": "c", "failures.copy": "c"}, "c")


def test_keys_may_be_swapped() -> None:
    down, up = BY_ID["move.down"].keys, BY_ID["move.up"].keys
    keys = effective_keys(read_keys({"move.down": list(up), "move.up": list(down)}, "c"))
    assert (keys["move.down"], keys["move.up"]) == (up, down)


@given(
    st.dictionaries(
        st.sampled_from([action.id for action in ACTIONS]) | st.text(), st.text() | st.lists(st.text())
    )
)
def test_any_table_is_read_or_refused(table: dict[str, object]) -> None:
    try:
        chosen = read_keys(table, "c")
    except ConfigError as error:
        assert error.sentence
        return
    assert set(chosen) <= set(BY_ID)
