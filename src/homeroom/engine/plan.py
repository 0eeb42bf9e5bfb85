"""How a model will be run on a machine: every choice with its reason.

Pure: takes a model's and a machine's facts and what was asked. Does not know processes or requests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from homeroom import text
from homeroom.errors import DoesNotFit, UsageError
from homeroom.fit.ask import DEFAULT_CONTEXT, batch_for
from homeroom.fit.memory import USABLE, Memory, can_quantize_cache, estimate, judge, largest_context
from homeroom.hardware.machine import Machine
from homeroom.models.facts import ModelFacts
from homeroom.settings import Settings

Purpose = Literal["generate", "embed"]

SMALLEST_CONTEXT: Final = 512
EMBED_CONTEXT: Final = 2048
"""Tokens of one text to embed: it must go through in one batch, whose buffers grow with it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One setting of the engine: its value, and why. ``facts`` fill the message ``reason_key``."""

    name: str
    value: int | str
    reason_key: str
    facts: tuple[tuple[str, object], ...] = ()

    @property
    def reason(self) -> str:
        return text.t(self.reason_key, **dict(self.facts))

    def row(self) -> dict[str, Any]:
        """As JSON; the key and its facts let a reader tell the reason in a language of its own."""
        return {
            "value": self.value,
            "reason": self.reason,
            "reason_key": self.reason_key,
            "reason_facts": {name: str(value) for name, value in self.facts},
        }


@dataclass(frozen=True, slots=True)
class Ask:
    """What the owner asked for; 0 and ``auto`` leave the choice to the plan. ``origin`` says where each came from."""

    context: int = 0
    parallel: int = 0
    threads: int = 0
    kv_type: str = "auto"
    memory: int = 0
    origin: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_settings(cls, settings: Settings) -> Ask:
        return cls(
            context=settings.ctx,
            parallel=settings.parallel,
            threads=settings.threads,
            kv_type=settings.kv_type,
            memory=settings.memory,
            origin=tuple(settings.origin.items()),
        )

    def given(self, setting: str, name: str, value: int | str) -> Choice:
        where = dict(self.origin).get(setting, "flag")
        shown = {"flag": f"--{setting.replace('_', '-')}", "environment": f"HOMEROOM_{setting.upper()}"}
        return Choice(name, value, "engine.given", (("origin", shown.get(where, where)),))


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """All that the engine is told. ``context`` is tokens of one request; the engine's n_ctx is context x parallel."""

    purpose: Purpose
    threads: Choice
    context: Choice
    parallel: Choice
    flash_attention: Choice
    kv_type: Choice
    batch: Choice
    memory: Memory
    pooling: str | None = None

    @property
    def choices(self) -> tuple[Choice, ...]:
        return (self.threads, self.context, self.parallel, self.flash_attention, self.kv_type, self.batch)

    def number(self, name: str) -> int:
        """The value of an integer choice, e.g. ``plan.number("context")``."""
        return int(getattr(self, name).value)

    def row(self) -> dict[str, Any]:
        """As JSON: each choice with its value and reason, and the memory that it needs in bytes."""
        return {
            "choices": {choice.name: choice.row() for choice in self.choices},
            "memory": {"total": self.memory.total, "basis": self.memory.basis},
        }

    def worker_options(self) -> dict[str, Any]:
        """What goes to the child process, in the engine's own terms."""
        return {
            "n_ctx": self.number("context") * self.number("parallel"),
            "n_parallel": self.number("parallel"),
            "n_threads": self.number("threads"),
            "n_batch": self.number("batch"),
            "flash_attention": self.flash_attention.value,
            "kv_type": self.kv_type.value,
            "pooling": self.pooling,
        }


