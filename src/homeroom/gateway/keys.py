"""Keys: 256 bits, shown once, kept as SHA-256, compared in constant time, revocable at once.

A key reads ``hr-`` + 43 URL-safe characters; the first 6 after ``hr-`` are its id. Knows who may ask; does not know HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, cast

import sqlalchemy as sa

from homeroom.errors import StoreFailure, UsageError
from homeroom.gateway.state import KEYS

Right = Literal["inference", "admin"]
RIGHTS: Final[tuple[Right, ...]] = ("inference", "admin")
SHAPE: Final = re.compile(r"hr-[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. Times are ISO-8601 in UTC."""

    id: str
    name: str
    rights: frozenset[Right]
    created_at: str
    revoked_at: str | None = None

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "rights": sorted(self.rights),
            "created_at": self.created_at,
            "revoked_at": self.revoked_at,
        }


class KeyRing:
    """The keys of one database, and those lent for this process's life only."""

    def __init__(self, database: sa.Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database, self._now = database, now
        self._lent: dict[str, tuple[Key, bytes, datetime]] = {}
        self._cache: dict[str, tuple[Key, bytes]] = {}
        self._version: int | None = None
        self._file = self._inode()

    def create(self, name: str, rights: frozenset[Right]) -> tuple[Key, str]:
        """Make a key; its secret is returned here and nowhere else. Raises UsageError for a name in use."""
        if not re.fullmatch(r"[\w][\w .@-]{0,63}", name):
            raise UsageError("gateway.key_name", name=name)
        if any(key.name == name for key in self.all() if key.revoked_at is None):
            raise UsageError("gateway.key_taken", name=name)
        secret, key = self._new(name, rights)
        with self._begin() as connection:
            connection.execute(
                KEYS.insert().values(
                    id=key.id,
                    name=name,
                    sha256=_digest(secret),
                    rights=",".join(sorted(rights)),
                    created_at=key.created_at,
                )
            )
        self._version = None
        return key, secret

    def lend(self, name: str, rights: frozenset[Right], until: datetime) -> str:
        """A key that only this process knows, and only until *until*: for commands of the same user."""
        self._lent = {i: entry for i, entry in self._lent.items() if entry[2] > self._now()}
        secret, key = self._new(name, rights)
        self._lent[key.id] = (key, _digest(secret), until)
        return secret

    def check(self, secret: str) -> Key | None:
        """The key that *secret* opens, or None: unknown, wrong, revoked or run out."""
        if not SHAPE.fullmatch(secret):
            return None
        self._refresh()
        identity = secret[3:9]
        found = self._cache.get(identity)
        if found is None and (lent := self._lent.get(identity)) and lent[2] > self._now():
            found = lent[:2]
        if found is None or not hmac.compare_digest(found[1], _digest(secret)):
            return None
        return found[0] if found[0].revoked_at is None else None

    def revoke(self, name: str) -> list[Key]:
        """Revoke the key with this id, or all live keys with this name. Raises UsageError where there is none."""
        found = [key for key in self.all() if key.revoked_at is None and name in (key.id, key.name)]
        if not found:
            raise UsageError("gateway.key_unknown", name=name)
        with self._begin() as connection:
            connection.execute(
                KEYS.update().where(KEYS.c.id.in_([key.id for key in found])).values(revoked_at=self._stamp())
            )
        self._version = None
        return found

    def all(self) -> list[Key]:
        """Every key, oldest first, the revoked ones too."""
        with self._begin() as connection:
            rows = connection.execute(sa.select(KEYS).order_by(KEYS.c.created_at, KEYS.c.id)).all()
        return [_key(row) for row in rows]

    def _new(self, name: str, rights: frozenset[Right]) -> tuple[str, Key]:
        taken = {key.id for key in self.all()} | set(self._lent)
        while True:
            secret = f"hr-{secrets.token_urlsafe(32)}"
            if secret[3:9] not in taken:
                break
        return secret, Key(secret[3:9], name, rights, self._stamp())

    def _inode(self) -> int | None:
        try:
            return Path(str(self._database.url.database)).stat().st_ino
        except OSError:
            return None

    def _stamp(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        """A transaction. Raises StoreFailure where the database is locked, full or damaged."""
        try:
            with self._database.begin() as connection:
                yield connection
        except sa.exc.DatabaseError as error:
            raise StoreFailure("gateway.database", path=self._database.url.database, reason=error.orig) from None

    def _refresh(self) -> None:
        """Read the keys again if another process changed them: SQLite counts its commits in ``data_version``.

        Where the file is gone or is another one, no key opens anything: what was revoked in it could not be known.
        """
        if self._inode() != self._file:
            raise StoreFailure("gateway.database_gone", path=self._database.url.database)
        with self._begin() as connection:
            version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            if version == self._version:
                return
            rows = connection.execute(sa.select(KEYS)).all()
        self._cache = {row.id: (_key(row), row.sha256) for row in rows}
        self._version = version


def _key(row: sa.Row[tuple[object, ...]]) -> Key:
    rights = frozenset(cast("list[Right]", row.rights.split(",")))
    return Key(row.id, row.name, rights, row.created_at, row.revoked_at)


def _digest(secret: str) -> bytes:
    # 256 random bits cannot be guessed, so one SHA-256 is enough; a password hash would cost 300 ms a request.
    return hashlib.sha256(secret.encode()).digest()
