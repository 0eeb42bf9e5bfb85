"""Ollama's dialect: version, tags, show, ps, chat, generate, embed, embeddings. Shapes from its API reference (v0.33).

What a caller may not decide here (how a model is loaded, how long it stays) is not followed and told in the
``x-homeroom-ignored`` header; what would change the answer in silence is refused.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.responses import Response

from homeroom.engine import chat as generation
from homeroom.engine import completion, fields, ollama_options, openai_fields
from homeroom.engine.client import EngineClient
from homeroom.engine.plan import Purpose
from homeroom.errors import BadRequest, ContextOverflow, Forbidden, HomeroomError, NotSupported
from homeroom.gateway import ollama_models, streams
from homeroom.gateway import ollama_translate as translate
from homeroom.gateway.dialects import Json
from homeroom.gateway.service import Call
from homeroom.models.facts import ModelFacts

Chunk = dict[str, Any]

SPOKEN: Final = "0.33.0"
"""The Ollama whose API this is: clients choose by it what they may send."""
NDJSON: Final = "application/x-ndjson"

_COMMON: Final = ("model", "stream", "format", "keep_alive", "options", "think", "logprobs", "top_logprobs")
_CHAT: Final = frozenset((*_COMMON, "messages", "tools"))
_GENERATE: Final = frozenset((*_COMMON, "prompt", "system", "suffix", "template", "context", "raw", "images"))
_EMBED: Final = frozenset(("model", "input", "truncate", "dimensions", "keep_alive", "options"))
_EMBEDDINGS: Final = frozenset(("model", "prompt", "keep_alive", "options"))
_UNSET: Final[tuple[Any, ...]] = (None, False, "", [], {})


async def version(call: Call) -> Response:
    """``GET /api/version``: the dialect's version, and homeroom's own beside it."""
    return Json({"version": SPOKEN, "homeroom": call.service.version})


async def tags(call: Call) -> Response:
    """``GET /api/tags``: every model on this machine."""
    found = await call.service.models()
    return Json({"models": [ollama_models.row(facts) for facts in found]})


async def show(call: Call) -> Response:
    """``POST /api/show``: one model's facts from its header."""
    body = await call.json()
    facts = call.model({"model": body.get("model") or body.get("name")})
    return Json(ollama_models.shown(facts))


async def ps(call: Call) -> Response:
    """``GET /api/ps``: what is loaded, what is to stay longest first."""
    pool, idle = call.service.pool, call.service.settings.idle_unload
    now, clock = datetime.now(UTC), time.monotonic()
    rows = []
    for engine in pool.loaded:
        keep = engine.keep if engine.keep is not None else idle or math.inf
        since = clock if engine.leases else engine.last_used
        rows.append((since + keep - clock, engine))
    rows.sort(key=lambda row: -row[0])
    return Json({"models": [ollama_models.loaded_row(engine, _later(now, left)) for left, engine in rows]})


def _later(now: datetime, seconds: float) -> datetime:
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:  # for ever
        return datetime.max.replace(tzinfo=UTC)


async def chat(call: Call) -> Response:
    """``POST /api/chat``."""
    body = await _body(call, _CHAT)
    facts = call.model(body)
    asked = _shaping(call, facts, body)
    asked["messages"] = translate.messages(body.get("messages"))
    answer = _Answer("chat", _name(body, facts), body)
    if not asked["messages"]:
        return await _load(call, facts, body, answer)
    asked |= translate.response_format(translate.schema(body.get("format")))
    asked |= translate.logprobs_fields(body)
    if body.get("tools"):
        asked["tools"] = openai_fields.tools("tools", body["tools"])
    generation.prepare(facts, asked)  # what cannot be is refused before a model is loaded for it
    return await _answer(call, facts, body, answer, lambda client: generation.chat(client, facts, asked))


