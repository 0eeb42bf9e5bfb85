"""Answers as the Python door gives them: whole (Reply) or piece by piece (Piece), made of the engine's chunks.

Pure. Knows the shapes of OpenAI's chunks; does not know where they come from.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from homeroom.engine import completion


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for. ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request. ``cached`` of the prompt's were in the cache already."""

    prompt: int
    cached: int
    completion: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. ``finish_reason`` is ``stop``, ``length`` (cut at a limit) or ``tool_calls``.

    ``prefill_rate`` and ``decode_rate`` are tokens/s as the engine measured them; None where it did not.
    """

    text: str
    thinking: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    usage: Usage
    model: str
    prefill_rate: float | None = None
    decode_rate: float | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer as it comes. ``read`` is the part of the prompt that has been read, 0..1, while that goes on;
    the last piece carries the whole ``reply``."""

    text: str = ""
    thinking: str = ""
    read: float | None = None
    reply: Reply | None = None

    def __str__(self) -> str:
        return self.text


async def pieces(chunks: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[Piece]:
    seen: list[dict[str, Any]] = []
    async for chunk in chunks:
        progress = chunk.get("prompt_progress")
        if progress is not None:
            yield Piece(read=progress["processed"] / max(1, progress["total"]))
            continue
        seen.append(chunk)
        for choice in chunk.get("choices", ()):
            delta = choice.get("delta", {})
            piece = Piece(delta.get("content") or choice.get("text") or "", delta.get("reasoning_content") or "")
            if piece.text or piece.thinking:
                yield piece
    yield Piece(reply=_reply(await completion.collect(_each(seen))))


async def _each(chunks: list[dict[str, Any]]) -> AsyncGenerator[dict[str, Any]]:
    for chunk in chunks:
        yield chunk


def _reply(answer: dict[str, Any]) -> Reply:
    choice = answer["choices"][0]
    message = choice.get("message", {})
    usage = answer.get("usage", {})
    timings = answer.get("timings", {})
    calls = tuple(
        ToolCall(call.get("id", ""), call["function"]["name"], call["function"]["arguments"])
        for call in message.get("tool_calls", ())
    )
    return Reply(
        text=message.get("content") or choice.get("text") or "",
        thinking=message.get("reasoning_content") or "",
        tool_calls=calls,
        finish_reason=choice.get("finish_reason") or "",
        usage=Usage(
            usage.get("prompt_tokens", 0),
            usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
            usage.get("completion_tokens", 0),
        ),
        model=answer.get("model", ""),
        prefill_rate=timings.get("prompt_per_second"),
        decode_rate=timings.get("predicted_per_second"),
    )


async def last(pieces: AsyncGenerator[Piece]) -> Reply:
    async with aclosing(pieces):
        async for piece in pieces:
            if piece.reply is not None:
                return piece.reply
    raise AssertionError("a stream ends with a reply")
