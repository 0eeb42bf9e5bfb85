"""A model run where each program keeps it, with the real engine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from homeroom.engine import chat, completion
from homeroom.models.facts import ModelFacts
from homeroom.models.library import Library
from homeroom.settings import load
from support import hub_clients, neighbours
from support.hub_server import HubServer
from support.pools import PoolMaker

Put = Callable[[Path, Path], Any]
Fetch = Callable[..., Coroutine[Any, Any, dict[str, Any]]]
FILE = "SmolLM2-135M-Instruct-Q4_1.gguf"
STORES: dict[str, tuple[str, Put]] = {
    "ollama": (
        "ollama:smollm2:135m",
        lambda home, gguf: neighbours.ollama(home / ".ollama" / "models", "smollm2:135m", gguf),
    ),
    "ollama 0.40": (
        "smollm2:135m",
        lambda home, gguf: neighbours.ollama(home / ".ollama" / "models", "smollm2:135m", gguf, version=2),
    ),
    "lmstudio": ("lmstudio:o/smol-GGUF:Q4_1", lambda home, gguf: neighbours.lmstudio(home, "o/smol-GGUF", FILE, gguf)),
    "huggingface": (
        "hf:o/smol-GGUF:Q4_1",
        lambda home, gguf: neighbours.huggingface(home / ".cache/huggingface/hub", "o/smol-GGUF", FILE, gguf),
    ),
    "llama.cpp": (
        "llama.cpp:o/smol-GGUF:Q4_1",
        lambda home, gguf: neighbours.llama_cpp(home / ".cache/llama.cpp", "o/smol-GGUF", FILE, gguf),
    ),
    "modelscope": (
        "ms:o/smol-GGUF:Q4_1",
        lambda home, gguf: neighbours.modelscope(home / ".cache/modelscope", "o/smol-GGUF", FILE, gguf),
    ),
}


@pytest.mark.parametrize("store", STORES)
async def test_a_model_runs_where_it_is(store: str, starter_path: Path, tmp_path: Path, make_pool: PoolMaker) -> None:
    name, put = STORES[store]
    put(tmp_path / "user", starter_path)
    settings = load({}, {"HOMEROOM_HOME": str(tmp_path / "home"), "HOMEROOM_STORES": store.split()[0]})
    settings.home.mkdir()
    library = Library(settings, neighbours.environment(tmp_path / "user"))
    facts = library.find(name, paths=False, use=True)
    assert facts.keeper == store.split()[0] and facts.path.is_relative_to(tmp_path / "user")
    assert await said(make_pool, facts)
    assert library.last_used(facts) is not None


async def said(make_pool: PoolMaker, facts: ModelFacts) -> str:
    asked = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, "temperature": 0}
    async with make_pool().lease(facts) as client:
        answer = await completion.collect(chat.chat(client, facts, asked))
    assert answer["usage"]["completion_tokens"] <= 8
    return str(answer["choices"][0]["message"]["content"]).strip()


@pytest.mark.parametrize(
    ("fetch", "name", "keeper"),
    [
        (hub_clients.hugging_face, "hf:bartowski/Smol.2-GGUF:Q4_1", "huggingface"),
        (hub_clients.modelscope, "ms:bartowski/Smol.2-GGUF:Q4_1", "modelscope"),
    ],
)
async def test_a_model_runs_where_the_hub_s_own_client_has_put_it(
    fetch: Fetch, name: str, keeper: str, starter_path: Path, tmp_path: Path, make_pool: PoolMaker
) -> None:
    """The unmodified huggingface_hub and modelscope fetch it from a hub on loopback into their own caches."""
    async with HubServer() as hub:
        hub.publish("bartowski/Smol.2-GGUF", FILE, starter_path)
        assert "paths" in await fetch(hub, "bartowski/Smol.2-GGUF", FILE, home=tmp_path)
    settings = load({}, {"HOMEROOM_HOME": str(tmp_path / "homeroom")})
    library = Library(settings, neighbours.environment(tmp_path))
    assert library.known() == [name]
    facts = library.find(name, paths=False)
    assert facts.keeper == keeper and facts.sha256 == (
        neighbours.digest(starter_path) if keeper == "huggingface" else None
    )
    assert await said(make_pool, facts)