async def generate(call: Call) -> Response:
    """``POST /api/generate``: a chat of one message, or with ``raw`` (and for a base model) the prompt as it is."""
    body = await _body(call, _GENERATE)
    facts = call.model(body)
    for name in ("suffix", "template"):
        if body.get(name) not in (None, ""):
            raise NotSupported("engine.unsupported_field", param=name, field=name)
    if body.get("context"):
        raise NotSupported("ollama.context", param="context")
    prompt, system = fields.text("prompt", body.get("prompt")), fields.text("system", body.get("system"))
    raw = fields.boolean("raw", body.get("raw"))
    answer = _Answer("generate", _name(body, facts), body)
    if raw or not facts.formats:
        _nothing_for_a_template(facts, body, raw)
        asked = ollama_options.options(body.get("options"), call.ignored) | {"prompt": prompt}
        if (wanted := translate.schema(body.get("format"))) is not None:
            asked["json_schema"] = wanted
        if logprobs := translate.logprobs_fields(body):
            asked["logprobs"] = logprobs["top_logprobs"]
        if facts.embeds_only:
            raise NotSupported("engine.no_generation", name=facts.name, param="model")
        if not prompt:
            return await _load(call, facts, body, answer)
        return await _answer(call, facts, body, answer, lambda client: generation.complete(client, facts, asked))
    asked = _shaping(call, facts, body)
    if not prompt:
        return await _load(call, facts, body, answer)
    said = [{"role": "system", "content": system}] if system else []
    asked["messages"] = [*said, {"role": "user", "content": prompt}]
    asked |= translate.response_format(translate.schema(body.get("format"))) | translate.logprobs_fields(body)
    generation.prepare(facts, asked)
    return await _answer(call, facts, body, answer, lambda client: generation.chat(client, facts, asked))


def _nothing_for_a_template(facts: ModelFacts, body: Chunk, raw: bool) -> None:
    """Refuse what only a chat template could show, where none is used."""
    for name in ("system", "think"):
        if body.get(name) not in _UNSET:
            if raw:
                raise BadRequest("ollama.raw", param=name, field=name)
            if name == "think":
                raise NotSupported("ollama.no_thinking", name=facts.name, param="think")
            raise NotSupported("ollama.no_template", name=facts.name, param=name, field=name)


def _shaping(call: Call, facts: ModelFacts, body: Chunk) -> Chunk:
    """The engine's fields for ``options`` and ``think``. Raises NotSupported for thinking that the model has not."""
    asked = ollama_options.options(body.get("options"), call.ignored)
    think = translate.thinking(body.get("think"))
    if facts.thinks:
        asked |= translate.thinking_fields(think, facts.chat_template or "", call.ignored)
    elif think:
        raise NotSupported("ollama.no_thinking", name=facts.name, param="think")
    return asked


async def _body(call: Call, known: frozenset[str]) -> Chunk:
    """The body, with its common fields checked."""
    body = await call.json()
    fields.boolean("stream", body.get("stream"))
    if body.get("_debug_render_only"):
        raise NotSupported("engine.unsupported_field", param="_debug_render_only", field="_debug_render_only")
    # Ollama would cut the prompt, or shift old text out of the context; here nothing is ever cut.
    call.ignored += [name for name in body if name not in known and body[name] not in _UNSET]
    if translate.has_images(body):
        raise NotSupported("engine.no_images", name=str(body.get("model")), param="images")
    return body


def _name(body: Chunk, facts: ModelFacts) -> str:
    return str(body.get("model") or facts.name)


def _keep(call: Call, body: Chunk) -> float | None:
    """How long the model is to stay, where the key may decide that."""
    keep = translate.keep_alive(body.get("keep_alive"))
    if keep is not None and "admin" not in call.key.rights:
        call.ignored.append("keep_alive")
        return None
    return keep


