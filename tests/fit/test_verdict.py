"""Verdicts: what is said is true, in both languages; what is proposed works when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeroom import text
from homeroom.errors import UsageError
from homeroom.fit.ask import Ask, batch_for
from homeroom.fit.chart import public
from homeroom.fit.dry_run import Sized
from homeroom.fit.memory import CELLS, can_quantize_cache
from homeroom.fit.placement import usable
from homeroom.fit.verdict import Fit, assess, estimate_for, grid, longest_context, verdict_of, with_engine, within
from homeroom.hardware.machine import Machine
from homeroom.models import catalogue
from homeroom.models.facts import Layer, ModelFacts
from homeroom.text import Sentence
from support.shapes import GB, GIB, gpu, machine, model

ASK = Ask(context=8192)
CONTRACT = {
    "model": {
        "name",
        "architecture",
        "parameters",
        "active_parameters",
        "quantization",
        "bits_per_weight",
        "file_bytes",
        "context_length",
    },
    "machine": {"name", "source", "devices", "memory_total", "memory_free"},
    "ask": {"context", "parallel", "kv_type", "engine"},
    "memory": {"weights", "kv_cache", "compute", "overhead", "total", "basis"},
    "speed": {"decode", "prefill", "basis"},
}
"""``fit --json`` as it was promised: all of it is there, and what came later is named in the test."""
MACHINES = (
    machine(4 * GB),
    machine(24 * GB),
    machine(32 * GB, gpu(8 * GIB)),
    machine(64 * GB, gpu(24 * GIB, "A"), gpu(12 * GIB, "B")),
    machine(64 * GB, gpu(48 * GB, "unified", unified=True)),
)


@pytest.fixture
def chinese() -> Iterator[None]:
    text.set_language("zh")
    yield
    text.set_language("en")


@cache
def entry(name: str) -> catalogue.Entry:
    found = catalogue.find(name)
    assert found is not None
    return found


def smaller(facts: ModelFacts) -> Iterator[ModelFacts]:
    """Coarser quantizations of a catalogue's model, largest first, under names that can be typed."""
    known = entry(facts.name)
    for quantization in known.quantizations:
        other = known.summary(quantization, f"{known.name}-{quantization.lower()}")
        if other.bits_per_weight < facts.bits_per_weight:
            yield other


def proposed(fit: Fit, kind: str) -> dict[str, object] | None:
    found = [change for change in fit.changes if change.key.startswith(f"fit.change.{kind}")]
    assert len(found) <= 1
    return dict(found[0].facts) if found else None


# ---- the words


def cases() -> list[tuple[str, Fit]]:
    dense, experts = model(), model(rest=50_000_000, experts=600_000_000)
    return [
        ("fit.fits", assess(dense, machine(16 * GB), ASK)),
        ("fit.too_big", assess(dense, machine(4 * GB), ASK)),
        ("fit.fits_gpu", assess(dense, machine(32 * GB, gpu(24 * GIB)), ASK)),
        ("fit.fits_layers", assess(dense, machine(32 * GB, gpu(4 * GIB)), ASK)),
        ("fit.fits_experts", assess(experts, machine(64 * GB, gpu(12 * GIB)), ASK)),
        ("fit.too_big_partly", assess(experts, machine(8 * GB, gpu(12 * GIB)), ASK)),
        ("fit.fits_processor", assess(dense, machine(64 * GB, gpu(4 * GB, unified=True)), ASK)),
    ]


def test_every_verdict_has_its_own_reason_with_its_figures() -> None:
    for key, fit in cases():
        assert fit.reason.key == key
        needed = text.size(fit.memory.total)
        assert needed in str(fit.reason) or key in ("fit.fits_experts", "fit.fits_layers"), key
        assert "{" not in str(fit.reason)


def test_reasons_and_changes_in_chinese(chinese: None) -> None:
    for _, fit in cases():
        for sentence in (fit.reason, *fit.changes):
            assert str(sentence).endswith("。") or "：" in str(sentence)


def test_a_reason_can_be_told_again_in_the_other_language() -> None:
    fit = assess(model(), machine(16 * GB), ASK)
    english = str(fit.reason)
    text.set_language("zh")
    try:
        assert "空闲内存中可用" in str(fit.reason) != english
    finally:
        text.set_language("en")


