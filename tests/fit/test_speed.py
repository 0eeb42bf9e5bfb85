"""Speed: sums of rates, what grows with context, experts, parts on several devices, and no answer where nothing is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from homeroom.errors import UsageError
from homeroom.fit import calibration as kept
from homeroom.fit.ask import Ask, batch_for
from homeroom.fit.calibration import AttentionRate, Calibration, TypeRate, at, in_proportion
from homeroom.fit.known import KIN, REACHED
from homeroom.fit.placement import Placed, place
from homeroom.fit.speed import Speed, predict
from homeroom.fit.verdict import estimate_for
from homeroom.hardware.device import Device
from homeroom.hardware.machine import Machine
from homeroom.hardware.presets import what_if
from homeroom.models import catalogue
from homeroom.models.facts import Layer, LayerWeights, ModelFacts, Weights
from homeroom.models.quantization import TENSOR_TYPES
from homeroom.version import engine_version

MACHINE = Machine("m", "Linux", "EPYC", 2, 2, 24 << 30, 20 << 30, None, bandwidth=50e9)
GPU = Device("RTX", "cuda", 24 << 30, 24 << 30, bandwidth=1e12, tflops=80.0)
CALIBRATION = Calibration(
    processor="EPYC",
    threads=2,
    engine=engine_version(),
    date="2026-11-24T00:00:00+00:00",
    types=(
        TypeRate("Q4_K", ((1, 1e-11), (8, 6e-11), (64, 4e-10))),
        TypeRate("Q6_K", ((1, 2e-11), (8, 1.6e-10), (64, 5e-10))),
        TypeRate("F16", ((1, 4e-11), (8, 1.2e-10), (64, 9e-10))),
    ),
    attention=(
        AttentionRate("f16", 64, 15e-9, ((8, 8e-9), (64, 2e-9))),
        AttentionRate("f16", 128, 20e-9, ((8, 12e-9), (64, 4e-9))),
        AttentionRate("q8_0", 128, 20e-9, ((64, 20e-9),)),
    ),
    token=1e-4,
    layer=((1, 5e-5), (64, 7e-4)),
    vocabulary=1e-8,
)
READS = (("Q4_K", 3_375_000_000), ("Q6_K", 820_312_500))
"""6.0e9 parameters of Q4_K and 1.0e9 of Q6_K."""


def model(*, layers: int = 32, window: int = 0, experts: int = 0, used: int = 0, head: int = 128) -> ModelFacts:
    shape = Layer(8, head, head, window=window, heads=32)
    each = READS[0][1] // layers
    routed = each // 2 * experts // used if experts else 0
    return ModelFacts(
        name="m", paths=(), sha256=None, architecture="llama", title=None, parameters=7_000_000_000,
        file_bytes=4_200_000_000, tensor_bytes=4_200_000_000, quantization="Q4_K_M", bits_per_weight=4.8,
        context_length=131072, embedding_length=4096, vocabulary=128256, layers=(shape,) * layers, chat_template=None,
        pooling=None, license=None, base=None, tokenizer=None,
        weights=Weights(0, READS[1][1], 0, (LayerWeights(each // 2, routed),) * layers, READS),
        active_parameters=7_000_000_000, experts=experts, experts_used=used,
    )  # fmt: skip


def part(kind: str = "cpu", *, share: float = 1.0, layers: int = 32) -> Placed:
    reads = tuple((name, int(size * share)) for name, size in READS)
    name = "CPU" if kind == "cpu" else GPU.name
    return Placed(name, kind, int(4.2e9 * share), 0, 0, 0, layers, 0, reads, share)


def ask(
    facts: ModelFacts,
    *placed: Placed,
    context: int = 1024,
    kv_type: str = "f16",
    batch: int = 8,
    machine: Machine = MACHINE,
    calibration: Calibration | None = CALIBRATION,
) -> Speed:
    found = predict(
        facts, placed or (part(),), machine, context=context, kv_type=kv_type, batch=batch, calibration=calibration
    )
    assert found is not None
    return found


def test_decode_is_the_sum_of_each_types_rate_attention_blocks_and_sampling() -> None:
    speed = ask(model(), context=1024)
    seconds = 6e9 * 1e-11 + 1e9 * 2e-11 + 32 * 32 * 1024 * 20e-9 + 32 * 5e-5 + 1e-4 + 128256 * 1e-8
    assert speed.decode.expected == pytest.approx(1 / seconds, rel=1e-6)
    assert speed.decode.low < speed.decode.expected < speed.decode.high
    assert speed.basis == "calibrated" and "2026-11-24" in speed.reason
    assert speed.row()["decode"]["expected"] == round(speed.decode.expected, 3)


def test_rates_of_a_busy_time_are_said_to_be_so() -> None:
    busy = ask(model(), calibration=replace(CALIBRATION, busy=True))
    assert busy.decode == ask(model()).decode and "busy" in busy.reason and "busy" not in ask(model()).reason


def test_a_prompt_takes_the_batchs_rate_but_for_the_head_and_the_last_feed_forward() -> None:
    """By hand for one batch of 8 of a model whose head is all of the Q6_K but what the vocabulary does not explain."""
    facts = model()
    speed = ask(facts, context=8, batch=8)
    head = 128256 * 4096
    blocks = 7e9 - head
    spared = 1 / 32 - 4096 * (32 + 8) * 256 / blocks
    weights = head * 2e-11
    for parameters, one, eight in ((6e9, 1e-11, 6e-11), (1e9 - head, 2e-11, 1.6e-10)):
        weights += parameters * (spared * one + (1 - spared) * eight)
    attention = 32 * 32 * (8 * 8 / 2) * 12e-9
    block = 32 * at(CALIBRATION.layer, 8)
    assert speed.prefill is not None
    assert speed.prefill.expected == pytest.approx(8 / (weights + attention + block), rel=1e-4)


def test_both_grow_slower_with_context_and_faster_with_batch() -> None:
    speeds = [ask(model(), context=context) for context in (128, 2048, 32768)]
    decodes = [speed.decode.expected for speed in speeds]
    prefills = [speed.prefill.expected for speed in speeds if speed.prefill]
    assert decodes == sorted(decodes, reverse=True) and decodes[2] < decodes[0] / 2
    assert prefills == sorted(prefills, reverse=True) and len(prefills) == 3
    small, large = (ask(model(), batch=batch).prefill for batch in (8, 64))
    assert small and large and large.expected > 1.1 * small.expected


def test_a_sliding_window_bounds_what_attention_reads() -> None:
    near, far = (ask(model(window=512), context=context).decode.expected for context in (512, 65536))
    assert near == pytest.approx(far, rel=1e-9)


def test_the_size_of_a_head_is_interpolated_between_those_measured() -> None:
    times = [1 / ask(model(head=head), context=16384).decode.expected for head in (64, 96, 128)]
    assert times[1] - times[0] == pytest.approx(times[2] - times[1], rel=1e-6)


def test_a_quantized_cache_goes_by_its_own_rate_and_an_unmeasured_one_by_the_table() -> None:
    assert ask(model(), kv_type="q8_0").basis == "calibrated"
    assert ask(model(), kv_type="q4_0").basis == "table"
    with pytest.raises(UsageError):
        ask(model(), kv_type="q5_9")


def test_a_prompt_touches_more_experts_than_a_token() -> None:
    """128 experts of which 8 are used: decode is that of the active weights, a prompt reads nearly all of them."""
    dense, mixture = ask(model(), batch=64), ask(model(experts=128, used=8), batch=64)
    assert mixture.decode.expected == pytest.approx(dense.decode.expected)
    assert mixture.prefill and dense.prefill
    assert mixture.prefill.expected < 0.9 * dense.prefill.expected


@pytest.mark.parametrize(
    "name", sorted({kind.name for kind in TENSOR_TYPES.values()} - {"I8", "I16", "I32", "I64", "F64"})
)
def test_every_type_has_a_rate_or_a_kin(name: str) -> None:
    """A type that was not measured is told by another, never refused and never faster than memory."""
    placed = replace(part(), reads=((name, 1_000_000_000),))
    speed = predict(model(), (placed,), MACHINE, context=8, kv_type="f16", batch=8, calibration=CALIBRATION)
    assert speed is not None and speed.decode.expected > 0
    assert KIN.get(name, "") not in KIN  # a kin is one that is measured


def test_a_graphics_processor_goes_by_its_bandwidth_and_a_time_for_each_block() -> None:
    machine = replace(MACHINE, devices=(GPU,))
    speed = ask(model(), part("cuda"), machine=machine)
    size = sum(read for _, read in READS) + 1024 * 32 * 8 * 256 * 2
    reach = REACHED["cuda"]
    for told, part_of, block in zip(
        (speed.decode.low, speed.decode.expected, speed.decode.high), reach.decode, reach.block, strict=True
    ):
        assert 1 / told == pytest.approx(size / 1e12 / part_of + 32 * block, rel=1e-6)
    assert speed.basis == "table" and speed.prefill is not None


def test_a_part_that_reads_nothing_takes_no_time() -> None:
    """A card's model leaves the input embedding in main memory: that must not hide how fast a prompt is read."""
    machine = replace(MACHINE, devices=(GPU,))
    embedding = Placed("CPU", "cpu", 500_000_000, 0, 0, 0, 0, 0, (), 0.0)
    for calibration in (None, CALIBRATION):
        alone = ask(model(), part("cuda"), machine=machine, calibration=calibration)
        assert ask(model(), part("cuda"), embedding, machine=machine, calibration=calibration) == alone
        assert alone.prefill is not None
    unknown = replace(machine, bandwidth=None)
    assert ask(model(), part("cuda"), embedding, machine=unknown, calibration=None).prefill is not None


