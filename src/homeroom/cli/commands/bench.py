"""``homeroom bench``: measures a model that is here, or with ``--calibrate`` what this processor does with any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.parameters import model_argument, setting_flags
from homeroom.errors import UsageError
from homeroom.settings import Settings, load

if TYPE_CHECKING:
    from homeroom.cli.tables import Block
    from homeroom.engine.plan import EnginePlan
    from homeroom.engine.timing import Measured
    from homeroom.fit.calibration import Calibration
    from homeroom.fit.speed import Range, Speed
    from homeroom.hardware.machine import Machine
    from homeroom.models.facts import ModelFacts


@grammar.command("bench")
@model_argument(required=False)
@grammar.option("--calibrate", is_flag=True, key="help.option.calibrate")
@setting_flags("threads", "kv_type")
def command(out: Output, model: str | None, calibrate: bool, **flags: str | None) -> int:
    from homeroom.cli.running import run_async
    from homeroom.hardware.machine import detect

    settings, machine = load(flags), detect()
    if calibrate and model is not None:
        raise UsageError("speed.one_thing", model=model)
    if calibrate:
        return run_async(_calibrate(out, settings, machine))
    return run_async(_measure(out, settings, machine, model))


async def _calibrate(out: Output, settings: Settings, machine: Machine) -> int:
    from datetime import UTC, datetime

    from homeroom.cli.progress import Status
    from homeroom.engine.calibrate import SECONDS, calibrate
    from homeroom.fit import calibration
    from homeroom.settings import prepare

    prepare(settings.home)
    status = Status(out)
    out.say(text.t("speed.calibrating", seconds=round(SECONDS)))
    try:
        found = await calibrate(
            machine,
            settings.logs,
            now=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=SECONDS,
            on_step=lambda name, part: status.show(text.t("speed.step", name=name, part=f"{part:.0%}")),
        )
    finally:
        status.clear()
    path = calibration.save(found, settings.home)
    out.show(calibration.row(found) | {"path": str(path)}, _rates(found, str(path)), [str(path)])
    return 0


def _rates(found: Calibration, path: str) -> list[Block]:
    from homeroom.cli.tables import Table

    rows = tuple(
        (
            rate.name,
            f"{rate.bytes_per_second / 1e9:.1f} GB/s",
            f"{max(2 * batch / seconds for batch, seconds in rate.seconds) / 1e9:,.0f} GFLOP/s",
        )
        for rate in found.types
    )
    headings = tuple(text.t(f"speed.heading.{name}") for name in ("type", "decode", "prefill"))
    notes = [text.t("speed.kept", path=path, threads=found.threads)]
    if found.busy:
        notes.append(text.t("speed.busy"))
    elif found.spread > 0.2:
        notes.append(text.t("speed.noisy", spread=f"{found.spread:.0%}"))
    return [Table(headings, rows, frozenset({1, 2})), "", *notes]


async def _measure(out: Output, settings: Settings, machine: Machine, model: str | None) -> int:
    from homeroom.cli.progress import Status
    from homeroom.engine.plan import Ask, make_plan
    from homeroom.engine.timing import measure
    from homeroom.fit import calibration

    facts = _chosen(settings, machine, model)
    if facts.embeds_only:
        raise UsageError("speed.embeds", name=facts.name)
    plan = make_plan(facts, machine, Ask.from_settings(settings))
    status = Status(out)
    status.show(text.t("speed.measuring", name=facts.name))
    try:
        found = await measure(facts, plan, settings.logs)
    finally:
        status.clear()
    known = calibration.load(settings.home, machine)
    predicted = [_predicted(facts, machine, plan, each, known) for each in found]
    data = {
        "model": facts.name,
        "quantization": facts.quantization,
        "basis": "measured",
        "threads": plan.number("threads"),
        "batch": plan.number("batch"),
        "kv_type": str(plan.kv_type.value),
        "rows": [_row(each, guess) for each, guess in zip(found, predicted, strict=True)],
    }
    out.show(data, _page(facts, found, predicted), [f"{each.decode[1]:.2f}" for each in found])
    return 0


def _chosen(settings: Settings, machine: Machine, model: str | None) -> ModelFacts:
    from homeroom.engine.choose import choose
    from homeroom.engine.plan import Ask
    from homeroom.models.library import Library

    library = Library(settings)
    if model or settings.model:
        return library.find(model or settings.model)
    chosen = choose(library.all()[0], machine, Ask.from_settings(settings))
    if chosen is None:
        raise UsageError("speed.no_model")
    return chosen.facts


def _predicted(
    facts: ModelFacts, machine: Machine, plan: EnginePlan, measured: Measured, known: Calibration | None
) -> Speed | None:
    """What would have been told without measuring; None where this machine is not calibrated."""
    from homeroom.fit.ask import Ask
    from homeroom.fit.placement import place
    from homeroom.fit.speed import predict
    from homeroom.fit.verdict import estimate_for

    if known is None or known.threads != measured.threads:
        return None
    kv_type = str(plan.kv_type.value)
    ask = Ask(context=measured.depth, kv_type=kv_type, batch=measured.batch)
    parts = place(facts, machine, ask, estimate_for(facts, ask)).parts
    return predict(facts, parts, machine, context=ask.context, kv_type=kv_type, batch=ask.batch, calibration=known)


def _row(measured: Measured, predicted: Speed | None) -> dict[str, Any]:
    return {
        "depth": measured.depth,
        "decode": _range(measured.decode).row(),
        "prefill": _range(measured.prefill).row(),
        "predicted": None if predicted is None else predicted.row(),
    }


def _page(facts: ModelFacts, found: tuple[Measured, ...], predicted: list[Speed | None]) -> list[Block]:
    from homeroom.cli.tables import Facts
    from homeroom.cli.words import speed_words

    blocks: list[Block] = []
    for each, guess in zip(found, predicted, strict=True):
        rows: list[tuple[str, ...]] = [
            (text.t("speed.decode"), speed_words(_range(each.decode))),
            (text.t("speed.prefill"), speed_words(_range(each.prefill))),
        ]
        if guess is not None:
            rows.append((text.t("speed.predicted"), speed_words(guess.decode), guess.reason))
        title = text.t("speed.title", name=facts.name, quantization=facts.quantization, depth=f"{each.depth:,}")
        blocks.append(Facts(title, tuple(rows)))
    return blocks if any(predicted) else [*blocks, "", text.t("speed.calibrate_hint")]


def _range(values: tuple[float, float, float]) -> Range:
    from homeroom.fit.speed import Range

    return Range(*values)
