"""How many tokens a second a placed model reads and writes, as a range with its basis.

Pure. Two bases: rates measured on this machine (``calibration``), else a table, which is a wide range: of a graphics
processor what engines were seen to reach of its memory bandwidth and arithmetic, of a processor its bandwidth and the
arithmetic of a known one. Where neither is known there is no answer. Does not know how rates are measured
(``engine/calibrate``). Times in seconds, sizes in bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal

from homeroom import text
from homeroom.fit.calibration import AttentionRate, Calibration, Curve, TypeRate, at, in_proportion
from homeroom.fit.memory import bytes_per_token, counted
from homeroom.fit.placement import Placed
from homeroom.hardware.device import Device
from homeroom.hardware.machine import Machine
from homeroom.models.facts import Layer, ModelFacts
from homeroom.models.quantization import TENSOR_TYPES
from homeroom.models.quantization import kv_type as type_of

Basis = Literal["measured", "calibrated", "table"]

MARGIN: Final = 0.2
"""Half the width of a calibrated range: the model's own error (docs/speed.md) where measurements agree."""


@dataclass(frozen=True, slots=True)
class Range:
    """Tokens a second."""

    low: float
    expected: float
    high: float

    def row(self) -> dict[str, float]:
        return {"low": round(self.low, 3), "expected": round(self.expected, 3), "high": round(self.high, 3)}


@dataclass(frozen=True, slots=True)
class Speed:
    """What to expect. ``facts`` fill the message ``reason_key``, which tells where the figures come from."""

    decode: Range
    prefill: Range | None
    """None where the arithmetic of a device is not known."""
    basis: Basis
    reason_key: str
    facts: tuple[tuple[str, object], ...] = ()

    @property
    def reason(self) -> str:
        """Where the figures come from, in the current language."""
        return text.t(self.reason_key, **dict(self.facts))

    def row(self) -> dict[str, Any]:
        """The speed in the JSON of ``fit``."""
        prefill = None if self.prefill is None else self.prefill.row()
        return {"decode": self.decode.row(), "prefill": prefill, "basis": self.basis}


@dataclass(frozen=True, slots=True)
class Reach:
    """What the engine was seen to do on a kind of device: slowest, usual, fastest. ``prefill`` None: not known.

    A token takes its bytes over ``decode`` of the bandwidth, and ``block`` seconds for each block, in which kernels start
    and end while the memory waits; ``prefill`` is a part of the peak of the vector units.
    """

    decode: tuple[float, float, float]
    block: tuple[float, float, float]
    prefill: tuple[float, float, float] | None


