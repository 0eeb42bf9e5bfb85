"""Answers "can I run this?" for whoever asks: finds the model, looks at the machine, and judges one by the other.

Knows settings, the library, the catalogue and this machine; judges nothing itself (``verdict``, ``rank``, ``chart``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from homeroom import text
from homeroom.errors import BadModelFile, NotSupported, UnknownModel, UsageError
from homeroom.fit import calibration, rank
from homeroom.fit.ask import DEFAULT_CONTEXT, Ask, Basis
from homeroom.fit.chart import Chart, chart, public
from homeroom.fit.memory import USABLE
from homeroom.fit.rank import Candidate, Order, Ranked
from homeroom.fit.verdict import Fit, assess, estimate_for, within
from homeroom.hardware import bandwidth
from homeroom.hardware.machine import Machine, detect, with_bandwidth
from homeroom.models.facts import ModelFacts
from homeroom.settings import Settings
from homeroom.text import Sentence, sentence

if TYPE_CHECKING:
    from pathlib import Path

    from homeroom.fit.dry_run import Sized
    from homeroom.models.catalogue import Entry
    from homeroom.models.gguf import Header
    from homeroom.models.library import Looked

CHART_FAMILY: Final = "deepseek-r1"


@dataclass(frozen=True, slots=True)
class Advice:
    """A fit with what there is to say about the model, and what to type next."""

    fit: Fit
    looked: Looked
    lineage: tuple[Sentence, ...]
    notes: tuple[str, ...]
    next: Sentence

    def row(self) -> dict[str, Any]:
        """The fit's JSON, with where the model was looked at and how many bytes that took."""
        source = {"origin": self.looked.origin, "source": self.looked.source, "traffic": self.looked.traffic_bytes}
        return {**self.fit.row(), "source": source, "notes": list(self.notes)}


