"""The engines of this process: loaded on demand, unloaded when idle or when another needs the memory.

Knows leases, memory and the order of use; does not know requests. One engine per model and purpose. A model is never unloaded
while a lease on it is held.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from homeroom.engine.child import EngineChild, OnLoading, memory_limit, start_child
from homeroom.engine.client import EngineClient
from homeroom.engine.plan import Ask, EnginePlan, Purpose, make_plan
from homeroom.engine.watch import Watch
from homeroom.errors import DoesNotFit, EngineBusy, EngineFailure
from homeroom.fit.memory import USABLE
from homeroom.hardware.machine import Machine
from homeroom.models.facts import ModelFacts

Key = tuple[Path, Purpose, str | None]
"""The file, what it is loaded for, and the built-in chat format: two of Ollama's models may share a file that has none."""
IDLE_CHECK_SECONDS: Final = 1.0
HUNG_SECONDS: Final = 20.0
"""An engine that neither answers nor computes for this long, while a request waits for it, is ended."""
PROBE_SECONDS: Final = 5.0
UNWANTED_SECONDS: Final = 5.0
"""A load for which nobody waits any more is ended after this long."""


@dataclass(slots=True)
class Loaded:
    """One engine and who uses it. ``keep`` is the seconds it may idle, None for the pool's rule."""

    facts: ModelFacts
    plan: EnginePlan
    child: EngineChild
    client: EngineClient
    leases: int = 0
    last_used: float = 0.0
    keep: float | None = None
    retired: bool = False
    """No new lease: it is unloaded when the last one is given back."""
    probe: asyncio.Task[None] | None = None
    orphaned: bool = False
    """It worked for nobody at the last look."""
    rest: tuple[list[Any], Watch, float] | None = None
    """What its slots had done when they were first seen at rest, and what the process has done since."""


@dataclass(slots=True)
class Loading:
    """An engine that is starting: its progress, and the task that others wait for."""

    facts: ModelFacts
    plan: EnginePlan
    task: asyncio.Task[Loaded]
    loaded: Loaded | None = None
    fraction: float = 0.0
    waiters: int = 0
    """Requests that wait for it; each holds a lease from the moment it is loaded, so that nobody unloads it in between."""
    begun: float = field(default_factory=time.time)


