"""Errors in the words of whoever asked."""

from __future__ import annotations

import json

import pytest

from homeroom.errors import BadRequest, EngineBusy, Forbidden, HomeroomError, NotServed, Unauthorized
from homeroom.gateway.dialects import Dialect, Json, dialect_of, error_body, error_bytes, error_response

BUSY = EngineBusy("engine.busy", name="m", seconds=5)


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/api/chat", "ollama"),
        ("/api", "ollama"),
        ("/apix", "openai"),
        ("/v1/models", "openai"),
        ("/", "openai"),
        ("/homeroom/keys", "homeroom"),
        ("/homeroom", "openai"),
    ],
)
def test_whose_words(path: str, dialect: Dialect) -> None:
    assert dialect_of(path) == dialect


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unauthorized("gateway.no_key"), "authentication_error"),
        (Forbidden("gateway.forbidden", right="admin", name="x"), "permission_error"),
        (NotServed("gateway.not_served", method="GET", path="/"), "not_found_error"),
        (BadRequest("gateway.no_model", param="model"), "invalid_request_error"),
        (BUSY, "server_error"),
    ],
)
def test_openai(error: HomeroomError, kind: str) -> None:
    body = error_body(error, "openai")["error"]
    assert isinstance(body, dict)
    assert (body["type"], body["code"], body["message"]) == (kind, error.code, str(error))
    assert body["param"] == ("model" if isinstance(error, BadRequest) else None)


def test_ollama_and_our_own() -> None:
    assert error_body(BUSY, "ollama") == {"error": str(BUSY)}
    assert error_body(BUSY, "homeroom") == {
        "error": {"code": "engine_busy", "message": BUSY.message, "next": BUSY.next}
    }


def test_headers_that_clients_act_on() -> None:
    assert error_response(BUSY, "ollama").headers["retry-after"] == "1"
    assert error_response(Unauthorized("gateway.no_key"), "openai").headers["www-authenticate"] == "Bearer"


def test_a_whole_response_by_hand() -> None:
    head, _, body = error_bytes(BUSY, 503).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert json.loads(body)["error"]["code"] == "engine_busy"


def test_half_a_surrogate_pair_can_be_answered() -> None:
    assert Json({"name": "\ud800 é"}).body == '{"name":"? é"}'.encode()
