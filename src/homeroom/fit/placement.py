"""Which part of a model goes to which device of a machine, and whether there is room.

Pure. Knows how the engine places blocks (``common_fit_params`` in ``common/fit.cpp``: everything on the GPUs where it
fits; else routed experts of the last blocks to main memory; else whole blocks); does not know how fast that is
(``speed``) nor what to say about it (``verdict``). Every size is in bytes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import add
from typing import Final, Literal

from homeroom.fit.ask import Ask
from homeroom.fit.memory import USABLE, Memory, kv_by_layer, loaded_blocks
from homeroom.hardware.machine import Device, Machine
from homeroom.models.facts import ModelFacts, Weights

GPU_MARGIN: Final = 1 << 30
"""What stays free on each GPU: the engine's own ``fit_params_target``."""
RUNTIME: Final = {"cuda": 400 << 20, "rocm": 400 << 20, "metal": 64 << 20, "intel": 200 << 20, "vulkan": 200 << 20}
"""What a GPU's runtime takes before any buffer (context, kernels). Assumed: no machine with one was at hand."""

Verdict = Literal["fits", "fits-partly", "too-big"]


@dataclass(frozen=True, slots=True)
class Placed:
    """What one device holds of a model."""

    device: str
    """The device's name; ``CPU`` for the processor with main memory."""
    kind: str
    """``cuda``, ``rocm``, ``metal``, ``intel``, ``vulkan`` or ``cpu``."""
    weights: int
    kv_cache: int
    compute: int
    overhead: int
    layers: int
    """Blocks whose attention and KV cache are here."""
    experts: int
    """Blocks whose routed experts are here."""
    reads: tuple[tuple[str, int], ...]
    """Weight bytes that one generated token reads here, by tensor type."""
    kv_share: float
    """Part of the KV cache that is here, 0 to 1."""

    @property
    def total(self) -> int:
        return self.weights + self.kv_cache + self.compute + self.overhead


@dataclass(frozen=True, slots=True)
class Placement:
    """A model on a machine's devices, and whether they hold it. ``missing``: bytes by which main memory is short."""

    verdict: Verdict
    parts: tuple[Placed, ...]
    missing: int = 0

    @property
    def offloaded(self) -> bool:
        """Whether a part of the model lies on a GPU."""
        return any(part.kind != "cpu" for part in self.parts)


def usable(machine: Machine) -> int:
    """Bytes of main memory that a model may take: the headroom rule."""
    return int(machine.memory_free * USABLE)


def place(facts: ModelFacts, machine: Machine, ask: Ask, memory: Memory) -> Placement:
    """Put *facts*, whose needs *memory* tells, on *machine*.

    A GPU that shares main memory takes from it; several GPUs are filled in the machine's order, each told apart. The input
    embedding stays in main memory, as the engine keeps it.
    """
    gpus = [device for device in machine.devices if _budget(device, memory) > 0]
    if not gpus or facts.weights is None:
        return _on_processor(facts, machine, memory)
    if all(device.unified for device in gpus):
        return _on_unified(facts, machine, gpus[0], memory)
    gpus = [device for device in gpus if not device.unified]
    return _on_gpus(facts, machine, gpus, ask, memory)


def settled(facts: ModelFacts, machine: Machine, memory: Memory) -> Verdict | None:
    """The verdict of ``place`` where sums alone settle it, in a microsecond; None where blocks have to be dealt out."""
    room = usable(machine)
    if not machine.devices:
        return "fits" if memory.total <= room else "too-big"
    weights = facts.weights
    if weights is None or len(machine.devices) > 1 or machine.devices[0].unified:
        return None
    budget = _budget(machine.devices[0], memory)
    if budget <= 0:
        return None
    twice = 0 if weights.output or facts.embeds_only else weights.input
    if memory.weights - weights.input + twice + memory.kv_cache <= budget:
        return "fits" if weights.input + memory.overhead <= room else "too-big"
    if memory.total <= room:  # whatever the card does not take has its place
        return "fits-partly"
    # However the blocks are dealt, no less than this stays in main memory.
    return "too-big" if memory.total - budget > room else None