def test_the_reason_is_of_the_part_that_takes_most_of_the_time() -> None:
    machine = replace(MACHINE, devices=(GPU,))
    halves = (part("cuda", share=0.5, layers=16), part(share=0.5, layers=16))
    card = ask(model(), part("cuda"), machine=machine, calibration=None).reason
    assert "RTX" in card and "50%" in card and "homeroom bench" not in card
    both = ask(model(), *halves, machine=machine, calibration=None)
    assert both.basis == "table" and "homeroom bench --calibrate" in both.reason
    measured = ask(model(), *halves, machine=machine)
    assert measured.basis == "table" and "2026-11-24" in measured.reason
    elsewhere = ask(model(), machine=replace(machine, source="preset"), calibration=None).reason
    assert "homeroom bench" not in elsewhere and "Zen 5" in elsewhere


def test_partial_offload_is_the_sum_of_its_parts() -> None:
    machine = replace(MACHINE, devices=(GPU,))
    halves = (part("cuda", share=0.5, layers=16), part(share=0.5, layers=16))
    both = ask(model(), *halves, machine=machine).decode.expected
    gpu = ask(model(), halves[0], machine=machine).decode.expected
    cpu = ask(model(), halves[1], machine=machine).decode.expected
    assert 1 / both == pytest.approx(1 / gpu + 1 / cpu, rel=1e-6)
    # The processor's half of a prompt may be computed on the card too: not known, so not told.
    assert ask(model(), *halves, machine=machine).prefill is None


