"""``homeroom show``: what a model is, by its header, and how it would be run here, each choice with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.parameters import HUB_SETTINGS, model_argument, setting_flags
from homeroom.cli.words import fit_words, kind_word, yes_no
from homeroom.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homeroom.cli.tables import Block, Facts
    from homeroom.engine.choose import Fit
    from homeroom.engine.plan import EnginePlan
    from homeroom.fit.rank import Ranked
    from homeroom.fit.verdict import Fit as Fit_
    from homeroom.models.catalogue import Entry
    from homeroom.models.facts import ModelFacts
    from homeroom.models.store import StoredModel


@grammar.command("show")
@model_argument()
@setting_flags("stores", "model_folders", *HUB_SETTINGS)
def command(out: Output, model: str, **flags: str | None) -> int:
    from homeroom.cli.commands.list import fit, memory, row
    from homeroom.cli.running import run_async
    from homeroom.cli.tables import Prose
    from homeroom.engine.choose import assess
    from homeroom.engine.plan import Ask
    from homeroom.fit.advise import Adviser, lineage
    from homeroom.models.library import Library
    from homeroom.models.names import HOMEROOM

    settings = load(flags)
    library, adviser = Library(settings), Adviser(settings)
    looked = run_async(library.look(model))
    facts, entry = looked.facts, looked.entry
    # By its name: two models may be one file.
    own = facts.keeper == HOMEROOM
    stored = next((kept for kept in library.store.all() if own and kept.name == facts.name), None)
    said = lineage(facts, entry)
    grid = adviser.grid(looked)
    data = row(facts, stored, library.last_used(facts)) | {
        "source": stored.source if stored else looked.source,
        "origin": looked.origin,
        "traffic": looked.traffic_bytes,
        "about": [str(line) for line in said],
        "catalogue": None if entry is None else entry.row(),
        "quantizations": [_grid_row(one) for one in grid],
        "machine": memory(adviser.machine),
    }
    blocks: list[Block] = [header(facts, stored, entry), *(Prose(str(line)) for line in said), *modelfile(facts)]
    if entry is not None and entry.kind == "vision-language":
        blocks.append(Prose(text.t("advice.vision")))
    if looked.traffic_bytes:
        blocks.append(Prose(text.t("advice.traffic", size=text.size(looked.traffic_bytes))))
    blocks += [*_grades(entry), *_grid(grid, adviser.best(looked), entry)]
    if facts.paths:
        verdict = assess(facts, adviser.machine, Ask.from_settings(settings))
        data |= {"fit": fit(verdict), "plan": _plan(verdict.plan)}
        blocks += ["", fate(verdict)]
    else:
        blocks += ["", text.t("cli.next", sentence=f"homeroom fit {facts.name}")]
    out.show(data, blocks, [facts.name])
    return 0


def _grades(entry: Entry | None) -> list[Block]:
    """What the publisher says the model reached, with where it says so."""
    from homeroom.cli.tables import Facts

    if entry is None or not entry.grades:
        return []
    title = text.t("advice.grades", source=entry.grades_source or entry.publisher)
    whole = all(value == int(value) for value in entry.grades.values())
    # A rating (1189) is no percentage, and has no decimals.
    rows = ((name, f"{value:g}" if whole or value > 100 else f"{value:.1f}") for name, value in entry.grades.items())
    return ["", Facts(title, tuple(rows))]


def _grid(grid: Sequence[Fit_], best: Ranked | None, entry: Entry | None) -> list[Block]:
    """Every quantization with its size, and whether it fits here."""
    from homeroom.cli.tables import Prose, Table

    if not grid:
        return []
    names = {one.facts.quantization for one in grid}
    published = {name: size for name, size in entry.sizes.items() if name in names} if entry else {}
    headings = ("quantization", "file", "bits", "memory", "fits", *(["published"] if published else []))
    rows = tuple(
        (
            one.facts.quantization,
            text.size(one.facts.file_bytes),
            f"{one.facts.bits_per_weight:.1f}",
            text.size(one.memory.total),
            text.t(f"advice.chart.{one.verdict}"),
            *(
                [text.size(published[one.facts.quantization]) if one.facts.quantization in published else ""]
                * bool(published)
            ),
        )
        for one in grid
    )
    title = text.t("advice.grid", context=f"{grid[0].ask.context:,}")
    table = Table(tuple(text.t(f"advice.head.{name}") for name in headings), rows, frozenset({1, 2, 3, 5}))
    return ["", Prose(title), table, Prose(_best(best))]


def _best(best: Ranked | None) -> str:
    """Which quantization is worth most here, as the ranking of the catalogue has it."""
    if best is None or best.fit.verdict == "too-big":
        return text.t("advice.best_none")
    facts = best.fit.facts
    return text.t("advice.best", quantization=facts.quantization, size=text.size(facts.file_bytes))


def _grid_row(one: Fit_) -> dict[str, Any]:
    return {
        "quantization": one.facts.quantization,
        "file_bytes": one.facts.file_bytes,
        "bits_per_weight": round(one.facts.bits_per_weight, 3),
        "total": one.memory.total,
        "verdict": one.verdict,
        "max_context": one.max_context,
    }


def header(facts: ModelFacts, stored: StoredModel | None = None, entry: Entry | None = None) -> Facts:
    """The header's facts, each with a line that says what it means."""
    from homeroom.cli.tables import Facts
    from homeroom.models.neighbours import TITLES

    rows = [
        ("title", entry.title if entry else facts.title),
        ("architecture", facts.architecture),
        ("parameters", text.t("cli.beside", words=text.count(facts.parameters), more=f"{facts.parameters:,}")),
        ("active", text.count(facts.active_parameters) if facts.experts else None),
        ("quantization", text.t("cli.show.bits", name=facts.quantization, bits=f"{facts.bits_per_weight:.2f}")),
        ("file" if facts.paths else "download", text.size(facts.file_bytes)),
        ("context_length", f"{facts.context_length:,}"),
        ("layers", _layers(facts)),
        ("embedding_length", f"{facts.embedding_length:,}"),
        ("vocabulary", f"{facts.vocabulary:,}"),
        ("kind", kind_word(entry.kind) if entry else None),
        # The catalogue knows shapes, not chat templates.
        ("chat", None if entry else yes_no(facts.chats)),
        ("tools", None if entry else yes_no(facts.takes_tools)),
        ("thinking", None if entry else yes_no(facts.thinks)),
        ("embeds", facts.pooling),
        ("license", facts.license or (stored.licence if stored else entry.licence if entry else None)),
        ("teacher", entry.teacher if entry else None),
        ("base", (entry.base if entry else None) or facts.base),
        ("repository", entry.repository if entry else None),
        ("released", entry.released if entry else None),
        ("source", stored.source if stored else None),
        ("store", TITLES.get(facts.keeper)),
    ]
    # A row of the table that is as long as a path would push the remarks aside.
    paths = [str(path) for path in facts.paths]
    title = "\n  ".join((facts.name, *(path for path in paths if path != facts.name)))
    return Facts(
        title,
        tuple(
            (text.t(f"cli.fact.{name}"), value, text.t(f"cli.fact.{name}.means"))
            for name, value in rows
            if value is not None and value != ""
        ),
    )