_RADEON: Final = Reach((0.55, 0.83, 0.95), (150e-6, 85e-6, 30e-6), (0.2, 0.42, 0.65))
REACHED: Final[Mapping[str, Reach]] = {
    # Fitted to 8B Q4_K_M, 8B F16, 7B Q4_0, 70B on 3070 to 4090, A6000, Ada (XiongjieDai/GPU-Benchmarks-on-LLM-Inference) and
    # 8B Q4_K_M on RTX 5090, 222/s (CambrianTech/continuum pull request 1627). Slowest: P40 7B Q4_0, prompts without matrix
    # units; fastest: RTX 4090 8B Q4_0 prompts 10,359/s = 2.0. (ggml-org/llama.cpp pull requests 3776, 4766, 7676, 7716, 7860)
    "cuda": Reach((0.50, 0.85, 0.97), (120e-6, 70e-6, 25e-6), (0.7, 1.5, 2.1)),
    # RX 7900 XTX 7B Q4_0 129-144/s, with Vulkan 167-177/s, 8B Q4_K_M 106/s; prompt 3,200-4,400/s = 0.35-0.57
    # (ggml-org/llama.cpp issue 20934, pull request 26284). Strix Halo 8B Q4_K_M 41.6/s, prompt 833/s = 0.45
    # (deseven/strixhalo-homelab issue 11), gpt-oss 120B 47.4/s, prompt 998/s = 0.34 (lhl/strix-halo-testing issue 33).
    "rocm": _RADEON,
    "vulkan": _RADEON,
    # M1, M1 Max, M3, M3 Max, M2 Ultra (XiongjieDai/GPU-Benchmarks-on-LLM-Inference), M4 8B 20.9/s, M1 Max 8B 46.2/s
    # (brand-o/normiebench issues 3, 40): a base chip waits for its memory, an Ultra for its blocks.
    "metal": Reach((0.48, 0.85, 0.97), (260e-6, 150e-6, 80e-6), (0.4, 0.68, 0.95)),
    # No figure of it is at hand: what the others span.
    "intel": Reach((0.30, 0.60, 0.90), (260e-6, 120e-6, 40e-6), None),
}
"""By kind of device. Seen 2026-11-25; peaks are those of the machine table."""
WIDE: Final = Reach((0.50, 0.72, 0.92), (200e-6, 150e-6, 80e-6), None)
"""Of cards with stacked memory: much bandwidth, many slow cores. Fitted to A100 80GB and H100 PCIe, 7B and 70B in Q4_0, 7B
in F16 (XiongjieDai/GPU-Benchmarks-on-LLM-Inference, LLaMA 2), which it meets within 15 %. Their peaks are not comparable: some
have matrix units and some have not."""
_STACKED: Final = re.compile(r"\b(A100|A800|A30|H100|H800|H200|GH200|B200|GB200|V100|P100|Instinct|MI\d{2,3}[AXP]?)\b")

READ: Final[Mapping[bool, tuple[float, float, float]]] = {False: (0.45, 0.72, 0.92), True: (0.75, 0.95, 1.05)}
"""Of a processor's memory bandwidth, what it reads of weights it need not wait for; by whether the bandwidth was measured.

Of a maker's figure: i9-13900K, DDR5-6400, 7B Q4_0 18.3/s = 0.68 (ggml-org/llama.cpp issue 34).
"""
UNLIKE: Final = 2.0
"""How much slower or faster another processor's cores may be than the known one's."""


def _curve(*values: float, batches: tuple[int, ...] = (1, 8, 16, 32)) -> Curve:
    return tuple(zip(batches, (value * 1e-12 for value in values), strict=True))


KNOWN: Final = Calibration(
    processor="AMD EPYC (Zen 5, AVX-512)",
    threads=2,
    engine="2026.10.11549",
    date="2026-11-25",
    types=(
        TypeRate("F16", _curve(36.2, 147, 273, 539)),
        TypeRate("Q8_0", _curve(22.8, 101, 176, 329)),
        TypeRate("Q6_K", _curve(20.6, 180, 180, 277)),
        TypeRate("Q5_K", _curve(22.6, 141, 144, 231)),
        TypeRate("Q5_0", _curve(25.8, 132, 248, 483)),
        TypeRate("Q4_K", _curve(13.1, 88.5, 136, 269)),
        TypeRate("Q4_0", _curve(15.0, 90.2, 145, 286)),
        TypeRate("Q4_1", _curve(20.0, 142, 273, 537)),
        TypeRate("Q3_K", _curve(21.7, 173, 175, 278)),
        TypeRate("Q2_K", _curve(14.4, 138, 138, 247)),
        TypeRate("IQ4_XS", _curve(21.2, 150, 151, 269)),
        TypeRate("IQ3_XXS", _curve(38.9, 190, 190, 279)),
        TypeRate("IQ2_XXS", _curve(29.2, 173, 173, 256)),
        TypeRate("MXFP4", _curve(37.8, 159, 284, 562)),
    ),
    attention=(
        AttentionRate("f16", 64, 22.1e-9, _curve(10_800, 2_490, 2_280, batches=(8, 64, 256))),
        AttentionRate("f16", 128, 22.0e-9, _curve(13_100, 3_940, 3_670, batches=(8, 64, 256))),
        AttentionRate("q8_0", 64, 25.9e-9, _curve(13_600, batches=(64,))),
        AttentionRate("q8_0", 128, 24.9e-9, _curve(21_400, batches=(64,))),
        AttentionRate("q4_0", 64, 44.3e-9, _curve(24_400, batches=(64,))),
        AttentionRate("q4_0", 128, 43.0e-9, _curve(38_600, batches=(64,))),
    ),
    token=1e-4,
    layer=((1, 1.0e-4), (8, 2.33e-4), (64, 7.49e-4)),
    vocabulary=8.5e-9,
)
"""Two cores with 52 GB/s: medians of three ``homeroom bench --calibrate``, the quickest where memory was waited for."""

