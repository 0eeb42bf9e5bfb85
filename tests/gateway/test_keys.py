"""Keys: made, checked, lent, revoked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from homeroom.errors import StoreFailure, UsageError
from homeroom.gateway.keys import KeyRing, Right
from homeroom.gateway.state import open_database

INFERENCE: frozenset[Right] = frozenset({"inference"})


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(tmp_path / "homeroom.db")
    yield engine
    engine.dispose()


def test_a_key_is_shown_once_and_kept_as_a_digest(database: sa.Engine, tmp_path: Path) -> None:
    ring = KeyRing(database)
    key, secret = ring.create("laptop", INFERENCE)
    assert re.fullmatch(r"hr-[A-Za-z0-9_-]{43}", secret)
    assert key.id == secret[3:9]
    assert ring.check(secret) == key
    for path in tmp_path.iterdir():
        assert secret[9:].encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "change", [str.lower, str.upper, lambda s: s[:-1], lambda s: s + "A", lambda s: s[3:], lambda s: ""]
)
def test_nothing_else_opens(database: sa.Engine, change: object) -> None:
    ring = KeyRing(database)
    _, secret = ring.create("laptop", INFERENCE)
    assert callable(change)
    assert ring.check(change(secret)) is None
    assert ring.check(secret[:9] + "A" * 37) is None  # the right id with another secret


def test_revoked_by_id_or_name_and_at_once(database: sa.Engine) -> None:
    ring, other = KeyRing(database), KeyRing(database)
    first, one = ring.create("one", INFERENCE)
    _, two = ring.create("two", INFERENCE)
    assert other.check(one)
    assert [key.name for key in ring.revoke(first.id)] == ["one"]
    assert ring.check(one) is None
    ring.revoke("two")
    assert ring.check(two) is None
    with pytest.raises(UsageError, match="No live key"):
        ring.revoke("two")
    _, again = ring.create("two", INFERENCE)  # its name is free again
    assert ring.check(again)
    assert {key.name for key in ring.all() if key.revoked_at} == {"one", "two"}


def test_another_processs_change_is_seen_at_the_next_check(tmp_path: Path) -> None:
    """SQLite's connections are as separate as processes are."""
    here, there = (open_database(tmp_path / "homeroom.db") for _ in range(2))
    mine, theirs = KeyRing(here), KeyRing(there)
    _, secret = theirs.create("laptop", INFERENCE)
    assert mine.check(secret)
    theirs.revoke("laptop")
    assert mine.check(secret) is None
    here.dispose()
    there.dispose()


def test_a_lent_key_ends_by_itself_and_is_never_written(database: sa.Engine) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    ring = KeyRing(database, lambda: now[0])
    secret = ring.lend("local", frozenset({"admin"}), now[0] + timedelta(hours=1))
    found = ring.check(secret)
    assert found is not None
    assert found.rights == {"admin"}
    assert ring.all() == []
    assert KeyRing(database).check(secret) is None
    now[0] += timedelta(hours=1)
    assert ring.check(secret) is None


@pytest.mark.parametrize("name", ["", " x", "-x", "a" * 65, "a\nb", "a'b"])
def test_a_name_that_cannot_be_shown_is_refused(database: sa.Engine, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a key"):
        KeyRing(database).create(name, INFERENCE)


def test_a_name_is_taken_once(database: sa.Engine) -> None:
    ring = KeyRing(database)
    ring.create("laptop", INFERENCE)
    with pytest.raises(UsageError, match="exists already"):
        ring.create("laptop", INFERENCE)
    ring.create("张三的笔记本", INFERENCE)


def test_a_database_that_is_none_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "homeroom.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreFailure, match="cannot be used") as caught:
        open_database(path)
    assert "HOMEROOM_HOME" in (caught.value.next or "")


@pytest.mark.parametrize("again", [False, True], ids=["deleted", "replaced"])
def test_a_database_that_is_gone_or_another_opens_nothing(tmp_path: Path, again: bool) -> None:
    """Whoever can swap the file must not bring a key of their own, nor make a revoked one live again."""
    path = tmp_path / "homeroom.db"
    ours = open_database(path)
    ring = KeyRing(ours)
    _, secret = ring.create("laptop", INFERENCE)
    assert ring.check(secret) is not None
    path.rename(tmp_path / "away.db")
    if again:
        open_database(path).dispose()
    with pytest.raises(StoreFailure, match="deleted or replaced"):
        ring.check(secret)
    ours.dispose()
