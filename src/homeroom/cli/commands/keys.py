"""``homeroom keys``: who may ask. Works on the database itself, so with a running gateway and without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.settings import load

if TYPE_CHECKING:
    from homeroom.gateway.keys import Key, KeyRing, Right

RIGHTS: Final[tuple[Right, ...]] = ("inference", "admin")

command = grammar.Group("keys")


@grammar.command("add", key="help.keys_add")
@grammar.argument("name", metavar="NAME")
@grammar.option("--right", "rights", multiple=True, type=click.Choice(RIGHTS), key="help.option.right")
def add(out: Output, name: str, rights: tuple[str, ...]) -> None:

    with _ring() as ring:
        key, secret = ring.create(name, frozenset(right for right in RIGHTS if right in (rights or RIGHTS[:1])))
    out.show(
        key.row() | {"key": secret},
        [text.t("cli.keys.added", name=key.name, rights=", ".join(sorted(key.rights))), secret],
        [secret],
    )
    out.say(text.t("cli.keys.once"))


@grammar.command("list", key="help.keys_list")
def list_keys(out: Output) -> None:
    from homeroom.cli.tables import Table

    keys: list[Key] = []
    if load().database.exists():  # a question should not create what it asks about
        with _ring() as ring:
            keys = ring.all()
    rows = tuple((key.id, key.name, ", ".join(sorted(key.rights)), key.created_at, _state(key)) for key in keys)
    headings = tuple(text.t(f"cli.head.{name}") for name in ("id", "name", "rights", "created", "state"))
    human = Table(headings, rows) if rows else text.t("cli.keys.none")
    out.show({"keys": [key.row() for key in keys]}, [human], [key.id for key in keys if key.revoked_at is None])


@grammar.command("revoke", key="help.keys_revoke")
@grammar.argument("key", metavar="ID|NAME")
def revoke(out: Output, key: str) -> None:

    with _ring() as ring:
        ids = {one.id for one in ring.revoke(key)}
        gone = [one for one in ring.all() if one.id in ids]
    out.show(
        {"revoked": [one.row() for one in gone]},
        [text.t("cli.keys.revoked", id=one.id, name=one.name) for one in gone],
        [one.id for one in gone],
    )


@contextmanager
def _ring() -> Iterator[KeyRing]:
    from homeroom.gateway.keys import KeyRing
    from homeroom.gateway.state import open_database

    database = open_database(load().database)
    try:
        yield KeyRing(database)
    finally:
        database.dispose()


def _state(key: Key) -> str:
    return text.t("cli.keys.live") if key.revoked_at is None else text.t("cli.keys.revoked_at", when=key.revoked_at)


for each in (add, list_keys, revoke):
    command.add_command(each)
