"""The database of one home: SQLite in WAL mode, one file, 0600.

Knows tables and how a connection is made; does not know what rows mean.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from homeroom.errors import StoreFailure
from homeroom.settings import prepare

METADATA: Final = sa.MetaData()

KEYS: Final = sa.Table(
    "keys",
    METADATA,
    sa.Column("id", sa.String(6), primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("sha256", sa.LargeBinary(32), nullable=False),
    sa.Column("rights", sa.String, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
    sa.Column("revoked_at", sa.String),
)


def open_database(path: Path) -> sa.Engine:
    """The database at *path*, made if need be. Raises StoreFailure where it cannot be used."""
    try:
        prepare(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, stat.S_IRUSR | stat.S_IWUSR))
        engine = sa.create_engine(f"sqlite:///{path}", poolclass=StaticPool, connect_args={"check_same_thread": False})
        sa.event.listen(engine, "connect", _prepare)
        _create(engine)
    except (OSError, sa.exc.DatabaseError) as error:
        raise StoreFailure("gateway.database", path=path, reason=_reason(error)) from None
    return engine


def _create(engine: sa.Engine) -> None:
    """The tables, where they are not there yet; another process may make them at the same moment."""
    try:
        METADATA.create_all(engine)
    except sa.exc.OperationalError:
        METADATA.create_all(engine)


def _prepare(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 1000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _reason(error: Exception) -> str:
    return str(error.orig) if isinstance(error, sa.exc.DBAPIError) else str(error)
