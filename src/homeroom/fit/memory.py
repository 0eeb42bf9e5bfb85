"""How much memory a model takes at a context, by formula, and whether that fits.

Knows what llama.cpp allocates on a processor, from a model's facts alone; does not ask the engine (``dry_run``), nor which
device a layer goes to (``placement``). Every size is in bytes, every length in tokens.

On a GPU the same graph is laid out on each device that holds layers, with a small part left in main memory: that its
buffers have the same size there is taken over from the engine's source and not verified on one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from homeroom import text
from homeroom.errors import UsageError
from homeroom.models.facts import Layer, ModelFacts, Stage
from homeroom.models.quantization import TensorType
from homeroom.models.quantization import kv_type as type_of

if TYPE_CHECKING:
    from homeroom.fit.ask import Ask

USABLE: Final = 0.9
"""The headroom rule: a model may take this part of the free memory; the rest stays for what comes after."""

CELLS: Final = 256
"""llama.cpp rounds the cells of a KV cache up to a multiple of this."""

PROCESS_BYTES: Final = 54 << 20
"""The engine's process beside what it reports: interpreter, libraries, server (55 MiB resident, seen on Linux)."""

TOKEN_BYTES: Final = 176
"""Tables of the tokenizer, per token of the vocabulary (168 bytes seen between 49,152 and 262,144 tokens)."""

SMALLEST_CONTEXT: Final = 256

ROTATION: Final = 64
"""Side of the smallest matrix that turns rows before they are quantized into the KV cache."""

_SMALL_INPUTS: Final = 16 << 10
"""Positions and indices that lie between the masks."""

