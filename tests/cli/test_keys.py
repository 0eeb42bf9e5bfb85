"""``keys``: on the database itself, with a running gateway and without one."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from pathlib import Path

from homeroom.cli.commands.keys import RIGHTS as OFFERED
from homeroom.gateway.keys import RIGHTS
from support.commands import Running, cli

SHAPE = re.compile(r"hr-[A-Za-z0-9_-]{43}")


def ask(url: str, key: str) -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_key_from_first_to_last(tmp_path: Path) -> None:
    added = cli(tmp_path, "keys", "add", "laptop")
    (secret,) = SHAPE.findall(added.out)
    assert added.code == 0 and "once" in added.err
    listed = cli(tmp_path, "keys", "list")
    assert "laptop" in listed.out and "live" in listed.out and secret not in listed.out
    (row,) = cli(tmp_path, "keys", "list", "--json").json["keys"]
    assert (row["id"], row["rights"], row["revoked_at"]) == (secret[3:9], ["inference"], None)
    assert secret not in (tmp_path / "homeroom.db").read_bytes().decode("latin-1")
    assert cli(tmp_path, "keys", "revoke", "laptop").code == 0
    assert "revoked" in cli(tmp_path, "keys", "list").out
    assert cli(tmp_path, "keys", "list", "-q").out == ""
    again = cli(tmp_path, "keys", "revoke", "laptop", "--json")
    assert again.code == 2 and again.json["error"]["message"]


def test_add_in_its_three_forms(tmp_path: Path) -> None:
    quiet = cli(tmp_path, "keys", "add", "a", "-q")
    assert SHAPE.fullmatch(quiet.out.strip()) and quiet.err == ""
    data = cli(tmp_path, "keys", "add", "b", "--right", "inference", "--right", "admin", "--json")
    assert data.json["rights"] == ["admin", "inference"] and SHAPE.fullmatch(data.json["key"])
    assert "权限" in cli(tmp_path, "keys", "add", "c", "--lang", "zh").out


def test_the_rights_are_those_that_the_gateway_knows() -> None:
    """Written twice, because the gateway's module takes too long to import for a help page."""
    assert RIGHTS == OFFERED


def test_a_name_is_used_once(tmp_path: Path) -> None:
    assert cli(tmp_path, "keys", "add", "laptop").code == 0
    told = cli(tmp_path, "keys", "add", "laptop")
    assert told.code == 2 and "homeroom keys revoke" in told.err


def test_list_creates_nothing(tmp_path: Path) -> None:
    assert "homeroom keys add" in cli(tmp_path, "keys", "list").out
    assert list(tmp_path.iterdir()) == []


def test_a_running_gateway_knows_at_once(gateway: Running) -> None:
    url = f"{gateway.base_url}/v1/models"
    secret = cli(gateway.home, "keys", "add", "guest", "-q").out.strip()
    assert ask(url, secret) == 200
    assert cli(gateway.home, "keys", "revoke", secret[3:9]).code == 0
    assert ask(url, secret) == 401
