"""One client for everything that speaks the engine's HTTP (llama.cpp's server, OpenAI dialect).

Always streams, because the engine notices a client that left only when it writes. Knows the engine's paths and errors;
does not know processes or dialects.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from homeroom.errors import BadRequest, ContextOverflow, EngineDied, EngineFailure, HomeroomError, NotSupported, by_code

Chunk = dict[str, Any]

LINE_LIMIT: Final = 16_000_000
"""Bytes of one server-sent event; logprobs over a whole vocabulary are large."""


class EngineClient:
    """Requests to one engine at *url* with *secret*. For errors, *ended* tells how
    the engine ended and *limit* is the model's own context length."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        name: str = "",
        limit: int = 0,
        ended: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self.url = url
        self.name = name
        self._limit = limit
        self._ended = ended
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {secret}"},
            # The engine's server gives a thread to each open connection and closes idle ones when it likes: a new
            # connection for each request costs 0.1 ms on loopback and cannot meet one that is just being closed.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None, connect=10),
            read_bufsize=LINE_LIMIT // 2,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._session.close()

    async def stream(self, path: str, body: Chunk) -> AsyncGenerator[Chunk]:
        """POST *body* as a stream and yield each event's JSON, the usage chunk included.

        Progress of the prompt comes as chunks with ``prompt_progress``. Closing the iterator ends the generation.
        Raises EngineDied where the stream breaks off, and the error that the engine names otherwise.
        """
        asked = body | {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
        try:
            async with self._session.post(self.url + path, json=asked) as response:
                if response.status != 200:
                    raise self._refusal(response.status, await response.read())
                async with aclosing(_events(response)) as events:
                    async for event in events:
                        if event is None:
                            return
                        if "error" in event:
                            raise self._refusal(int(event["error"].get("code", 500)), json.dumps(event).encode())
                        yield event
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
            raise await self._died() from None
        raise await self._died()  # the stream ended without its end mark

    async def post(self, path: str, body: Chunk) -> Any:
        """POST *body*, return the answer's JSON."""
        return await self._json("POST", path, body)

    async def get(self, path: str) -> Any:
        """GET *path*, return the answer's JSON."""
        return await self._json("GET", path, None)

    async def _json(self, method: str, path: str, body: Chunk | None) -> Any:
        try:
            async with self._session.request(method, self.url + path, json=body) as response:
                data = await response.read()
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
            raise await self._died() from None
        if response.status != 200:
            raise self._refusal(response.status, data)
        return _parse(data)

    async def _died(self) -> EngineDied:
        status = await self._ended() if self._ended else "connection lost"
        return EngineDied("engine.died", status=status)

    def _refusal(self, status: int, data: bytes) -> HomeroomError:
        """The engine's refusal as an error of ours. Its shapes: tools/server in llama.cpp, ``format_error_response``."""
        try:
            error = json.loads(data)["error"]
            reason = str(error["message"])
        except (ValueError, KeyError, TypeError):
            return EngineFailure("engine.unreadable")
        if isinstance(error.get("code"), str) and (kind := by_code(error["code"])) is not None:
            # A gateway of ours: its words are whole already, with what to type next.
            return kind("engine.told", message=" ".join(filter(None, (reason, error.get("next")))))
        if error.get("type") == "exceed_context_size_error":
            tokens, context = int(error.get("n_prompt_tokens", 0)), int(error.get("n_ctx", 0))
            suggested = -(-(tokens + 512) // 1024) * 1024
            if self._limit and suggested > self._limit:
                return ContextOverflow("engine.overflow_limit", tokens=tokens, context=context, limit=self._limit)
            return ContextOverflow("engine.overflow", tokens=tokens, context=context, suggested=suggested)
        if too_long := re.match(r"input \((\d+) tokens\) is too large .*size: (\d+)\)", reason):
            tokens, context = int(too_long[1]), int(too_long[2])
            return ContextOverflow("engine.embed_overflow", tokens=tokens, context=context, param="input")
        if "is not supported" in reason and ("image" in reason or "audio" in reason or "video" in reason):
            return NotSupported("engine.no_images", name=self.name, param="messages")
        if status in (400, 422, 404, 500, 501):
            return BadRequest("engine.refused", reason=reason.rstrip("."))
        return EngineFailure("engine.refused", reason=reason.rstrip("."))


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[Chunk | None]:
    """Each ``data:`` line's JSON; None for ``[DONE]``."""
    async for line in response.content:
        if line.startswith(b"data: "):
            data = line[6:].strip()
            yield None if data == b"[DONE]" else _parse(data)
        elif line.startswith(b"error: "):
            yield {"error": _parse(line[7:])}


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise EngineFailure("engine.unreadable") from None