def test_the_devices_are_named_and_the_layers_counted() -> None:
    fit = assess(model(80, rest=480_000_000), machine(32 * GB, gpu(24 * GIB, "A"), gpu(24 * GIB, "B")), ASK)
    assert "A + B" in str(fit.reason)
    partly = assess(model(), machine(32 * GB, gpu(4 * GIB)), ASK)
    assert f"Only {partly.placement.parts[0].layers} of 32 layers" in str(partly.reason)


# ---- the JSON


def test_the_json_is_what_was_promised() -> None:
    row = assess(model(), machine(32 * GB, gpu(8 * GIB)), ASK).row()
    assert [*row] == [
        "model", "machine", "ask", "memory", "placement", "speed", "speed_at_start",
        "max_context", "verdict", "reason", "changes",
    ]  # fmt: skip
    more = {"ask": {"batch"}}
    for name, keys in CONTRACT.items():
        assert row[name].keys() == keys | more.get(name, set()), name
    device = row["machine"]["devices"][0]
    assert device.keys() >= {"name", "kind", "memory_total", "memory_free", "bandwidth"}
    added = {"kind", "overhead", "expert_layers"}
    assert row["placement"][0].keys() == {"device", "weights", "kv_cache", "compute", "layers"} | added
    assert row["speed"]["decode"].keys() == {"low", "expected", "high"}
    assert row["ask"]["engine"] == "llama.cpp" and row["memory"]["basis"] == "formula"


def test_the_parts_of_the_json_add_up() -> None:
    row = assess(model(), machine(16 * GB), ASK).row()
    memory = row["memory"]
    parts = ("weights", "kv_cache", "compute", "overhead")
    assert memory["total"] == sum(memory[part] for part in parts)
    assert [sum(part[name] for part in row["placement"]) for name in parts] == [memory[name] for name in parts]


def test_no_speed_is_invented_for_what_does_not_fit_or_has_no_bandwidth() -> None:
    assert assess(model(), machine(4 * GB), ASK).row()["speed"] is None
    assert assess(model(), machine(16 * GB, bandwidth=None), ASK).row()["speed"] is None


# ---- the engine's figures


def test_the_engines_own_figures_replace_the_formulas() -> None:
    memory = estimate_for(model(), ASK)
    sized = Sized(memory.weights - 5_000_000, 1000, 0, 2000, "x")
    told = with_engine(memory, sized)
    assert (told.weights, told.kv_cache, told.compute, told.basis) == (sized.weights, 1000, 2000, "engine")
    assert told.total == sized.total + memory.overhead
    assert with_engine(memory, None) is memory


def test_weights_that_differ_by_the_engines_rounding_alone_are_told_to_the_byte() -> None:
    memory = estimate_for(model(), ASK)
    whole = memory.weights // (1 << 20) * (1 << 20)
    assert with_engine(memory, Sized(whole, 1, 0, 1, "x")).weights == memory.weights


def test_the_engines_figures_decide() -> None:
    facts, where = model(), machine(16 * GB)
    assert assess(facts, where, ASK).verdict == "fits"
    assert assess(facts, where, ASK, sized=Sized(facts.tensor_bytes, 12 * GB, 0, 0, "x")).verdict == "too-big"


# ---- the longest context


@given(
    blocks=st.integers(4, 90),
    rest=st.integers(5_000_000, 400_000_000),
    experts=st.sampled_from([0, 30_000_000]),
    limit=st.sampled_from([512, 2000, 8192, 32_768, 131_072, 1_000_000]),
    free=st.integers(1, 200),
    card=st.sampled_from([0, 8, 24]),
    parallel=st.sampled_from([1, 4]),
    kv_type=st.sampled_from(["f16", "q8_0"]),
)
@settings(max_examples=60, deadline=None)
def test_the_longest_context_fits_and_a_longer_one_does_not(
    blocks: int, rest: int, experts: int, limit: int, free: int, card: int, parallel: int, kv_type: str
) -> None:
    facts = model(blocks, rest=rest, experts=experts, context=limit)
    where = machine(free * GB, *([gpu(card * GIB)] if card else []))
    ask = Ask(parallel=parallel, kv_type=kv_type)
    longest = longest_context(facts, where, ask)
    assert 0 <= longest <= limit and (longest % CELLS == 0 or longest == limit)
    if longest:
        assert verdict_of(facts, where, replace(ask, context=longest)) != "too-big"
    if longest + CELLS <= limit:
        assert verdict_of(facts, where, replace(ask, context=longest + CELLS)) == "too-big"


