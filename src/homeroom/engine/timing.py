"""Runs a model in an engine of its own and takes the time of each token, and of each prompt.

Knows the engine's timings; does not know what they are good for (``calibrate``, ``homeroom bench``).
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeroom.engine.child import EngineChild, start_child
from homeroom.engine.client import EngineClient
from homeroom.engine.plan import EnginePlan
from homeroom.errors import EngineFailure
from homeroom.models.facts import ModelFacts


@dataclass(frozen=True, slots=True)
class Timed:
    """One run: seconds of the prompt and of each generated token after the first."""

    prompt_tokens: int
    prompt: float
    tokens: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """Tokens a second of one model on this machine, with the lowest and highest quarter of its slices."""

    decode: tuple[float, float, float]
    prefill: tuple[float, float, float]
    depth: int
    batch: int
    threads: int


async def measure(
    facts: ModelFacts,
    plan: EnginePlan,
    logs: Path,
    *,
    depths: Sequence[int] = (128, 1024),
    generate: int = 32,
    times: int = 2,
) -> tuple[Measured, ...]:
    """Run *facts* by *plan*: at each of *depths*, a prompt of so many tokens that no earlier run has read, then *generate*.

    Depths that the plan's context does not hold are left out, but for the first, which is shortened. Raises
    EngineStartFailed and EngineDied.
    """
    room = plan.number("context") - generate - 1
    fitting = [depth for number, depth in enumerate(depths) if number == 0 or depth <= room]
    batch, threads = plan.number("batch"), plan.number("threads")
    found = []
    async with Running(facts, plan, logs) as engine:
        await engine.run(engine.prompt(min(8, max(1, room))), 2)  # the first pages of the weights come from the disk
        for depth in fitting:
            runs = await slices(engine, max(1, min(depth, room)), generate=generate, times=times)
            decode = _middle([1 / spent for run in runs for spent in run.tokens])
            prefill = _middle([run.prompt_tokens / run.prompt for run in runs])
            found.append(Measured(decode, prefill, runs[0].prompt_tokens, batch, threads))
    return tuple(found)


def _middle(values: Sequence[float]) -> tuple[float, float, float]:
    """The lowest quarter's highest, the middle, the highest quarter's lowest."""
    found = sorted(values)
    return found[len(found) // 4], statistics.median(found), found[len(found) * 3 // 4]


# ---- an engine to measure


class Engine:
    """A loaded model that is given prompts of token numbers."""

    def __init__(self, client: EngineClient, vocabulary: int) -> None:
        self._client, self._vocabulary, self._count = client, vocabulary, 0
        self.last: list[int] = []

    def prompt(self, tokens: int) -> list[int]:
        """A prompt of *tokens* that begins like none before it, so that nothing of it is in the cache."""
        self._count += 1
        usable = min(self._vocabulary, 200) - 8
        return [8 + (self._count * 31 + number * 7) % usable for number in range(tokens)]

    async def run(self, prompt: list[int], generate: int) -> Timed:
        """Read *prompt*, of which the part that is in the cache costs nothing, and generate that many tokens."""
        self.last = prompt
        body = {
            "prompt": prompt,
            "max_tokens": generate,
            "ignore_eos": True,
            "cache_prompt": True,
            "timings_per_token": True,
        }
        seen: list[dict[str, Any]] = []
        async with aclosing(self._client.stream("/v1/completions", body)) as chunks:
            async for chunk in chunks:
                if isinstance(timings := chunk.get("timings"), dict) and timings.get("predicted_n"):
                    seen.append(timings)
        if not seen:
            raise EngineFailure("engine.unreadable")
        counts = [(int(each["predicted_n"]), float(each["predicted_ms"])) for each in seen]
        spent = tuple(
            (later - sooner) / (after - before) / 1000
            for (before, sooner), (after, later) in itertools.pairwise(counts)
            if after > before and later > sooner
        )
        return Timed(int(seen[-1]["prompt_n"]), float(seen[-1]["prompt_ms"]) / 1000, spent)


class Running:
    """An engine's process for as long as the block lasts."""

    def __init__(self, facts: ModelFacts, plan: EnginePlan, logs: Path) -> None:
        self._facts, self._plan, self._logs = facts, plan, logs
        self._child: EngineChild | None = None
        self._client: EngineClient | None = None

    async def __aenter__(self) -> Engine:
        self._child = child = await start_child(self._facts, self._plan, self._logs)
        self._client = EngineClient(child.url, child.secret, name=self._facts.name, ended=child.ended)
        return Engine(self._client, self._facts.vocabulary)

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()
        if self._child is not None:
            self._child.kill()  # nothing of it is kept
            await self._child.stop()


async def slices(engine: Engine, prompt: int, *, generate: int, times: int) -> list[Timed]:
    return [await engine.run(engine.prompt(prompt), generate) for _ in range(times)]
