"""Request files whose requests end as the sandbox's words in them say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path


def write_requests(path: Path, texts: Iterable[str], model: str = "gpt-4o-mini") -> Path:
    """A chat file with one request for each text; ids are `r-0`, `r-1` and so on."""
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            body = {"model": model, "messages": [{"role": "user", "content": text}]}
            line = {"custom_id": f"r-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(line) + "\n")
    return path
