"""Default deny, and who may ask: every request that is not on the list ends before any route, key or not."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest
from starlette.responses import Response

from homeroom.gateway import app
from homeroom.gateway.service import Call
from support.gateways import Running

OLLAMA_ADMINISTRATION = [
    ("GET", "/"),
    ("HEAD", "/"),
    ("HEAD", "/api/version"),
    ("HEAD", "/api/tags"),
    ("GET", "/api/status"),
    ("POST", "/api/pull"),
    ("POST", "/api/push"),
    ("POST", "/api/create"),
    ("POST", "/api/copy"),
    ("DELETE", "/api/delete"),
    ("POST", "/api/blobs/sha256:" + "0" * 64),
    ("HEAD", "/api/blobs/sha256:" + "0" * 64),
    ("POST", "/api/me"),
    ("POST", "/api/signout"),
    ("DELETE", "/api/user/keys/abc"),
    ("POST", "/api/experimental/web_search"),
    ("POST", "/api/experimental/web_fetch"),
    ("GET", "/api/experimental/model-recommendations"),
]
OTHERS = [
    ("POST", "/v1/responses"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/audio/transcriptions"),
    ("GET", "/health"),
    ("GET", "/props"),
    ("GET", "/slots"),
    ("POST", "/tokenize"),
    ("GET", "/metrics"),
    ("POST", "/models/load"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
]
METHODS = [
    (method, path)
    for path in ("/api/tags", "/api/chat", "/v1/models", "/homeroom/status", "/homeroom/keys/abcdef")
    for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "PROPFIND")
]
TARGETS = [
    "//api/tags",
    "/api//tags",
    "/./api/tags",
    "/api/./tags",
    "/x/../api/tags",
    "/api/tags/",
    "/api/tags/.",
    "/api/tags/..",
    "/API/tags",
    "/api/Tags",
    "/api\\tags",
    "/api/%74ags",
    "/api%2ftags",
    "/%2e/api/tags",
    "/api/%2e%2e/api/tags",
    "/api/tags%00",
    "/api/tags%20",
    "/api/tags;x=1",
    "/api/tags.json",
    "/v1/models/",
    "/v1/models/../../homeroom/status",
    "/v1/models/%2e%2e/%2e%2e/homeroom/status",
    "/v1/models/..%2f..%2fhomeroom%2fstatus",
    "/v1/models/.hidden",
    "/homeroom/keys/",
    "/homeroom/%6beys",
    "http://localhost/api/tags",
    "http://evil.example/homeroom/status",
    "HTTP://evil.example/api/tags",
    "*",
]


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every route puts its name here instead of doing its work."""
    seen: list[str] = []

    async def spy(call: Call) -> Response:
        seen.append(call.request.url.path)
        return Response("reached")

    for key, (right, _) in tuple(app.ROUTES.items()):
        monkeypatch.setitem(app.ROUTES, key, (right, spy))
    return seen