def test_a_limit_that_is_no_multiple_of_a_cell_is_reached() -> None:
    assert longest_context(model(context=2000), machine(64 * GB), ASK) == 2000


# ---- what would have to change


@pytest.mark.parametrize(
    "name", ["deepseek-r1:7b", "deepseek-r1:32b", "deepseek-r1:70b", "deepseek-r1:671b", "qwen3:30b"]
)
@pytest.mark.parametrize("where", MACHINES, ids=lambda where: where.name)
@pytest.mark.parametrize("context", [8192, 32_768])
def test_what_is_proposed_works(name: str, where: Machine, context: int) -> None:
    facts, ask = entry(name).summary("Q4_K_M"), Ask(context=context)
    fit = assess(facts, where, ask, smaller=smaller(facts))
    if fit.verdict == "fits":
        assert fit.changes == ()
        return
    better = {"fits"} if fit.verdict == "fits-partly" else {"fits", "fits-partly"}
    if (change := proposed(fit, "kv_type")) is not None:
        assert verdict_of(facts, where, replace(ask, kv_type=str(change["kv_type"]))) in better
    if (change := proposed(fit, "context")) is not None:
        assert verdict_of(facts, where, replace(ask, context=int(str(change["tokens"])))) in better
        assert int(str(change["tokens"])) < context
    if (change := proposed(fit, "quantization")) is not None:
        found = catalogue.resolve(str(change["name"]))
        assert found is not None and found.quantization == change["quantization"]
        assert verdict_of(found.entry.summary(found.quantization), where, ask) in better
    more = proposed(fit, "memory")
    assert (more is not None) == (fit.verdict == "too-big")
    if more is not None and "more" in more:
        size = int(str(more["more"]).split()[0]) * GIB
        larger = replace(where, memory_free=where.memory_free + size, memory_total=where.memory_total + size)
        assert verdict_of(facts, larger, ask) in better


def test_each_kind_of_change_is_proposed_somewhere() -> None:
    facts = entry("deepseek-r1:7b").summary("Q4_K_M")
    long = assess(facts, machine(10 * GB), Ask(context=131_072), smaller=smaller(facts))
    assert [change.key.rpartition(".")[2] for change in long.changes] == ["kv_type", "context", "memory"]
    coarse = assess(facts, machine(5 * GB), ASK, smaller=smaller(facts))
    assert "fit.change.quantization" in [change.key for change in coarse.changes]
    full = assess(entry("deepseek-r1:671b").summary("F32"), machine(4 * GB), ASK)
    assert [change.key for change in full.changes] == ["fit.change.memory_much"]


def test_no_change_is_proposed_that_does_not_help() -> None:
    facts = entry("deepseek-r1:671b").summary("Q4_K_M")
    fit = assess(facts, machine(4 * GB), ASK, smaller=smaller(facts))
    assert [change.key for change in fit.changes] == ["fit.change.memory"]


def test_a_quantization_without_a_name_of_its_own_is_not_proposed_as_a_command() -> None:
    facts = entry("deepseek-r1:7b").summary("Q4_K_M", "here.gguf")
    others = [replace(other, name="here.gguf") for other in smaller(entry("deepseek-r1:7b").summary("Q4_K_M"))]
    fit = assess(facts, machine(5 * GB), ASK, smaller=others)
    (change,) = [str(change) for change in fit.changes if "quantization" in change.key]
    assert "homeroom fit" not in change and change.startswith("Coarser, as IQ3_XXS (3.1 GB)")


# ---- where less than everything fits


def test_a_model_that_fits_partly_says_so_and_what_would_make_it_whole() -> None:
    facts = entry("deepseek-r1:14b").summary("Q4_K_M")
    where = machine(64 * GB, gpu(10 * GIB))
    fit = assess(facts, where, ASK, smaller=smaller(facts))
    card, rest = fit.placement.parts
    assert fit.verdict == "fits-partly" and 0 < card.layers < 48 and card.layers + rest.layers == 48
    change = proposed(fit, "quantization")
    assert change is not None
    assert proposed(fit, "memory") is None and proposed(fit, "context") is None
    coarser = catalogue.resolve(str(change["name"]))
    assert coarser is not None and verdict_of(coarser.entry.summary(coarser.quantization), where, ASK) == "fits"
    whole, nothing = (assess(facts, machine(64 * GB, *cards), ASK) for cards in ((gpu(24 * GIB),), ()))
    assert fit.speed is not None and whole.speed is not None and nothing.speed is not None
    assert nothing.speed.decode.expected < fit.speed.decode.expected < whole.speed.decode.expected