UNKNOWN_BYTES: Final = 80
"""Scratch for one token of a batch, per element of the embedding, for facts without their graph: what dense models need."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that a model takes while it runs; ``total`` is their sum."""

    weights: int
    kv_cache: int
    compute: int
    """Scratch of the largest batch, attention mask and logits: what the engine calls compute and output buffers."""
    overhead: int
    """The process itself and the tokenizer's tables, which the engine does not report."""
    total: int
    basis: Literal["formula", "engine"] = "formula"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model fits, with the numbers that say so. ``usable`` is the part of ``free`` that may be taken."""

    fits: bool
    needed: int
    usable: int
    free: int

    @property
    def key(self) -> str:
        """The message that tells the reason; with ``facts`` it also makes a DoesNotFit."""
        return "fit.fits" if self.fits else "fit.too_big"

    @property
    def facts(self) -> dict[str, str]:
        return {name: text.size(getattr(self, name)) for name in ("needed", "usable", "free")}

    @property
    def reason(self) -> str:
        """The reason, in the current language."""
        return text.t(self.key, **self.facts)


def estimate(
    facts: ModelFacts, *, context: int, parallel: int, kv_type: str, batch: int = 512, flash_attention: bool = True
) -> Memory:
    """Bytes for *parallel* requests of *context* tokens each (the engine's ``n_ctx`` is their product).

    *kv_type* is ``f16``, ``q8_0`` or ``q4_0``; *batch* the engine's ``n_batch`` and ``n_ubatch``. A quantized cache is only
    ever read with flash attention. Raises UsageError for another type or a number below 1.
    """
    size = _Size.of(context, parallel, batch, kv_type, flash_attention)
    groups = _grouped(facts.layers)
    kv_cache = parallel * sum(count * _layer_bytes(layer, size, groups) for layer, count in groups.layers)
    compute = _compute(facts, groups, size)
    overhead = PROCESS_BYTES + TOKEN_BYTES * facts.vocabulary
    weights = loaded_bytes(facts)
    return Memory(weights, kv_cache, compute, overhead, weights + kv_cache + compute + overhead)


_CACHE_ABORTS: Final = {("phi3", 40): 2, ("phi3", 32): 4, ("granitemoe", 24): 1}
"""By architecture and blocks, from how many requests on a quantized cache is more than the engine's graph has room for: it
aborts (``ggml-impl.h``). Seen by asking xllamacpp 2026.10 for every model of the catalogue."""


def can_quantize_cache(facts: ModelFacts, parallel: int) -> bool:
    """Whether the engine can keep the KV cache of *facts* in q8_0 or q4_0: rows of a head must be whole blocks of 32."""
    if parallel >= _CACHE_ABORTS.get((facts.architecture, len(facts.layers)), parallel + 1):
        return False
    return not any(layer.key_length % 32 or layer.value_length % 32 for layer in set(facts.layers))


def loaded_bytes(facts: ModelFacts) -> int:
    """Bytes of the tensors that the engine loads: all but those of blocks that only predict further tokens."""
    unloaded = facts.scratch.unloaded if facts.scratch else 0
    if not unloaded or facts.weights is None:
        return facts.tensor_bytes
    return facts.tensor_bytes - sum(layer.total for layer in facts.weights.layers[-unloaded:])


def loaded_blocks(facts: ModelFacts) -> int:
    """Blocks that the engine loads: the first ones, all but those that only predict further tokens."""
    return len(facts.layers) - (facts.scratch.unloaded if facts.scratch else 0)


def kv_by_layer(facts: ModelFacts, ask: Ask) -> tuple[int, ...]:
    """Bytes of KV cache and recurrent state of each block, in order; their sum is ``estimate``'s ``kv_cache``."""
    size = _Size.of(ask.context, ask.parallel, ask.batch, ask.kv_type, ask.flash_attention)
    groups = _grouped(facts.layers)
    known = [size.parallel * _layer_bytes(layer, size, groups) for layer, _ in groups.layers]
    return tuple([known[index] for index in groups.order])


def kv_bytes_per_token(facts: ModelFacts, kv_type: str) -> int:
    """Bytes that one more token of context takes in all layers, windows not counted. Raises UsageError."""
    kind = type_of(kv_type)
    return sum(count * bytes_per_token(layer, kind) for layer, count in _grouped(facts.layers).layers)


def counted(layers: tuple[Layer, ...]) -> tuple[tuple[Layer, int], ...]:
    """The layers that keep anything, equal ones counted together."""
    return _grouped(layers).layers


def bytes_per_token(layer: Layer, kind: TensorType) -> int:
    """Bytes of one cell of a layer's KV cache: one row of keys and one of values, in whole blocks of *kind*."""
    return kind.bytes_for(layer.kv_heads * layer.key_length) + kind.bytes_for(layer.kv_heads * layer.value_length)


@dataclass(frozen=True, slots=True)
class _Size:
    """A question in the engine's own numbers."""

    cells: int
    """Of one sequence, in a layer that sees everything."""
    parallel: int
    tokens: int
    """Of the largest batch, a multiple of the sequences."""
    batch: int
    kind: TensorType
    flash: bool

    @classmethod
    def of(cls, context: int, parallel: int, batch: int, kv_type: str, flash_attention: bool) -> _Size:
        """Source: ``llama_context::llama_context`` and ``graph_reserve`` in ``src/llama-context.cpp``."""
        for name, value in (("context", context), ("parallel", parallel), ("batch", batch)):
            if value < 1:
                raise UsageError("fit.bad_ask", name=name, value=value)
        kind = type_of(kv_type)
        asked = context * parallel
        batch = min(asked, batch)
        return cls(
            cells=_padded(_padded(asked) // parallel),
            parallel=parallel,
            tokens=-(-batch // parallel) * parallel,
            batch=batch,
            kind=kind,
            flash=flash_attention or kind.block > 1,
        )

    def seen(self, window: int) -> int:
        """Cells of one sequence in a layer with *window*, which needs room for itself and the batch being read.

        Source: ``llama_kv_cache_iswa`` (``size_swa``) in ``src/llama-kv-cache-iswa.cpp``.
        """
        return _padded(min(self.cells, window + self.batch)) if window else self.cells


@dataclass(frozen=True, slots=True)
class _Groups:
    """A model's layers, equal ones counted together."""

    layers: tuple[tuple[Layer, int], ...]
    order: tuple[int, ...]
    """For each block of the model, which of ``layers`` it is."""
    windows: tuple[tuple[int, int, int], ...]
    """``(window, key length, value length)`` of each cache that there is: one for what slides, one for what does not."""
    widest: int
    """The widest row of values: without flash attention all are padded to it."""


_known: dict[int, tuple[tuple[Layer, ...], _Groups]] = {}
_KNOWN: Final = 4096


def _grouped(layers: tuple[Layer, ...]) -> _Groups:
    """Looked up by identity: to hash a hundred layers takes longer than the rest of the formula."""
    entry = _known.get(id(layers))
    if entry is not None and entry[0] is layers:
        return entry[1]
    counted = Counter(layers)
    keeping = [layer for layer in counted if layer.kv_heads]
    groups = _Groups(
        tuple(counted.items()),
        tuple(map(list(counted).index, layers)),
        tuple({layer.window: (layer.window, layer.key_length, layer.value_length) for layer in keeping}.values()),
        max((layer.kv_heads * layer.value_length for layer in keeping), default=0),
    )
    if len(_known) >= _KNOWN:
        _known.clear()
    _known[id(layers)] = (layers, groups)
    return groups


def _layer_bytes(layer: Layer, size: _Size, groups: _Groups) -> int:
    """Bytes of a layer's cache and state for one sequence."""
    if not layer.kv_heads:
        return 4 * layer.state
    values = layer.kv_heads * layer.value_length
    if values and not size.flash:
        values = groups.widest
    row = size.kind.bytes_for(layer.kv_heads * layer.key_length) + size.kind.bytes_for(values)
    return size.seen(layer.window) * row + 4 * layer.state


def _padded(tokens: int) -> int:
    return -(-tokens // CELLS) * CELLS


def _compute(facts: ModelFacts, groups: _Groups, size: _Size) -> int:
    """The engine's compute buffer: attention masks, what is always held, the fullest stage; and the logits handed out."""
    scratch, tokens = facts.scratch, size.tokens
    logits = 4 * size.parallel * facts.vocabulary
    pairs = sum(size.seen(window) for window, _, _ in groups.windows)
    if scratch is None:
        return max(UNKNOWN_BYTES * tokens * facts.embedding_length, logits) + 2 * pairs * tokens + logits
    if scratch.within:
        pairs = tokens
    mask = pairs * tokens * scratch.masks * (2 if size.flash else 4)
    row = 4 * tokens * facts.embedding_length
    held = 4 * tokens * (scratch.held + scratch.choices * min(scratch.chosen, size.cells)) + mask
    if size.kind.block > 1:
        held += 4 * (tokens * scratch.turned + sum(_rotations(key, value) for _, key, value in groups.windows))
    if not size.flash:
        held += 8 * tokens * sum(width for _, width in scratch.values)
    most = max(_stage(stage, size, row, scratch.within) for stage in (scratch.stages if size.flash else scratch.plain))
    # The masks are free again when the logits are made, which lie there if they fit and behind all rows if not.
    last = 0 if scratch.within or logits <= mask + 8 * tokens * scratch.held // 5 + _SMALL_INPUTS else logits
    return held + max(4 * most, last) + logits


def _stage(stage: Stage, size: _Size, row: int, within: bool) -> int:
    """Elements of *stage*; *row* is the bytes of the embedding's rows."""
    elements = size.tokens * stage.token + size.parallel * stage.sequence + (size.parallel - 1) * stage.others
    if stage.scores:
        cells = size.tokens if within else size.seen(stage.window)
        values = 2 * size.parallel * stage.cell * cells
        elements += size.tokens * stage.scores * cells + (values // 4 if values > row else 0)
    return elements


def _rotations(key: int, value: int) -> int:
    """Elements of the matrices that turn the rows of a quantized cache. Source: ``llama_kv_cache::llama_kv_cache``."""
    if key % ROTATION or not value:
        return 0
    side = ROTATION
    while key % (2 * side) == 0:
        side *= 2
    return side * side + ROTATION * ROTATION


def judge(memory: Memory, memory_free: int) -> Verdict:
    """Whether *memory* fits into *memory_free* bytes under the headroom rule (``USABLE``)."""
    usable = int(memory_free * USABLE)
    return Verdict(memory.total <= usable, memory.total, usable, memory_free)


def largest_context(
    facts: ModelFacts, memory_free: int, *, parallel: int, kv_type: str, wanted: int, batch: int = 512
) -> int:
    """The largest context of at most *wanted* tokens, and of the model's own limit, that fits; 0 where none does.

    Tried are *wanted* itself, then 2^n and 3 x 2^n in multiples of 256, so that what is chosen is a number one knows.
    """
    for context in _contexts(min(wanted, facts.context_length)):
        memory = estimate(facts, context=context, parallel=parallel, kv_type=kv_type, batch=batch)
        if judge(memory, memory_free).fits:
            return context
    return 0


def _contexts(most: int) -> Iterator[int]:
    """From the largest down; a model whose limit lies below the smallest context has only that."""
    if most < 1:
        return
    yield most
    power = 1 << (most.bit_length() - 1)
    while power >= SMALLEST_CONTEXT:
        for context in (power + power // 2, power):
            if context < most and context % CELLS == 0:
                yield context
        power //= 2