async def _load(call: Call, facts: ModelFacts, body: Chunk, answer: _Answer) -> Response:
    """An empty request loads the model, and with ``keep_alive: 0`` unloads it."""
    if translate.keep_alive(body.get("keep_alive")) == 0:
        if "admin" not in call.key.rights:
            raise Forbidden("gateway.forbidden", right="admin", name=call.key.name)
        await call.service.pool.unload(facts.path)
        return Json(answer.line(done=True) | {"done_reason": "unload"})
    keep, purpose = _keep(call, body), ollama_models.purpose(facts)
    await call.unless_gone(_held(call, facts, purpose, keep))
    headers = streams.ignored_header(call)
    return Json(answer.line(done=True) | {"done_reason": "load"}, headers=headers)


async def _held(call: Call, facts: ModelFacts, purpose: Purpose, keep: float | None) -> None:
    async with call.service.pool.lease(facts, purpose, keep=keep):
        pass


async def _answer(call: Call, facts: ModelFacts, body: Chunk, answer: _Answer, source: streams.Source) -> Response:
    def timed(client: EngineClient) -> AsyncGenerator[Chunk]:
        answer.loaded = time.monotonic()
        return source(client)

    keep = _keep(call, body)
    if body.get("stream") is False:
        gathered = await streams.whole(call, facts, timed, keep=keep)
        return Json(answer.whole(gathered), headers=streams.ignored_header(call))
    return await streams.streamed(call, facts, timed, answer.encode, NDJSON, keep=keep)


