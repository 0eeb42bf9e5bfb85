"""Which tensors of the engine's graph live at once, from the header's metadata: what its compute buffer must hold.

Knows llama.cpp's graphs (``src/llama-graph.cpp``, ``src/models/*.cpp``) and how its allocator (``ggml-alloc.c``) reuses
room; does not know how long or how many requests are (``fit``). Widths are in float32 elements for each token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from homeroom.models.facts import Layer, Scratch, Stage
from homeroom.models.shapes import ENCODERS, INDEXED, Keys, trunk_length

_HELD: Final = 5
"""Rows of the embedding's width that are always there or leave a gap: the input as vectors, its copy for mixed batches,
the residual, the normed input, and the gap that the first lookup leaves."""

_UNGATED: Final = frozenset(
    {
        "apertus",
        "arcee",
        "bert",
        "bloom",
        "codeshell",
        "falcon",
        "gpt2",
        "gptneox",
        "jais2",
        "jina-bert-v3",
        "mpt",
        "nemotron",
        "nemotron_h",
        "nemotron_h_moe",
        "nomic-bert-moe",
        "phi2",
        "plm",
        "starcoder",
        "starcoder2",
    }
)
"""Architectures whose feed-forward is one matrix in and one out; its activation works in place."""

_PARALLEL: Final = frozenset({"cohere2", "cohere2moe", "falcon", "phi2", "plamo"})
"""Architectures that keep the normed input beside attention's result, for the feed-forward that runs parallel to it."""

_SCATTERED: Final[Mapping[str, int]] = {"falcon-h1": 2}
"""Rows of the embedding's width that gaps cost where a layer attends and recurs: none in its smallest models, four in its
largest, so that the mean is taken."""

_LOADS_ALL: Final = frozenset({"graniteswitch", "hy_v3"})
"""Architectures whose last blocks are loaded although the header counts them as predicting further tokens."""

_EXPERTS_AS_WIDE: Final = frozenset({"dbrx", "granitehybrid", "granitemoe", "grok", "llama", "minicpm", "phimoe"})
"""Architectures whose routed experts have the width ``feed_forward_length``, whatever else the header says."""

_GATED_QUERY: Final = frozenset({"qwen35", "qwen35moe", "qwen3next", "qwen4exp"})
"""Architectures whose attention reads query and gate from one tensor of twice the width."""

_PICTURES: Final = frozenset({"qwen3vl", "qwen3vlmoe"})
"""Architectures that take the pictures' features of several depths along with the embedding."""

_DELTA: Final = frozenset({"qwen35", "qwen35moe", "qwen3next", "qwen4exp"})
"""Architectures whose recurrent layers are gated delta nets."""


def scratch(keys: Keys, layers: tuple[Layer, ...]) -> Scratch:
    """The graph of a model whose layers are *layers*."""
    embedding, count = keys.whole("embedding_length"), len(layers)
    kinds = tuple(dict.fromkeys(layers))
    common = (*_feed_forward(keys, count, embedding), *_recurrent(keys, kinds))
    within = keys.architecture in ENCODERS or keys.architecture == "llama-embed"
    if within:
        plain: tuple[Stage, ...] = (Stage("scores", 2 * embedding, scores=max(kind.heads for kind in kinds)),)
    else:
        plain = tuple(_scores(keys, kinds, embedding))
    indexed = sum(1 for layer in layers if layer.kv_heads) if keys.architecture in INDEXED else 0
    return Scratch(
        held=_held(keys, count, embedding),
        stages=(*common, *_attention(keys, kinds)),
        plain=(*common, *plain),
        values=_values(kinds),
        masks=2 if indexed else 1,
        choices=indexed + 1 if indexed else 0,
        chosen=keys.whole("attention.indexer.top_k", 0),
        turned=_turned(keys, count, embedding),
        unloaded=0 if keys.architecture in _LOADS_ALL else count - trunk_length(keys, count),
        within=within,
    )


def _values(kinds: tuple[Layer, ...]) -> tuple[tuple[int, int], ...]:
    """Without flash attention all value rows are as wide as the widest, and each element has an index of its own."""
    rows = {kind.window: kind.kv_heads * kind.value_length for kind in kinds if kind.kv_heads and kind.value_length}
    widest = max((kind.kv_heads * kind.value_length for kind in kinds), default=0)
    return tuple((window, widest) for window in sorted(rows))


def _held(keys: Keys, count: int, embedding: int) -> int:
    """Elements for each token that are there all the time."""
    rows = _HELD + (keys.architecture in _PARALLEL)
    if deep := _deep(keys):  # the input has a row of each layer of pictures that is added later
        rows = 5 * (1 + deep) + 2
    inputs = _per_layer(keys, count)
    if keys.architecture == "gemma3n":  # several streams of the residual, and a low-rank bypass
        return (rows + keys.whole("altup.num_inputs", 4) + 1) * embedding + inputs
    return rows * embedding + inputs + inputs // 2


def _per_layer(keys: Keys, count: int) -> int:
    """Elements of the inputs that each layer has of its own; Gemma 4 lays them out anew, in a gap or not."""
    default = 256 if keys.architecture == "gemma3n" else 0
    return keys.whole("embedding_length_per_layer_input", default) * count


def _turned(keys: Keys, count: int, embedding: int) -> int:
    """Elements for each token by which gaps differ where the cache is quantized: seen, and not derived."""
    if keys.architecture == "command-r":
        return embedding
    if keys.architecture == "falcon":
        return -embedding
    return _per_layer(keys, count) // 2 if keys.architecture == "gemma4" else 0


