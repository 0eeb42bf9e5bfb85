"""OpenAI's dialect: models, chat completions, completions, embeddings. Shapes from the public API reference.

The engine speaks it too, so fields pass through once their type is known to be right (``openai_fields``); what the engine would
silently leave undone is refused here.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

from starlette.responses import Response

from homeroom.engine import chat as generation
from homeroom.engine import fields, openai_fields
from homeroom.engine.client import EngineClient
from homeroom.errors import BadRequest, HomeroomError, NotSupported
from homeroom.gateway import streams
from homeroom.gateway.dialects import Json
from homeroom.gateway.service import Call
from homeroom.models.facts import ModelFacts

Chunk = dict[str, Any]
CREATED: Final = 0
"""A model's file has no date of its making that OpenAI's field could mean."""


async def models(call: Call) -> Response:
    """``GET /v1/models``."""
    found = await call.service.models()
    return Json({"object": "list", "data": [_model(facts) for facts in found]})


async def model(call: Call) -> Response:
    """``GET /v1/models/{name}``."""
    return Json(_model(call.named(call.rest)))


def _model(facts: ModelFacts) -> Chunk:
    return {
        "id": facts.name,
        "object": "model",
        "created": CREATED,
        "owned_by": "homeroom",
        "context_length": facts.context_length,
        "quantization": facts.quantization,
        "parameters": facts.parameters,
    }


async def chat_completions(call: Call) -> Response:
    """``POST /v1/chat/completions``."""
    body = await call.json()
    facts = call.model(body)
    asked = openai_fields.chat(body, call.ignored)
    top = body.get("top_logprobs") or 0
    if asked.get("logprobs"):
        asked["top_logprobs"] = max(1, top)  # with 0 the engine gives no logprobs at all
    generation.prepare(facts, asked)  # what cannot be is refused before a model is loaded for it
    return await _answer(call, facts, body, lambda client: _chat(client, facts, asked, top))


async def _chat(client: EngineClient, facts: ModelFacts, asked: Chunk, top: int) -> AsyncGenerator[Chunk]:
    async for chunk in generation.chat(client, facts, asked):
        for choice in chunk.get("choices", ()):
            for entry in (choice.get("logprobs") or {}).get("content") or ():
                entry["top_logprobs"] = entry.get("top_logprobs", [])[:top]
        yield chunk


async def completions(call: Call) -> Response:
    """``POST /v1/completions``."""
    body = await call.json()
    facts = call.model(body)
    if facts.embeds_only:
        raise NotSupported("engine.no_generation", name=facts.name, param="model")
    shared = openai_fields.completion(body, call.ignored)
    top = shared.get("logprobs")
    if top is not None:
        shared["logprobs"] = max(1, top)
    asked = [shared | {"prompt": prompt} for prompt in _prompts(body.get("prompt"))]
    return await _answer(call, facts, body, lambda client: _completions(client, facts, asked, top or 0))


async def _completions(client: EngineClient, facts: ModelFacts, bodies: list[Chunk], top: int) -> AsyncGenerator[Chunk]:
    """The completions of several prompts one after the other, as choices 0, 1, ... of one answer with one usage."""
    used = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    last: Chunk = {}
    for number, body in enumerate(bodies):
        async for chunk in generation.complete(client, facts, body):
            for choice in chunk.get("choices", ()):
                choice["index"] = number
                choice["logprobs"] = _legacy_logprobs(choice.get("logprobs"), top)
            usage = chunk.pop("usage", None)
            if usage is not None:  # the engine's last chunk, which also says why it ended
                used = {name: used[name] + usage.get(name, 0) for name in used}
                last = {name: value for name, value in chunk.items() if name != "choices"}
                chunk.pop("timings", None)
            if chunk.get("choices"):
                yield chunk
    yield last | {"choices": [], "usage": used}


async def embeddings(call: Call) -> Response:
    """``POST /v1/embeddings``."""
    body = await call.json()
    facts = call.model(body)
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise fields.wrong("encoding_format", "float | base64")
    if body.get("dimensions") not in (None, facts.embedding_length):
        raise NotSupported("gateway.dimensions", param="dimensions", dimensions=facts.embedding_length)
    asked = {"input": _embedding_input(body.get("input")), "encoding_format": "float"}
    answer = await streams.posted(call, facts, generation.EMBEDDINGS, asked, "embed")
    if encoding == "base64":
        for item in answer["data"]:
            item["embedding"] = _base64(item["embedding"])
    return Json(answer | {"model": facts.name})


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _embedding_input(value: Any) -> Any:
    """The input where it is one of the four shapes of the API and no text is empty."""
    if value and (isinstance(value, str) or _is_tokens(value)):
        return value
    if (
        isinstance(value, list)
        and value
        and all(item and (isinstance(item, str) or _is_tokens(item)) for item in value)
    ):
        return value
    raise fields.wrong("input", "text | [text, ...] | [token, ...]")


def _is_tokens(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(token, int) and not isinstance(token, bool) and 0 <= token < 2**31 for token in value)
    )


def _prompts(value: Any) -> list[Any]:
    if isinstance(value, str) or _is_tokens(value):
        return [value]
    if isinstance(value, list) and value and all(isinstance(item, str) or _is_tokens(item) for item in value):
        return value
    raise BadRequest("engine.bad_field", param="prompt", field="prompt", expected="text | [text, ...] | [token, ...]")


async def _answer(call: Call, facts: ModelFacts, body: Chunk, source: streams.Source) -> Response:
    if not body.get("stream"):
        return Json(await streams.whole(call, facts, source), headers=streams.ignored_header(call))
    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    progress = bool(body.get("return_progress"))

    def encode(chunks: AsyncIterator[Chunk]) -> AsyncGenerator[bytes]:
        return _events(chunks, usage=usage, progress=progress)

    return await streams.streamed(call, facts, source, encode, "text/event-stream")


async def _events(chunks: AsyncIterator[Chunk], *, usage: bool, progress: bool) -> AsyncGenerator[bytes]:
    """Server-sent events. Usage and progress only where they were asked for; an error in mid-stream is an event too."""
    try:
        async for chunk in chunks:
            if "prompt_progress" in chunk and not progress:
                continue
            if not chunk.get("choices") and "usage" in chunk and not usage:
                continue
            yield _event(chunk)
    except HomeroomError as error:
        yield _event({"error": {"message": str(error), "type": "server_error", "param": None, "code": error.code}})
        return
    yield b"data: [DONE]\n\n"


def _event(body: Chunk) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n\n"


def _legacy_logprobs(logprobs: Chunk | None, top: int) -> Chunk | None:
    """The engine's chat-like logprobs in the shape that completions have in OpenAI's reference."""
    content = (logprobs or {}).get("content")
    if not content:
        return None
    return {
        "tokens": [entry["token"] for entry in content],
        "token_logprobs": [entry["logprob"] for entry in content],
        "top_logprobs": [{one["token"]: one["logprob"] for one in entry["top_logprobs"][:top]} for entry in content],
    }
