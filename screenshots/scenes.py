"""What each picture shows, as keys that a person would press."""

from __future__ import annotations

from screenshots.make import Scene, Stage

NINE_CODES = "Customer feedback"
"""The demo's batch with nine failure codes."""
RETRIED = "Contract clause tags"
"""The demo's batch that expired and was retried twice."""

BAD_FILE = """\
{"custom_id": "t-1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o-mini", "messages": []}}
{"custom_id": "t-1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o-mini", "messages": []}}
{"custom_id": "t-3", "method": "POST", "url": "/v1/embeddings", "body": {"model": "gpt-4o-mini", "input": "x"}}
{"custom_id": "t-4", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o-mini", "messages": [
"""


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