def test_what_is_not_known_is_not_told() -> None:
    def unknown(facts: ModelFacts, placed: Placed, machine: Machine) -> Speed | None:
        return predict(facts, (placed,), machine, context=8, kv_type="f16", batch=8, calibration=None)

    assert unknown(model(), part(), replace(MACHINE, bandwidth=None)) is None
    assert unknown(model(), part("cuda"), MACHINE) is None  # no such device
    assert unknown(model(), part("cuda"), replace(MACHINE, devices=(replace(GPU, bandwidth=None),))) is None
    assert unknown(replace(model(), weights=None), replace(part(), reads=(), kv_share=0.0), MACHINE) is None
    plain = replace(GPU, tflops=None)
    without = ask(model(), part("cuda"), machine=replace(MACHINE, devices=(plain,)), calibration=None)
    assert without.prefill is None and without.basis == "table"


# ---- a processor by the table


def by_table(name: str, *, cores: int = 2, context: int = 8, kv_type: str = "f16", bandwidth: float = 50e9) -> Speed:
    """7.0e9 parameters of one type on a processor that was not calibrated."""
    kind = next(kind for kind in TENSOR_TYPES.values() if kind.name == name)
    placed = replace(part(), reads=((name, kind.bytes_for(7_000_000_000)),))
    machine = replace(MACHINE, cores=cores, bandwidth=bandwidth, bandwidth_basis="measured")
    return ask(model(), placed, context=context, kv_type=kv_type, machine=machine, calibration=None)


