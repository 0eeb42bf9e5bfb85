"""Bounds on what comes before the body."""

from __future__ import annotations

import json
import socket
import time

import pytest

from homeroom.gateway import protocol
from homeroom.gateway.protocol import protocol_with_limit
from support.gateways import Running

LIMIT = 32_768


def answered(gateway: Running, pieces: list[bytes]) -> bytes:
    """All that the gateway says to *pieces*, however early it closes."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            answer = b""
            while part := connection.recv(65_536):
                answer += part
        except (BrokenPipeError, ConnectionResetError):
            return answer if "answer" in locals() else b""
    return answer


def start_of(gateway: Running) -> bytes:
    return f"GET /api/version HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.owner}\r\n".encode()


@pytest.mark.parametrize(
    "extra",
    [
        b"X-Giant: " + b"a" * (LIMIT + 1000) + b"\r\n",
        b"".join(b"X-%05d: aaaaaaaaaaaaaaaa\r\n" % number for number in range(1500)),
        b"X-Never-Ends: " + b"a" * 200_000,
    ],
    ids=["one giant header", "many small headers", "a header without an end"],
)
@pytest.mark.parametrize("size", [500, 1 << 20])
def test_a_header_over_the_limit_is_431(gateway: Running, extra: bytes, size: int) -> None:
    sent = start_of(gateway) + extra + (b"\r\n" if extra.endswith(b"\r\n") else b"")
    answer = answered(gateway, [sent[at : at + size] for at in range(0, min(len(sent), LIMIT + 2000), size)])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    error = json.loads(body)["error"]
    assert error["code"] == "too_large"
    assert str(LIMIT) in error["message"]


def test_an_address_over_the_limit_is_431(gateway: Running) -> None:
    request = b"GET /api/version?" + b"a" * (LIMIT + 1) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    assert answered(gateway, [request]).startswith(b"HTTP/1.1 431 ")


def test_a_header_under_the_limit_passes_and_the_connection_goes_on(gateway: Running) -> None:
    request = start_of(gateway) + b"X-Large: " + b"a" * (LIMIT - 1000) + b"\r\n"
    answer = answered(gateway, [request + b"\r\n", request + b"Connection: close\r\n\r\n"])
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_a_body_does_not_count_as_header(gateway: Running) -> None:
    body = json.dumps({"model": "starter", "input": [], "truncate": False, "x": "a" * (3 * LIMIT)}).encode()
    head = (
        f"POST /api/embed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.owner}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    assert answered(gateway, [head.encode(), *(body[at : at + 8000] for at in range(0, len(body), 8000))]).startswith(
        b"HTTP/1.1 200 OK"
    )


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 1 2\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_a_body_whose_end_is_in_doubt_is_refused(gateway: Running, framing: bytes) -> None:
    head = f"POST /api/chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.owner}\r\nConnection: close\r\n"
    assert answered(gateway, [head.encode() + framing]).startswith(b"HTTP/1.1 400 ")


def test_the_limit_is_the_settings(gateway: Running) -> None:
    assert gateway.service.settings.max_header == LIMIT
    assert protocol_with_limit(1024) is not protocol_with_limit(2048)


def test_slow_headers_do_not_hold_up_others(gateway: Running) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as slow:
        slow.sendall(b"GET /api/version HTTP/1.1\r\nHost")
        begun = time.monotonic()
        with gateway.http() as client:
            assert client.get("/api/version").status_code == 200
        assert time.monotonic() - begun < 1


@pytest.mark.parametrize("sent", [b"", b"GET /api/version HTTP/1.1\r\nX-Slow: "], ids=["nothing", "half a header"])
def test_a_connection_that_asks_nothing_is_closed(
    gateway: Running, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(sent)
        begun = time.monotonic()
        assert connection.recv(65_536) == b""
        assert 0.3 < time.monotonic() - begun < 5


def test_a_request_that_takes_long_is_not_taken_for_one_that_asks_nothing(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.5)
    with gateway.http() as client:
        body = {"model": "starter", "prompt": "Once", "max_tokens": 150, "ignore_eos": True}
        assert client.post("/v1/completions", json=body).json()["usage"]["completion_tokens"] == 150
