"""Orders models for a machine by what they are worth there: quality, speed and context, each of them visible.

Pure. Quality is reckoned from size, age and quantization, because published grades exist for few models and compare
badly across makers; they are shown beside it and not mixed in. Does not know where models come from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from homeroom.fit.ask import Ask
from homeroom.fit.calibration import Calibration
from homeroom.fit.placement import Verdict, place
from homeroom.fit.verdict import Fit, Pace, assess, estimate_for, requantized, within
from homeroom.hardware.machine import Machine
from homeroom.models.facts import ModelFacts
from homeroom.models.quantization import LOSS

Order = Literal["worth", "quality", "speed", "context", "size", "name"]

COMFORTABLE: Final = 10.0
"""Decoded tokens/s from which more makes no difference to a reader (people read at 4 to 7 words a second)."""
PARTLY: Final = 0.9
"""What is left of a model's worth where a part of it keeps the processor and main memory busy."""
YEARLY: Final = 1.3
"""How much larger a model of a year before must be to be as good: a rule of thumb of ours, deliberately small."""
SIZE_FOR_PERPLEXITY: Final = 4.4
"""How steeply size buys perplexity: Llama 2 70B has 3.43 where the 7B has 5.79 on the same text, so a perplexity p times
as high is that of a model p**4.4 times smaller (llama.cpp, ``tools/perplexity/README.md``, both scoreboards)."""
_LOSS_BY_BITS: Final = (
    (7.5, 0.05),
    (6.0, 0.4),
    (5.3, 1.0),
    (4.7, 3.0),
    (4.0, 5.0),
    (3.5, 11.0),
    (3.0, 20.0),
    (2.5, 50.0),
)
"""Percent of perplexity lost at so many bits per weight, for a quantization that ``LOSS`` does not have; after ``LOSS``."""
_WORST: Final = 200.0
_NATIVE: Final = frozenset({"F32", "F16", "BF16", "MXFP4"})
"""Precisions that models are published in: nothing is lost."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model with its quantizations, finest first; ``year`` of release as a fraction, 0 where it is not known."""

    by_quantization: Mapping[str, ModelFacts]
    kind: str = "chat"
    year: float = 0.0
    grades: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row: a model in the quantization that suits the machine best, and what it is worth there."""

    fit: Fit
    quality: float
    """0 to 100; by size, age and quantization."""
    worth: float
    """``quality`` lessened where it is slow or its context is less than what was asked for."""
    candidate: Candidate

    def row(self) -> dict[str, Any]:
        """The fit's JSON with the three factors."""
        return {
            **self.fit.row(),
            "quality": {"score": round(self.quality, 1), "basis": "size, age and quantization"},
            "grades": dict(self.candidate.grades or {}),
            "kind": self.candidate.kind,
            "worth": round(self.worth, 1),
        }


def quality(facts: ModelFacts, year: float) -> float:
    """0 to 100, a logarithm of effective parameters: those of a dense model of the same quality.

    A mixture of experts counts as the geometric mean of its total and active parameters (the rule of thumb of Mistral's
    authors). 1 B of 2025 in full precision gets 36, 8 B 58, 70 B 80, 671 B (37 B active) 89.
    """
    return _score(_size(facts, year) * retained(facts.quantization, facts.bits_per_weight))


def _size(facts: ModelFacts, year: float) -> float:
    """Parameters of a dense model of 2025 as good as *facts* in full precision."""
    active = facts.active_parameters or facts.parameters
    size = math.sqrt(facts.parameters * active) if facts.experts else float(facts.parameters)
    return size * YEARLY ** (year - 2025.0) if year else size


def _score(size: float) -> float:
    return max(0.0, min(100.0, 36.0 + 10.3 * math.log2(max(size, 1.0) / 1e9) * 0.7))


def retained(quantization: str, bits: float) -> float:
    """Part of a model's effective size that is left in *quantization* (at *bits* per weight where it is not known).

    Measured on an 8 B model; larger ones lose less, so this is cautious for them.
    """
    if quantization in _NATIVE:
        return 1.0
    loss = LOSS.get(quantization)
    percent = loss.percent if loss else next((lost for least, lost in _LOSS_BY_BITS if bits >= least), _WORST)
    return float((1 + percent / 100) ** -SIZE_FOR_PERPLEXITY)


def worth(score: float, verdict: Verdict, decode: float | None, context: float) -> float:
    """*score* times what speed and context leave of it; 0 for what does not fit.

    *decode* is expected tokens/s, and counts neither way where it is not known; *context* is what the model can take of the
    context asked for, 0 to 1.
    """
    if verdict == "too-big":
        return 0.0
    pace = 1.0 if decode is None else min(1.0, decode / COMFORTABLE)
    return (1.0 if verdict == "fits" else PARTLY) * score * math.sqrt(pace * context)


def best(candidate: Candidate, machine: Machine, ask: Ask, calibration: Calibration | None) -> Ranked | None:
    """The candidate in the quantization that is worth most on *machine*; None where it has none.

    A model whose limit is below the context asked for is judged at its own. That is the same in every quantization, so that
    the choice is by quality and speed; only the chosen one is judged at length.
    """
    known = candidate.by_quantization
    # Beside what models are published in these take room for nothing.
    spared = {"F32", "F16"} if "BF16" in known else {"F32"}
    names = [name for name in known if name not in spared] or [*known]
    if not names:
        return None
    first = known[names[0]]
    asked = within(ask, first, machine)
    context = asked.context / ask.context
    # Cache and scratch are the same in every quantization.
    like = estimate_for(first, asked)
    pace = Pace(first, machine, asked, calibration)
    whole = _size(first, candidate.year)
    most, chosen = (0.0, 0), None
    for name in names:
        if name in LOSS and worth(_score(whole * retained(name, 0.0)), "fits", None, context) < most[0]:
            continue  # not even at full speed
        facts = known[name]
        score = _score(whole * retained(name, facts.bits_per_weight))
        memory = requantized(like, facts)
        placement = place(facts, machine, asked, memory)
        if placement.verdict == "too-big":
            continue
        value = worth(score, placement.verdict, pace.expected(placement), context), -memory.total
        if chosen is None or value > most:
            most, chosen = value, facts
    facts = chosen or min((known[name] for name in names), key=lambda facts: facts.tensor_bytes)
    fit = assess(facts, machine, asked, calibration=calibration)
    return Ranked(fit, quality(facts, candidate.year), most[0], candidate)


def rank(
    candidates: Iterable[Candidate],
    machine: Machine,
    ask: Ask,
    *,
    calibration: Calibration | None = None,
    order: Order = "worth",
) -> list[Ranked]:
    """Every candidate at its best, in *order*; what does not fit comes last."""
    rows = [row for candidate in candidates if (row := best(candidate, machine, ask, calibration)) is not None]
    return ordered(rows, order)


def ordered(rows: Sequence[Ranked], order: Order) -> list[Ranked]:
    """*rows* best first."""
    return sorted(rows, key=lambda row: (row.fit.verdict == "too-big", *_key(row, order)))


def _key(row: Ranked, order: Order) -> tuple[float | str, ...]:
    fit = row.fit
    name = fit.facts.name
    match order:
        case "worth":
            return -row.worth, -row.quality, name
        case "quality":
            return -row.quality, name
        case "speed":
            return -(speed.decode.expected if (speed := fit.speed) else 0.0), name
        case "context":
            return -fit.max_context, name
        case "size":
            return fit.memory.total, name
        case "name":
            return (name,)
