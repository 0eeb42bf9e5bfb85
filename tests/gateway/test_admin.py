"""homeroom's own routes."""

from __future__ import annotations

from typing import Any

import pytest

from support.gateways import CONTEXT, Running

HELLO = [{"role": "user", "content": "hi"}]


def test_status_shows_each_choice_with_its_reason(gateway: Running) -> None:
    with gateway.http() as client:
        client.post("/v1/chat/completions", json={"messages": HELLO, "max_tokens": 1})
        told = client.get("/homeroom/status").json()
    assert told["gateway"]["default_model"] == "starter"
    engine = next(row for row in told["engines"] if row["model"] == "starter" and row["purpose"] == "generate")
    assert engine["state"] == "idle"
    assert engine["pid"] == gateway.pid()
    assert engine["choices"]["context"]["value"] == CONTEXT
    assert all(choice["reason"] for choice in engine["choices"].values())
    assert engine["memory"]["total"] > 98_000_000
    assert engine["memory_resident"] > 50_000_000


def test_stop_unloads_one_model(gateway: Running) -> None:
    with gateway.http() as client:
        client.post("/v1/chat/completions", json={"messages": HELLO, "max_tokens": 1})
        assert client.post("/homeroom/stop", json={"model": "starter"}).json()["stopped"] == "starter"
        assert not any(row["model"] == "starter" for row in client.get("/homeroom/status").json()["engines"])
        again = client.post("/homeroom/stop", json={"model": "starter"})
        assert (again.status_code, again.json()["engines"]) == (200, 0)
        missing = client.post("/homeroom/stop", json={"model": "nothing"})
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
        assert client.post("/homeroom/stop", json={}).status_code == 400


def test_keys_are_made_listed_and_revoked(gateway: Running) -> None:
    with gateway.http() as client:
        made = client.post("/homeroom/keys", json={"name": "a friend"})
        assert made.status_code == 201
        secret, identity = made.json()["key"], made.json()["id"]
        assert made.json()["rights"] == ["inference"]
        with gateway.http(secret) as friend:
            assert friend.get("/v1/models").status_code == 200
            assert friend.get("/homeroom/keys").status_code == 403
        listed = client.get("/homeroom/keys")
        assert identity in [row["id"] for row in listed.json()["keys"]]
        assert secret not in listed.text
        assert client.delete(f"/homeroom/keys/{identity}").json()["revoked"][0]["id"] == identity
        assert client.delete(f"/homeroom/keys/{identity}").status_code == 400
        with gateway.http(secret) as friend:
            assert friend.get("/v1/models").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": 5},
        {"name": ""},
        {"name": "x", "rights": []},
        {"name": "x", "rights": ["root"]},
        {"name": "x", "rights": 5},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(gateway: Running, body: dict[str, Any]) -> None:
    with gateway.http() as client:
        before = len(client.get("/homeroom/keys").json()["keys"])
        answer = client.post("/homeroom/keys", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["next"]
        assert len(client.get("/homeroom/keys").json()["keys"]) == before
