"""What every route works with: the library, the engines, the keys; and how a request is read and watched.

Knows no dialect. A route is a function of a Call.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from homeroom.engine import fields
from homeroom.engine.pool import EnginePool
from homeroom.errors import BadModelFile, BadRequest, TooLarge
from homeroom.gateway.keys import Key, KeyRing
from homeroom.models.facts import ModelFacts
from homeroom.models.library import Library
from homeroom.settings import Settings

T = TypeVar("T")


@dataclass(slots=True)
class Service:
    """One gateway's parts. ``stop`` asks it to end."""

    settings: Settings
    library: Library
    pool: EnginePool
    keys: KeyRing
    version: str
    stop: Callable[[], None]
    default_model: str = ""
    """The model that a request without a name gets: what ``up`` chose."""
    started_at: float = field(default_factory=time.time)

    async def models(self) -> list[ModelFacts]:
        """Every model on this machine. In a thread: the first time each header is read, some 10 ms a model."""
        found, _ = await asyncio.to_thread(self.library.all)
        return found


@dataclass(slots=True)
class Call:
    """One admitted request: who asks, on what route, with what body."""

    request: Request
    service: Service
    key: Key
    rest: str
    """What a route that ends in ``*`` matched."""
    ignored: list[str] = field(default_factory=list)
    """Fields that were understood and not followed; told in the ``x-homeroom-ignored`` header."""

    async def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises BadRequest where it is none, TooLarge where it is over the limit."""
        data = await self.body()
        try:
            body = json.loads(data, parse_float=_finite, parse_constant=_finite)
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise BadRequest("gateway.bad_json", reason=reason) from None
        if not isinstance(body, dict):
            raise BadRequest("gateway.bad_json", reason="not an object")
        return body

    async def body(self) -> bytes:
        """The whole body, read no further than the limit."""
        limit = self.service.settings.max_body
        declared = self.request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            raise TooLarge("gateway.body_too_large", limit=limit, size=declared)
        parts: list[bytes] = []
        size = 0
        async for part in self.request.stream():
            size += len(part)
            if size > limit:
                raise TooLarge("gateway.body_too_large", limit=limit, size=f"> {limit}")
            parts.append(part)
        return b"".join(parts)

    def model(self, body: dict[str, Any]) -> ModelFacts:
        """The model that the request names, or the gateway's own where it names none."""
        name = fields.text("model", body.get("model")) or self.service.default_model
        if not name:
            raise BadRequest("gateway.no_model", param="model")
        return self.named(name)

    def named(self, name: str) -> ModelFacts:
        """The model *name*, where this caller may use it. Raises UnknownModel otherwise.

        A path is for the owner: others would learn which files there are, and could have any of them read.
        """
        owner = name == self.service.default_model or "admin" in self.key.rights
        try:
            return self.service.library.find(name, paths=owner, use=True)
        except BadModelFile:
            if owner:
                raise
            raise BadModelFile("gateway.bad_model", name=name) from None  # the file's path is the owner's to know

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of *work*, which is cancelled as soon as the client goes away.

        Only after the body has been read. Raises ClientDisconnect.
        """
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientDisconnect
            return task.result()
        finally:
            gone.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _gone(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass


def _finite(number: str) -> float:
    """A JSON number as a float; NaN, Infinity and what is too large for one are no JSON."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number[:40]} is no number")
    return value


Handler = Callable[[Call], Awaitable[Response]]
