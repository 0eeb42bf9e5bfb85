"""Whether a model is worth trying on a machine: memory, place, speed and the longest context, with the reason in words.

Pure. Brings together ``memory``, ``placement`` and ``speed``; does not know where models or machines come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from homeroom import text
from homeroom.fit.ask import Ask, batch_for
from homeroom.fit.calibration import Calibration
from homeroom.fit.memory import CELLS, Memory, can_quantize_cache, estimate, loaded_bytes
from homeroom.fit.placement import Placement, Verdict, place, settled, usable
from homeroom.fit.speed import Decoding, Speed, predict
from homeroom.hardware.machine import Machine
from homeroom.models.facts import ModelFacts
from homeroom.text import Sentence

if TYPE_CHECKING:
    from homeroom.fit.dry_run import Sized

SMALLEST_CONTEXT: Final = 512
START: Final = 256
RUNS: Final[tuple[Verdict, ...]] = ("fits", "fits-partly")
_MODULES: Final = tuple(size << 30 for size in (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024))
"""Sizes of memory that one can buy more of."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The answer for one model on one machine."""

    facts: ModelFacts
    machine: Machine
    ask: Ask
    memory: Memory
    placement: Placement
    reason: Sentence
    calibration: Calibration | None = field(default=None, repr=False)
    changes: tuple[Sentence, ...] = ()
    """What would have to change to fit, cheapest first; only where it does not fit wholly."""

    @property
    def max_context(self) -> int:
        """The longest context of one request, in tokens, with the same verdict; 0 where none fits."""
        return longest_context(self.facts, self.machine, self.ask, _same(self.placement))

    @property
    def speed(self) -> Speed | None:
        """With the context asked for in the cache."""
        return speed_of(self.facts, self.machine, self.ask, self.placement, self.calibration)

    @property
    def start(self) -> Speed | None:
        """The speed of a conversation's first answers, with ``START`` tokens in the cache; ``speed`` is of a full one."""
        begun = replace(self.ask, context=min(START, self.ask.context))
        return speed_of(self.facts, self.machine, begun, self.placement, self.calibration)

    @property
    def verdict(self) -> Verdict:
        return self.placement.verdict

    def row(self) -> dict[str, Any]:
        """The JSON of one answer (DESIGN: ``fit --json``), sizes in bytes, speeds in tokens/s."""
        facts, memory = self.facts, self.memory
        return {
            "model": {
                "name": facts.name,
                "architecture": facts.architecture,
                "parameters": facts.parameters,
                "active_parameters": facts.active_parameters,
                "quantization": facts.quantization,
                "bits_per_weight": round(facts.bits_per_weight, 2),
                "file_bytes": facts.file_bytes,
                "context_length": facts.context_length,
            },
            "machine": self.machine.row(),
            "ask": self.ask.row(),
            "memory": {
                "weights": memory.weights,
                "kv_cache": memory.kv_cache,
                "compute": memory.compute,
                "overhead": memory.overhead,
                "total": memory.total,
                "basis": memory.basis,
            },
            "placement": [
                {
                    "device": part.device,
                    "kind": part.kind,
                    "weights": part.weights,
                    "kv_cache": part.kv_cache,
                    "compute": part.compute,
                    "overhead": part.overhead,
                    "layers": part.layers,
                    "expert_layers": part.experts,
                }
                for part in self.placement.parts
            ],
            "speed": None if (speed := self.speed) is None else speed.row(),
            "speed_at_start": None if (start := self.start) is None else start.row(),
            "max_context": self.max_context,
            "verdict": self.verdict,
            "reason": str(self.reason),
            "changes": [str(change) for change in self.changes],
        }


def assess(
    facts: ModelFacts,
    machine: Machine,
    ask: Ask,
    *,
    calibration: Calibration | None = None,
    sized: Sized | None = None,
    smaller: Iterable[ModelFacts] = (),
) -> Fit:
    """Judge *facts* on *machine*. *sized* is the engine's own answer to the same question, and then the basis.

    *smaller* are the same model in coarser quantizations, largest first: looked at only where this one does not fit.
    Raises UsageError for an impossible *ask*.
    """
    memory = with_engine(estimate_for(facts, ask), sized)
    placement = place(facts, machine, ask, memory)
    changes = () if placement.verdict == "fits" else _changes(facts, machine, ask, placement, smaller)
    reason = _reason(facts, machine, memory, placement)
    return Fit(facts, machine, ask, memory, placement, reason, calibration, changes)


