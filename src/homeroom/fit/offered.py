"""Which of the quantizations that are really offered suits a machine: those that a maker names, in the sizes listed.

Pure. What llama.cpp's quantizer would make is known from the mix; another maker's mix (``UD-Q4_K_XL``, ``Q4_K_L``) is taken
for the known one that is nearest in size, scaled to the size that is listed. So it is a choice and no verdict: that is
made from the header of what was chosen. Does not know where anything is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from homeroom.errors import BadModelFile, UsageError
from homeroom.fit.rank import Candidate, Ranked
from homeroom.models import mix
from homeroom.models.facts import LayerWeights, ModelFacts, Weights
from homeroom.text import Sentence, sentence, size

if TYPE_CHECKING:
    from homeroom.models.catalogue import Entry
    from homeroom.models.gguf import Header

UNLIKE: Final = 0.01
"""Part by which a listed size may differ from that of the mix of that name: more is another mix."""

Known = Callable[[str], ModelFacts | None]
"""The model in a quantization of llama.cpp; None for a name that is none of its, or that the model cannot have."""


def of_entry(entry: Entry) -> Known:
    """A model of the catalogue in any quantization."""

    def known(quantization: str) -> ModelFacts | None:
        try:
            if quantization in entry.quantizations:
                return entry.summary(quantization)
            return entry.facts(mix.known(quantization))
        except (UsageError, BadModelFile):  # NotSupported is a UsageError
            return None

    return known


def of_headers(headers: Sequence[Header], name: str) -> Known:
    """The model of which one file's header (or all shards') is at hand, in any quantization."""
    from homeroom.models.requantize import requantized

    def known(quantization: str) -> ModelFacts | None:
        try:
            return requantized(headers, quantization, name=name)
        except (UsageError, BadModelFile):
            return None

    return known


def judged(known: Known, offered: Mapping[str, int | None]) -> dict[str, ModelFacts]:
    """The facts of each quantization of *offered* (its file's size in bytes, where it is listed), finest first.

    Left out is what can neither be predicted nor has a size to go by.
    """
    grid = [facts for name in mix.GRID if (facts := known(name)) is not None]
    found: list[tuple[str, ModelFacts]] = []
    for quantization, listed in offered.items():
        facts = known(quantization)
        if listed is not None and (facts is None or abs(facts.file_bytes - listed) > UNLIKE * listed):
            like = facts or min(grid, key=lambda one: abs(one.file_bytes - listed), default=None)
            facts = scaled(like, quantization, listed) if like is not None else None
        if facts is not None:
            file_bytes = facts.file_bytes if listed is None else listed
            found.append((quantization, replace(facts, quantization=quantization, file_bytes=file_bytes)))
    return dict(sorted(found, key=lambda pair: -pair[1].tensor_bytes))


def scaled(facts: ModelFacts, quantization: str, file_bytes: int) -> ModelFacts:
    """*facts* as those of a file of *file_bytes* would be: every weight larger or smaller by the same part."""
    around = facts.file_bytes - facts.tensor_bytes
    tensor_bytes = max(1, file_bytes - around)
    part = tensor_bytes / facts.tensor_bytes
    return replace(
        facts,
        quantization=quantization,
        file_bytes=file_bytes,
        tensor_bytes=tensor_bytes,
        bits_per_weight=tensor_bytes * 8 / facts.parameters,
        weights=None if facts.weights is None else _scaled(facts.weights, part),
    )


def _scaled(weights: Weights, part: float) -> Weights:
    return Weights(
        round(weights.input * part),
        round(weights.output * part),
        round(weights.other * part),
        tuple(LayerWeights(round(one.rest * part), round(one.experts * part)) for one in weights.layers),
        tuple((name, round(read * part)) for name, read in weights.reads),
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several quantizations, and why it."""

    quantization: str
    ranked: Ranked
    reasons: tuple[Sentence, ...]

    @property
    def fits(self) -> bool:
        return self.ranked.fit.verdict != "too-big"


Best = Callable[[Candidate], Ranked | None]
"""``rank.best`` for one machine and question."""


def choose(candidate: Candidate, best: Best) -> Choice | None:
    """The quantization of *candidate* that *best* likes most, the smallest where none fits; None where there is none."""
    ranked = best(candidate)
    if ranked is None:
        return None
    chosen, offered = ranked.fit.facts, candidate.by_quantization
    about = {"quantization": chosen.quantization, "count": len(offered), "size": size(chosen.file_bytes)}
    if len(offered) == 1:
        return Choice(chosen.quantization, ranked, (sentence("pull.why.only", **about),))
    if ranked.fit.verdict == "too-big":
        return Choice(chosen.quantization, ranked, (sentence("pull.why.smallest", **about),))
    reasons = [sentence("pull.why.best", **about)]
    finer = [facts for facts in offered.values() if facts.tensor_bytes > chosen.tensor_bytes]
    if finer:  # finest first, so that the last is the next one
        other = best(replace(candidate, by_quantization={finer[-1].quantization: finer[-1]}))
        if other is not None:
            reasons.append(_against(other))
    return Choice(chosen.quantization, ranked, tuple(reasons))


def _against(finer: Ranked) -> Sentence:
    """What speaks against the next finer quantization."""
    facts, speed = finer.fit.facts, finer.fit.speed
    about = {"quantization": facts.quantization, "size": size(facts.file_bytes)}
    if finer.fit.verdict == "too-big":
        return sentence("pull.why.finer_too_big", **about)
    if speed is None:
        return sentence("pull.why.finer_larger", **about)
    return sentence("pull.why.finer_slower", **about, decode=f"{speed.decode.expected:.1f}")