def _on_processor(facts: ModelFacts, machine: Machine, memory: Memory) -> Placement:
    missing = max(0, memory.total - usable(machine))
    return Placement("too-big" if missing else "fits", (_whole(facts, "CPU", "cpu", memory),), missing)


def _whole(facts: ModelFacts, name: str, kind: str, memory: Memory) -> Placed:
    blocks = loaded_blocks(facts)
    reads = facts.weights.reads if facts.weights else ()
    routed = blocks if facts.experts else 0
    return Placed(
        name, kind, memory.weights, memory.kv_cache, memory.compute, memory.overhead, blocks, routed, reads, 1.0
    )


def _on_unified(facts: ModelFacts, machine: Machine, device: Device, memory: Memory) -> Placement:
    """A GPU that works in main memory: all of it there, where its limit and what is free allow; else the processor."""
    overhead = memory.overhead + RUNTIME.get(device.kind, 0)
    here = replace(memory, overhead=overhead, total=memory.total - memory.overhead + overhead)
    # What the system lets the GPU have may be less than what is free, and more on a machine with a carve-out of its own.
    if here.total <= min(device.memory_free, max(usable(machine), device.memory_free - GPU_MARGIN)):
        return Placement("fits", (_whole(facts, device.name, device.kind, here),))
    placement = _on_processor(facts, machine, memory)
    return placement if placement.verdict == "too-big" else replace(placement, verdict="fits-partly")