@dataclass(slots=True)
class _Answer:
    """One answer in Ollama's words: whole, or line by line while it comes."""

    kind: str
    name: str
    body: Chunk
    begun: float = field(default_factory=time.monotonic)
    loaded: float = field(default_factory=time.monotonic)

    def line(self, text: str = "", *, thought: str = "", calls: list[Chunk] | None = None, done: bool = False) -> Chunk:
        """One line, or the whole answer but for its figures."""
        line: Chunk = {"model": self.name, "created_at": translate.timestamp(datetime.now(UTC))}
        extra: Chunk = {}
        if thought and self.body.get("think") is not False:
            extra["thinking"] = thought
        if calls:
            extra["tool_calls"] = calls
        if self.kind == "chat":
            line["message"] = {"role": "assistant", "content": text} | extra
        else:
            line |= {"response": text} | extra
        return line | {"done": done}

    def whole(self, gathered: Chunk) -> Chunk:
        """The answer for a gathered ``chat.completion`` or ``text_completion``."""
        choice: Chunk = next(iter(gathered["choices"]), {})
        message = choice.get("message") or {"content": choice.get("text")}
        calls, cut = translate.tool_calls(message.get("tool_calls", []))
        text, thought = (message.get("content") or "") + cut, message.get("reasoning_content") or ""
        line = self.line(text, thought=thought, calls=calls, done=True)
        return line | self._logprobs(choice) | self._end(choice.get("finish_reason"), gathered)

    async def encode(self, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[bytes]:
        """The bytes of a stream; an error in its middle is a line too."""
        try:
            async for line in self._lines(chunks):
                yield _bytes(line)
        except HomeroomError as error:
            yield _bytes({"error": str(error)})

    async def _lines(self, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk]:
        gathered: Chunk = {}
        last: Chunk = {}
        async for chunk in chunks:
            if "usage" in chunk:
                last = chunk
            for choice in chunk.get("choices", ()):
                delta = choice.get("delta") or {"content": choice.get("text")}
                completion.merge(gathered, {"finish_reason": choice.get("finish_reason")})
                completion.merge(gathered, {"delta": {"tool_calls": delta.get("tool_calls") or []}})
                text, thought, logprobs = delta.get("content"), delta.get("reasoning_content"), self._logprobs(choice)
                if text or thought or logprobs:
                    yield self.line(text or "", thought=thought or "") | logprobs
        # Ollama's calls are whole ones, so they wait for their end.
        calls, cut = translate.tool_calls(completion.calls(gathered))
        if calls or cut:
            yield self.line(cut, calls=calls)
        yield self.line(done=True) | self._end(gathered.get("finish_reason"), last)

    def _logprobs(self, choice: Chunk) -> Chunk:
        found = translate.logprobs(choice.get("logprobs"), self.body.get("top_logprobs") or 0)
        return {"logprobs": found} if found and self.body.get("logprobs") else {}

    def _end(self, finish_reason: str | None, last: Chunk) -> Chunk:
        reason = "length" if finish_reason == "length" else "stop"
        total, load = time.monotonic() - self.begun, self.loaded - self.begun
        return {"done_reason": reason} | translate.metrics(last, total, load)


def _bytes(line: Chunk) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


async def embed(call: Call) -> Response:
    """``POST /api/embed``. A text that is too long is an error, unless ``truncate`` is true: then it is cut, and told."""
    body = await _body(call, _EMBED)
    facts = call.model(body)
    begun = time.monotonic()
    given = body.get("input")
    if given in (None, ""):
        given = []
    texts = fields.texts("input", given)
    ollama_options.options(body.get("options"), call.ignored)
    if body.get("dimensions") not in (None, 0, facts.embedding_length):
        raise NotSupported("gateway.dimensions", param="dimensions", dimensions=facts.embedding_length)
    truncate = fields.boolean("truncate", body.get("truncate"))
    found = await _embedded(call, facts, texts, _keep(call, body), truncate=truncate)
    headers = streams.ignored_header(call)
    if found.cut:
        headers["x-homeroom-truncated"] = str(found.cut)
    figures = {
        "total_duration": round((time.monotonic() - begun) * 1e9),
        "load_duration": round((found.loaded - begun) * 1e9),
        "prompt_eval_count": found.tokens,
    }
    return Json({"model": _name(body, facts), "embeddings": found.vectors} | figures, headers=headers)


async def embeddings(call: Call) -> Response:
    """``POST /api/embeddings``, the older form: one text, one vector."""
    body = await _body(call, _EMBEDDINGS)
    facts = call.model(body)
    prompt = fields.text("prompt", body.get("prompt"))
    ollama_options.options(body.get("options"), call.ignored)
    found = await _embedded(call, facts, [prompt] if prompt else [], _keep(call, body), truncate=False)
    vector = found.vectors[0] if found.vectors else []
    return Json({"embedding": vector}, headers=streams.ignored_header(call))


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Vectors in the order of their texts, the tokens read, how many texts were cut, and when the model was there."""

    vectors: list[list[float]]
    tokens: int
    cut: int
    loaded: float


async def _embedded(
    call: Call, facts: ModelFacts, texts: list[str], keep: float | None, *, truncate: bool
) -> _Embedded:
    async def work() -> _Embedded:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(call.service.pool.lease(facts, "embed", keep=keep))
            loaded = time.monotonic()
            if not texts:
                return _Embedded([], 0, 0, loaded)
            asked: list[Any] = list(texts)
            try:
                answer = await client.post(generation.EMBEDDINGS, {"input": asked})
            except ContextOverflow as error:
                if not truncate:
                    raise
                asked = [await _shortened(client, text, int(str(error.facts["context"]))) for text in texts]
                answer = await client.post(generation.EMBEDDINGS, {"input": asked})
            rows = sorted(answer["data"], key=lambda row: int(row["index"]))
            cut = sum(not isinstance(one, str) for one in asked)
            tokens = int(answer.get("usage", {}).get("prompt_tokens", 0))
            return _Embedded([row["embedding"] for row in rows], tokens, cut, loaded)

    return await call.unless_gone(work())


async def _shortened(client: EngineClient, text: str, limit: int) -> str | list[int]:
    """*text* where it has at most *limit* tokens, else its first tokens between the model's own special ones."""
    whole = (await client.post("/tokenize", {"content": text, "add_special": True}))["tokens"]
    if len(whole) <= limit:
        return text
    plain = (await client.post("/tokenize", {"content": text, "add_special": False}))["tokens"]
    extra = len(whole) - len(plain)
    before = next((n for n in range(extra + 1) if whole[n : n + len(plain)] == plain), 0)
    return [*whole[:before], *plain[: limit - extra], *whole[before + len(plain) :]]