class EnginePool:
    """Engines by model. Close it to end them all.

    ``async with pool.lease(facts) as client: ...`` loads the model if need be. Raises DoesNotFit where the model is too large
    for the machine even alone, EngineBusy where no memory came free in ``wait`` seconds, EngineStartFailed where it won't load.
    """

    def __init__(
        self,
        *,
        machine: Callable[[], Machine],
        ask: Ask,
        logs: Path,
        idle: float = 1800,
        wait: float = 120,
        hung: float = HUNG_SECONDS,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machine, self._ask, self._logs = machine, ask, logs
        self._idle, self._wait, self._hung = idle, wait, hung
        self._verbose, self._clock = verbose, clock
        self._loaded: dict[Key, Loaded] = {}
        self._loading: dict[Key, Loading] = {}
        self._changed = asyncio.Condition()
        self._room = asyncio.Lock()
        self._closed = False
        self._tidy: asyncio.Task[None] | None = None

    @property
    def loaded(self) -> tuple[Loaded, ...]:
        return tuple(self._loaded.values())

    @property
    def loading(self) -> tuple[Loading, ...]:
        return tuple(self._loading.values())

    @asynccontextmanager
    async def lease(
        self,
        facts: ModelFacts,
        purpose: Purpose = "generate",
        *,
        keep: float | None = None,
        on_loading: OnLoading | None = None,
    ) -> AsyncIterator[EngineClient]:
        """A client of the engine that runs *facts*; the engine stays at least as long as the block does."""
        loaded = await self._take(facts, purpose, on_loading)
        if keep is not None:
            loaded.keep = keep
        try:
            yield loaded.client
        finally:
            await self._give_back(loaded)

    def plan(self, facts: ModelFacts, purpose: Purpose = "generate") -> EnginePlan:
        """How *facts* would be run if everything idle were unloaded."""
        return make_plan(facts, self._machine_with(self._reclaimable()), self._ask, purpose, clamp=True)

    async def unload(self, path: Path, *, force: bool = False) -> int:
        """Unload every engine of the model at *path*; one in use goes after its last request, or now with *force*, and one
        that is loading goes at once.

        Returns how many engines there were.
        """
        begun = [entry for (where, *_), entry in self._loading.items() if where == path]
        for entry in begun:
            entry.task.cancel()
        found = [loaded for (where, *_), loaded in self._loaded.items() if where == path]
        for loaded in found:
            loaded.retired = True
            if force or loaded.leases == 0:
                await self._drop(loaded)
        return len(found) + len(begun)

    async def close(self) -> None:
        """End every engine. Requests that are running see EngineDied."""
        self._closed = True
        if self._tidy is not None:
            self._tidy.cancel()
        loading = [entry.task for entry in self._loading.values()]
        for task in loading:
            task.cancel()
        await asyncio.gather(*loading, return_exceptions=True)
        await asyncio.gather(*(self._drop(loaded) for loaded in tuple(self._loaded.values())))
        if self._tidy is not None:
            await asyncio.gather(self._tidy, return_exceptions=True)

    async def _take(self, facts: ModelFacts, purpose: Purpose, on_loading: OnLoading | None) -> Loaded:
        """The engine for *facts* with one more lease on it."""
        key = (facts.path, purpose, facts.chat_format)
        while True:
            if self._closed:
                raise EngineFailure("engine.closing")
            loaded = self._loaded.get(key)
            if loaded is not None and loaded.child.alive and not loaded.retired:
                loaded.leases += 1
                return loaded
            if loaded is not None:
                if loaded.child.alive and loaded.leases:
                    async with self._changed:
                        await self._changed.wait()
                else:
                    await self._drop(loaded)
                continue
            entry = self._loading.get(key)
            if entry is None:
                entry = self._begin(key, facts, purpose)
            return await self._follow(entry, on_loading)

    def _begin(self, key: Key, facts: ModelFacts, purpose: Purpose) -> Loading:
        # The load is a task of the pool's own: a client that leaves must not undo it for the others who wait.
        plan = self.plan(facts, purpose)
        entry = Loading(facts, plan, asyncio.ensure_future(self._start(key, facts, purpose)))
        entry.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        entry.task.add_done_callback(lambda _: self._loading.pop(key, None))
        self._loading[key] = entry
        if self._tidy is None:
            self._tidy = asyncio.ensure_future(self._tidy_up())
        return entry

    async def _follow(self, entry: Loading, on_loading: OnLoading | None) -> Loaded:
        entry.waiters += 1
        try:
            while on_loading is not None and not entry.task.done():
                on_loading(entry.fraction)
                await asyncio.wait({entry.task}, timeout=0.1)
            return await asyncio.shield(entry.task)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if entry.task.cancelled() and not (me and me.cancelling()):  # the load was ended, not this request
                raise EngineFailure("engine.closing") from None
            # This request left; the load goes on for the others.
            if entry.loaded is not None:
                await self._give_back(entry.loaded)
            else:
                entry.waiters -= 1
                if not entry.waiters:
                    asyncio.get_running_loop().call_later(UNWANTED_SECONDS, self._abandon, entry)
            raise

    def _abandon(self, entry: Loading) -> None:
        if not entry.waiters and not entry.task.done():
            entry.task.cancel()

    async def _give_back(self, loaded: Loaded) -> None:
        loaded.leases -= 1
        loaded.last_used = self._clock()
        if loaded.leases == 0:
            await self._settle(loaded)

    async def _start(self, key: Key, facts: ModelFacts, purpose: Purpose) -> Loaded:
        entry = self._loading[key]

        def progress(fraction: float) -> None:
            entry.fraction = fraction

        try:
            async with self._room:  # one load at a time, so that each sees the memory the last one took
                plan = await self._make_room(facts, purpose)
                entry.plan = plan
                child = await start_child(facts, plan, self._logs, on_loading=progress, verbose=self._verbose)
            client = EngineClient(
                child.url,
                child.secret,
                name=facts.name,
                limit=facts.context_length,
                ended=child.ended,
            )
            loaded = Loaded(facts, plan, child, client, leases=entry.waiters, last_used=self._clock())
            self._loaded[key] = entry.loaded = loaded
            return loaded
        finally:
            self._loading.pop(key, None)
            await self._announce()

    async def _make_room(self, facts: ModelFacts, purpose: Purpose) -> EnginePlan:
        """Unload idle engines, least recently used first, until *facts* fits; wait for busy ones."""
        deadline = self._clock() + self._wait
        while True:
            try:
                return make_plan(facts, self._machine_with(0), self._ask, purpose, clamp=True)
            except DoesNotFit:
                if not self._loaded:
                    raise
                self.plan(facts, purpose)  # too large even with all idle and busy engines gone: say so now
            idle = sorted((x for x in self._loaded.values() if x.leases == 0), key=lambda x: x.last_used)
            if idle:
                await self._drop(idle[0])
                continue
            remaining = deadline - self._clock()
            try:
                async with asyncio.timeout(max(0.0, remaining)), self._changed:
                    await self._changed.wait()
            except TimeoutError:
                raise EngineBusy("engine.busy", name=facts.name, seconds=round(self._wait)) from None

    def _machine_with(self, reclaimed: int) -> Machine:
        """The machine as a new engine would find it with *reclaimed* bytes given back.

        ``memory`` of the settings bounds all engines together; what the loaded ones take is taken from it.
        """
        machine = self._machine()
        free = machine.memory_free + reclaimed
        if self._ask.memory:
            held = sum(loaded.plan.memory.total for loaded in self._loaded.values())
            free = min(free, int((self._ask.memory - held + min(reclaimed, held)) / USABLE))
        return replace(machine, memory_free=max(0, free))

    def _reclaimable(self) -> int:
        return sum(loaded.plan.memory.total for loaded in self._loaded.values())

    async def _settle(self, loaded: Loaded) -> None:
        if loaded.retired or loaded.keep == 0 or not loaded.child.alive:
            await self._drop(loaded)
        else:
            await self._announce()

    async def _drop(self, loaded: Loaded) -> None:
        key = (loaded.facts.path, loaded.plan.purpose, loaded.facts.chat_format)
        if self._loaded.get(key) is loaded:
            del self._loaded[key]
        if loaded.probe is not None:
            loaded.probe.cancel()
        await loaded.child.stop()
        await loaded.client.close()
        await self._announce()

    async def _announce(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _tidy_up(self) -> None:
        """Once a second: bury the dead, unload what has idled long enough, look after those that are asked."""
        while True:
            await asyncio.sleep(IDLE_CHECK_SECONDS)
            now = self._clock()
            for loaded in tuple(self._loaded.values()):
                keep = self._idle if loaded.keep is None else loaded.keep
                idle = loaded.leases == 0 and 0 < keep <= now - loaded.last_used
                if idle or (not loaded.child.alive and loaded.leases == 0):
                    await self._drop(loaded)
                    continue
                if loaded.child.resident() > memory_limit(loaded.facts, loaded.plan):
                    loaded.child.kill()
                recent = loaded.leases or now - loaded.last_used < 3 * self._hung
                if recent and (loaded.probe is None or loaded.probe.done()):
                    loaded.probe = asyncio.ensure_future(self._probe(loaded))

    async def _probe(self, loaded: Loaded) -> None:
        """Ask the engine what it does. Where it hangs, or works for nobody, end it.

        It answers between two batches, which are short, but for embeddings; so one that does not answer and does nothing
        hangs (a stopped process), and one that does not answer and computes all the time spins (a grammar without end).
        So does one that computes all the time while its slots rest (a chat template without end). Rest alone is no sign:
        its client may be slow to read. Nor is silence alone: it may wait for the disk.
        """
        watch, begun = Watch(loaded.child.pid), self._clock()
        answer = asyncio.ensure_future(loaded.client.get("/slots"))
        try:
            while not answer.done():
                await asyncio.wait({answer}, timeout=1.0)
                stalled, waited = watch.stalled(self._hung), self._clock() - begun
                spins = waited > self._hung and watch.spent > waited / 2 and loaded.plan.purpose == "generate"
                if not answer.done() and (stalled or spins):
                    loaded.child.kill()
                    return
            slots = [] if answer.exception() else answer.result()
            works = any(slot["is_processing"] for slot in slots)
            if (works and not loaded.leases and loaded.orphaned) or self._spins_at_rest(loaded, slots, works):
                loaded.child.kill()
                return
            loaded.orphaned = works and not loaded.leases
        finally:
            answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)
        await asyncio.sleep(PROBE_SECONDS)

    def _spins_at_rest(self, loaded: Loaded, slots: list[Any], works: bool) -> bool:
        """Whether the process has computed for ``hung`` seconds though no slot worked or was given anything.

        At rest it takes next to nothing; on a busy machine one that spins may get as little as a tenth of a core.
        """
        tasks = [slot.get("id_task") for slot in slots]
        if works or loaded.rest is None or loaded.rest[0] != tasks:
            loaded.rest = tasks, Watch(loaded.child.pid), self._clock()
        _, watch, begun = loaded.rest
        watch.stalled(self._hung)
        rested = self._clock() - begun
        return rested > self._hung and watch.spent > rested / 10