def speed_of(
    facts: ModelFacts,
    machine: Machine,
    ask: Ask,
    placement: Placement,
    calibration: Calibration | None,
) -> Speed | None:
    """The speed of what fits and generates; None where it does not, or nothing is known of a device."""
    if placement.verdict == "too-big" or facts.embeds_only:
        return None
    return predict(
        facts,
        placement.parts,
        machine,
        context=ask.context,
        kv_type=ask.kv_type,
        batch=ask.batch,
        calibration=calibration,
    )


class Pace:
    """What decode is expected to reach after the context of *ask*: of one model, in any quantization and placement."""

    def __init__(self, facts: ModelFacts, machine: Machine, ask: Ask, calibration: Calibration | None) -> None:
        self._decoding: Decoding | None = None
        if not facts.embeds_only:
            self._decoding = Decoding(facts, machine, context=ask.context, kv_type=ask.kv_type, calibration=calibration)

    def expected(self, placement: Placement) -> float | None:
        """Tokens a second; None where ``speed_of`` has no answer."""
        if self._decoding is None or placement.verdict == "too-big":
            return None
        return self._decoding.expected(placement.parts)


def within(ask: Ask, facts: ModelFacts, machine: Machine, *, threads: int = 0) -> Ask:
    """*ask* as *facts* can take it: its own context where that is less, a cache in f16 where it has no other, and the
    batch that suits *machine*."""
    return replace(
        ask,
        context=min(ask.context, facts.context_length or ask.context),
        kv_type=ask.kv_type if can_quantize_cache(facts, ask.parallel) else "f16",
        batch=batch_for(facts, machine, threads=threads, parallel=ask.parallel),
    )


def estimate_for(facts: ModelFacts, ask: Ask) -> Memory:
    """The formula's bytes for *ask*."""
    return estimate(
        facts,
        context=ask.context,
        parallel=ask.parallel,
        kv_type=ask.kv_type,
        batch=ask.batch,
        flash_attention=ask.flash_attention,
    )


def requantized(memory: Memory, facts: ModelFacts) -> Memory:
    """*memory* for *facts*, the same model in another quantization: cache and scratch do not depend on it."""
    weights = loaded_bytes(facts)
    rest = memory.total - memory.weights
    return Memory(weights, memory.kv_cache, memory.compute, memory.overhead, rest + weights, memory.basis)


def with_engine(memory: Memory, sized: Sized | None) -> Memory:
    """*memory* with the engine's own figures where it gave them; the process itself it does not report."""
    if sized is None:
        return memory
    # The engine tells weights in whole MiB; where the tensor table says the same, it says it to the byte.
    weights = memory.weights if 0 <= memory.weights - sized.weights < 1 << 20 else sized.weights
    total = weights + sized.kv_cache + sized.compute + memory.overhead
    return Memory(weights, sized.kv_cache, sized.compute, memory.overhead, total, "engine")


def verdict_of(facts: ModelFacts, machine: Machine, ask: Ask) -> Verdict:
    """The verdict alone."""
    memory = estimate_for(facts, ask)
    return settled(facts, machine, memory) or place(facts, machine, ask, memory).verdict


def longest_context(facts: ModelFacts, machine: Machine, ask: Ask, verdicts: tuple[Verdict, ...] = RUNS) -> int:
    """The longest context of one request, in tokens, up to the model's own, with one of *verdicts*; 0: none.

    A multiple of ``CELLS``, or the model's own limit.
    """
    limit = facts.context_length
    if limit and verdict_of(facts, machine, replace(ask, context=limit)) in verdicts:
        return limit
    low, high = 0, limit // CELLS
    while low < high:
        middle = (low + high + 1) // 2
        if verdict_of(facts, machine, replace(ask, context=middle * CELLS)) in verdicts:
            low = middle
        else:
            high = middle - 1
    return low * CELLS