def _budget(device: Device, memory: Memory) -> int:
    """Bytes for weights and cache on *device*, after its runtime, its scratch and the margin."""
    if device.unified:
        return device.memory_free
    return device.memory_free - GPU_MARGIN - RUNTIME.get(device.kind, 0) - memory.compute


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Prefix sums over the blocks from the last one backwards, the order in which the engine gives them to GPUs."""

    dense: tuple[int, ...]
    routed: tuple[int, ...]
    cache: tuple[int, ...]
    head: int


def _head(facts: ModelFacts, weights: Weights) -> int:
    return weights.output or (0 if facts.embeds_only else weights.input)


def _blocks(weights: Weights, facts: ModelFacts, ask: Ask) -> _Blocks:
    loaded = loaded_blocks(facts)
    backwards = weights.layers[:loaded][::-1]
    dense = tuple(accumulate([layer.rest for layer in backwards], initial=0))
    routed = tuple(accumulate([layer.experts for layer in backwards], initial=0))
    cache = tuple(accumulate(kv_by_layer(facts, ask)[:loaded][::-1], initial=0))
    # A tied head is a second copy of the embedding table on the GPU; a model that only embeds has none.
    return _Blocks(dense, routed, cache, _head(facts, weights) + weights.other)


def _on_gpus(facts: ModelFacts, machine: Machine, gpus: Sequence[Device], ask: Ask, memory: Memory) -> Placement:
    weights = facts.weights
    assert weights is not None
    blocks = _blocks(weights, facts, ask)
    budgets = [_budget(device, memory) for device in gpus]
    count = len(blocks.dense) - 1
    room = sum(budgets) - blocks.head
    everything = [a + b + c for a, b, c in zip(blocks.dense, blocks.routed, blocks.cache, strict=True)]
    with_experts = count
    if everything[-1] <= room and (filled := _fill(everything, budgets, blocks.head)) is not None:
        shares = filled
    elif blocks.routed[-1] and (found := _experts_out(blocks, budgets, count)) is not None:
        with_experts, shares = found
    else:  # whole blocks, as many as there is room for
        shares = _greedy(everything, budgets, blocks.head)
        with_experts = sum(shares)
    parts = _parts(facts, weights, gpus, shares, with_experts, blocks, memory)
    rest = parts[-1]
    missing = max(0, rest.total - usable(machine))
    whole = sum(shares) == count and with_experts == count
    verdict: Verdict = "too-big" if missing else "fits" if whole else "fits-partly"
    return Placement(verdict, tuple(part for part in parts if part.layers or part.experts or part is rest), missing)


def _fill(sums: Sequence[int], budgets: Sequence[int], head: int) -> list[int] | None:
    """Blocks of each GPU, in proportion to the room there (the engine's default); None where one would overflow."""
    count, room = len(sums) - 1, sum(budgets)
    shares: list[int] = []
    start = reached = 0
    for index, budget in enumerate(budgets):
        reached += budget
        end = count if index == len(budgets) - 1 else max(start, bisect_right(sums, sums[-1] * reached / room) - 1)
        if sums[end] - sums[start] + (0 if start else head) > budget:
            greedy = _greedy(sums, budgets, head)
            return greedy if sum(greedy) == count else None
        shares.append(end - start)
        start = end
    return shares


def _greedy(sums: Sequence[int], budgets: Sequence[int], head: int) -> list[int]:
    """Blocks of each GPU where each takes as many as it can; the first one that takes any holds the *head* too."""
    shares: list[int] = []
    start = 0
    for budget in budgets:
        end = max(start, bisect_right(sums, sums[start] + budget - (0 if start else head)) - 1)
        shares.append(end - start)
        start = end
    return shares


def _experts_out(blocks: _Blocks, budgets: Sequence[int], count: int) -> tuple[int, list[int]] | None:
    """How many blocks keep their experts on the GPUs when all attention does, and the blocks of each GPU."""
    base = [a + c for a, c in zip(blocks.dense, blocks.cache, strict=True)]
    low, high, best = 0, count, None
    while low <= high:
        kept = (low + high) // 2
        most = blocks.routed[kept]
        sums = [*map(add, base[:kept], blocks.routed), *[value + most for value in base[kept:]]]
        shares = _greedy(sums, budgets, blocks.head)
        if sum(shares) == count:
            best, low = (kept, shares), kept + 1
        else:
            high = kept - 1
    return best


def _parts(
    facts: ModelFacts,
    weights: Weights,
    gpus: Sequence[Device],
    shares: Sequence[int],
    with_experts: int,
    blocks: _Blocks,
    memory: Memory,
) -> list[Placed]:
    """One Placed a GPU, and the processor's last."""
    parts: list[Placed] = []
    start, used = 0, facts.experts_used / facts.experts if facts.experts else 0.0
    active = weights.read or 1
    total_cache = blocks.cache[-1] or 1
    left = dict(weights.reads)
    for device, share in zip(gpus, shares, strict=True):
        end = start + share
        kept = min(end, with_experts) - min(start, with_experts)
        routed = blocks.routed[min(end, with_experts)] - blocks.routed[min(start, with_experts)]
        dense = blocks.dense[end] - blocks.dense[start]
        head = blocks.head if share and not start else 0
        cache = blocks.cache[end] - blocks.cache[start]
        part = min(1.0, (dense + routed * used + head) / active)
        reads = tuple((kind, int(size * part)) for kind, size in weights.reads)
        for kind, size in reads:
            left[kind] -= size
        scratch = memory.compute if share else 0
        overhead = RUNTIME.get(device.kind, 0) if share else 0
        held = dense + routed + head
        parts.append(
            Placed(device.name, device.kind, held, cache, scratch, overhead, share, kept, reads, cache / total_cache)
        )
        start = end
    # The head has no place on a GPU without blocks.
    head = 0 if any(shares) else weights.output + weights.other
    held = weights.input + head + blocks.dense[-1] - blocks.dense[start]
    held += blocks.routed[-1] - blocks.routed[min(start, with_experts)]
    cache = blocks.cache[-1] - blocks.cache[start]
    count = len(blocks.dense) - 1
    idle = start == count and with_experts >= count
    scratch = 0 if idle else memory.compute
    routed_here = count - min(start, with_experts) if facts.experts else 0
    reads = () if idle else tuple((kind, max(0, size)) for kind, size in left.items())
    rest = Placed(
        "CPU", "cpu", held, cache, scratch, memory.overhead, count - start, routed_here, reads, cache / total_cache
    )
    return [*parts, rest]
