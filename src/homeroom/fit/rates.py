"""How long a part of a model takes on a processor whose rates are known: for one token, and for a prompt.

Pure. The rates are those of a ``Calibration``, measured here or of a known processor; does not know which, nor what a
graphics processor does. Times in seconds, sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from homeroom.fit.calibration import Calibration, TypeRate, at, in_proportion
from homeroom.fit.known import KIN
from homeroom.fit.memory import bytes_per_token, counted
from homeroom.fit.placement import Placed
from homeroom.models.facts import Layer, ModelFacts
from homeroom.models.quantization import TENSOR_TYPES
from homeroom.models.quantization import kv_type as type_of

BYTES_EACH: Final[Mapping[str, float]] = {kind.name: kind.block_bytes / kind.block for kind in TENSOR_TYPES.values()}
"""Bytes of one parameter of each tensor type."""


@dataclass(frozen=True, slots=True)
class Depth:
    """A context of so many tokens and what it is kept in, for the layers of a model: the same in any quantization."""

    layers: tuple[tuple[Layer, int], ...]
    """How many layers there are of each shape."""
    context: int
    kv_type: str

    @classmethod
    def of(cls, facts: ModelFacts, context: int, kv_type: str) -> Depth:
        """Raises UsageError for an unknown *kv_type*."""
        type_of(kv_type)
        return cls(counted(facts.layers), context, kv_type)

    @property
    def cache_read(self) -> float:
        """Bytes of cache that one token after the context reads; of a recurrent state, which it also writes, twice those."""
        kind = type_of(self.kv_type)
        return float(
            sum(
                count * (_cells(layer, self.context) * bytes_per_token(layer, kind) + 8 * layer.state)
                for layer, count in self.layers
            )
        )

    @property
    def prompt_width(self) -> float:
        """Elements of keys and values that the queries of a prompt as long as the context meet."""
        return sum(count * _width(layer) * _pairs(layer, self.context) for layer, count in self.layers)


class Token:
    """What one token after *depth* takes at the rates of *calibration*: of a model in any quantization and placement."""

    __slots__ = ("_cells", "_each", "_layer", "_once")

    def __init__(self, calibration: Calibration, depth: Depth, vocabulary: int) -> None:
        self._each = _seconds_per_byte(calibration)
        self._cells = max(_attention(depth, calibration, 1, prompt=False), depth.cache_read * min(self._each.values()))
        self._layer = at(calibration.layer, 1)
        # Whatever the model's size: the engine's loop and sampling.
        self._once = calibration.token + calibration.vocabulary * vocabulary

    def seconds(self, part: Placed) -> float:
        """Seconds for what is in *part*."""
        each = self._each
        seconds = self._once + part.kv_share * self._cells + part.layers * self._layer
        for name, size in part.reads:
            seconds += size * each[name]
        return seconds


_kept: dict[int, tuple[Calibration, Mapping[str, float]]] = {}
"""By identity: to hash a calibration takes longer than the sum. A process sees a handful."""


def _seconds_per_byte(calibration: Calibration) -> Mapping[str, float]:
    """Seconds for a byte of weights while one token is generated, by tensor type."""
    known = _kept.get(id(calibration))
    if known is None or known[0] is not calibration:
        if len(_kept) >= 64:
            _kept.clear()
        rates = {name: _rate(name, calibration).batch(1) / size for name, size in BYTES_EACH.items()}
        known = _kept[id(calibration)] = calibration, rates
    return known[1]


def prompt_seconds(facts: ModelFacts, part: Placed, depth: Depth, batch: int, calibration: Calibration) -> float:
    """Seconds for reading a prompt as long as the context of *depth*, in batches of *batch*."""
    full, rest = divmod(depth.context, batch)
    seconds = sum(
        count
        * (_batch_seconds(facts, part, calibration, tokens) + part.layers * in_proportion(calibration.layer, tokens))
        for count, tokens in ((full, batch), (1, rest))
        if tokens
    )
    return seconds + part.kv_share * _attention(depth, calibration, batch, prompt=True)


def _attention(depth: Depth, calibration: Calibration, batch: int, *, prompt: bool) -> float:
    """Seconds of attention of all layers: for one token after the context, or for a *prompt* as long as it."""
    points = [
        (rate.head, at(rate.prompt, batch) if prompt else rate.cell)
        for rate in calibration.attention_rates(depth.kv_type)
    ]
    seconds = 0.0
    for layer, count in depth.layers:
        if layer.kv_heads:
            met = _pairs(layer, depth.context) if prompt else _cells(layer, depth.context)
            seconds += count * (layer.heads or layer.kv_heads) * met * _by_size(points, layer)
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
        rate, parameters = _rate(name, calibration), size / BYTES_EACH[name]
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
    name, size = min(part.reads, key=lambda read: abs(BYTES_EACH[read[0]] - each), default=("", 0))
    return name, min(float(parameters), size / BYTES_EACH[name] if name else 0.0)


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