class Adviser:
    """One machine and one question, asked of any number of models.

    This machine's memory bandwidth is measured once (about a second) and kept, unless it has been calibrated.

    *ram*, *vram* and *machine* are what-if questions as they are typed; without them this machine as it is now.
    Raises UsageError for a machine that is not known.
    """

    def __init__(
        self, settings: Settings, *, ram: str | None = None, vram: str | None = None, machine: str | None = None
    ) -> None:
        self.settings = settings
        self.machine = self._machine(ram, vram, machine)

    def _machine(self, ram: str | None, vram: str | None, machine: str | None) -> Machine:
        here = detect(devices=True)
        other = ram is not None or vram is not None
        if machine is None and (other or calibration.load(self.settings.home, here) is None):
            measured = bandwidth.cached(self.settings.home, here)
            here = with_bandwidth(here, measured.bandwidth)
            if measured.busy:
                rate = f"{measured.bandwidth / 1e9:.0f} GB/s"
                here = replace(here, notes=(*here.notes, sentence("hardware.bandwidth_busy", rate=rate)))
        if machine is None and not other:
            limit = self.settings.memory  # as ``run`` and ``list`` understand it: all of it may be used
            return replace(here, memory_free=min(here.memory_free, int(limit / USABLE))) if limit else here
        from homeroom.hardware.presets import what_if

        return what_if(ram=ram, vram=vram, machine=machine, base=here)

    @cached_property
    def calibration(self) -> calibration.Calibration | None:
        """What was measured on this machine; nothing for another."""
        if self.machine.source != "detected":
            return None
        return calibration.load(self.settings.home, self.machine)

    @cached_property
    def _entries(self) -> tuple[Entry, ...]:
        from homeroom.models import catalogue

        return catalogue.entries()

    def ask(self, facts: ModelFacts) -> Ask:
        """The question for one model: a context that was asked for, else 8,192 or the model's own limit.

        Raises UsageError for a context that the model does not have.
        """
        limit = facts.context_length or DEFAULT_CONTEXT
        if self.settings.ctx > limit:
            raise UsageError("advice.over_model", name=facts.name, limit=limit, asked=f"{self.settings.ctx:,}")
        asked = self._within(facts)
        if asked.kv_type != self._kv_type:
            raise UsageError("fit.no_kv_type", name=facts.name, kv_type=self._kv_type)
        return asked

    def _within(self, facts: ModelFacts) -> Ask:
        """The question for one model, with its own limit where that is less."""
        return within(self._common(), facts, self.machine, threads=self.settings.threads)

    @property
    def _kv_type(self) -> str:
        return "f16" if self.settings.kv_type == "auto" else self.settings.kv_type

    @property
    def context(self) -> int:
        """The context that the ranking and the chart are made for."""
        return self.settings.ctx or DEFAULT_CONTEXT

    # ---- one model

    async def look(self, model: str, basis: Basis | None = None) -> Advice:
        """Judge what *model* means, in every form of a MODEL; of one that is elsewhere only the header travels.

        Raises what ``Library.look`` and ``advise`` raise.
        """
        from homeroom.models.library import Library

        return self.advise(await Library(self.settings).look(model), basis, typed=model)

    def advise(self, looked: Looked, basis: Basis | None = None, typed: str = "") -> Advice:
        """Judge one model. *basis* ``engine`` asks the engine by a dry run from the header; the default is the formula.
        *typed* is the MODEL as it was asked for: what the next command names.

        Raises EngineStartFailed where the engine does not answer.
        """
        facts = looked.facts
        ask = self.ask(facts)
        sized = self._sized(looked, ask) if basis == "engine" else None
        entry = looked.entry
        fit = assess(
            facts,
            self.machine,
            ask,
            calibration=self.calibration,
            sized=sized,
            smaller=_smaller(looked),
        )
        return Advice(fit, looked, lineage(facts, entry), self._notes(looked), _next(fit, looked, typed or facts.name))

    def grid(self, looked: Looked) -> tuple[Fit, ...]:
        """The model in every quantization of the grid, largest first, each judged by formula."""
        ask = self._within(looked.facts)
        return tuple(assess(facts, self.machine, ask, calibration=self.calibration) for facts in _quantizations(looked))

    def best(self, looked: Looked) -> Ranked | None:
        """The model in the quantization that is worth most here, as the ranking has it; None where none can be made."""
        return self.worth(Candidate({facts.quantization: facts for facts in _quantizations(looked)}))

    def worth(self, candidate: Candidate) -> Ranked | None:
        """*candidate* in the quantization that is worth most here, as the ranking has it; None where it has none."""
        return rank.best(candidate, self.machine, self._common(), self.calibration)

    def _sized(self, looked: Looked, ask: Ask) -> Sized:
        from homeroom.fit.dry_run import Question, dry_run

        question = Question(ask.context, ask.parallel, ask.kv_type, ask.batch)
        source: Path | tuple[Header, ...] = looked.facts.path if looked.facts.paths else looked.headers
        return dry_run(source, question, cache=self.settings.home / "cache" / "fit")

    def _notes(self, looked: Looked) -> tuple[str, ...]:
        notes = [*looked.notes, *(str(note) for note in self.machine.notes)]
        if looked.traffic_bytes:
            notes.append(text.t("advice.traffic", size=text.size(looked.traffic_bytes)))
        return tuple(notes)

    # ---- many

    def ranking(self, order: Order = "worth", kind: str | None = None, words: str | None = None) -> list[Ranked]:
        """The catalogue for this machine, best first; a model that has less than the context asked for is left out.

        Raises UnknownModel where nothing matches.
        """
        found = [entry for entry in self._matching(words, kind) if entry.context_length >= self.settings.ctx]
        if kind is None and words is None:  # an embedding is no answer: those are ranked when they are asked for
            found = [entry for entry in found if entry.kind != "embedding"]
        if not found:
            raise UnknownModel("advice.no_catalogue")
        candidates = [candidate(entry) for entry in found]
        return rank.rank(candidates, self.machine, self._common(), calibration=self.calibration, order=order)

    def chart(self, words: str | None = None, kind: str | None = None) -> Chart:
        """The grid of models x quantizations: of *words* in the name, else of the DeepSeek-R1 family."""
        from homeroom.models import mix

        entries = self._matching(words or CHART_FAMILY, kind)
        return chart([candidate(entry) for entry in entries], mix.GRID, self.machine, self._common(), self.calibration)

    def _common(self) -> Ask:
        return Ask(context=self.context, parallel=self.settings.parallel or 1, kv_type=self._kv_type)

    def _matching(self, words: str | None, kind: str | None) -> list[Entry]:
        found = [
            entry
            for entry in self._entries
            if (kind is None or entry.kind == kind) and (words is None or _matches(entry, words))
        ]
        if not found:
            raise UnknownModel("advice.no_catalogue")
        return found

    def public_note(self, words: str = "deepseek-r1:70b") -> Sentence | None:
        """Why the public chart's figure for the 70B in float32 and the exact one differ."""
        entry = next((entry for entry in self._entries if entry.name == words), None)
        if entry is None:
            return None
        facts = entry.summary("F32")
        ask = within(self._common(), facts, self.machine)
        context = ask.context
        exact, said = estimate_for(facts, ask), public(facts, context)
        about: dict[str, object] = {
            "name": facts.name,
            "context": f"{context:,}",
            "public": text.size(said.total),
            "parameters": said.parameters,
            "weights": text.size(said.weights),
            "kv_cache": text.size(said.kv_cache),
            "extra": text.size(said.extra),
            "exact": text.size(exact.total),
            "tensors": text.size(exact.weights),
            "count": f"{facts.parameters:,}",
            "compute": text.size(exact.compute),
            "overhead": text.size(exact.overhead),
            "batch": ask.batch,
        }
        return Sentence("advice.public", tuple(about.items()))