def test_free_memory_decides_and_not_total() -> None:
    busy = replace(machine(64 * GB), memory_free=4 * GB)
    assert assess(model(), busy, ASK).verdict == "too-big"
    assert usable(busy) == int(4 * GB * 0.9)


@pytest.mark.parametrize("ask", [Ask(context=0), Ask(parallel=0), Ask(batch=0), Ask(kv_type="q3_0")])
def test_an_impossible_question_is_refused(ask: Ask) -> None:
    with pytest.raises(UsageError):
        assess(model(), machine(16 * GB), ask)


# ---- figures that others published


def test_the_public_charts_figure_for_the_70b_in_float32() -> None:
    said = public(entry("deepseek-r1:70b").summary("F32"), 8192)
    assert text.size(said.total) == "285.6 GB"
    assert (said.parameters, said.weights, text.size(said.kv_cache)) == (70.6, 282_400_000_000, "2.7 GB")


# ---- the grid


@pytest.mark.parametrize("where", MACHINES, ids=lambda where: where.name)
def test_the_grid_says_what_each_verdict_says(where: Machine) -> None:
    names = ("deepseek-r1:1.5b", "deepseek-r1:671b", "gpt-oss:20b", "gemma3:4b", "granite4:tiny-h", "qwen3:30b")
    contexts = (1024, 8192, 131_072)
    models = [{each: entry(name).summary(each) for each in entry(name).quantizations} for name in names]
    rows = grid(models, where, ASK, contexts)
    assert len(rows) == len(contexts) * sum(len(known) for known in models)
    for name, quantization, context, total, verdict in rows:
        fit = assess(entry(name).summary(quantization), where, replace(ASK, context=context))
        assert (fit.memory.total, fit.verdict) == (total, verdict), (name, quantization, context)


def test_a_sentence_is_told_with_its_facts() -> None:
    about = (("more", "8 GB"), ("missing", "5.1 GB"))
    assert "5.1 GB of free memory are missing: a module of 8 GB" in str(Sentence("fit.change.memory", about))


# ---- what the engine cannot do is not advised


def test_the_batch_holds_as_many_requests_as_are_asked_for() -> None:
    """The engine aborts where requests outnumber the tokens of a batch."""
    assert batch_for(model(), machine(64 * GB), parallel=9) == 9
    assert batch_for(model(), machine(64 * GB, gpu(24 * GIB)), parallel=600) == 600
    assert batch_for(model(), machine(64 * GB)) == 8


def test_a_cache_of_odd_heads_stays_in_f16() -> None:
    """Heads of 80 elements are no whole blocks of 32: the engine refuses a context in q8_0."""
    odd = replace(model(), layers=(Layer(32, 80, 80),) * 32)
    assert can_quantize_cache(model(), 1) and not can_quantize_cache(odd, 1)
    tight = assess(odd, machine(8 * GB), Ask(context=16_384))
    assert tight.verdict == "too-big"
    assert [change for change in tight.changes if "kv_type" in change.key] == []
    assert within(Ask(kv_type="q8_0"), odd, machine(8 * GB)).kv_type == "f16"


def test_a_model_that_only_embeds_has_no_head_on_a_card_and_answers_nothing() -> None:
    embeds = replace(model(tied=True), pooling="mean")
    fit = assess(embeds, machine(32 * GB, gpu(24 * GIB)), Ask())
    assert sum(part.weights for part in fit.placement.parts) == embeds.tensor_bytes
    assert fit.speed is None


def test_what_fits_the_card_is_told_with_the_longest_context_that_still_does() -> None:
    """Not with one for which a part would leave it: that is another speed."""
    where = machine(64 * GB, gpu(8 * GIB))
    fit = assess(model(), where, ASK)
    assert fit.verdict == "fits"
    assert verdict_of(model(), where, replace(ASK, context=fit.max_context)) == "fits"
    assert verdict_of(model(), where, replace(ASK, context=fit.max_context + CELLS)) == "fits-partly"
    assert longest_context(model(), where, ASK) > fit.max_context