KIN: Final[Mapping[str, str]] = {
    "F32": "F16",
    "Q4_1": "Q4_0",
    "Q5_0": "Q8_0",
    "Q5_1": "Q8_0",
    "IQ4_NL": "Q4_0",
    "IQ3_S": "IQ3_XXS",
    "IQ2_XS": "IQ2_XXS",
    "IQ2_S": "IQ2_XXS",
    "IQ1_S": "IQ2_XXS",
    "IQ1_M": "IQ2_XXS",
    "BF16": "F16",
    "NVFP4": "MXFP4",
    "TQ1_0": "Q2_K",
    "TQ2_0": "Q2_K",
    "Q1_0": "Q2_K",
    "Q2_0": "Q2_K",
}
"""A type that was not measured takes as long per parameter as this one, the nearest in how it is computed with."""

_TYPES: Final = {kind.name: kind for kind in TENSOR_TYPES.values()}
Times = tuple[float, float, float]
"""Seconds: at most, expected, at least."""


def predict(
    facts: ModelFacts,
    placed: Sequence[Placed],
    machine: Machine,
    *,
    context: int,
    kv_type: str,
    batch: int,
    calibration: Calibration | None,
    brief: bool = False,
) -> Speed | None:
    """Decode with *context* tokens in the cache, and reading a prompt of that length in batches of *batch*.

    None where nothing is known of a device that holds a part. *calibration* is of this machine's processor (see
    ``calibration.load``); the parts on other devices go by their bandwidth. Raises UsageError for an unknown *kv_type*.
    *brief*: what decode is expected to reach is right, its range and the prompt are not told (for those who compare many).
    """
    type_of(kv_type)
    ask = _Ask(facts, dict(counted(facts.layers)), context, kv_type, max(1, min(batch, context)), brief)
    if calibration is not None and (not calibration.attention_rates(kv_type) or not calibration.types):
        calibration = None
    decode, prefill = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    complete, by_table = True, False
    longest, most = placed[0] if placed else None, 0.0
    for part in placed:
        if not part.reads and not part.kv_share:  # the input embedding alone, of which a token reads a row
            continue
        if part.kind == "cpu" and calibration is not None:
            token = _spread(_token_seconds(ask, part, calibration), calibration)
            prompt: Times | None = None
            if not brief:
                prompt = _spread(_prompt_seconds(ask, part, calibration), calibration)
        else:
            by_table = True
            if (found := _by_table(ask, part, machine)) is None:
                return None
            token, prompt = found
        if token[1] > most:
            longest, most = part, token[1]
        decode = _add(decode, token)
        # Beside a card the engine may send a batch's weights there (``op_offload``): how fast that is was not seen.
        if prompt is None or (part.kind == "cpu" and any(each.kind != "cpu" for each in placed)):
            complete = False
        else:
            prefill = _add(prefill, prompt)
    if calibration is not None and not by_table:
        once = calibration.token + calibration.vocabulary * facts.vocabulary
        decode = _add(decode, _spread(once, calibration))
    if not decode[1] or longest is None:
        return None
    reading = _range(context, prefill) if complete and prefill[1] else None
    return Speed(_range(1, decode), reading, *_basis(longest, machine, calibration, by_table))


