"""What the gateway costs: the same engine asked directly and through the gateway, in turn, in one run.

    python bench/gateway.py [--pairs N] [--tokens N] [--json]

One process group: a real gateway with the starter model. Each pair sends the same prompt to the engine's own port and to the
gateway (the order alternates), streaming, with a plain HTTP client; the engine's prompt cache is off, so both
read the whole prompt.
Reported: tokens/s of generation (from first to last token), time to first token, and the ratios pair by pair.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from common import Quiet, report, spread
from homeroom import settings as settings_module
from homeroom.gateway.server import open_port, serving
from homeroom.models.starter import pull_starter

PROMPT = "Write a long story about a small school at the edge of a forest, its teacher and her pupils. "


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer: seconds to the first token, and tokens/s after it."""

    first: float
    rate: float


async def ask(session: aiohttp.ClientSession, url: str, key: str, body: dict[str, Any]) -> Sample:
    """Stream one completion from *url* and time it."""
    begun = time.perf_counter()
    first = last = 0.0
    tokens = 0
    async with session.post(
        f"{url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}
    ) as response:
        assert response.status == 200, await response.text()
        async for line in response.content:
            if line.startswith(b"data: {") and b'"content":"' in line:
                last = time.perf_counter()
                first = first or last
                tokens += 1
    assert tokens > 1
    return Sample(first - begun, (tokens - 1) / (last - first))


async def measure(pairs: int, tokens: int) -> dict[str, list[float]]:
    """Figures of every pair by name."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        cache = settings_module.load()
        starter = await pull_starter(cache, progress=Quiet())
        (Path(folder) / "starter.gguf").symlink_to(starter.path)
        environment = {"HOMEROOM_HOME": folder, "HOMEROOM_MODEL_FOLDERS": folder, "HOMEROOM_PORT": "0"}
        settings = settings_module.load(environment=environment)
        async with (
            serving(settings, open_port(settings.host, settings.port)) as server,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
        ):
            pool, facts = server.service.pool, server.service.library.find("starter")
            async with pool.lease(facts):
                engine = pool.loaded[0].child
                _, key = server.service.keys.create("bench", frozenset({"inference"}))
                body = {
                    "model": "starter",
                    "messages": [{"role": "user", "content": PROMPT}],
                    "max_tokens": tokens,
                    "stream": True,
                    "seed": 1,
                    "temperature": 0,
                    "ignore_eos": True,
                    "cache_prompt": False,
                }
                sides = {"engine": (engine.url, engine.secret), "gateway": (server.base_url, key)}
                for side in sides.values():
                    await ask(session, *side, body)
                for number in range(pairs):
                    order = ("engine", "gateway") if number % 2 else ("gateway", "engine")
                    sample = {name: await ask(session, *sides[name], body) for name in order}
                    for name, one in sample.items():
                        found.setdefault(f"{name} tokens/s", []).append(one.rate)
                        found.setdefault(f"{name} first token ms", []).append(one.first * 1000)
                    found.setdefault("tokens/s gateway / engine", []).append(
                        sample["gateway"].rate / sample["engine"].rate
                    )
                    found.setdefault("first token gateway - engine ms", []).append(
                        (sample["gateway"].first - sample["engine"].first) * 1000
                    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.pairs, options.tokens))
    rows = {name: spread(values) for name, values in figures.items()}
    report(
        f"gateway against bare engine, {options.pairs} pairs, {options.tokens} tokens", rows, "", as_json=options.json
    )


if __name__ == "__main__":
    main()