def raw(gateway: Running, request: bytes) -> tuple[int, bytes]:
    """The status and body of what the gateway answers to these bytes."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize(("method", "path"), OLLAMA_ADMINISTRATION + OTHERS + METHODS)
def test_what_is_not_listed_is_not_served(
    gateway: Running, reached: list[str], method: str, path: str, with_key: bool
) -> None:
    with gateway.http(None if with_key else "") as client:
        answer = client.request(method, path, json={"model": "starter"})
    assert answer.status_code == 404
    assert reached == []
    if method == "HEAD":
        assert answer.content == b""
    elif path.startswith("/api/"):
        assert set(answer.json()) == {"error"}
        assert path in answer.json()["error"]
    elif path.startswith("/homeroom/"):
        assert set(answer.json()["error"]) == {"code", "message", "next"}
    else:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("target", TARGETS)
def test_a_path_has_one_spelling(gateway: Running, reached: list[str], target: str, with_key: bool) -> None:
    key = f"Authorization: Bearer {gateway.owner}\r\n" if with_key else ""
    status, body = raw(gateway, f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{key}Connection: close\r\n\r\n".encode())
    assert status == 404
    assert json.loads(body)["error"]
    assert reached == []


@pytest.mark.parametrize(
    "line",
    [
        b"GET /api/tags\x00 HTTP/1.1",
        b"GET /api/\xc3\xa9 HTTP/1.1",
        b"CONNECT /api/tags HTTP/1.1",
        b"CONNECT localhost:80 HTTP/1.1",
    ],
)
def test_a_broken_request_line_is_refused(gateway: Running, reached: list[str], line: bytes) -> None:
    status, _ = raw(gateway, line + f"\r\nHost: x\r\nAuthorization: Bearer {gateway.owner}\r\n\r\n".encode())
    assert status in (400, 404)
    assert reached == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_header_does_not_change_the_method(gateway: Running, reached: list[str], name: str) -> None:
    with gateway.http() as client:
        assert client.get("/api/chat", headers={name: "POST"}).status_code == 404
        assert client.post("/api/tags?_method=GET", headers={name: "GET"}).status_code == 404
    assert reached == []


@pytest.mark.parametrize("name", ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "Forwarded"])
def test_a_header_does_not_change_the_path_nor_who_asks(gateway: Running, reached: list[str], name: str) -> None:
    with gateway.http("") as client:
        headers = {name: "/api/version", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Host": "localhost"}
        assert client.get("/homeroom/status", headers=headers).status_code == 401
    assert reached == []


def test_a_strange_host_is_no_defect(gateway: Running) -> None:
    for host in ("[::1", "a:b:c", "\xff", ""):
        request = f"GET /api/nothing HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        status, body = raw(gateway, request.encode("latin-1"))
        assert (status, set(json.loads(body))) == (404, {"error"})


@pytest.mark.parametrize("path", ["/api/tags", "/v1/models", "/homeroom/status"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer hr-" + "A" * 43},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Basic {key}"},
        {"authorization": "{key}"},
        {"authorization": "Bearer {key}x"},
        {"authorization": "Bearer {lower}"},
        {"x-api-key": "hr-" + "A" * 43},
        {"x-api-key": ""},
        {"authorization": "Bearer {key}", "x-api-key": "hr-" + "A" * 43},
        {"authorization": "Bearer hr-" + "A" * 43, "x-api-key": "{key}"},
        {"authorization": "Basic abc", "x-api-key": "{key}"},
        {"cookie": "key={key}"},
        {"proxy-authorization": "Bearer {key}"},
    ],
)
def test_no_key_or_a_wrong_one_opens_nothing(
    gateway: Running, reached: list[str], path: str, headers: dict[str, str]
) -> None:
    sent = {name: value.format(key=gateway.owner, lower=gateway.owner.lower()) for name, value in headers.items()}
    with gateway.http("") as client:
        answer = client.get(path, headers=sent)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    error = answer.json()["error"]
    assert isinstance(error, str) if path.startswith("/api/") else error["code"] == "invalid_api_key"
    assert gateway.owner not in answer.text
    assert reached == []


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer {key}"},
        {"authorization": "bearer {key}"},
        {"x-api-key": "{key}"},
        {"api-key": "{key}"},
        {"authorization": "Bearer {key}", "x-api-key": "{key}"},
    ],
)
def test_a_key_opens_in_every_header_that_carries_one(
    gateway: Running, reached: list[str], headers: dict[str, str]
) -> None:
    with gateway.http("") as client:
        answer = client.get(
            "/api/tags", headers={name: value.format(key=gateway.guest) for name, value in headers.items()}
        )
    assert (answer.status_code, answer.text) == (200, "reached")


def test_a_key_in_the_address_opens_nothing(gateway: Running, reached: list[str]) -> None:
    with gateway.http("") as client:
        assert client.get(f"/api/tags?key={gateway.owner}&api_key={gateway.owner}").status_code == 401
    assert reached == []


def test_administration_needs_its_right(gateway: Running, reached: list[str]) -> None:
    for (method, pattern), (right, _) in app.ROUTES.items():
        path = pattern.replace("*", "abcdef")
        with gateway.http(gateway.guest) as guest, gateway.http(gateway.owner) as owner:
            assert guest.request(method, path, json={}).status_code == (403 if right == "admin" else 200)
            assert owner.request(method, path, json={}).status_code == 200
    assert {right for (_, path), (right, _) in app.ROUTES.items() if path.startswith("/homeroom/")} == {"admin"}


_REVOKE = """
import sys
from pathlib import Path
from homeroom.gateway.keys import KeyRing
from homeroom.gateway.state import open_database
database = open_database(Path(sys.argv[1]))
KeyRing(database).revoke(sys.argv[2])
database.dispose()
"""


def test_a_key_revoked_by_another_process_is_dead_at_the_next_request(gateway: Running, reached: list[str]) -> None:
    with gateway.http() as owner:
        made = owner.post("/v1/models", json={})
        assert made.status_code == 404
    _, secret = gateway.service.keys.create("short-lived", frozenset({"inference"}))
    with gateway.http(secret) as client:
        assert client.get("/v1/models").status_code == 200
        database = gateway.home / "homeroom.db"
        subprocess.run([sys.executable, "-c", _REVOKE, str(database), "short-lived"], check=True, timeout=30)
        assert client.get("/v1/models").status_code == 401


def test_keys_are_on_no_disk_and_in_no_log(gateway: Running, reached: list[str]) -> None:
    with gateway.http() as client:
        assert client.get("/api/tags").status_code == 200
    for path in (gateway.home / "homeroom.db", gateway.home / "homeroom.db-wal", gateway.home / "logs" / "gateway.log"):
        content = path.read_bytes()
        assert gateway.owner.encode() not in content
        assert gateway.owner[9:].encode() not in content
        assert path.stat().st_mode & 0o077 == 0


def test_a_defect_is_told_without_its_details(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(call: Call) -> Response:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setitem(app.ROUTES, ("GET", "/api/tags"), ("inference", broken))
    with gateway.http() as client:
        answer = client.get("/api/tags")
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.json()["error"]
    assert "secret" not in answer.text