def _basis(
    longest: Placed, machine: Machine, calibration: Calibration | None, by_table: bool
) -> tuple[Basis, str, tuple[tuple[str, object], ...]]:
    """Basis, and the reason: of the part that takes most of the time."""
    if longest.kind == "cpu" and calibration is not None:
        return ("table" if by_table else "calibrated"), "speed.calibrated", (("date", calibration.date[:10]),)
    if longest.kind == "cpu":
        key = "speed.processor" if machine.source == "detected" else "speed.processor_elsewhere"
        return "table", key, (("known", KNOWN.processor), ("date", KNOWN.date))
    reach = _reach(longest)
    assert reach is not None
    low, _, high = reach.decode
    facts = (
        ("device", longest.device),
        ("low", f"{low:.0%}"),
        ("high", f"{high:.0%}"),
        ("block", f"{reach.block[1] * 1e6:.0f}"),
    )
    return "table", "speed.table", facts


@dataclass(frozen=True, slots=True)
class _Ask:
    facts: ModelFacts
    layers: Mapping[Layer, int]
    """How many layers there are of each shape."""
    context: int
    kv_type: str
    batch: int
    brief: bool


# ---- by rates measured on this machine


def _token_seconds(ask: _Ask, part: Placed, calibration: Calibration) -> float:
    """Seconds for one token after the context."""
    cells = part.kv_share * _attention(ask, calibration, 1, prompt=False)
    seconds = sum(size / _bytes_each(name) * _rate(name, calibration).batch(1) for name, size in part.reads)
    read = part.kv_share * _cache_read(ask) * _quickest(calibration)
    return seconds + max(cells, read) + part.layers * at(calibration.layer, 1)


def _prompt_seconds(ask: _Ask, part: Placed, calibration: Calibration) -> float:
    """Seconds for reading a prompt as long as the context."""
    full, rest = divmod(ask.context, ask.batch)
    seconds = sum(
        count
        * (
            _batch_seconds(ask.facts, part, calibration, tokens)
            + part.layers * in_proportion(calibration.layer, tokens)
        )
        for count, tokens in ((full, ask.batch), (1, rest))
        if tokens
    )
    return seconds + part.kv_share * _attention(ask, calibration, ask.batch, prompt=True)


def _attention(ask: _Ask, calibration: Calibration, batch: int, *, prompt: bool) -> float:
    """Seconds of attention of all layers: for one token after the context, or for a *prompt* as long as it."""
    rates = calibration.attention_rates(ask.kv_type)
    seconds = 0.0
    for layer, count in ask.layers.items():
        if layer.kv_heads:
            each = _by_size([(rate.head, at(rate.prompt, batch) if prompt else rate.cell) for rate in rates], layer)
            met = _pairs(layer, ask.context) if prompt else _cells(layer, ask.context)
            seconds += count * (layer.heads or layer.kv_heads) * met * each
    return seconds


def _by_size(points: Sequence[tuple[int, float]], layer: Layer) -> float:
    """Seconds for a head of *layer*'s size: on the line through the first and last of *points*, in proportion to one."""
    size = (layer.key_length + layer.value_length) / 2
    (small, less), (large, more) = points[0], points[-1]
    if small == large:
        return more * size / large
    return max(0.25 * less, less + (size - small) * (more - less) / (large - small))


def _batch_seconds(facts: ModelFacts, part: Placed, calibration: Calibration, tokens: int) -> float:
    """Seconds that the weights take for a batch of *tokens* of a prompt.

    The head and the last block's feed-forward see one token of it (``inp_out_ids`` in ``src/models/*.cpp``).
    """
    head, last = _head(facts, part)
    routed, spared = _expert_part(facts), _spared_part(facts)
    seconds = 0.0
    for name, size in part.reads:
        rate, parameters = _rate(name, calibration), size / _bytes_each(name)
        if name == head:
            parameters -= last
            seconds += last * rate.batch(1)
        seconds += parameters * spared * rate.batch(1)
        parameters *= 1.0 - spared
        seconds += parameters * (1.0 - routed) * rate.batch(tokens)
        if routed:
            used = facts.experts_used / facts.experts
            touched = 1.0 - (1.0 - used) ** tokens  # the part of all experts that any of the tokens is sent to
            seconds += parameters * routed / used * touched * rate.batch(tokens * used / touched)
    return seconds