def test_an_uncalibrated_processor_waits_for_memory_or_for_arithmetic() -> None:
    """A small file is not a fast one: IQ3 waits for two cores, F16 for memory however many cores there are."""
    assert by_table("IQ3_XXS").decode.high < by_table("Q4_K").decode.high
    assert by_table("IQ3_XXS").decode.expected < 0.6 * by_table("Q4_K").decode.expected
    assert by_table("IQ3_XXS", cores=16).decode.expected > by_table("Q4_K", cores=16).decode.expected
    few, many = (by_table("F16", cores=cores).decode.expected for cores in (2, 16))
    assert many == pytest.approx(few, rel=0.02)
    assert by_table("F16", cores=16, bandwidth=100e9).decode.expected > 1.8 * many
    for name in ("F16", "Q8_0", "Q4_K", "IQ2_XXS", "MXFP4"):
        for cores in (1, 2, 8, 64):
            told = by_table(name, cores=cores).decode
            assert told.low < told.expected < told.high
            assert told.high * 7e9 * next(k for k in TENSOR_TYPES.values() if k.name == name).bits / 8 < 1.06 * 50e9


def test_an_uncalibrated_processor_pays_for_attention_and_more_for_a_coarser_cache() -> None:
    short, long = by_table("Q4_K").decode.expected, by_table("Q4_K", context=131072).decode.expected
    assert long < short / 10
    assert by_table("Q4_K", context=131072, kv_type="q4_0").decode.expected < 0.7 * long
    assert by_table("Q4_K", context=131072, cores=4).decode.expected > 1.8 * long


def test_the_table_tells_the_known_processor_what_was_measured_on_it() -> None:
    """Zero-weight models on the two cores of the table (docs/speed.md); within a quarter, and so in its range."""
    for name, depth, decode, prefill in (
        ("deepseek-r1:7b", 64, 8.9, 11.7),
        ("deepseek-r1:7b", 512, 8.1, 11.5),
        ("deepseek-r1:8b", 1024, 6.9, 10.0),
        ("deepseek-r1:14b", 384, 4.4, 5.6),
    ):
        speed = published("Q4_K_M", name, replace(MACHINE, bandwidth_basis="measured"), depth)
        assert speed.decode.expected == pytest.approx(decode, rel=0.25)
        assert speed.prefill is not None and speed.prefill.expected == pytest.approx(prefill, rel=0.25)


def test_another_processor_lies_in_the_range() -> None:
    """i9-13900K, DDR5-6400, 8 threads: 7B Q4_0 18.27/s (ggml-org/llama.cpp issue 34, 2023-08-12)."""
    desktop = replace(MACHINE, cores=8, bandwidth=102.4e9, bandwidth_basis="table", source="preset")
    told = published("Q4_0", "llama2:7b", desktop, 64).decode
    assert told.low < 18.27 < told.high and told.expected == pytest.approx(18.27, rel=0.25)


# ---- the table against published figures

