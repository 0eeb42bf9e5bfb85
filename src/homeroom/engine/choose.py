"""Which of the models on a machine to run when nobody says: the best that fits, and why.

Pure: takes facts of models and of a machine. Does not know where models come from or how one is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from homeroom import text
from homeroom.engine.plan import Ask, EnginePlan, Purpose, make_plan
from homeroom.errors import DoesNotFit, UsageError
from homeroom.hardware.machine import Machine
from homeroom.models.facts import ModelFacts
from homeroom.models.library import Library
from homeroom.settings import Settings


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model and why it. ``about`` fills the message ``reason_key``."""

    facts: ModelFacts
    reason_key: str
    about: tuple[tuple[str, object], ...] = ()

    @property
    def reason(self) -> str:
        return text.t(self.reason_key, **dict(self.about))


@dataclass(frozen=True, slots=True)
class Fit:
    """``fits``; ``fits-partly``: with a shorter context than usual; ``too-big``: no ``plan``. ``reason`` is a sentence."""

    verdict: Literal["fits", "fits-partly", "too-big"]
    plan: EnginePlan | None
    reason: str


def named(library: Library, settings: Settings) -> Chosen | None:
    """The model that the settings name; None where they name none. Raises what ``Library.find`` raises."""
    if not settings.model:
        return None
    origins = {"flag": "--model", "environment": "HOMEROOM_MODEL"}
    origin = settings.origin.get("model", "flag")
    return Chosen(library.find(settings.model), "choose.named", (("origin", origins.get(origin, origin)),))


def choose(models: Sequence[ModelFacts], machine: Machine, ask: Ask) -> Chosen | None:
    """The best of *models* that fits the free memory of *machine* as *ask* wants it run; None where none does.

    One that can chat comes before one that only completes, and that before one that only embeds; then the one with
    the most parameters, then with the most bits per weight.
    """
    fitting = [facts for facts in models if assess(facts, machine, ask, clamp=False).plan is not None]
    if not fitting:  # none has the context that was asked for; the one that is taken will say so
        fitting = [facts for facts in models if assess(facts, machine, ask).plan is not None]
    if not fitting:
        return None
    best = max(fitting, key=_rank)
    if len(models) == 1:
        return Chosen(best, "choose.only")
    about = (("count", len(models)), ("fitting", len(fitting)), ("free", text.size(machine.memory_free)))
    kind = "chat" if can_chat(best) else "embed" if best.embeds_only else "complete"
    return Chosen(best, f"choose.best.{kind}", about)


def assess(facts: ModelFacts, machine: Machine, ask: Ask, *, clamp: bool = True) -> Fit:
    """Whether *facts* can be run as *ask* wants on *machine*, with what is free now; *clamp* as for ``make_plan``."""
    try:
        plan = make_plan(facts, machine, ask, purpose_of(facts), clamp=clamp)
    except (DoesNotFit, UsageError) as error:
        return Fit("too-big", None, error.message)
    shortened = plan.context.reason_key == "engine.context.memory"
    return Fit("fits-partly" if shortened else "fits", plan, plan.context.reason)


def purpose_of(facts: ModelFacts) -> Purpose:
    """What a model is loaded for when nothing is asked of it yet."""
    return "embed" if facts.embeds_only else "generate"


def can_chat(facts: ModelFacts) -> bool:
    """Whether the model answers as a partner does."""
    return facts.chats


def _rank(facts: ModelFacts) -> tuple[int, int, float, str]:
    kind = 2 if can_chat(facts) else 0 if facts.embeds_only else 1
    return kind, facts.parameters, facts.bits_per_weight, facts.name