def _spared_part(facts: ModelFacts) -> float:
    """The part of the blocks' weights that is the last block's feed-forward: of a middling block all but attention."""
    blocks = (facts.active_parameters or facts.parameters) - facts.vocabulary * facts.embedding_length
    if not facts.layers or blocks <= 0:
        return 0.0
    last = facts.layers[-1]
    attention = facts.embedding_length * (last.heads + last.kv_heads) * (last.key_length + last.value_length)
    return max(0.0, 1.0 / len(facts.layers) - attention / blocks)


def _head(facts: ModelFacts, part: Placed) -> tuple[str, float]:
    """Tensor type and parameters of the head, where it is in *part* for certain: the part that has every block."""
    parameters = facts.vocabulary * facts.embedding_length
    if facts.weights is None or not parameters or part.layers < len(facts.layers):
        return "", 0.0
    each = (facts.weights.output or facts.weights.input) / parameters
    name, size = min(part.reads, key=lambda read: abs(_bytes_each(read[0]) - each), default=("", 0))
    return name, min(float(parameters), size / _bytes_each(name) if name else 0.0)


def _expert_part(facts: ModelFacts) -> float:
    """The part of the weights read for one token that are routed experts'."""
    if not facts.experts or facts.weights is None or not facts.weights.read:
        return 0.0
    routed = sum(layer.experts for layer in facts.weights.layers) * facts.experts_used / facts.experts
    return min(1.0, routed / facts.weights.read)


def _rate(name: str, calibration: Calibration) -> TypeRate:
    """The rate of type *name*: measured, else its kin's, else the slowest of all."""
    rate = calibration.type_rate(name) or calibration.type_rate(KIN.get(name, ""))
    if rate is None:
        rate = max(calibration.types, key=lambda each: each.seconds[0][1])
    return rate


_QUICKEST: Final[dict[int, tuple[Calibration, float]]] = {}
"""By identity: to hash a calibration takes longer than the sum."""


def _quickest(calibration: Calibration) -> float:
    """Seconds for a byte of memory: of the type of which most bytes a second were read."""
    kept = _QUICKEST.get(id(calibration))
    if kept is None or kept[0] is not calibration:
        kept = calibration, 1.0 / max(rate.bytes_per_second for rate in calibration.types)
        _QUICKEST[id(calibration)] = kept
    return kept[1]


def _spread(seconds: float, calibration: Calibration) -> Times:
    margin = min(0.8, max(MARGIN, calibration.spread))
    return seconds / (1.0 - margin), seconds, seconds / (1.0 + margin)


# ---- by table


def _by_table(ask: _Ask, part: Placed, machine: Machine) -> tuple[Times, Times | None] | None:
    """Seconds for a token and for a prompt, None where the device's arithmetic is not known; None without bandwidth."""
    if part.kind == "cpu":
        return _on_processor(ask, part, machine) if machine.bandwidth else None
    reach = _reach(part)
    device = next((each for each in machine.devices if each.name == part.device), None)
    if reach is None or device is None or not device.bandwidth:
        return None
    read = (sum(size for _, size in part.reads) + part.kv_share * _cache_read(ask)) / device.bandwidth
    slow, usual, fast = (
        read / most + part.layers * block for most, block in zip(reach.decode, reach.block, strict=True)
    )
    return (slow, usual, fast), _read_by_table(ask, part, device, reach)


def _reach(part: Placed) -> Reach | None:
    return WIDE if _STACKED.search(part.device) else REACHED.get(part.kind)