def _deep(keys: Keys) -> int:
    return keys.whole("n_deepstack_layers", 0) if keys.architecture in _PICTURES else 0


def _feed_forward(keys: Keys, count: int, embedding: int) -> Iterator[Stage]:
    """Gate, up and their product at once; of routed experts also what they hand back, where no gap holds that."""
    architecture = keys.architecture
    width = max(keys.per_layer("feed_forward_length", count, (0,) * count))
    if architecture == "qwen":  # its header gives gate and up together
        width //= 2
    copies = 1 if architecture in _UNGATED else 3
    experts = keys.whole("expert_count", 0)
    used = max(keys.per_layer("expert_used_count", count, (0,) * count)) if experts else 0
    dense = not used or keys.whole("leading_dense_block_count", 0) or keys.whole("interleave_moe_layer_step", 1) > 1
    gap = (1 + _deep(keys)) * embedding if _deep(keys) else 0
    if dense and width:
        copies = 1 if gap >= width else copies
        yield Stage("feed-forward", copies * width + _SCATTERED.get(architecture, 0) * embedding)
    if not used:
        return
    routed = max(keys.per_layer("expert_feed_forward_length", count, (0,) * count))
    if architecture in _EXPERTS_AS_WIDE or not routed:
        routed = width
    inner, back = used * routed, used * (keys.whole("moe_latent_size", 0) or embedding)
    copies = 1 if architecture in _UNGATED or gap >= inner else 3
    weighted = back if architecture == "llama4" else 0  # its experts read a weighted copy of the input each
    if inner <= embedding and copies == 3:  # half of them lie in the gaps of the rows
        yield Stage("experts", weighted + back + 3 * inner // 2)
    else:
        yield Stage("experts", copies * inner + weighted + (back if back > (copies - 1) * inner else 0))
    shared = keys.whole("expert_shared_feed_forward_length", 0) or routed * keys.whole("expert_shared_count", 0)
    if shared:
        yield Stage("shared expert", copies * shared)


def _attention(keys: Keys, kinds: tuple[Layer, ...]) -> Iterator[Stage]:
    """Queries, keys and values before and after their rotation, with flash attention."""
    latent = keys.whole("attention.kv_lora_rank", 0)
    rotated = keys.whole("rope.dimension_count", 0)
    for layer in kinds:
        if not layer.kv_heads or not layer.heads:
            continue
        if latent:
            indexed = keys.architecture in INDEXED
            yield Stage("latent attention", _latent(keys, layer, latent, rotated), scores=1 if indexed else 0)
        else:
            query, key = layer.heads * layer.key_length, layer.kv_heads * layer.key_length
            gate = 2 * query if keys.architecture in _GATED_QUERY else 0
            yield Stage("attention", gate + query + max(query, 2 * key + layer.kv_heads * layer.value_length))


def _latent(keys: Keys, layer: Layer, latent: int, rotated: int) -> int:
    """Multi-head latent attention: the absorbed query of each head, or keys and values unfolded where GGUFs are old."""
    heads = layer.heads
    key = keys.whole("attention.key_length_mla", 0)
    if key:
        return heads * (key + latent + rotated + latent + rotated)
    value, nope = layer.value_length, layer.key_length - rotated
    return heads * (value + rotated + layer.key_length + nope + value + layer.key_length)


def _scores(keys: Keys, kinds: tuple[Layer, ...], embedding: int) -> Iterator[Stage]:
    """The scores of all heads, and the queries that they come from."""
    latent = keys.whole("attention.kv_lora_rank", 0)
    rotated = keys.whole("rope.dimension_count", 0)
    for layer in kinds:
        if not layer.kv_heads or not layer.heads:
            continue
        query = layer.heads * layer.key_length
        width = query + (query if query > embedding else 0) if not _deep(keys) else 0
        if latent and keys.whole("attention.key_length_mla", 0):  # the values are laid out anew, from the keys
            yield Stage("scores", _latent(keys, layer, latent, rotated), scores=layer.heads, cell=latent)
            continue
        if keys.architecture in _GATED_QUERY:
            width = 3 * query
        yield Stage("scores", width, scores=layer.heads, window=layer.window)


def _recurrent(keys: Keys, kinds: tuple[Layer, ...]) -> Iterator[Stage]:
    """The projections, the convolution and the scan of a recurrent layer, and the states that it reads and writes."""
    state = max((layer.state for layer in kinds), default=0)
    inner = keys.whole("ssm.inner_size", 0)
    if state and (width := keys.whole("kda.head_dim", 0)):
        yield Stage("delta attention", 5 * width * max(layer.heads for layer in kinds), sequence=2 * state)
    if not state or not inner:
        return
    size, groups = keys.whole("ssm.state_size", 0), keys.whole("ssm.group_count", 0)
    rank = keys.whole("ssm.time_step_rank", 0)
    convolved = inner + 2 * groups * size
    if keys.architecture in _DELTA:
        repeated = 2 * inner if keys.architecture == "qwen3next" else 2 * groups * size
        yield Stage("delta net", convolved + repeated + inner, sequence=2 * state)
        return
    before = inner + convolved + rank + convolved if groups else 3 * inner + rank + 2 * size
    yield Stage("scan", before + 2 * inner, sequence=state)
    yield Stage("states", before + inner, sequence=state, others=state)
