"""Whose words a caller expects: the dialect of a path, and an error told in each.

Shapes from OpenAI's and Ollama's API references. Knows no route.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Literal

from starlette.responses import JSONResponse, Response

from homeroom.errors import BadRequest, HomeroomError

Dialect = Literal["openai", "ollama", "homeroom"]


class Json(JSONResponse):
    """JSON that can always be sent: half of a surrogate pair, which a request may hold, becomes a question mark."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )


def dialect_of(path: str) -> Dialect:
    """Whose errors a path's caller expects."""
    if path.startswith("/api/") or path == "/api":
        return "ollama"
    return "homeroom" if path.startswith("/homeroom/") else "openai"


def error_response(error: HomeroomError, dialect: Dialect) -> Response:
    """*error* as the clients of *dialect* read it."""
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}
    if error.status == 503:
        headers["retry-after"] = "1"
    return Json(error_body(error, dialect), status_code=error.status, headers=headers)


def error_bytes(error: HomeroomError, status: int) -> bytes:
    """*error* as a whole HTTP/1.1 response, for a request whose path was never read."""
    body = json.dumps(error_body(error, "openai"), ensure_ascii=False).encode("utf-8", "replace")
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def error_body(error: HomeroomError, dialect: Dialect) -> dict[str, object]:
    """The JSON of *error*: OpenAI's and Ollama's documented shapes, or our own."""
    if dialect == "ollama":
        return {"error": str(error)}
    if dialect == "homeroom":
        return {"error": {"code": error.code, "message": error.message, "next": error.next}}
    kind = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}.get(error.status)
    if kind is None:
        kind = "invalid_request_error" if error.status < 500 else "server_error"
    param = error.param if isinstance(error, BadRequest) else None
    return {"error": {"message": str(error), "type": kind, "param": param, "code": error.code}}
