"""``homeroom fit``: can this machine, or another, run a model: memory, place, speed and the longest context, with reasons.

Without a MODEL it ranks the catalogue; with ``--chart`` it draws models x quantizations.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

import click

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.parameters import HUB_SETTINGS, model_argument, setting_flags
from homeroom.cli.words import fit_word, machine_words, speed_words, two_digits
from homeroom.errors import UnknownModel, UsageError
from homeroom.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homeroom.cli.tables import Block, Facts
    from homeroom.fit.advise import Advice
    from homeroom.fit.ask import Basis
    from homeroom.fit.chart import Cell, Chart
    from homeroom.fit.placement import Placed
    from homeroom.fit.rank import Order, Ranked
    from homeroom.hardware.machine import Machine
    from homeroom.text import Sentence

ORDERS: Final = ("worth", "quality", "speed", "context", "size", "name")
KINDS: Final = ("chat", "reasoning", "code", "vision-language", "base", "embedding")
"""Those of the catalogue."""
CHARTED: Final = "deepseek-r1:70b"
"""The model whose figure in the public chart is explained."""


@grammar.command("fit")
@model_argument(required=False)
@grammar.option("--chart", is_flag=True, key="help.option.chart")
@grammar.option("--basis", type=click.Choice(("formula", "engine")), default=None, key="help.option.basis")
@grammar.option("--ram", metavar="SIZE", default=None, key="help.option.ram")
@grammar.option("--vram", metavar="SIZE[,SIZE]", default=None, key="help.option.vram")
@grammar.option("--machine", metavar="NAME", default=None, key="help.option.machine")
@grammar.option("--sort", type=click.Choice(ORDERS), default="worth", key="help.option.sort")
@grammar.option("--kind", type=click.Choice(KINDS), default=None, key="help.option.kind")
@grammar.option("--find", "words", metavar="TEXT", default=None, key="help.option.find")
@grammar.option("--limit", type=int, default=20, key="help.option.limit")
@grammar.option("--all", "everything", is_flag=True, key="help.option.fit_all")
@grammar.option("--force", is_flag=True, key="help.option.fit_force")
@setting_flags("ctx", "parallel", "kv_type", *HUB_SETTINGS)
def command(
    out: Output,
    model: str | None,
    chart: bool,
    basis: str | None,
    ram: str | None,
    vram: str | None,
    machine: str | None,
    sort: str,
    kind: str | None,
    words: str | None,
    limit: int,
    everything: bool,
    force: bool,
    **flags: str | None,
) -> int:
    """Exit 0 where the model fits, 1 where it does not (0 with --force)."""
    from homeroom.fit.advise import Adviser

    if limit < 1:
        raise UsageError("fit.bad_ask", name="--limit", value=limit)
    settings = load(flags)
    adviser = Adviser(settings, ram=ram, vram=vram, machine=machine)
    if chart:
        return _chart(out, adviser.chart(model or words, kind), adviser.public_note())
    if model is None:
        rows = adviser.ranking(cast("Order", sort), kind, words)
        return _ranking(out, rows, adviser.machine, limit, everything)
    from homeroom.cli.running import run_async

    try:
        advice = run_async(adviser.look(model, cast("Basis | None", basis)))
    except UnknownModel:
        if _is_machine(model):
            raise UnknownModel("advice.is_machine", name=model) from None
        raise
    out.show(advice.row(), _page(advice, model), [advice.fit.verdict])
    return 0 if force or advice.fit.verdict != "too-big" else 1


def _is_machine(name: str) -> bool:
    """Whether *name* is that of a machine or a card."""
    from homeroom.hardware.presets import find

    try:
        find(name)
    except UsageError:
        return False
    return True


# ---- one model


def _page(advice: Advice, model: str) -> list[Block]:
    """For people; *model* as it was typed."""
    from homeroom.cli.tables import Prose

    fit, facts = advice.fit, advice.fit.facts
    about = text.t(
        "advice.about",
        title=facts.title or facts.architecture,
        parameters=text.count(facts.parameters),
        quantization=facts.quantization,
        bits=f"{facts.bits_per_weight:.1f}",
    )
    verdict = fit_word(fit.verdict, fit.placement.offloaded)
    blocks: list[Block] = [Prose(f"{facts.name}: {about}"), *(Prose(str(line)) for line in advice.lineage)]
    blocks += ["", *_machine(fit.machine, advice.notes)]
    if advice.looked.entry is not None and advice.looked.entry.kind == "vision-language":
        blocks.append(Prose(text.t("advice.vision")))
    blocks += ["", Prose(text.t("advice.judged", verdict=verdict, reason=str(fit.reason))), "", _memory(advice)]
    if fit.placement.offloaded:
        blocks += ["", _placement(advice)]
    blocks += ["", _speed(advice)]
    if fit.changes:
        blocks += ["", text.t("advice.changes"), *(Prose(f"  - {change}", 4) for change in fit.changes)]
    return [*blocks, "", _next(advice, model)]


def _machine(machine: Machine, notes: Sequence[object]) -> list[Block]:
    from homeroom.cli.tables import Prose

    return [Prose(machine_words(machine)), *(Prose(str(note)) for note in notes)]


def _next(advice: Advice, model: str) -> Block:
    """What to type next: the model by the words that have just led to it."""
    import shlex

    from homeroom.cli.tables import Prose

    said = advice.next
    if said.key in ("advice.next.run", "advice.next.pull"):
        said = replace(said, facts=(("name", shlex.quote(model)),))
    return Prose(text.t("cli.next", sentence=str(said)))


def _memory(advice: Advice) -> Facts:
    from homeroom.cli.tables import Facts

    memory, ask = advice.fit.memory, advice.fit.ask
    tokens = text.t("advice.tokens", context=f"{ask.context:,}", parallel=ask.parallel, kv_type=ask.kv_type)
    rows = (
        (text.t("advice.weights"), text.size(memory.weights), ""),
        (text.t("advice.kv_cache"), text.size(memory.kv_cache), tokens),
        (text.t("advice.compute"), text.size(memory.compute), text.t("advice.batch", batch=ask.batch)),
        (text.t("advice.overhead"), text.size(memory.overhead), ""),
        (text.t("advice.total"), text.size(memory.total), text.t(f"advice.basis.{memory.basis}")),
    )
    return Facts(text.t("advice.memory"), rows)


def _placement(advice: Advice) -> Facts:
    from homeroom.cli.tables import Facts

    parts = advice.fit.placement.parts
    rows = [(part.device, text.size(part.total), _held(part, advice)) for part in parts]
    total = sum(part.total for part in parts)
    more = total - advice.fit.memory.total
    runtime = sum(part.overhead for part in parts if part.kind != "cpu")
    key = "advice.total_placed" if more > runtime else "advice.total_placed_runtime"
    rows.append((text.t("advice.total"), text.size(total), text.t(key, more=text.size(more))))
    return Facts(text.t("advice.placement"), tuple(rows))


def _held(part: Placed, advice: Advice) -> str:
    """Which part of the model is on a device."""
    if advice.fit.facts.experts and part.experts != part.layers:
        return text.t("advice.layers_experts", layers=part.layers, experts=part.experts)
    if part.kind == "cpu" and not part.layers:
        return text.t("advice.no_layers")
    return text.t("advice.layers", layers=part.layers)


def _speed(advice: Advice) -> Facts:
    from homeroom.cli.tables import Facts

    fit = advice.fit
    rows: list[tuple[str, ...]] = []
    speed, start = fit.speed, fit.start
    if speed is not None:
        if start is not None:
            rows.append((text.t("advice.decode_start"), speed_words(start.decode), speed.reason))
        full = text.t("advice.decode_full", context=f"{fit.ask.context:,}")
        rows.append((text.t("advice.decode"), speed_words(speed.decode), full))
        if speed.prefill is not None:
            rows.append((text.t("advice.prefill"), speed_words(speed.prefill), ""))
    limit = text.t("advice.limit", limit=f"{fit.facts.context_length:,}")
    longest = f"{most:,}" if (most := fit.max_context) else text.t("advice.no_context")
    rows.append((text.t("advice.longest"), longest, limit))
    return Facts(text.t("advice.speed"), tuple(rows))


# ---- all models


def _ranking(out: Output, rows: list[Ranked], machine: Machine, limit: int, everything: bool) -> int:
    from homeroom.cli.tables import Prose, Table

    shown = [row for row in rows if everything or row.fit.verdict != "too-big"]
    left_out = len(rows) - len(shown)
    shown = shown[:limit]
    headings = ("name", "quantization", "parameters", "memory", "fits", "decode", "max_context", "quality", "worth")
    table = Table(
        tuple(text.t(f"advice.head.{name}") for name in headings),
        tuple(
            (
                row.fit.facts.name,
                row.fit.facts.quantization,
                text.count(row.fit.facts.parameters),
                text.size(row.fit.memory.total),
                text.t(f"advice.chart.{row.fit.verdict}"),
                f"{speed.decode.expected:.1f}" if (speed := row.fit.speed) else "-",
                f"{row.fit.max_context:,}",
                f"{row.quality:.0f}",
                f"{row.worth:.0f}",
            )
            for row in shown
        ),
        frozenset({2, 3, 5, 6, 7, 8}),
        spare=(2, 7, 8, 1),
    )
    data = {
        "machine": machine.row(),
        "notes": [str(note) for note in machine.notes],
        "rows": [row.row() for row in shown],
        "left_out": left_out,
    }
    told: list[Block] = [*_machine(machine, machine.notes), ""]
    if shown:
        key = "advice.ranked_but" if left_out else "advice.ranked"
        told += [table, "", Prose(text.t(key, shown=len(shown), count=len(rows), left_out=left_out))]
        told.append(Prose(text.t("advice.ranked_by")))
        told.append(Prose(text.t("cli.next", sentence=text.t("advice.next_one", name=shown[0].fit.facts.name))))
    else:
        told.append(Prose(text.t("advice.none")))
    out.show(data, told, [row.fit.facts.name for row in shown])
    return 0 if shown else 1


# ---- the chart


def _chart(out: Output, chart: Chart, note: Sentence | None) -> int:
    from homeroom.cli.tables import Prose, Table

    headings = (text.t("advice.head.name"), *chart.quantizations)
    table = Table(headings, tuple((row.name, *(_cell(cell) for cell in row.cells)) for row in chart.rows), panels=True)
    title = text.t("advice.chart", context=f"{chart.context:,}")
    machine = chart.machine
    told: list[Block] = [*_machine(machine, machine.notes), Prose(title), "", table, ""]
    told.append(Prose(text.t("advice.legend")))
    data = chart.row()
    if note is not None:
        data["note"] = str(note)
        if any(row.name == CHARTED for row in chart.rows):
            told += ["", Prose(str(note))]
    out.show(data, told, [row.name for row in chart.rows])
    return 0


def _cell(cell: Cell | None) -> str:
    """A word, the size and the speed, a line each."""
    if cell is None:
        return "-"
    lines = [text.t(f"advice.chart.{cell.verdict}"), text.size(cell.bytes)]
    if cell.decode is not None:
        lines.append(text.t("advice.chart.speed", decode=two_digits(cell.decode)))
    return "\n".join(lines)
