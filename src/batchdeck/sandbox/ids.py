"""Names that look like the service's, and come out the same for the same seed."""

from __future__ import annotations

import hashlib
import uuid

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789"


class Ids:
    """A row of ids."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._given = 0

    def _digest(self, kind: str) -> bytes:
        self._given += 1
        return hashlib.blake2b(f"{self._seed}:{kind}:{self._given}".encode(), digest_size=24).digest()

    def batch(self, *, plain: bool = False) -> str:
        """Such as `batch_68f1c0…`, or a bare UUID."""
        if plain:
            return self._uuid("batch")
        return f"batch_{self._digest('batch').hex()[:32]}"

    def file(self, *, plain: bool = False) -> str:
        """Such as `file-7Ud3mM…`, or a bare UUID."""
        if plain:
            return self._uuid("file")
        return "file-" + "".join(_LETTERS[byte % len(_LETTERS)] for byte in self._digest("file")[:22])

    def _uuid(self, kind: str) -> str:
        return str(uuid.UUID(bytes=self._digest(kind)[:16], version=4))

    def request(self) -> str:
        """Such as `req_91ab…`."""
        return f"req_{self._digest('request').hex()[:32]}"
