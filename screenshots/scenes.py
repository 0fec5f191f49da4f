"""What each picture shows, as keys that a person would press."""

from __future__ import annotations

from screenshots.make import Scene, Stage

NINE_CODES = "Customer feedback"
"""The demo's batch with nine failure codes."""
RETRIED = "Contract clause tags"
"""The demo's batch that expired and was retried twice."""

_LINE = '{"custom_id": "%s", "method": "POST", "url": "%s", "body": %s}'
_CHAT = "/v1/chat/completions"
BAD_FILE = "\n".join(
    (
        _LINE % ("t-1", _CHAT, '{"model": "gpt-4o-mini", "messages": []}'),
        _LINE % ("t-1", _CHAT, '{"model": "gpt-4o-mini", "messages": []}'),
        _LINE % ("t-3", "/v1/embeddings", '{"model": "gpt-4o-mini", "input": "x"}'),
        _LINE % ("t-4", _CHAT, '{"model": "gpt-4o", "messages": []}'),
        '{"custom_id": "t-5", "method": "POST", "url": "/v1/chat/compl',
    )
)
"""A request file with a problem on every line but the first."""


async def _deck(stage: Stage) -> None:
    await stage.press("j", "j")
    await stage.wait_for("REQUESTS")


async def _list(stage: Stage) -> None:
    await stage.press("j", "j")


SCENES = (
    Scene("deck", _deck, has_png=True),
    Scene("deck_80x24", _deck, size=(80, 24)),
    Scene("narrow", _list, size=(50, 15)),
    Scene("light", _deck, theme="light", has_png=True),
)
"""All pictures, in the order README shows them."""