def _same(placement: Placement) -> tuple[Verdict, ...]:
    return ("fits",) if placement.verdict == "fits" else RUNS


def _reason(facts: ModelFacts, machine: Machine, memory: Memory, placement: Placement) -> Sentence:
    """In words that somebody understands who does not know what a KV cache is."""
    about: dict[str, object] = {
        "needed": text.size(memory.total),
        "usable": text.size(usable(machine)),
        "free": text.size(machine.memory_free),
        "total": text.size(machine.memory_total),
        "devices": _names(placement),
    }
    here = placement.parts[-1]
    if placement.verdict == "too-big":
        about |= {"missing": text.size(placement.missing), "part": text.size(here.total)}
        key = "too_big_partly" if placement.offloaded else "too_big"
    elif placement.verdict == "fits":
        key = "fits_gpu" if placement.offloaded else "fits"
    elif not placement.offloaded:
        key = "fits_processor"
    else:
        blocks = len(facts.layers)
        outside = [part for part in placement.parts if part.kind != "cpu"]
        about |= {"blocks": blocks, "layers": sum(part.layers for part in outside)}
        about |= {"experts": here.experts, "part": text.size(here.total)}
        key = "fits_experts" if here.layers == 0 else "fits_layers"
    return Sentence(f"fit.{key}", tuple(about.items()))


def _names(placement: Placement) -> str:
    return " + ".join(part.device for part in placement.parts if part.kind != "cpu" and part.layers)


def _changes(
    facts: ModelFacts,
    machine: Machine,
    ask: Ask,
    placement: Placement,
    smaller: Iterable[ModelFacts],
) -> tuple[Sentence, ...]:
    """Each single change with which it would fit (wholly, where it fits partly now)."""
    wanted = ("fits",) if placement.verdict == "fits-partly" else RUNS
    name = ("name", facts.name)
    found: list[Sentence] = []
    for kv_type in ("q8_0", "q4_0") if can_quantize_cache(facts, ask.parallel) else ():
        if ask.kv_type == "f16" and verdict_of(facts, machine, replace(ask, kv_type=kv_type)) in wanted:
            found.append(Sentence("fit.change.kv_type", (("kv_type", kv_type), name)))
            break
    if placement.verdict == "too-big":
        longest = longest_context(facts, machine, ask)
        if SMALLEST_CONTEXT <= longest < ask.context:
            found.append(Sentence("fit.change.context", (("context", f"{longest:,}"), ("tokens", longest), name)))
    for other in smaller:
        if verdict_of(other, machine, ask) in wanted:
            about = (("quantization", other.quantization), ("size", text.size(other.file_bytes)), ("name", other.name))
            # A file is called as before in whatever quantization: only another name leads to another model.
            key = "quantization" if other.name != facts.name else "quantization_other"
            found.append(Sentence(f"fit.change.{key}", about))
            break
    if placement.verdict == "too-big":
        missing = ("missing", text.size(placement.missing))
        more = next((size for size in _MODULES if size * 0.9 >= placement.missing), 0)
        if more:
            found.append(Sentence("fit.change.memory", (("more", f"{more >> 30} GB"), missing)))
        else:
            found.append(Sentence("fit.change.memory_much", (missing,)))
    return tuple(found)


def grid(
    models: Iterable[Mapping[str, ModelFacts]], machine: Machine, ask: Ask, contexts: Iterable[int]
) -> list[tuple[str, str, int, int, Verdict]]:
    """``(name, quantization, context, bytes, verdict)`` for each model x quantization x context, by formula alone.

    Cache and scratch do not depend on the quantization, so that they are reckoned once for each context.
    """
    found: list[tuple[str, str, int, int, Verdict]] = []
    contexts = tuple(contexts)
    for by_quantization in models:
        known = tuple(by_quantization.items())
        for context in contexts:
            asked = replace(ask, context=context)
            rest: Memory | None = None
            for quantization, facts in known:
                if rest is None:
                    rest = estimate_for(facts, asked)
                memory = requantized(rest, facts)
                verdict = settled(facts, machine, memory) or place(facts, machine, asked, memory).verdict
                found.append((facts.name, quantization, context, memory.total, verdict))
    return found
