"""How many tokens a second a placed model reads and writes, as a range with its basis.

Pure. Two bases: rates measured on this machine (``calibration``), else its memory bandwidth and arithmetic from a table
times what engines were seen to reach of them, which is a wide range. Where neither is known there is no answer. Does
not know how rates are measured (``engine/calibrate``). Times in seconds, sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from homeroom import text
from homeroom.fit.calibration import Calibration, TypeRate, at, in_proportion
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
    """What the engine was seen to reach of a device's peak: lowest, usual, highest. ``prefill`` None: not known."""

    decode: tuple[float, float, float]
    prefill: tuple[float, float, float] | None


REACHED: Final[Mapping[str, Reach]] = {
    # RTX 4090 7B F16 54.7/s = 0.73 of 1,008 GB/s; P40 7B Q4_0 56.8/s = 0.63 and Q3_K_S 30.9/s = 0.26 of 346 GB/s;
    # prompt: RTX 4090 8B Q5_0 5,700/s = 1.1, RTX 3090 8B Q6_K 3,500/s = 1.6, P40 7B Q4_0 912/s = 1.0 of the vector peak.
    # (ggml-org/llama.cpp pull requests 3776, 4766, 7716, 7860)
    "cuda": Reach((0.40, 0.65, 0.85), (0.6, 1.1, 1.6)),
    # RX 7900 XTX 7B Q4_0 129-144/s = 0.51-0.57, 8B Q4_K_M 106/s = 0.54 of 960 GB/s; prompt 3,200-4,400/s = 0.8-1.0.
    # (ggml-org/llama.cpp issue 20934, pull request 26284)
    "rocm": Reach((0.35, 0.54, 0.70), (0.4, 0.85, 1.1)),
    # M1 Max 27B IQ4_NL 0.58, Q4_1 0.55, Q3_K_M 0.44 of 400 GB/s; M4 8B Q4_K_M 20.9/s = 0.86 of 120 GB/s;
    # prompt: M4 8B 225/s = 0.85 of 4.3 TFLOPS. (ggml-org/llama.cpp issue 27525, brand-o/normiebench issue 3)
    "metal": Reach((0.40, 0.60, 0.88), (0.5, 0.8, 1.0)),
    # RX 7900 XTX 7B Q4_0 167-177/s = 0.67-0.71 of 960 GB/s. (ggml-org/llama.cpp issue 20934)
    "vulkan": Reach((0.35, 0.60, 0.80), None),
    # No figure of it is at hand: what the others span.
    "intel": Reach((0.30, 0.55, 0.85), None),
    # i9-13900K, DDR5-6400, 7B Q4_0 18.3/s = 0.68 of 102 GB/s (ggml-org/llama.cpp issue 34); two cores of an EPYC: Q8_0
    # 0.95 and IQ2_XXS 0.18 of what they read (docs/speed.md).
    "cpu": Reach((0.18, 0.65, 0.95), None),
}
"""By kind of device. Seen 2026-11-24; peaks are the makers' (memory, and vector units in float32)."""

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
) -> Speed | None:
    """Decode with *context* tokens in the cache, and reading a prompt of that length in batches of *batch*.

    None where nothing is known of a device that holds a part. *calibration* is of this machine's processor (see
    ``calibration.load``); the parts on other devices go by their bandwidth. Raises UsageError for an unknown *kv_type*.
    """
    ask = _Ask(facts, dict(counted(facts.layers)), context, kv_type, max(1, min(batch, context)))
    if calibration is not None and (not calibration.attention_rates(kv_type) or not calibration.types):
        calibration = None
    decode, prefill = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    complete, by_table = True, False
    for part in placed:
        if part.kind == "cpu" and calibration is not None:
            spent = _by_rates(ask, part, calibration)
            decode = _add(decode, _spread(spent[0], calibration))
            prefill = _add(prefill, _spread(spent[1], calibration))
            continue
        by_table = True
        if (slow := _by_table(ask, part, machine)) is None:
            return None
        decode = _add(decode, slow[0])
        if slow[1] is None:
            complete = False
        else:
            prefill = _add(prefill, slow[1])
    if calibration is not None and not by_table:
        once = calibration.token + calibration.vocabulary * facts.vocabulary
        decode = _add(decode, _spread(once, calibration))
    if not decode[1]:
        return None
    reading = _range(context, prefill) if complete and prefill[1] else None
    return Speed(_range(1, decode), reading, *_basis(placed, calibration, by_table))


def _basis(
    placed: Sequence[Placed], calibration: Calibration | None, by_table: bool
) -> tuple[Basis, str, tuple[tuple[str, object], ...]]:
    if by_table or calibration is None:
        reaches = [REACHED[part.kind].decode for part in placed if part.kind in REACHED]
        low, high = min(reach[0] for reach in reaches), max(reach[2] for reach in reaches)
        return "table", "speed.table", (("low", f"{low:.0%}"), ("high", f"{high:.0%}"))
    return "calibrated", "speed.calibrated", (("date", calibration.date[:10]),)


@dataclass(frozen=True, slots=True)
class _Ask:
    facts: ModelFacts
    layers: Mapping[Layer, int]
    """How many layers there are of each shape."""
    context: int
    kv_type: str
    batch: int


# ---- by rates measured on this machine


def _by_rates(ask: _Ask, part: Placed, calibration: Calibration) -> tuple[float, float]:
    """Seconds for one token after the context, and for reading a prompt as long as it."""
    cache = _cache_read(ask)
    cells = part.kv_share * _attention(ask, calibration, 1, prompt=False)
    decode = sum(size / _bytes_each(name) * _rate(name, calibration).batch(1) for name, size in part.reads)
    decode += max(cells, part.kv_share * cache * _quickest(calibration)) + part.layers * at(calibration.layer, 1)
    full, rest = divmod(ask.context, ask.batch)
    prefill = sum(
        count
        * (
            _batch_seconds(ask.facts, part, calibration, tokens)
            + part.layers * in_proportion(calibration.layer, tokens)
        )
        for count, tokens in ((full, ask.batch), (1, rest))
        if tokens
    )
    return decode, prefill + part.kv_share * _attention(ask, calibration, ask.batch, prompt=True)


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


def _quickest(calibration: Calibration) -> float:
    """Seconds for a byte of memory: of the type of which most bytes a second were read."""
    return 1.0 / max(rate.bytes_per_second for rate in calibration.types)


def _spread(seconds: float, calibration: Calibration) -> Times:
    margin = min(0.8, max(MARGIN, calibration.spread))
    return seconds / (1.0 - margin), seconds, seconds / (1.0 + margin)


# ---- by bandwidth


def _by_table(ask: _Ask, part: Placed, machine: Machine) -> tuple[Times, Times | None] | None:
    """As ``_by_rates``, with the second None where the arithmetic of the device is not known; None without bandwidth."""
    reach = REACHED.get(part.kind)
    device = next((each for each in machine.devices if each.name == part.device), None)
    bandwidth = machine.bandwidth if part.kind == "cpu" else device.bandwidth if device is not None else None
    if reach is None or not bandwidth:
        return None
    size = sum(read for _, read in part.reads) + part.kv_share * _cache_read(ask)
    low, usual, high = reach.decode
    decode = (size / bandwidth / low, size / bandwidth / usual, size / bandwidth / high)
    return decode, _read_by_table(ask, part, device, reach)


def _read_by_table(ask: _Ask, part: Placed, device: Device | None, reach: Reach) -> Times | None:
    if device is None or not device.tflops or reach.prefill is None:
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