_XIONGJIE = "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, README.md, LLaMA 3, "
_LLAMA_2 = "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, README.md, overview of LLaMA 2"
_STRIX = "lhl/strix-halo-testing issue 33"
PUBLISHED = (
    # machine, model, quantization, mean depth, tokens/s generated, of a prompt of 512 (gpt-oss: 2,048) or 0, source
    ("RTX 3070", "llama3.1:8b", "Q4_K_M", 256, 72.79, 2402.51, _XIONGJIE + "tg 512"),
    ("RTX 3080 10GB", "llama3.1:8b", "Q4_K_M", 256, 109.57, 3728.86, _XIONGJIE + "tg 512"),
    ("RTX 4070 Ti", "llama3.1:8b", "Q4_K_M", 256, 83.50, 3936.29, _XIONGJIE + "tg 512"),
    ("RTX 4080", "llama3.1:8b", "Q4_K_M", 256, 108.15, 5389.74, _XIONGJIE + "tg 512"),
    ("RTX 3090", "llama3.1:8b", "Q4_K_M", 256, 115.42, 4030.40, _XIONGJIE + "tg 512"),
    ("RTX 3090", "llama3.1:8b", "F16", 256, 47.40, 4444.65, _XIONGJIE + "tg 512"),
    ("RTX 4090", "llama3.1:8b", "Q4_K_M", 256, 130.58, 7138.99, _XIONGJIE + "tg 512"),
    ("RTX 4090", "llama3.1:8b", "F16", 256, 54.84, 9382.00, _XIONGJIE + "tg 512"),
    ("RTX 5090", "qwen3:8b", "Q4_K_M", 256, 221.7, 0, "CambrianTech/continuum pull request 1627"),
    ("RTX A6000", "llama2:7b", "Q4_0", 256, 111.57, 2979.12, _LLAMA_2),
    ("RTX A6000", "llama2:70b", "Q4_0", 256, 15.18, 405.97, _LLAMA_2),
    ("RTX 6000 Ada Generation", "llama2:70b", "Q4_0", 256, 17.02, 0, _LLAMA_2),
    ("A100 SXM4 80GB", "llama2:7b", "Q4_0", 256, 136.24, 0, _LLAMA_2),
    ("A100 SXM4 80GB", "llama2:7b", "F16", 256, 73.83, 0, _LLAMA_2),
    ("A100 SXM4 80GB", "llama2:70b", "Q4_0", 256, 25.68, 0, _LLAMA_2),
    ("H100 PCIe", "llama2:7b", "Q4_0", 256, 133.77, 0, _LLAMA_2),
    ("H100 PCIe", "llama2:70b", "Q4_0", 256, 25.88, 0, _LLAMA_2),
    ("M1 16GB", "llama3.1:8b", "Q4_K_M", 256, 10.20, 94.48, _XIONGJIE + "tg 512 (7 of 8 cores)"),
    ("M1 Max 64GB", "llama3.1:8b", "Q4_K_M", 256, 35.73, 408.23, _XIONGJIE + "tg 512"),
    ("M1 Max 64GB", "llama3.1:8b", "Q4_K_M", 64, 46.2, 499.58, "brand-o/normiebench issue 40"),
    ("M2 Ultra 192GB", "llama3.1:8b", "Q4_K_M", 256, 78.81, 994.04, _XIONGJIE + "tg 512"),
    ("M2 Ultra 192GB", "llama3.1:8b", "F16", 256, 36.90, 1175.40, _XIONGJIE + "tg 512"),
    ("M2 Ultra 192GB", "llama3.1:70b", "Q4_K_M", 256, 12.48, 118.79, _XIONGJIE + "tg 512"),
    ("M3 16GB", "llama2:7b", "Q4_0", 256, 20.79, 184.51, _LLAMA_2),
    ("M3 Max 64GB", "llama3.1:8b", "Q4_K_M", 256, 48.97, 693.32, _XIONGJIE + "tg 512"),
    ("M3 Max 64GB", "llama3.1:70b", "Q4_K_M", 256, 7.65, 70.19, _XIONGJIE + "tg 512"),
    ("M4 16GB", "llama3.1:8b", "Q4_K_M", 64, 20.87, 224.81, "brand-o/normiebench issue 3"),
    ("Ryzen AI Max+ 395 128GB", "llama3.1:8b", "Q4_K_M", 32, 41.6, 833, "deseven/strixhalo-homelab issue 11 (385)"),
    ("Ryzen AI Max+ 395 128GB", "gpt-oss:120b", "MXFP4", 16, 47.41, 998.24, _STRIX + ", tg32, pp2048"),
    ("Ryzen AI Max+ 395 128GB", "gpt-oss:120b", "MXFP4", 8192, 42.36, 0, _STRIX + ", tg32 @ d8192"),
)
"""Read 2026-11-25."""