def _on_processor(ask: _Ask, part: Placed, machine: Machine) -> tuple[Times, Times]:
    rates = _like(max(1, machine.cores), machine.bandwidth or 0.0, machine.bandwidth_basis == "measured")
    if ask.brief:
        sampling = rates[1].token + rates[1].vocabulary * ask.facts.vocabulary
        seconds = _token_seconds(ask, part, rates[1]) + sampling
        return (seconds, seconds, seconds), (0.0, 0.0, 0.0)
    once = [each.token + each.vocabulary * ask.facts.vocabulary for each in rates]
    slow, usual, fast = (_token_seconds(ask, part, each) + sampling for each, sampling in zip(rates, once, strict=True))
    prompt = _prompt_seconds(ask, part, rates[1])
    return (slow, usual, fast), (prompt * UNLIKE, prompt, prompt / UNLIKE)


@lru_cache(maxsize=64)
def _like(cores: int, bandwidth: float, measured: bool) -> tuple[Calibration, Calibration, Calibration]:
    """The known processor's rates on *cores*, none faster than memory of *bandwidth* is read: slow, usual, fast."""
    slow, usual, fast = READ[measured]
    return (
        _scaled(UNLIKE, cores, bandwidth * slow),
        _scaled(1.0, cores, bandwidth * usual),
        _scaled(1.0 / UNLIKE, cores, bandwidth * fast),
    )


def _scaled(unlike: float, cores: int, read: float) -> Calibration:
    part = unlike * KNOWN.threads / cores

    def spread(curve: Curve, least: float) -> Curve:
        return tuple((batch, max(least, seconds * part)) for batch, seconds in curve)

    return replace(
        KNOWN,
        threads=cores,
        types=tuple(TypeRate(one.name, spread(one.seconds, _bytes_each(one.name) / read)) for one in KNOWN.types),
        attention=tuple(replace(one, cell=one.cell * part, prompt=spread(one.prompt, 0.0)) for one in KNOWN.attention),
        token=KNOWN.token * unlike,
        # Threads that wait for each other do not wait less where they are more.
        layer=spread(KNOWN.layer, KNOWN.layer[0][1] * unlike),
        vocabulary=KNOWN.vocabulary * unlike,
    )


def _read_by_table(ask: _Ask, part: Placed, device: Device, reach: Reach) -> Times | None:
    if not device.tflops or reach.prefill is None:
        return None
    parameters = sum(read / _bytes_each(name) for name, read in part.reads)
    pairs = sum(count * _width(layer) * _pairs(layer, ask.context) for layer, count in ask.layers.items())
    operations = 2.0 * (parameters * ask.context + part.kv_share * pairs)
    low, usual, high = (operations / (device.tflops * 1e12 * each) for each in reach.prefill)
    return low, usual, high


# ---- what both count


def _cache_read(ask: _Ask) -> float:
    """Bytes of cache that one token after the context reads; of a recurrent state, which it also writes, twice those."""
    kind = type_of(ask.kv_type)
    return float(
        sum(
            count * (_cells(layer, ask.context) * bytes_per_token(layer, kind) + 8 * layer.state)
            for layer, count in ask.layers.items()
        )
    )


def _cells(layer: Layer, depth: int) -> int:
    """Cells that one token after *depth* others meets."""
    return min(depth, layer.window) if layer.window else depth


def _pairs(layer: Layer, length: int) -> float:
    """Pairs of a token of a prompt of *length* and one before it that it meets."""
    window = _cells(layer, length)
    return window * (length - window / 2)


def _width(layer: Layer) -> int:
    """Elements of keys and values that one token's queries meet in one cell."""
    return (layer.heads or layer.kv_heads) * (layer.key_length + layer.value_length) if layer.kv_heads else 0


def _bytes_each(name: str) -> float:
    """Bytes of one parameter of the tensor type *name*."""
    kind = _TYPES[name]
    return kind.block_bytes / kind.block


def _add(one: Times, other: Times) -> Times:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _range(tokens: int, times: Times) -> Range:
    slow, expected, fast = times
    return Range(tokens / slow, tokens / expected, tokens / fast)
