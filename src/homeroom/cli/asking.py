"""Asking a model once: open it, send the words, tell the pieces, return the reply.

What ``run`` does for one prompt and the conversation does for each. Knows models that chat and models that only
complete; does not know where prompts come from.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from homeroom.engine.choose import can_chat
from homeroom.engine.door import AsyncModel, Message
from homeroom.engine.local import LocalGateway
from homeroom.engine.replies import Piece, Reply
from homeroom.errors import HomeroomError
from homeroom.gateway import control

COMPLETION_TOKENS: Final = 256
"""A base model does not know when to stop: this many tokens where ``--max-tokens`` says nothing."""


@dataclass(slots=True)
class Ask:
    """How to ask: the system prompt, and the fields of OpenAI's API that were given."""

    system: str = ""
    options: dict[str, Any] = field(default_factory=dict)


async def stream(
    model: AsyncModel, ask: Ask, history: Sequence[Message], prompt: str, tell: Callable[[Piece], None]
) -> Reply:
    """The reply to *prompt* after *history*; each piece is told as it comes. A base model continues *prompt* alone."""
    if can_chat(model.facts) or model.facts.embeds_only:  # the latter refuses, in its own words
        system = [{"role": "system", "content": ask.system}] if ask.system else []
        pieces = model.stream([*system, *history, {"role": "user", "content": prompt}], **ask.options)
    else:
        begin = f"{ask.system}\n\n{prompt}" if ask.system else prompt
        pieces = model.stream_completion(begin, **{"max_tokens": COMPLETION_TOKENS} | ask.options)
    async with aclosing(pieces):
        async for piece in pieces:
            if piece.reply is not None:
                return piece.reply
            tell(piece)
    raise AssertionError("a stream ends with a reply")


@asynccontextmanager
async def watched(gateway: LocalGateway | None, model: str, tell: Callable[[float], None]) -> AsyncIterator[None]:
    """While the block waits for a running *gateway*, tell how much of *model* it has loaded."""
    if gateway is None:
        yield
        return
    watch = asyncio.ensure_future(control.watch_loading(gateway, model, tell))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError, HomeroomError):  # the request itself tells what went wrong
            await watch