def make_plan(
    facts: ModelFacts, machine: Machine, ask: Ask, purpose: Purpose = "generate", *, clamp: bool = False
) -> EnginePlan:
    """Choose how to run *facts* on *machine*.

    Raises DoesNotFit where not even the smallest context (or the one asked for) fits the free memory, and UsageError
    for a context longer than the model's. With *clamp* such a context becomes the model's limit: what was asked of a
    gateway is asked of all its models.
    """
    threads = (
        ask.given("threads", "threads", ask.threads)
        if ask.threads
        else Choice("threads", machine.cores, "engine.threads.cores", (("cores", machine.cores),))
    )
    flash = Choice("flash_attention", "auto", "engine.flash_attention.auto")
    # What the owner allows is all usable; of what is free, some must be left.
    free = min(machine.memory_free, int(ask.memory / USABLE)) if ask.memory else machine.memory_free
    limited = ask.memory if free < machine.memory_free else 0
    if purpose == "embed":
        return _embedding_plan(facts, threads, flash, free, limited)
    parallel = (
        ask.given("parallel", "parallel", ask.parallel)
        if ask.parallel
        else Choice("parallel", 1, "engine.parallel.default")
    )
    size = batch_for(facts, machine, threads=int(threads.value), parallel=int(parallel.value))
    batch = Choice("batch", size, "engine.batch.size")
    context, kv_type = _context(facts, ask, int(parallel.value), int(batch.value), free, clamp)
    memory = estimate(
        facts,
        context=int(context.value),
        parallel=int(parallel.value),
        kv_type=str(kv_type.value),
        batch=int(batch.value),
    )
    if not judge(memory, free).fits:
        raise _does_not_fit(facts, int(context.value), memory, free, limited)
    return EnginePlan("generate", threads, context, parallel, flash, kv_type, batch, memory)


def _embedding_plan(facts: ModelFacts, threads: Choice, flash: Choice, free: int, limited: int) -> EnginePlan:
    length = min(EMBED_CONTEXT, facts.context_length or EMBED_CONTEXT)
    memory = estimate(facts, context=length, parallel=1, kv_type="f16", batch=length)
    if not judge(memory, free).fits:
        raise _does_not_fit(facts, length, memory, free, limited)
    return EnginePlan(
        "embed",
        threads,
        Choice("context", length, "engine.batch.embed"),
        Choice("parallel", 1, "engine.parallel.default"),
        flash,
        Choice("kv_type", "f16", "engine.kv_type.f16"),
        Choice("batch", length, "engine.batch.embed"),
        memory,
        pooling=facts.pooling or "mean",
    )


def _context(facts: ModelFacts, ask: Ask, parallel: int, batch: int, free: int, clamp: bool) -> tuple[Choice, Choice]:
    limit = facts.context_length or DEFAULT_CONTEXT
    if ask.context:
        if ask.context > limit and not clamp:
            raise UsageError("engine.ctx_over_model", name=facts.name, limit=limit, asked=ask.context)
        wanted = min(ask.context, limit)
        context = ask.given("ctx", "context", wanted)
        if wanted < ask.context:
            context = Choice("context", wanted, "engine.context.clamped", (("asked", f"{ask.context:,}"),))
    else:
        wanted = min(DEFAULT_CONTEXT, limit)
        key = "engine.context.model" if limit <= DEFAULT_CONTEXT else "engine.context.default"
        context = Choice("context", wanted, key, (("limit", f"{limit:,}"),))
    quantizes = can_quantize_cache(facts, parallel)
    if ask.kv_type not in ("auto", "f16") and not quantizes:
        if not clamp:
            raise UsageError("fit.no_kv_type", name=facts.name, kv_type=ask.kv_type)
        ask = replace(ask, kv_type="auto")  # what was asked of a gateway is asked of all its models
    kinds = (ask.kv_type,) if ask.kv_type != "auto" else ("f16", "q8_0") if quantizes else ("f16",)
    best, kind = 0, kinds[0]
    for candidate in kinds:
        fitting = largest_context(facts, free, parallel=parallel, kv_type=candidate, wanted=wanted, batch=batch)
        if fitting > best:
            best, kind = fitting, candidate
    if ask.kv_type != "auto":
        kv_type = ask.given("kv_type", "kv_type", kind)
    else:
        kv_type = Choice("kv_type", kind, f"engine.kv_type.{kind}")
    if best < wanted and not ask.context and best >= min(SMALLEST_CONTEXT, wanted):
        about = (("free", text.size(free)), ("limit", f"{limit:,}"))
        context = Choice("context", best, "engine.context.memory", about)
    return context, kv_type


def _does_not_fit(facts: ModelFacts, context: int, memory: Memory, free: int, limited: int) -> DoesNotFit:
    """The error with both figures; *limited* is the setting ``memory`` where that, and not the machine, is the bound."""
    if limited:
        needed, limit = text.size(memory.total), text.size(limited)
        return DoesNotFit("engine.over_memory", name=facts.name, context=context, needed=needed, limit=limit)
    return DoesNotFit(
        "engine.does_not_fit",
        name=facts.name,
        context=context,
        needed=text.size(memory.total),
        usable=text.size(judge(memory, free).usable),
        free=text.size(free),
    )
