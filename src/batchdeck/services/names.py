"""File names made of ids that a server chose, and upload names that can be found again."""

from __future__ import annotations

import hashlib
import re

MAX_STEM = 120
"""Characters of a file name's stem, so that a suffix still fits the 255 bytes of a file system."""
_HARMFUL = re.compile(r"[^A-Za-z0-9._-]+")
_TAG = re.compile(r"\.bd-[0-9a-f]{12}(?=\.jsonl$)")


def safe_stem(text: str, *, limit: int = MAX_STEM) -> str:
    """Text as a file name's stem: no separators, no leading dot, bounded.

    Two texts that differ keep different stems: whatever had to be changed gets a hash of the whole.
    """
    kept = _HARMFUL.sub("_", text).lstrip(".-")[:limit]
    if kept == text and kept:
        return kept
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{kept[: limit - 11].rstrip('._-') or 'file'}-{mark}"


def upload_name(stem: str, operation_id: str) -> str:
    """The name an operation's input is uploaded under: ASCII, and no other operation's."""
    kept = _HARMFUL.sub("_", stem).strip("._-")[:80] or "input"
    return f"{kept}.bd-{operation_id[:12]}.jsonl"


def shown_name(filename: str) -> str:
    """An upload's name as people know it, without the operation's tag."""
    return _TAG.sub("", filename)
