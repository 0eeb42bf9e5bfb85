"""The Python door: ``open`` and ``open_async`` give a model that chats, streams, completes and embeds.

Uses the gateway of this home where one runs, else starts an engine of its own and ends it on close. Knows neither which: both
speak the engine's dialect. Does not know the command line.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from homeroom.engine import chat as generation
from homeroom.engine import local, openai_fields
from homeroom.engine.child import OnLoading
from homeroom.engine.client import EngineClient
from homeroom.engine.plan import Ask, make_plan
from homeroom.engine.pool import EnginePool
from homeroom.engine.portal import Portal
from homeroom.engine.replies import Piece, Reply, last, pieces
from homeroom.errors import BadRequest
from homeroom.hardware.machine import detect
from homeroom.models.facts import ModelFacts
from homeroom.models.library import Library
from homeroom.settings import Settings, load, prepare

Message = Mapping[str, Any]
"""``{"role": "system" | "user" | "assistant" | "tool", "content": ...}``, as in OpenAI's chat API."""
T = TypeVar("T")


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
        return await last(self.stream(messages, **options))

    async def complete(self, prompt: str, **options: Any) -> Reply:
        """Continue *prompt* as it is, without a chat template."""
        return await last(self.stream_completion(prompt, **options))

    async def stream(self, messages: str | Sequence[Message], **options: Any) -> AsyncGenerator[Piece]:
        """The answer piece by piece; the last one carries the whole reply. Closing the iterator ends the generation."""
        asked = [{"role": "user", "content": messages}] if isinstance(messages, str) else [dict(m) for m in messages]
        body = _checked(openai_fields.chat, options | {"messages": asked})
        async with aclosing(self._source.chunks(self.facts, generation.CHAT, body)) as chunks:
            async for piece in pieces(chunks):
                yield piece

    async def stream_completion(self, prompt: str, **options: Any) -> AsyncGenerator[Piece]:
        """As ``stream``, for a completion."""
        body = _checked(openai_fields.completion, options) | {"prompt": prompt}
        async with aclosing(self._source.chunks(self.facts, generation.COMPLETION, body)) as chunks:
            async for piece in pieces(chunks):
                yield piece

    async def embed(self, texts: str | Sequence[str]) -> list[list[float]]:
        """One vector of ``facts.embedding_length`` numbers for each text, in order."""
        asked = [texts] if isinstance(texts, str) else list(texts)
        return await self._source.embed(self.facts, asked) if asked else []


class Model:
    """An open model, for code without ``async``. Made by ``open``; the same methods as AsyncModel."""

    def __init__(self, loop: Portal, model: AsyncModel) -> None:
        self._loop, self._model = loop, model
        # Also when it is forgotten, and before the interpreter ends: by then nothing could wait for the loop any more.
        self._end = weakref.finalize(self, loop.close, model.close)

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
    loop = Portal()
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
