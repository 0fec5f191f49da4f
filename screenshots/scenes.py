"""What each picture shows, as keys that a person would press."""

from __future__ import annotations

from screenshots.make import NARROW, WIDE, Scene, Stage, Steps

NINE_CODES = "Customer feedback labels"
"""The demo's batch with nine failure codes."""
CHAIN = "(retry 2)"
"""The demo's batch that is the last of a chain of three."""
REFUSED = "Ticket backlog"
"""The demo's batch whose file was refused, line by line."""
AT_WORK = "Archive labels"
"""The demo's batch that may not be done before it expires."""

_LINE = '{"custom_id": "%s", "method": "POST", "url": "%s", "body": %s}'
_CHAT = "/v1/chat/completions"
BAD_FILE = "\n".join(
    (
        _LINE
        % (
            "ticket-1",
            _CHAT,
            '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Where is my parcel?"}]}',
        ),
        _LINE
        % (
            "ticket-1",
            _CHAT,
            '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Where is my parcel?"}]}',
        ),
        _LINE % ("ticket-3", "/v1/embeddings", '{"model": "gpt-4o-mini", "input": "x"}'),
        _LINE
        % (
            "ticket-4",
            _CHAT,
            '{"model": "gpt-4o", "messages": [{"role": "user", "content": "Where is my parcel?"}]}',
        ),
        '{"custom_id": "ticket-5", "method": "POST", "url": "/v1/chat/compl',
    )
)
"""A request file with a problem on every line but the first."""


async def _deck(stage: Stage) -> None:
    await stage.press(*"jjjjjjjjjj")
    await stage.wait_for("completed       3,720")


async def _list(stage: Stage) -> None:
    await stage.press(*"jjj")


def _tab(batch: str, key: str, *signs: str) -> Steps:
    """A tab of a batch, once the signs stand on it."""

    async def steps(stage: Stage) -> None:
        await stage.go_to(batch)
        await stage.press("enter")
        await stage.wait_for("4 Lineage")
        await stage.press(key)
        for sign in signs:
            await stage.wait_for(sign)

    return steps


async def _request(stage: Stage) -> None:
    await _tab(NINE_CODES, "2", "server_error")(stage)
    await stage.press("enter")
    await stage.wait_for("esc goes back")
    await stage.wait_for("review-104964")
    await stage.press("enter")
    await stage.wait_for("HTTP 429")


async def _create(stage: Stage) -> None:
    (stage.folder / "tickets.jsonl").write_text(BAD_FILE, encoding="utf-8")
    await stage.press("c")
    await stage.wait_for("Create a batch")
    await stage.paste("tickets.jsonl")
    await stage.press("enter")
    await stage.wait_for("line 5")


async def _retry(stage: Stage) -> None:
    await stage.go_to(NINE_CODES)
    await stage.press("r")
    await stage.wait_for("Sends 222")


async def _help(stage: Stage) -> None:
    await stage.press("question_mark")
    await stage.wait_for("The list of batches")


SCENES = (
    Scene("deck", _deck, has_png=True),
    Scene("narrow", _list, sizes=(NARROW,), has_png=True),
    Scene("overview", _tab(REFUSED, "1", "line"), has_png=True),
    Scene("failures", _tab(NINE_CODES, "2", "server_error"), has_png=True),
    Scene("results", _tab(NINE_CODES, "3", "rate_limit_exceeded"), has_png=True),
    Scene("request", _request, has_png=True),
    Scene("lineage", _tab(CHAIN, "4", "retry 2"), has_png=True),
    Scene("create", _create, has_png=True),
    Scene("retry", _retry, has_png=True),
    Scene("help", _help),
    Scene("light", _deck, sizes=(WIDE,), theme="light", has_png=True),
)
"""All pictures, in the order README shows them."""
