"""Whose batches are whose."""

from __future__ import annotations

import sqlite3
import time

from batchdeck.models.account import Account
from batchdeck.store.base import Database
from batchdeck.store.texts import plain


class Accounts:
    """The accounts that were ever used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def key(self, account: Account, profile_name: str) -> int:
        """The account's id in the history; it is remembered as the profile's last used."""
        found = await self._database.read(lambda connection: _known(connection, account, profile_name))
        if found is not None:
            return found
        return await self._database.write(lambda connection: _remember(connection, account, profile_name))

    async def last_used(self, profile_name: str, base_url: str) -> tuple[int, Account] | None:
        """The account the profile last used at that address, for starting without a key.

        One that holds batches goes before one that holds none, which a wrong key would have made.
        """

        def work(connection: sqlite3.Connection) -> tuple[int, Account] | None:
            row = connection.execute(
                "SELECT a.id, a.base_url, a.key_fingerprint, a.organization, a.project FROM account_uses u"
                " JOIN accounts a ON a.id = u.account_id WHERE u.profile = ? AND u.base_url = ?"
                " ORDER BY EXISTS (SELECT 1 FROM batches b WHERE b.account_id = a.id) DESC, u.used_at DESC"
                " LIMIT 1",
                (plain(profile_name), plain(base_url.rstrip("/"))),
            ).fetchone()
            return None if row is None else (row[0], Account(*row[1:]))

        return await self._database.read(work)


def _identity(account: Account) -> tuple[str, str, str, str]:
    return (
        plain(account.base_url),
        plain(account.key_fingerprint),
        plain(account.organization),
        plain(account.project),
    )


def _find(connection: sqlite3.Connection, account: Account) -> int | None:
    row = connection.execute(
        "SELECT id FROM accounts WHERE base_url = ? AND key_fingerprint = ?"
        " AND organization = ? AND project = ?",
        _identity(account),
    ).fetchone()
    return None if row is None else int(row[0])


def _known(connection: sqlite3.Connection, account: Account, profile: str) -> int | None:
    """The id of an account that already is the profile's last used."""
    row = connection.execute(
        "SELECT account_id FROM account_uses WHERE profile = ? AND base_url = ?"
        " ORDER BY used_at DESC LIMIT 1",
        (plain(profile), plain(account.base_url)),
    ).fetchone()
    found = _find(connection, account)
    return found if row is not None and row[0] == found else None


def _remember(connection: sqlite3.Connection, account: Account, profile: str) -> int:
    now = time.time()
    found = _find(connection, account)
    if found is None:
        from hashlib import sha256

        # Drawn from the identity, so that the same account has the same id in every history.
        digest = sha256("\x1f".join(_identity(account)).encode("utf-8", "replace")).digest()
        found = int.from_bytes(digest[:4], "big") >> 1 or 1
        while connection.execute("SELECT 1 FROM accounts WHERE id = ?", (found,)).fetchone():
            found += 1
        connection.execute(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)", (found, *_identity(account), now)
        )
    connection.execute(
        "INSERT INTO account_uses VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET used_at = max(excluded.used_at, used_at + 0.001)",
        (plain(profile), plain(account.base_url), found, now),
    )
    return found
