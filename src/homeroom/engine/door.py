"""The Python door: ``open`` and ``open_async`` give a model that chats, streams, completes and embeds.

Uses the gateway of this home where one runs, else starts an engine of its own and ends it on close. Knows neither which: both
speak the engine's dialect. Does not know the command line.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from homeroom.engine import chat as generation
from homeroom.engine import completion, local, openai_fields
from homeroom.engine.child import OnLoading
from homeroom.engine.client import EngineClient
from homeroom.engine.plan import Ask, make_plan
from homeroom.engine.pool import EnginePool
from homeroom.errors import BadRequest, UsageError
from homeroom.hardware.machine import detect
from homeroom.models.facts import ModelFacts
from homeroom.models.library import Library
from homeroom.settings import Settings, load, prepare

Message = Mapping[str, Any]
"""``{"role": "system" | "user" | "assistant" | "tool", "content": ...}``, as in OpenAI's chat API."""
T = TypeVar("T")


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


class AsyncModel:
    """An open model. Made by ``open_async``; close it, or use it as ``async with homeroom.open_async("starter") as m``.

    Options of every method are the fields of OpenAI's API by name: ``temperature``, ``max_tokens``, ``stop``, ``seed``,
    ``tools``, ``response_format``, ...
    """

    def __init__(self, facts: ModelFacts, source: _Source) -> None:
        self.facts = facts
        self._source = source

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what ``open_async`` started. Closing twice is harmless."""
        await self._source.close()

    async def chat(self, messages: str | Sequence[Message], **options: Any) -> Reply:
        """Answer *messages* (a text is one user message). Raises ContextOverflow, NotSupported, EngineDied, ..."""
        return await _last(self.stream(messages, **options))

    async def complete(self, prompt: str, **options: Any) -> Reply:
        """Continue *prompt* as it is, without a chat template."""
        return await _last(self.stream_completion(prompt, **options))

    async def stream(self, messages: str | Sequence[Message], **options: Any) -> AsyncGenerator[Piece]:
        """The answer piece by piece; the last one carries the whole reply. Closing the iterator ends the generation."""
        asked = [{"role": "user", "content": messages}] if isinstance(messages, str) else [dict(m) for m in messages]
        body = _checked(openai_fields.chat, options | {"messages": asked})
        async with aclosing(self._source.chunks(self.facts, generation.CHAT, body)) as chunks:
            async for piece in _pieces(chunks):
                yield piece

    async def stream_completion(self, prompt: str, **options: Any) -> AsyncGenerator[Piece]:
        """As ``stream``, for a completion."""
        body = _checked(openai_fields.completion, options) | {"prompt": prompt}
        async with aclosing(self._source.chunks(self.facts, generation.COMPLETION, body)) as chunks:
            async for piece in _pieces(chunks):
                yield piece

    async def embed(self, texts: str | Sequence[str]) -> list[list[float]]:
        """One vector of ``facts.embedding_length`` numbers for each text, in order."""
        asked = [texts] if isinstance(texts, str) else list(texts)
        return await self._source.embed(self.facts, asked) if asked else []


class Model:
    """An open model, for code without ``async``. Made by ``open``; the same methods as AsyncModel."""

    def __init__(self, loop: _Loop, model: AsyncModel) -> None:
        self._loop, self._model = loop, model
        # Also when it is forgotten, and before the interpreter ends: by then nothing could wait for the loop any more.
        self._end = weakref.finalize(self, loop.close, model)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def facts(self) -> ModelFacts:
        """What this model is."""
        return self._model.facts

    def close(self) -> None:
        """End what ``open`` started. Closing twice is harmless."""
        self._end()

    def chat(self, messages: str | Sequence[Message], **options: Any) -> Reply:
        """See AsyncModel.chat."""
        return self._loop.run(self._model.chat(messages, **options))

    def complete(self, prompt: str, **options: Any) -> Reply:
        """See AsyncModel.complete."""
        return self._loop.run(self._model.complete(prompt, **options))

    def stream(self, messages: str | Sequence[Message], **options: Any) -> Iterator[Piece]:
        """See AsyncModel.stream."""
        return self._loop.iterate(self._model.stream(messages, **options))

    def stream_completion(self, prompt: str, **options: Any) -> Iterator[Piece]:
        """See AsyncModel.stream_completion."""
        return self._loop.iterate(self._model.stream_completion(prompt, **options))

    def embed(self, texts: str | Sequence[str]) -> list[list[float]]:
        """See AsyncModel.embed."""
        return self._loop.run(self._model.embed(texts))


class _Opening:
    """What ``open_async`` returns: await it, or enter it."""

    def __init__(self, work: Coroutine[Any, Any, AsyncModel]) -> None:
        self._work = work
        self._model: AsyncModel | None = None

    def __await__(self) -> Any:
        return self._work.__await__()

    async def __aenter__(self) -> AsyncModel:
        self._model = await self._work
        return self._model

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._model is not None:
            await self._model.close()


def open_async(
    name: str, *, settings: Settings | None = None, on_loading: OnLoading | None = None, alone: bool = False
) -> _Opening:
    """Open a model: ``m = await open_async("starter")`` or ``async with open_async("starter") as m``.

    *name* is any MODEL. *alone* starts an engine even where a gateway runs. Raises UnknownModel, BadModelFile, DoesNotFit,
    EngineStartFailed.
    """
    return _Opening(_open(name, settings or load(), on_loading, alone))


def open(
    name: str, *, settings: Settings | None = None, on_loading: OnLoading | None = None, alone: bool = False
) -> Model:
    """Open a model: ``with homeroom.open("starter") as m: print(m.chat("Say hi"))``. See ``open_async``."""
    loop = _Loop()
    try:
        model = loop.run(_open(name, settings or load(), on_loading, alone))
    except BaseException:
        loop.close()
        raise
    return Model(loop, model)


async def _open(name: str, settings: Settings, on_loading: OnLoading | None, alone: bool) -> AsyncModel:
    facts = Library(settings).find(name, use=True)
    running = None if alone else await local.find_gateway(settings.home)
    if running is not None:
        return AsyncModel(facts, _Source(EngineClient(running.base_url, running.key, name=facts.name)))
    prepare(settings.home)
    ask = Ask.from_settings(settings)
    if not facts.embeds_only:
        make_plan(
            facts, detect(), ask
        )  # a context beyond this model is refused, where a gateway of several would clamp it
    pool = EnginePool(machine=detect, ask=ask, logs=settings.logs, idle=0)
    source = _Source(pool)
    if not facts.embeds_only:
        try:
            async with pool.lease(
                facts, on_loading=on_loading
            ):  # an error of loading belongs here, not to the first use
                pass
        except BaseException:
            await source.close()
            raise
    return AsyncModel(facts, source)


class _Source:
    """Where answers come from: a running gateway's client, or a pool of one's own."""

    def __init__(self, origin: EngineClient | EnginePool) -> None:
        self._origin = origin

    async def chunks(self, facts: ModelFacts, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            if isinstance(self._origin, EngineClient):
                source = self._origin.stream(path, body | {"model": facts.name})
            else:
                client = await stack.enter_async_context(self._origin.lease(facts))
                make = generation.chat if path == generation.CHAT else generation.complete
                source = make(client, facts, body)
            chunks = await stack.enter_async_context(aclosing(source))
            async for chunk in chunks:
                yield chunk

    async def embed(self, facts: ModelFacts, texts: list[str]) -> list[list[float]]:
        body = {"model": facts.name, "input": texts}
        if isinstance(self._origin, EngineClient):
            answer = await self._origin.post(generation.EMBEDDINGS, body)
        else:
            async with self._origin.lease(facts, "embed") as client:
                answer = await client.post(generation.EMBEDDINGS, body)
        return [item["embedding"] for item in sorted(answer["data"], key=lambda item: int(item["index"]))]

    async def close(self) -> None:
        await self._origin.close()


_GATEWAYS_OWN: Final = ("stream", "stream_options", "return_progress", "model", "n")
"""Fields of a request over HTTP that the methods here decide themselves."""


def _checked(check: Callable[[dict[str, Any], list[str]], dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
    """*body* with every field known and of its type. Raises BadRequest: an option that has no effect is a mistake."""
    unknown: list[str] = [name for name in _GATEWAYS_OWN if name in body]
    checked = check(body, unknown)
    if unknown:
        raise BadRequest(
            "engine.unknown_option", param=unknown[0], name=unknown[0], known=", ".join(openai_fields.KNOWN)
        )
    return checked


async def _pieces(chunks: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[Piece]:
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


async def _last(pieces: AsyncGenerator[Piece]) -> Reply:
    async with aclosing(pieces):
        async for piece in pieces:
            if piece.reply is not None:
                return piece.reply
    raise AssertionError("a stream ends with a reply")


class _Loop:
    """An event loop in a thread of its own, so that code without ``async`` can wait on it from anywhere."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._open = True
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="homeroom", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it takes work: it was not closed, and this is not a forked child, which has no such thread."""
        return self._open and self._pid == os.getpid()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of *work*; an interrupt of the waiting thread cancels it. Raises UsageError once closed."""
        if not self.running:
            work.close()
            raise UsageError("engine.closed")
        return self._wait(work)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:  # closed by another thread while this one waited
            raise UsageError("engine.closed") from None
        except BaseException:
            future.cancel()
            raise

    def iterate(self, pieces: AsyncGenerator[T]) -> Iterator[T]:
        """*pieces* one by one; leaving the loop early closes them."""

        async def following() -> T | None:
            return await anext(pieces, None)

        async def close() -> None:
            await pieces.aclose()

        try:
            while (piece := self.run(following())) is not None:
                yield piece
        finally:
            if self.running:
                self.run(close())

    async def _wind_up(self, model: AsyncModel | None) -> None:
        """Close *model*, and end whatever another thread still waits for."""
        if model is not None:
            await model.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def close(self, model: AsyncModel | None = None) -> None:
        """Close *model* and end the loop. The garbage collector may call this in the loop's own thread."""
        if not self.running:
            return
        self._open = False
        if threading.current_thread() is self._thread:
            ending = self._loop.create_task(self._wind_up(model))
            ending.add_done_callback(lambda _: self._loop.stop())
            return
        self._wait(self._wind_up(model))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
