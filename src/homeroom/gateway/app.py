"""The ASGI application: default deny, one check of the key, then the route; errors in the caller's own dialect.

Order matters: path, key, right, and only then the body. Knows the allow-list; does not know what the routes do.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from homeroom.errors import Forbidden, HomeroomError, NotServed, RuntimeFailure, Unauthorized
from homeroom.gateway import admin, ollama, openai
from homeroom.gateway.dialects import dialect_of, error_response
from homeroom.gateway.keys import Key, Right
from homeroom.gateway.service import Call, Handler, Service

log = logging.getLogger("homeroom.gateway")

ROUTES: Final[dict[tuple[str, str], tuple[Right, Handler]]] = {
    ("GET", "/v1/models"): ("inference", openai.models),
    ("GET", "/v1/models/*"): ("inference", openai.model),
    ("POST", "/v1/chat/completions"): ("inference", openai.chat_completions),
    ("POST", "/v1/completions"): ("inference", openai.completions),
    ("POST", "/v1/embeddings"): ("inference", openai.embeddings),
    ("GET", "/api/version"): ("inference", ollama.version),
    ("GET", "/api/tags"): ("inference", ollama.tags),
    ("POST", "/api/show"): ("inference", ollama.show),
    ("GET", "/api/ps"): ("inference", ollama.ps),
    ("POST", "/api/chat"): ("inference", ollama.chat),
    ("POST", "/api/generate"): ("inference", ollama.generate),
    ("POST", "/api/embed"): ("inference", ollama.embed),
    ("POST", "/api/embeddings"): ("inference", ollama.embeddings),
    ("GET", "/homeroom/status"): ("admin", admin.status),
    ("POST", "/homeroom/stop"): ("admin", admin.stop),
    ("GET", "/homeroom/keys"): ("admin", admin.list_keys),
    ("POST", "/homeroom/keys"): ("admin", admin.add_key),
    ("DELETE", "/homeroom/keys/*"): ("admin", admin.revoke_key),
}
"""All that is served. A path that ends in ``*`` takes a rest, which the route checks."""

# One spelling of a path only: no empty or dot segment, no backslash, nothing outside printable ASCII.
_PLAIN: Final = re.compile(r"/(?:[A-Za-z0-9_:@~+-][A-Za-z0-9._:@~+-]*(?:/[A-Za-z0-9_:@~+-][A-Za-z0-9._:@~+-]*)*)?")


class Gateway:
    """``Gateway(service)`` is the ASGI application."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        assert scope["type"] == "http", scope["type"]
        request = Request(scope, receive)
        path: str = scope["path"]  # not request.url, which would believe the Host header
        begun, status, key = time.monotonic(), 0, None
        started = False

        async def noted(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
            await send(message)

        try:
            handler, right, rest = self._route(request)
            key = self._admit(request, right)
            response = await handler(Call(request, self.service, key, rest))
            await response(scope, receive, noted)
        except ClientDisconnect:
            status = 499
        except HomeroomError as error:
            if started:
                raise
            await error_response(error, dialect_of(path))(scope, receive, noted)
        except Exception as error:
            log.exception("a defect: %s %s", _printable(request.method), _printable(path))
            if started:
                raise
            failure = RuntimeFailure("gateway.defect", reason=type(error).__name__)
            await error_response(failure, dialect_of(path))(scope, receive, noted)
        finally:
            who = key.id if key else "-"
            spent = (time.monotonic() - begun) * 1000
            log.info("%s %s %d %s %.0f ms", _printable(request.method), _printable(path), status, who, spent)

    def _route(self, request: Request) -> tuple[Handler, Right, str]:
        path = request.scope["path"]
        raw = request.scope.get("raw_path", path.encode()).decode("latin-1").partition("?")[0]
        # %-escapes in a path hide what it is; only the rest of a wildcard may need one (a model's name with a slash).
        if _PLAIN.fullmatch(path) and (raw == path or path.startswith("/v1/models/")):
            found = ROUTES.get((request.method, path))
            if found and not path.endswith("*"):
                return found[1], found[0], ""
            for (method, pattern), (right, handler) in ROUTES.items():
                prefix = pattern.removesuffix("*")
                if pattern != prefix and method == request.method and path.startswith(prefix) and path != prefix:
                    return handler, right, path.removeprefix(prefix)
        raise NotServed("gateway.not_served", method=_printable(request.method), path=_printable(path))

    def _admit(self, request: Request, right: Right) -> Key:
        given = _secrets(request)
        if not given:
            raise Unauthorized("gateway.no_key")
        key = self.service.keys.check(given[0]) if len(given) == 1 else None
        if key is None:
            raise Unauthorized("gateway.bad_key")
        if right not in key.rights:
            raise Forbidden("gateway.forbidden", right=right, name=key.name)
        return key


def _secrets(request: Request) -> list[str]:
    """Every distinct secret in the headers that carry one. Two different ones open nothing."""
    found = [value.strip() for name in ("x-api-key", "api-key") for value in request.headers.getlist(name)]
    for value in request.headers.getlist("authorization"):
        scheme, _, secret = value.partition(" ")
        found.append(secret.strip() if scheme.lower() == "bearer" else "")
    return sorted(set(found))


def _printable(value: str) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in value)[:200]
