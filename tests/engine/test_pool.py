"""Real engines: loaded on demand, shared, restarted after death, unloaded by rule and never in the middle of a request."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
import pytest

from homeroom.engine.client import EngineClient
from homeroom.engine.plan import Ask
from homeroom.errors import DoesNotFit, EngineBusy, EngineDied, EngineFailure
from homeroom.models.facts import ModelFacts
from homeroom.models.inspect import inspect
from support.gguf_writer import with_metadata
from support.pools import PoolMaker

SAY = {"messages": [{"role": "user", "content": "Count to ten."}], "max_tokens": 4, "ignore_eos": True}
LONG = {"messages": [{"role": "user", "content": "Tell a story."}], "max_tokens": 800, "ignore_eos": True}


async def say(client: EngineClient, body: dict[str, Any] = SAY) -> int:
    """Tokens of an answer."""
    async with aclosing(client.stream("/v1/chat/completions", body)) as chunks:
        return int([chunk["usage"]["completion_tokens"] async for chunk in chunks if "usage" in chunk][-1])


async def test_a_model_is_loaded_once_for_all_who_ask(make_pool: PoolMaker, starter: ModelFacts) -> None:
    pool = make_pool()
    seen: list[float] = []

    async def ask() -> int:
        async with pool.lease(starter, on_loading=seen.append) as client:
            return await say(client)

    assert list(await asyncio.gather(ask(), ask(), ask())) == [4, 4, 4]
    assert len(pool.loaded) == 1
    assert pool.loaded[0].leases == 0
    assert seen and seen == sorted(seen)


async def test_a_killed_engine_ends_its_request_clearly_and_the_next_one_works_within_three_seconds(
    make_pool: PoolMaker, starter: ModelFacts
) -> None:
    pool = make_pool()
    with pytest.raises(EngineDied) as raised:
        async with pool.lease(starter) as client, aclosing(client.stream("/v1/chat/completions", LONG)) as chunks:
            count = 0
            async for _ in chunks:
                count += 1
                if count == 8:
                    os.kill(pool.loaded[0].child.pid, signal.SIGKILL)
                    killed = time.monotonic()
    assert "SIGKILL" in str(raised.value) or "connection lost" in str(raised.value)
    async with pool.lease(starter) as client:
        assert await say(client) == 4
    assert time.monotonic() - killed < 3


async def test_an_engine_that_hangs_is_ended_and_the_next_request_works(
    make_pool: PoolMaker, starter: ModelFacts
) -> None:
    """A stopped process (SIGSTOP) keeps its connections open and says nothing for ever."""
    pool = make_pool(hung=2)
    with pytest.raises(EngineDied, match="SIGKILL"):
        async with pool.lease(starter) as client, aclosing(client.stream("/v1/chat/completions", LONG)) as chunks:
            await anext(chunks)
            os.kill(pool.loaded[0].child.pid, signal.SIGSTOP)
            async with asyncio.timeout(20):
                async for _ in chunks:
                    pass
    async with pool.lease(starter) as client:
        assert await say(client) == 4


async def test_an_engine_that_spins_for_nobody_is_ended_and_the_next_request_works(
    make_pool: PoolMaker, starter: ModelFacts
) -> None:
    """A grammar without end: one token takes the engine for ever, also after its client has left."""
    evil = LONG | {"grammar": "root ::= (" + "|".join(["[a-z ]*"] * 50) + ")*"}
    pool = make_pool(hung=2)
    async with pool.lease(starter) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2), aclosing(client.stream("/v1/chat/completions", evil)) as chunks:
                async for _ in chunks:
                    pass
        pid = pool.loaded[0].child.pid
    async with asyncio.timeout(15):
        while psutil.pid_exists(pid):
            await asyncio.sleep(0.1)
    async with pool.lease(starter) as client:
        assert await say(client) == 4


async def test_a_load_can_be_stopped_and_tells_those_who_wait(make_pool: PoolMaker, starter: ModelFacts) -> None:
    pool = make_pool()

    async def ask() -> None:
        async with pool.lease(starter):
            pytest.fail("it was stopped")

    waiting = asyncio.ensure_future(ask())
    await asyncio.sleep(0.1)
    assert pool.loading
    assert await pool.unload(starter.path) == 1
    with pytest.raises(EngineFailure, match="being stopped"):
        await waiting
    assert not pool.loading and not pool.loaded


async def test_a_load_that_nobody_wants_any_more_is_ended(
    make_pool: PoolMaker, starter_path: Path, tmp_path: Path
) -> None:
    """A chat template that computes without end while the model loads."""
    spinning = tmp_path / "spinning.gguf"
    loop = "".join("{% for x in range(3000) %}" for _ in range(4)) + "{% endfor %}" * 4
    with_metadata(starter_path, spinning, {"tokenizer.chat_template": loop + "{{ messages }}"})
    facts = inspect(spinning)
    pool = make_pool()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3), pool.lease(facts):
            pass
    async with asyncio.timeout(10):
        while pool.loading:
            await asyncio.sleep(0.1)


async def test_a_request_that_rests_is_not_taken_for_an_engine_that_hangs(
    make_pool: PoolMaker, starter: ModelFacts
) -> None:
    """A client that is slow to read holds its lease while the engine has nothing to do."""
    pool = make_pool(hung=1)
    async with pool.lease(starter) as client:
        pid = pool.loaded[0].child.pid
        await asyncio.sleep(4)
        assert await say(client) == 4
        assert pool.loaded[0].child.pid == pid


async def test_an_idle_model_is_unloaded_and_comes_back(make_pool: PoolMaker, starter: ModelFacts) -> None:
    pool = make_pool(idle=0.5)
    async with pool.lease(starter) as client:
        await say(client)
        pid = pool.loaded[0].child.pid
        await asyncio.sleep(1.6)
        assert pool.loaded, "unloaded in the middle of a lease"
    async with asyncio.timeout(5):
        while pool.loaded or psutil.pid_exists(pid):
            await asyncio.sleep(0.05)
    async with pool.lease(starter) as client:
        assert await say(client) == 4


async def test_the_least_recently_used_model_makes_room(
    make_pool: PoolMaker, starter: ModelFacts, gemma: ModelFacts
) -> None:
    both = make_pool().plan(gemma).memory.total + 50_000_000
    pool = make_pool(ask=Ask(context=1024, memory=both))
    async with pool.lease(starter) as client:
        await say(client)
    async with pool.lease(gemma):
        assert [entry.facts.name for entry in pool.loaded] == ["gemma"]


async def test_a_busy_model_is_waited_for_and_not_unloaded(
    make_pool: PoolMaker, starter: ModelFacts, gemma: ModelFacts
) -> None:
    both = make_pool().plan(gemma).memory.total + 50_000_000
    pool = make_pool(ask=Ask(context=1024, memory=both), wait=20)

    async def use_gemma() -> list[str]:
        async with pool.lease(gemma):
            return [entry.facts.name for entry in pool.loaded]

    async with pool.lease(starter) as client:
        other = asyncio.ensure_future(use_gemma())
        assert await say(client, LONG | {"max_tokens": 60}) == 60
        assert not other.done()
    assert await other == ["gemma"]


async def test_no_memory_in_time_is_a_clear_error(make_pool: PoolMaker, starter: ModelFacts, gemma: ModelFacts) -> None:
    both = make_pool().plan(gemma).memory.total + 50_000_000
    pool = make_pool(ask=Ask(context=1024, memory=both), wait=0.5)
    async with pool.lease(starter) as client:
        with pytest.raises(EngineBusy, match="gemma"):
            async with pool.lease(gemma):
                pass
        assert await say(client) == 4


async def test_a_model_that_can_never_fit_is_refused_at_once(make_pool: PoolMaker, starter: ModelFacts) -> None:
    pool = make_pool(free=30_000_000)
    with pytest.raises(DoesNotFit, match=r"starter needs .* MB .* 30\.0 MB free"):
        async with pool.lease(starter):
            pass
    assert not pool.loaded and not pool.loading


async def test_a_request_that_leaves_while_loading_does_not_undo_it_for_others(
    make_pool: PoolMaker, starter: ModelFacts
) -> None:
    pool = make_pool()

    async def ask() -> int:
        async with pool.lease(starter) as client:
            return await say(client)

    leaver, stayer = asyncio.ensure_future(ask()), asyncio.ensure_future(ask())
    await asyncio.sleep(0.05)
    leaver.cancel()
    assert await stayer == 4
    assert pool.loaded[0].leases == 0


async def test_unload_waits_for_the_last_request(make_pool: PoolMaker, starter: ModelFacts) -> None:
    pool = make_pool()
    async with pool.lease(starter) as client:
        assert await pool.unload(starter.path) == 1
        assert await say(client) == 4
    assert not pool.loaded


async def test_closing_ends_every_process(make_pool: PoolMaker, starter: ModelFacts) -> None:
    pool = make_pool()
    async with pool.lease(starter):
        pid = pool.loaded[0].child.pid
        await pool.close()
        assert not psutil.pid_exists(pid)
    with pytest.raises(EngineFailure):
        async with pool.lease(starter):
            pass


async def test_generation_and_embedding_have_an_engine_each(make_pool: PoolMaker, starter: ModelFacts) -> None:
    pool = make_pool()
    async with pool.lease(starter) as chat, pool.lease(starter, "embed") as embed:
        assert await say(chat) == 4
        answer = await embed.post("/v1/embeddings", {"input": ["a", "b"]})
    assert [len(item["embedding"]) for item in answer["data"]] == [576, 576]
    assert {entry.plan.purpose for entry in pool.loaded} == {"generate", "embed"}
