"""What each layer of a model keeps per token, from the header's metadata, as llama.cpp would build it.

Knows which architectures slide, recur or share their KV cache; does not know the file (``gguf``) nor how many
tokens there will be (``fit``). Source: ``llama_model_base::load_hparams`` and ``create_memory`` in
``src/llama-model.cpp``, ``src/models/*.cpp`` and ``src/llama-hparams.cpp``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from homeroom.models.facts import Layer
from homeroom.models.gguf import Value
from homeroom.models.gguf_reader import bad_file

MAX_LAYERS: Final = 512
"""LLAMA_MAX_LAYERS: the engine aborts above it."""

RECURRENT: Final = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
"""Architectures without any attention: a state of fixed size, no KV cache."""

ENCODERS: Final = frozenset(
    {
        "bert",
        "eurobert",
        "gemma-embedding",
        "jina-bert-v2",
        "jina-bert-v3",
        "modern-bert",
        "neo-bert",
        "nomic-bert",
        "nomic-bert-moe",
    }
)
"""Architectures that read a text at once and cannot generate: no KV cache."""

_NO_MEMORY: Final = ENCODERS | RECURRENT | {"dream", "llada", "llada-moe", "rnd1", "wavtokenizer-dec"}

_FULL_ATTENTION_INTERVAL: Final[Mapping[str, int]] = {
    "minimax-01": 8,
    "qwen35": 4,
    "qwen35moe": 4,
    "qwen3next": 4,
    "qwen4exp": 4,
}
"""Hybrids of which only every n-th layer has a KV cache; the others recur."""

INDEXED: Final = frozenset({"deepseek32", "glm-dsa"})
"""Architectures with sparse attention that cache the indexer's keys beside the layer's own."""

_RECUR_WITHOUT_HEADS: Final = frozenset(
    {"bailingmoe3", "glm5-next", "granitehybrid", "jamba", "kimi-k3", "kimi-linear", "lfm2", "lfm2moe", "plamo2"}
)
"""Hybrids whose recurrent layers are those without KV heads."""


@dataclass(frozen=True, slots=True)
class _Sliding:
    """Every *period*-th layer sees everything (the first of each period where *full_first*), the others a window."""

    period: int = 0
    full_first: bool = False
    window: int | None = None
    """The window where the header has none; None: then no layer slides."""
    fixed: bool = False
    """The engine takes *window* whatever the header says, as long as that is not 0."""


_SLIDING: Final[Mapping[str, _Sliding]] = {
    "afmoe": _Sliding(4),
    "cohere2": _Sliding(4),
    "cohere2moe": _Sliding(4, full_first=True),
    "exaone-moe": _Sliding(4, window=128),
    "exaone4": _Sliding(4, window=4096),
    "gemma2": _Sliding(2, window=4096),
    "gemma3": _Sliding(6),
    "gemma3n": _Sliding(5),
    "gpt-oss": _Sliding(2),
    "laguna": _Sliding(4, full_first=True),
    "llama4": _Sliding(4, window=8192, fixed=True),
    "mellum": _Sliding(4),
    "muse-glimmer": _Sliding(4),
    "olmo2": _Sliding(4),
    "plamo3": _Sliding(8),
    "smallthinker": _Sliding(4, full_first=True),
    # These write one flag a layer into the header.
    "gemma4": _Sliding(),
    "granite_swa": _Sliding(),
    "maple": _Sliding(),
    "mimo2": _Sliding(),
    "spark2_5": _Sliding(),
    "step35": _Sliding(),
}
"""Architectures whose window the engine uses. It ignores ``attention.sliding_window`` of any other (phi3, qwen2)."""


class Keys:
    """The metadata of one architecture, typed: ``keys.whole("block_count")`` is ``llama.block_count``.

    Raises BadModelFile where a value has another type than the engine asks for.
    """

    def __init__(self, metadata: Mapping[str, Value], architecture: str, path: object) -> None:
        self.metadata = metadata
        self.architecture = architecture
        self.path = path

    def name(self, key: str) -> str:
        return f"{self.architecture}.{key}"

    def fail(self, message: str, /, **facts: object) -> NoReturn:
        raise bad_file(message, self.path, **facts)

    def _wrong(self, key: str, expected: str, value: Value) -> NoReturn:
        found = f"{type(value).__name__} {str(value)[:40]!r}"
        self.fail("wrong_kind", key=self.name(key), expected=expected, found=found)

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number of 0 or more. Without *default* the key must be there."""
        value = self.metadata.get(self.name(key))
        if value is None:
            if default is None:
                self.fail("missing_key", key=self.name(key))
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self._wrong(key, "0, 1, 2, ...", value)
        return value

    def within(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from *low* to *high*."""
        value = self.whole(key, default)
        if not low <= value <= high:
            self.fail("bad_value", key=self.name(key), value=value, allowed=f"{low}..{high}")
        return value

    def per_layer(self, key: str, count: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """One whole number a layer: an array of *count*, or one number for all."""
        value = self.metadata.get(self.name(key))
        if value is None:
            return default
        if not isinstance(value, tuple):
            return (self.whole(key),) * count
        numbers = tuple(item for item in value if isinstance(item, int) and item >= 0)
        if len(numbers) != len(value) or len(value) != count:
            self._wrong(key, f"{count} x 0, 1, 2, ...", value)
        return numbers

    def flags(self, key: str, count: int) -> tuple[bool, ...] | None:
        """One flag a layer from an array (a short one is False beyond its end); None where no array is there."""
        value = self.metadata.get(self.name(key))
        if not isinstance(value, tuple):
            return None
        return tuple(bool(item) for item in value[:count]) + (False,) * (count - len(value))


def layers(keys: Keys) -> tuple[Layer, ...]:
    """One Layer for each block of the header, in order; ``kv_heads`` 0 where the engine keeps no KV cache."""
    count = keys.within("block_count", 1, MAX_LAYERS)
    embedding = keys.within("embedding_length", 1, 1 << 24)
    heads = keys.per_layer("attention.head_count", count, (0,) * count)
    kv_heads = keys.per_layer("attention.head_count_kv", count, heads)
    kept = _kept(keys, count)
    recurs = _recurs(keys, count, kv_heads)
    state = _state(keys, embedding, heads[0]) if any(recurs) else 0
    first = next((number for number in heads if number), 0)
    key = keys.whole("attention.key_length", embedding // first if first else 0)
    value = keys.whole("attention.value_length", embedding // first if first else 0)
    windows = _windows(keys, count)
    latent = keys.whole("attention.key_length_mla", 0) > 0 and keys.whole("attention.value_length_mla", 0) > 0
    indexer, values = _indexer(keys, kv_heads)
    loops = keys.within("num_loops", 1, MAX_LAYERS, 1) if keys.architecture == "nanbeige" else 1
    sliding_key = keys.whole("attention.key_length_swa", key)
    sliding_value = keys.whole("attention.value_length_swa", value)
    return tuple(
        Layer(
            kv_heads=kv_heads[index],
            key_length=((sliding_key if windows[index] else key) + indexer[index]) * loops,
            value_length=0 if latent else ((sliding_value if windows[index] else value) + values[index]) * loops,
            window=windows[index],
            state=state if recurs[index] else 0,
            heads=heads[index],
        )
        if kept[index] and kv_heads[index]
        else Layer(0, 0, 0, state=state if recurs[index] else 0, heads=heads[index])
        for index in range(count)
    )


def _indexer(keys: Keys, kv_heads: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Elements that a sparse attention's indexer adds to each head's keys and values in each layer."""
    length, count = keys.whole("attention.indexer.key_length", 0), len(kv_heads)
    none = (0,) * count
    if keys.architecture == "minimax-m3":  # one head of its own, beside several of the layer
        dense = keys.whole("leading_dense_block_count", 0)
        own = tuple(length // heads if heads and index >= dense else 0 for index, heads in enumerate(kv_heads))
        return own, own
    if keys.architecture == "glm5-next":
        return (3 * length,) * count, none
    return (length,) * count if keys.architecture in INDEXED else none, none


def _recurs(keys: Keys, count: int, kv_heads: tuple[int, ...]) -> tuple[bool, ...]:
    """Whether each block keeps a recurrent state: beside a KV cache in Falcon-H1, in the place of one elsewhere."""
    architecture, trunk = keys.architecture, trunk_length(keys, count)
    if architecture in RECURRENT or architecture == "falcon-h1":
        return tuple(index < trunk for index in range(count))
    if architecture in _RECUR_WITHOUT_HEADS:
        return tuple(index < trunk and not number for index, number in enumerate(kv_heads))
    if architecture in _FULL_ATTENTION_INTERVAL:
        return tuple(index < trunk and recurs for index, recurs in enumerate(_interval(keys, count)))
    if architecture.startswith("nemotron_h"):
        feed_forward = keys.per_layer("feed_forward_length", count, (0,) * count)
        return tuple(index < trunk and not kv_heads[index] and not feed_forward[index] for index in range(count))
    return (False,) * count


def _interval(keys: Keys, count: int) -> tuple[bool, ...]:
    """Whether each block recurs, where every n-th one attends to everything."""
    given = keys.flags("attention.recurrent_layers", count)
    if given is not None:
        return given
    interval = keys.within("full_attention_interval", 1, count, min(count, _FULL_ATTENTION_INTERVAL[keys.architecture]))
    return tuple((index + 1) % interval != 0 for index in range(count))


def _state(keys: Keys, embedding: int, heads: int) -> int:
    """Elements of a recurrent layer's state for one sequence: ``n_embd_r`` + ``n_embd_s`` of ``llama-hparams.cpp``."""
    kernel = keys.whole("ssm.conv_kernel", 0)
    inner, size = keys.whole("ssm.inner_size", 0), keys.whole("ssm.state_size", 0)
    if keys.architecture in RECURRENT and keys.whole("wkv.head_size", 0):
        return embedding * (keys.whole("token_shift_count", 2) + keys.whole("wkv.head_size"))
    if cache := keys.whole("shortconv.l_cache", 0):
        return embedding * (cache - 1) + size * inner
    if width := keys.whole("kda.head_dim", 0):
        return heads * width * (3 * ((kernel or 4) - 1) + width)
    if keys.architecture == "minimax-01":
        return heads * keys.whole("attention.key_length", embedding // heads if heads else 0) ** 2
    groups = keys.whole("ssm.group_count", 0)
    return max(0, kernel - 1) * (inner + 2 * groups * size) + size * inner


def trunk_length(keys: Keys, count: int) -> int:
    """Blocks that take part in generation: the last ones of some models only predict further tokens."""
    extra = keys.within("nextn_predict_layers", 0, count, 0)
    return count - extra if extra < count else count


def _kept(keys: Keys, count: int) -> tuple[bool, ...]:
    """Whether each block has a KV cache, as far as the number of its heads does not already say so."""
    architecture, trunk = keys.architecture, trunk_length(keys, count)
    if architecture in _NO_MEMORY:
        return (False,) * count
    if architecture in ("bailingmoe3", "graniteswitch"):  # their last block is attended to, prediction or not
        trunk = count
    elif architecture == "gemma3n":
        trunk = min(trunk, 20)
    elif architecture == "gemma4":
        trunk = count - keys.within("attention.shared_kv_layers", 0, count, 0)
    kept = [index < trunk for index in range(count)]
    if architecture in _FULL_ATTENTION_INTERVAL:
        kept = [keep and not recurs for keep, recurs in zip(kept, _interval(keys, count), strict=True)]
    if architecture.startswith("nemotron_h"):
        feed_forward = keys.per_layer("feed_forward_length", count, (0,) * count)
        kept = [keep and not length for keep, length in zip(kept, feed_forward, strict=True)]
    return tuple(kept)


def _windows(keys: Keys, count: int) -> tuple[int, ...]:
    """Each block's sliding window in tokens, 0 for full attention."""
    architecture, none = keys.architecture, (0,) * count
    window = keys.whole("attention.sliding_window", 0)
    if architecture in ("lfm2", "lfm2moe"):
        return (window,) * count
    rule = _SLIDING.get(architecture)
    trunk = trunk_length(keys, count)
    if rule is None or (architecture == "exaone4" and trunk != 64):
        return none
    given = keys.name("attention.sliding_window") in keys.metadata
    if rule.window is not None and (not given or (rule.fixed and window)):
        window = rule.window
    if architecture == "smallthinker" and window:
        window = 4096
    if not window:
        return none
    flags = keys.flags("attention.sliding_window_pattern", count)
    if flags is not None:
        return tuple(window if slides else 0 for slides in flags)
    period = keys.whole("attention.sliding_window_pattern", rule.period) if rule.period else 1
    full = 0 if rule.full_first else period - 1
    return tuple(window if index < trunk and (period == 0 or index % period != full) else 0 for index in range(count))
