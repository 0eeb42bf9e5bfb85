"""Generation as homeroom does it, whoever asks: the gateway's dialects, ``homeroom.open``, ``homeroom run``.

Decides what the model's template can do (chat, tools, thinking) before the engine is asked; does not know HTTP or dialects
other than OpenAI's, which the engine speaks.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from homeroom.engine import thinking, tools
from homeroom.engine.client import EngineClient
from homeroom.engine.modelfile import with_defaults
from homeroom.errors import NotSupported
from homeroom.models.facts import ModelFacts

Chunk = dict[str, Any]

CHAT: Final = "/v1/chat/completions"
COMPLETION: Final = "/v1/completions"
EMBEDDINGS: Final = "/v1/embeddings"


def prepare(facts: ModelFacts, body: Chunk) -> tuple[Chunk, bool]:
    """The body to send for a chat request, with what the model's Modelfile adds, and whether its answer must go through
    ``tools.restore``. Raises NotSupported where the model cannot chat, BadRequest for malformed tools.
    """
    if facts.embeds_only:
        raise NotSupported("engine.no_generation", name=facts.name, param="model")
    if not facts.chats:
        raise NotSupported("engine.no_chat_template", name=facts.name, param="model")
    body = with_defaults(facts, body)
    if not body.get("tools"):
        return tools.without_tools(body), False
    if body.get("tool_choice") == "none":
        return tools.without_tools(body), False
    if not facts.takes_tools:
        return tools.constrain(body), True
    if body.get("tool_choice") in ("auto", None):
        return body, False
    return tools.require(body), True


async def chat(client: EngineClient, facts: ModelFacts, body: Chunk) -> AsyncGenerator[Chunk]:
    """Chunks of a chat completion (``chat.completion.chunk``), usage last, ``prompt_progress`` among them."""
    sent, constrained = prepare(facts, body)
    async with aclosing(client.stream(CHAT, sent)) as chunks:
        apart: AsyncIterator[Chunk] = chunks
        if facts.thinks and body.get("reasoning_format") != "none":
            apart = thinking.separate(apart)
        async for chunk in tools.restore(apart) if constrained else apart:
            yield _named(chunk, facts)


async def complete(client: EngineClient, facts: ModelFacts, body: Chunk) -> AsyncGenerator[Chunk]:
    """Chunks of a text completion (``text_completion``), usage last."""
    if facts.embeds_only:
        raise NotSupported("engine.no_generation", name=facts.name, param="model")
    async with aclosing(client.stream(COMPLETION, with_defaults(facts, body))) as chunks:
        async for chunk in chunks:
            yield _named(chunk, facts)


def _named(chunk: Chunk, facts: ModelFacts) -> Chunk:
    """*chunk* as the answer of the model that was asked for: an engine's file may have several names."""
    return chunk | {"model": facts.name} if "model" in chunk else chunk