def modelfile(facts: ModelFacts) -> list[Block]:
    """What a model of Ollama's brings beside its weights, and what becomes of it here."""
    from homeroom.cli.tables import Facts
    from homeroom.engine.ollama_options import followed
    from homeroom.models.modelfile import seen

    told = facts.modelfile
    if told is None or not (told.system or told.messages or told.parameters or told.template):
        return []
    rows = [("system", seen(told.system))] if told.system else []
    rows += [("messages", str(len(told.messages)))] if told.messages else []
    shown = [
        (text.t(f"neighbours.fact.{name}"), value, text.t(f"neighbours.fact.{name}.means")) for name, value in rows
    ]
    for name, value in told.parameters.items():
        means = "parameter" if followed(name, value) else "unfollowed"
        listed = ", ".join(value) if isinstance(value, list) else str(value)
        shown.append((name, seen(listed, 60), text.t(f"neighbours.fact.{means}.means")))
    if told.template:
        kind = "own" if facts.chat_template else "format" if facts.chat_format else "none"
        value = text.t(f"neighbours.template.{kind}", name=facts.chat_format)
        shown.append((text.t("neighbours.fact.template"), value, text.t(f"neighbours.template.{kind}.means")))
    return ["", Facts(text.t("neighbours.title"), tuple(shown))]


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
    return tuple((text.t(f"cli.choice.{choice.name}"), figure(choice.value), choice.reason) for choice in plan.choices)


def figure(value: object) -> str:
    """A choice's value: numbers as everywhere, ``8,192``."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _layers(facts: ModelFacts) -> str:
    sliding = sum(1 for layer in facts.layers if layer.window)
    total = str(len(facts.layers))
    return text.t("cli.show.sliding", total=total, sliding=sliding) if sliding else total