def _matches(entry: Entry, words: str) -> bool:
    wanted = words.lower()
    return any(wanted in name.lower() for name in (entry.name, entry.title, *entry.aliases))


def candidate(entry: Entry) -> Candidate:
    """A model of the catalogue, in every quantization of the grid."""
    year = 0.0
    if entry.released:
        parts = [int(part) for part in entry.released.split("-")]
        year = parts[0] + (parts[1] - 1) / 12 if len(parts) > 1 else parts[0] + 0.5
    return Candidate(_Summaries(entry), entry.kind, year, entry.grades)


class _Summaries(Mapping[str, ModelFacts]):
    """An entry in each quantization of the grid, made when it is looked at."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def __getitem__(self, quantization: str) -> ModelFacts:
        return self._entry.summary(quantization)

    def __contains__(self, quantization: object) -> bool:
        return quantization in self._entry.quantizations

    def __iter__(self) -> Iterator[str]:
        return iter(self._entry.quantizations)

    def __len__(self) -> int:
        return len(self._entry.quantizations)


def _quantizations(looked: Looked) -> Iterator[ModelFacts]:
    """The same model in every quantization of the grid, as llama.cpp's quantizer would make it, largest first."""
    from homeroom.models import mix
    from homeroom.models.requantize import requantized

    if looked.entry is not None:
        for quantization in looked.entry.quantizations:
            yield looked.entry.summary(quantization, f"{looked.entry.name}-{quantization.lower()}")
        return
    for quantization in mix.GRID:
        try:
            yield requantized(looked.headers, quantization, name=looked.facts.name)
        except (BadModelFile, NotSupported):  # a shape that this quantization cannot have
            continue


def _smaller(looked: Looked) -> Iterator[ModelFacts]:
    """Coarser quantizations of the same model, largest first."""
    bits = looked.facts.bits_per_weight
    return (facts for facts in _quantizations(looked) if facts.bits_per_weight < bits - 0.3)


def lineage(facts: ModelFacts, entry: Entry | None) -> tuple[Sentence, ...]:
    """What the words of the field cost, one line each: distilled, derived, mixture of experts, quantized."""
    said: list[Sentence] = []
    if entry is not None and entry.teacher:
        said.append(Sentence("advice.lineage.distilled", (("teacher", entry.teacher), ("base", entry.base or "-"))))
    elif (base := (entry.base if entry else None) or facts.base) is not None:
        said.append(Sentence("advice.lineage.derived", (("base", base),)))
    if facts.experts:
        about: tuple[tuple[str, object], ...] = (
            ("experts", facts.experts),
            ("used", facts.experts_used),
            ("parameters", text.count(facts.parameters)),
            ("active", text.count(facts.active_parameters)),
        )
        said.append(Sentence("advice.lineage.experts", about))
    return (*said, *_quantized(facts))


def _quantized(facts: ModelFacts) -> tuple[Sentence, ...]:
    from homeroom.models.quantization import LOSS, LOSS_MODEL

    if facts.bits_per_weight > 15:
        return ()
    about: dict[str, object] = {
        "quantization": facts.quantization,
        "bits": f"{facts.bits_per_weight:.1f}",
        "part": f"{facts.bits_per_weight / 16:.0%}",
    }
    loss = LOSS.get(facts.quantization)
    if loss is None:
        return (Sentence("advice.lineage.quantized", tuple(about.items())),)
    about |= {"loss": f"{loss.percent:.1f}", "model": LOSS_MODEL}
    return (Sentence("advice.lineage.quantized_loss", tuple(about.items())),)


def _next(fit: Fit, looked: Looked, typed: str) -> Sentence:
    name = (("name", typed),)
    if fit.verdict == "too-big":
        return Sentence("advice.next.smaller")
    if looked.facts.paths:  # it is on this machine
        return Sentence("advice.next.run", name)
    return Sentence("advice.next.pull", name)
