"""How a generation becomes a response: wait for its first event, then stream, or gather the whole.

The first event is awaited before the status line, so an error that the engine finds at once has its proper status.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from homeroom.engine import completion
from homeroom.engine.client import EngineClient
from homeroom.engine.plan import Purpose
from homeroom.gateway.service import Call
from homeroom.models.facts import ModelFacts

UNREAD_SECONDS: Final = 60
"""A client that takes nothing for this long has left: its engine is given back."""

Chunk = dict[str, Any]
Source = Callable[[EngineClient], AsyncGenerator[Chunk]]
"""Makes the chunks of one generation from an engine's client."""


async def _generate(call: Call, facts: ModelFacts, source: Source, keep: float | None) -> AsyncGenerator[Chunk]:
    async with call.service.pool.lease(facts, keep=keep) as client, aclosing(source(client)) as chunks:
        async for chunk in chunks:
            yield chunk


async def whole(call: Call, facts: ModelFacts, source: Source, *, keep: float | None = None) -> Chunk:
    """The gathered answer. A client that goes away ends the generation."""

    async def gather() -> Chunk:
        async with aclosing(_generate(call, facts, source, keep)) as chunks:
            return await completion.collect(chunks)

    return await call.unless_gone(gather())


async def streamed(
    call: Call,
    facts: ModelFacts,
    source: Source,
    encode: Callable[[AsyncIterator[Chunk]], AsyncGenerator[bytes]],
    media_type: str,
    *,
    keep: float | None = None,
) -> StreamingResponse:
    """A response that passes *source* through *encode* as it comes. A client that goes away ends the generation."""
    stack = AsyncExitStack()
    chunks = await stack.enter_async_context(aclosing(_generate(call, facts, source, keep)))
    try:
        first = await call.unless_gone(anext(chunks))
    except BaseException:
        await stack.aclose()
        raise

    async def again() -> AsyncGenerator[Chunk]:
        yield first
        async for chunk in chunks:
            yield chunk

    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"} | ignored_header(call)
    return _Stream(encode(again()), stack, media_type, headers)


class _Stream(StreamingResponse):
    """A streaming response that lets go of the engine however it ends: to the end, by a client who left, by an error."""

    def __init__(
        self, pieces: AsyncGenerator[bytes], held: AsyncExitStack, media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._pieces, self._held = pieces, held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(UNREAD_SECONDS):
                    await send(message)
            except TimeoutError:
                raise ClientDisconnect from None

        try:
            await super().__call__(scope, receive, send_in_time)
        finally:
            await self._pieces.aclose()
            await self._held.aclose()


def ignored_header(call: Call) -> dict[str, str]:
    """``x-homeroom-ignored`` where some fields were understood and not followed."""
    if not call.ignored:
        return {}
    told = ", ".join(dict.fromkeys(call.ignored))
    # Names come from the request: nothing of them may end the header or be more than a header can hold.
    return {"x-homeroom-ignored": "".join(letter if " " <= letter <= "~" else "?" for letter in told)[:1000]}


async def posted(call: Call, facts: ModelFacts, path: str, body: Chunk, purpose: Purpose) -> Any:
    """One request and its whole answer. A client that goes away lets go of the engine."""

    async def ask() -> Any:
        async with call.service.pool.lease(facts, purpose) as client:
            return await client.post(path, body)

    return await call.unless_gone(ask())
