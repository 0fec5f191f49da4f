"""API keys: found where the profile says, shown nowhere."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import shlex
import sys
import traceback
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from batchdeck.config.keys import Secret, find_key, fingerprint, key_from_environment
from batchdeck.errors import NoKey
from batchdeck.models.account import Profile
from batchdeck.store.process import is_alive

KEY = "sk-test-0123456789"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _python(script: str) -> str:
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(script)}"


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(KEY)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        f"{secret!r}",
        "{}".format(secret),  # noqa: UP032
        repr([secret]),
    ]
    assert not any(KEY in text for text in shown)
    assert secret.reveal() == KEY
    assert vars(type(secret)).get("__dict__") is None
    for holder in (secret, {"x": secret}):
        with pytest.raises(TypeError):
            pickle.dumps(holder)
    assert copy.deepcopy(secret) is copy.copy(secret) is secret
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")


def test_a_secret_is_not_in_logs_or_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(KEY)
    logging.getLogger("x").warning("key %s %r", secret, secret)
    assert KEY not in caplog.text
    try:
        raise ValueError(secret)
    except ValueError as error:
        assert KEY not in "".join(traceback.format_exception(error))


def test_the_fingerprint_is_short_and_tells_keys_apart() -> None:
    assert fingerprint(Secret("abc")) == "ba7816bf8f01"
    assert fingerprint(Secret("abd")) != fingerprint(Secret("abc"))
    assert fingerprint(None) == fingerprint(Secret("")) == ""


def test_the_key_of_the_environment() -> None:
    assert key_from_environment(Profile(), {"OPENAI_API_KEY": f" {KEY}\n"}) == Secret(KEY)
    assert key_from_environment(Profile(), {}) is None
    assert key_from_environment(Profile(), {"OPENAI_API_KEY": "  "}) is None
    assert key_from_environment(Profile(api_key_env="OTHER"), {"OPENAI_API_KEY": KEY}) is None
    assert key_from_environment(Profile(api_key_env="OTHER"), {"OTHER": KEY}) == Secret(KEY)


@pytest.mark.parametrize("text", ["sk-a b", "sk-\x00", "sk-ä", "sk-a\nb"])
def test_a_key_that_cannot_be_one_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(NoKey) as raised:
        key_from_environment(Profile(), {"OPENAI_API_KEY": text})
    assert text not in raised.value.line


@pytest.mark.anyio
async def test_no_key_says_how_to_set_one() -> None:
    with pytest.raises(NoKey) as raised:
        await find_key(Profile(name="work", api_key_env="WORK_KEY"), {})
    assert "work" in raised.value.sentence
    assert "WORK_KEY" in str(raised.value.hint)
    assert raised.value.exit_code == 3


@pytest.mark.anyio
async def test_the_command_goes_before_the_environment() -> None:
    profile = Profile(api_key_command=_python(f"print('{KEY}'); print('second line')"))
    assert await find_key(profile, {"OPENAI_API_KEY": "sk-other"}) == Secret(KEY)


@pytest.mark.anyio
async def test_the_command_sees_the_environment() -> None:
    profile = Profile(api_key_command=_python("import os; print(os.environ['X'])"))
    assert await find_key(profile, {"X": KEY}) == Secret(KEY)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("print()", "printed nothing"),
        (f"import sys; print('{KEY}'); sys.stderr.write('{KEY}'); sys.exit(3)", "code 3"),
        (f"print('{KEY} {KEY}')", "characters"),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe')", "characters"),
    ],
)
async def test_a_command_that_fails_says_so_without_its_words(
    script: str, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NoKey) as raised:
        await find_key(Profile(name="work", api_key_command=_python(script)), {})
    assert says in raised.value.sentence
    assert KEY not in raised.value.line
    assert KEY not in "".join(capfd.readouterr())


@pytest.mark.anyio
async def test_a_command_that_is_not_there() -> None:
    with pytest.raises(NoKey, match="code 127"):
        await find_key(Profile(api_key_command="/no/such/command"), {})


@pytest.mark.anyio
@pytest.mark.skipif(os.name != "posix", reason="the command is for a POSIX shell")
async def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    profile = Profile(api_key_command=f"sleep 60 & echo $! > {shlex.quote(str(tmp_path / 'pid'))}; wait")
    with pytest.raises(NoKey, match="took longer"):
        await find_key(profile, os.environ, seconds=0.5)
    child = int(_content(tmp_path / "pid"))
    with anyio.fail_after(20):
        while is_alive(child, None):
            await anyio.lowlevel.checkpoint()


def _content(path: Path) -> str:
    return path.read_text()