@cache
def facts_of(name: str, quantization: str) -> ModelFacts:
    entry = catalogue.find(name)
    assert entry is not None, name
    return entry.summary(quantization)


def published(quantization: str, name: str, machine: Machine, depth: int) -> Speed:
    facts = facts_of(name, quantization)
    question = Ask(context=depth, batch=batch_for(facts, machine))
    parts = place(facts, machine, question, estimate_for(facts, question)).parts
    speed = predict(facts, parts, machine, context=depth, kv_type="f16", batch=question.batch, calibration=None)
    assert speed is not None
    return speed


def on(name: str) -> Machine:
    machine = what_if(ram=None, vram=None, machine=name, base=None)
    # A card alone is asked about, not whether a model has room on it.
    roomy = tuple(replace(each, memory_free=1 << 40, memory_total=1 << 40) for each in machine.devices)
    return replace(machine, devices=roomy, memory_free=1 << 40, memory_total=1 << 40)


@pytest.mark.parametrize(("where", "name", "quantization", "depth", "decode", "prompt", "source"), PUBLISHED)
def test_published_figures_lie_within_the_tables_range(
    where: str, name: str, quantization: str, depth: int, decode: float, prompt: float, source: str
) -> None:
    speed = published(quantization, name, on(where), depth)
    assert speed.decode.low < decode < speed.decode.high, source
    assert speed.decode.high / speed.decode.low < 3.2
    if prompt:
        read = published(quantization, name, on(where), 2048 if name.startswith("gpt") else 512).prefill
        assert read is not None and read.low < prompt < read.high, source


def test_the_table_is_about_right_in_the_middle() -> None:
    errors = sorted(
        abs(published(quantization, name, on(where), depth).decode.expected / decode - 1)
        for where, name, quantization, depth, decode, _, _ in PUBLISHED
    )
    assert errors[len(errors) // 2] < 0.10 and errors[-3] < 0.25


def test_a_curve_is_straight_between_its_points_in_logarithms() -> None:
    curve = ((1, 1.0), (8, 8.0), (64, 16.0))
    assert at(curve, 0.5) == 1.0 and at(curve, 8) == pytest.approx(8.0) and at(curve, 128) == 16.0
    assert at(curve, 2) == pytest.approx(2.0) and at(curve, 4) == pytest.approx(4.0)
    assert in_proportion(curve, 128) == pytest.approx(32.0)


# ---- what is kept


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    assert kept.load(tmp_path, MACHINE) is None
    kept.save(CALIBRATION, tmp_path)
    assert kept.load(tmp_path, MACHINE) == CALIBRATION


@pytest.mark.parametrize("other", [{"processor": "Xeon"}, {"cores": 8}, {"source": "preset"}])
def test_another_machine_does_not_use_it(tmp_path: Path, other: dict[str, object]) -> None:
    kept.save(CALIBRATION, tmp_path)
    assert kept.load(tmp_path, replace(MACHINE, **other)) is None  # type: ignore[arg-type]


def test_another_engine_makes_it_stale(tmp_path: Path) -> None:
    kept.save(replace(CALIBRATION, engine="0.1"), tmp_path)
    assert kept.load(tmp_path, MACHINE) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda row: row | {"version": 99},
        lambda row: row | {"token": -1.0},
        lambda row: row | {"token": float("nan")},
        lambda row: row | {"types": [{"name": "Q9_Z", "seconds": [[1, 1e-11]]}]},
        lambda row: row | {"types": [{"name": "Q4_K", "seconds": [[8, 1e-11], [1, 1e-11]]}]},
        lambda row: row | {"types": [{"name": "Q4_K", "seconds": []}]},
        lambda row: row | {"layer": [[1, 0.0]]},
        lambda row: [],
    ],
)
def test_a_damaged_file_is_as_none(tmp_path: Path, damage: Callable[[dict[str, object]], object]) -> None:
    path = kept.save(CALIBRATION, tmp_path)
    path.write_text(json.dumps(damage(kept.row(CALIBRATION))))
    assert kept.load(tmp_path, MACHINE) is None
    path.write_bytes(b"\xff\x00{")
    assert kept.load(tmp_path, MACHINE) is None
