"""Names that look like the service's, and come out the same for the same seed."""

from __future__ import annotations

import hashlib

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789"


class Ids:
    """A row of ids."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._given = 0

    def _digest(self, kind: str) -> bytes:
        self._given += 1
        return hashlib.blake2b(f"{self._seed}:{kind}:{self._given}".encode(), digest_size=24).digest()

    def batch(self) -> str:
        """Such as `batch_68f1c0…`."""
        return f"batch_{self._digest('batch').hex()[:32]}"

    def file(self) -> str:
        """Such as `file-7Ud3mM…`."""
        return "file-" + "".join(_LETTERS[byte % len(_LETTERS)] for byte in self._digest("file")[:22])

    def request(self) -> str:
        """Such as `req_91ab…`."""
        return f"req_{self._digest('request').hex()[:32]}"
