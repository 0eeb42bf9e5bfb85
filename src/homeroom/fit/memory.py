"""How much memory a model takes at a context, by formula, and whether that fits.

Knows what llama.cpp allocates on a processor with flash attention on; does not ask the engine (a later dry run will),
nor which device a layer goes to. Every size is in bytes, every length in tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from homeroom import text
from homeroom.errors import UsageError
from homeroom.models.facts import Layer, ModelFacts
from homeroom.models.quantization import TensorType
from homeroom.models.quantization import kv_type as type_of

USABLE: Final = 0.9
"""The headroom rule: a model may take this part of the free memory; the rest stays for what comes after."""

CELLS: Final = 256
"""llama.cpp rounds the cells of a KV cache up to a multiple of this."""

ACTIVATION_BYTES: Final = 80
"""Scratch for one token of a batch, per element of the embedding.

The engine needs about 4 x (3 x feed_forward_length + 5 x embedding_length) bytes a token, which is 52 bytes an element
for SmolLM2, 58 for Gemma 3, 62 for Llama 3 8B, 84 for Qwen 2.5 7B: at a batch of 128, some MB in any case.
"""

PROCESS_BYTES: Final = 48 << 20
"""The engine's process without a model: interpreter and libraries (46 MiB resident, seen on Linux)."""

TOKEN_BYTES: Final = 192
"""Tables of the tokenizer, per token of the vocabulary (180 bytes seen with 49,152 and with 262,144 tokens)."""

SMALLEST_CONTEXT: Final = 256


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
    basis: Literal["formula"] = "formula"


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


def estimate(facts: ModelFacts, *, context: int, parallel: int, kv_type: str, batch: int = 128) -> Memory:
    """Bytes for *parallel* requests of *context* tokens each (the engine's ``n_ctx`` is their product).

    *kv_type* is ``f16``, ``q8_0`` or ``q4_0``; *batch* the engine's ``n_batch`` and ``n_ubatch``. Raises UsageError for
    another type or a number below 1. Where flash attention is off (it never is by default), attention scores come on
    top: heads x batch x context x 4 bytes.
    """
    for name, value in (("context", context), ("parallel", parallel), ("batch", batch)):
        if value < 1:
            raise UsageError("fit.bad_ask", name=name, value=value)
    kind = type_of(kv_type)
    kv_cache = parallel * sum(cells(layer, context, batch) * bytes_per_token(layer, kind) for layer in facts.layers)
    compute = _compute(facts, context, parallel, batch)
    overhead = PROCESS_BYTES + TOKEN_BYTES * facts.vocabulary
    total = facts.tensor_bytes + kv_cache + compute + overhead
    return Memory(facts.tensor_bytes, kv_cache, compute, overhead, total)


def kv_bytes_per_token(facts: ModelFacts, kv_type: str) -> int:
    """Bytes that one more token of context takes in all layers, windows not counted. Raises UsageError."""
    kind = type_of(kv_type)
    return sum(bytes_per_token(layer, kind) for layer in facts.layers)


def bytes_per_token(layer: Layer, kind: TensorType) -> int:
    """Bytes of one cell of a layer's KV cache: one row of keys and one of values, in whole blocks of *kind*."""
    return kind.bytes_for(layer.kv_heads * layer.key_length) + kind.bytes_for(layer.kv_heads * layer.value_length)


def cells(layer: Layer, context: int, batch: int) -> int:
    """Cells of a layer's KV cache for one request; a window needs room for itself and the batch being read.

    Source: ``llama_kv_cache_iswa`` (``size_swa``) in ``src/llama-kv-cache-iswa.cpp``.
    """
    full = _padded(context)
    return min(full, _padded(layer.window + batch)) if layer.window else full


def _padded(tokens: int) -> int:
    return -(-tokens // CELLS) * CELLS


def _compute(facts: ModelFacts, context: int, parallel: int, batch: int) -> int:
    """Scratch of one batch, or of the logits where that is more; masks (2 bytes a pair); the logits handed out."""
    activations = batch * facts.embedding_length * ACTIVATION_BYTES
    logits = 4 * parallel * facts.vocabulary
    # One mask for the layers that see everything, one for those that slide.
    masks = {bool(layer.window): cells(layer, context, batch) for layer in facts.layers if layer.kv_heads}
    return max(activations, logits) + 2 * batch * sum(masks.values()) + logits


def judge(memory: Memory, memory_free: int) -> Verdict:
    """Whether *memory* fits into *memory_free* bytes under the headroom rule (``USABLE``)."""
    usable = int(memory_free * USABLE)
    return Verdict(memory.total <= usable, memory.total, usable, memory_free)


def largest_context(
    facts: ModelFacts, memory_free: int, *, parallel: int, kv_type: str, wanted: int, batch: int = 128
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
