"""``homeroom show``: what a model is, by its header, and how it would be run here, each choice with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.parameters import model_argument
from homeroom.cli.words import count, fit_words, yes_no
from homeroom.settings import load

if TYPE_CHECKING:
    from homeroom.cli.tables import Facts
    from homeroom.engine.choose import Fit
    from homeroom.engine.plan import EnginePlan
    from homeroom.models.facts import ModelFacts
    from homeroom.models.store import StoredModel


@grammar.command("show")
@model_argument()
def command(out: Output, model: str) -> int:
    from homeroom.cli.commands.list import fit, memory, row
    from homeroom.engine.choose import assess
    from homeroom.engine.plan import Ask
    from homeroom.hardware.machine import detect
    from homeroom.models.library import Library

    settings = load()
    library, machine = Library(settings), detect()
    facts = library.find(model)
    stored = next((entry for entry in library.store.all() if entry.path == facts.path), None)
    verdict = assess(facts, machine, Ask.from_settings(settings))
    data = row(facts, stored) | {"fit": fit(verdict), "plan": _plan(verdict.plan), "machine": memory(machine)}
    out.show(data, [header(facts, stored), _paths(facts), "", fate(verdict)], [facts.name])
    return 0


def header(facts: ModelFacts, stored: StoredModel | None = None) -> Facts:
    """The header's facts, each with a line that says what it means."""
    from homeroom.cli.tables import Facts

    rows = [
        ("title", facts.title),
        ("architecture", facts.architecture),
        ("parameters", f"{count(facts.parameters)} ({facts.parameters:,})"),
        ("quantization", text.t("cli.show.bits", name=facts.quantization, bits=f"{facts.bits_per_weight:.2f}")),
        ("file", text.size(facts.file_bytes)),
        ("context_length", f"{facts.context_length:,}"),
        ("layers", _layers(facts)),
        ("embedding_length", f"{facts.embedding_length:,}"),
        ("vocabulary", f"{facts.vocabulary:,}"),
        ("chat", yes_no(facts.chat_template is not None and not facts.embeds_only)),
        ("tools", yes_no(facts.takes_tools)),
        ("thinking", yes_no(facts.thinks)),
        ("embeds", facts.pooling),
        ("license", facts.license or (stored.licence if stored else None)),
        ("base", facts.base),
        ("source", stored.source if stored else None),
    ]
    return Facts(
        facts.name,
        tuple(
            (text.t(f"cli.fact.{name}"), value, text.t(f"cli.fact.{name}.means"))
            for name, value in rows
            if value is not None and value != ""
        ),
    )


def _paths(facts: ModelFacts) -> Facts:
    from homeroom.cli.tables import Facts

    return Facts("", tuple((text.t("cli.fact.path"), str(path)) for path in facts.paths))


def fate(verdict: Fit) -> Facts:
    """How the model would be run on this machine now, or why not."""
    from homeroom.cli.tables import Facts

    if verdict.plan is None:
        return Facts(text.t("cli.show.here"), ((text.t("cli.fact.fit"), fit_words(verdict), verdict.reason),))
    rows = ((text.t("cli.fact.fit"), fit_words(verdict), ""), *choices(verdict.plan))
    return Facts(text.t("cli.show.here"), rows)


def _plan(plan: EnginePlan | None) -> dict[str, Any] | None:

    return plan.row() if plan else None


def choices(plan: EnginePlan) -> tuple[tuple[str, str, str], ...]:
    """Each choice of a plan: its name in the user's words, its value, its reason."""
    return tuple((text.t(f"cli.choice.{choice.name}"), str(choice.value), choice.reason) for choice in plan.choices)


def _layers(facts: ModelFacts) -> str:
    sliding = sum(1 for layer in facts.layers if layer.window)
    total = str(len(facts.layers))
    return text.t("cli.show.sliding", total=total, sliding=sliding) if sliding else total
