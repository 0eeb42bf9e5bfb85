"""The widths of one block of a model, by the short names that the tables of tensors use.

Knows the metadata and what llama.cpp takes where a key is absent; does not know which tensors there are.
Source: ``llama_model_base::load_hparams`` in ``src/llama-model.cpp`` and ``src/llama-hparams.cpp``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Final, NoReturn

from homeroom.models.gguf import LongArray, Value
from homeroom.models.shapes import MAX_LAYERS, Keys, trunk_length

_MAX_DIMENSION: Final = 1 << 31


class Model:
    """One architecture's metadata, read once: the numbers that its blocks share, and those that they do not."""

    def __init__(self, architecture: str, metadata: Mapping[str, Value], extras: frozenset[str], path: object) -> None:
        self.keys = Keys(metadata, architecture, path)
        self.architecture = architecture
        self.extras = extras
        self.count = self.keys.within("block_count", 1, MAX_LAYERS)
        self.trunk = trunk_length(self.keys, self.count)

    def number(self, key: str, default: int | None = None) -> int:
        """The whole number of ``{architecture}.{key}``; without *default* it must be there."""
        return self.keys.whole(key, default)

    def each(self, key: str, default: int = 0) -> tuple[int, ...]:
        """One whole number a block."""
        return self.keys.per_layer(key, self.count, (default,) * self.count)

    @cached_property
    def embd(self) -> int:
        return self.keys.within("embedding_length", 1, 1 << 24)

    @cached_property
    def vocab(self) -> int:
        tokens = self.keys.metadata.get("tokenizer.ggml.tokens")
        if isinstance(tokens, LongArray):
            return tokens.count
        return len(tokens) if isinstance(tokens, tuple) else self.number("vocab_size")

    @cached_property
    def heads(self) -> tuple[int, ...]:
        return self.each("attention.head_count")

    @cached_property
    def kv_heads(self) -> tuple[int, ...]:
        return self.keys.per_layer("attention.head_count_kv", self.count, self.heads)

    @cached_property
    def feed_forward(self) -> tuple[int, ...]:
        return self.each("feed_forward_length")

    @cached_property
    def expert_feed_forward(self) -> tuple[int, ...]:
        return self.each("expert_feed_forward_length")

    @cached_property
    def windows(self) -> tuple[bool, ...]:
        """Whether each block slides, where the header gives a flag a block."""
        return self.keys.flags("attention.sliding_window_pattern", self.count) or (False,) * self.count

    @cached_property
    def head(self) -> int:
        """The engine takes the first block's head count for the default of the head's length."""
        return self.embd // self.heads[0] if self.heads[0] else 0


class Block:
    """Block *index* of *model*: ``block.width("q")`` elements. An unknown name is a key of the metadata."""

    def __init__(self, model: Model, index: int) -> None:
        self.model = model
        self.index = index
        self.known: dict[str, int] = {}
        """Widths that a family works out by itself, by name: they come before the common ones."""

    @property
    def own(self) -> tuple[int, ...]:
        """All that the metadata says of this block and not of all."""
        model, index = self.model, self.index
        return (
            model.heads[index],
            model.kv_heads[index],
            model.feed_forward[index],
            model.expert_feed_forward[index],
            model.windows[index],
        )

    @property
    def predicts(self) -> bool:
        """Whether the block is no part of the trunk: it predicts further tokens."""
        return self.index >= self.model.trunk

    @property
    def routed(self) -> bool:
        """Whether the model has experts and the block is not one of the leading dense ones."""
        return self.experts > 0 and self.index >= self.number("leading_dense_block_count", 0)

    @property
    def experts(self) -> int:
        return self.number("expert_count", 0)

    @property
    def slides(self) -> bool:
        return self.model.windows[self.index]

    def number(self, key: str, default: int | None = None) -> int:
        return self.model.number(key, default)

    def has(self, extra: str) -> bool:
        """Whether the tensors of *extra*, which no metadata announces, were asked for."""
        return extra in self.model.extras

    def width(self, name: str) -> int:
        """Elements of the dimension *name*: a sum of products of names and numbers, ``heads*head_v``, ``rot/2``."""
        if name not in self.known:
            self.known[name] = self._work_out(name)
        return self.known[name]

    def dimension(self, name: str) -> int:
        """The width *name* of a tensor, which has at least one element. Raises BadModelFile where it has not."""
        width = self.width(name)
        if not 1 <= width <= _MAX_DIMENSION:
            self.fail(name, width)
        return width

    def fail(self, name: str, value: int) -> NoReturn:
        self.model.keys.fail("bad_value", key=self.model.keys.name(name), value=value, allowed=f"1..{_MAX_DIMENSION}")

    def _work_out(self, name: str) -> int:
        terms = _terms(name)
        if len(terms) == 1 and len(terms[0][1]) == 1:
            return int(name) if name.isdigit() else self._named(name)
        return sum(sign * self._product(factors) for sign, factors in terms)

    def _product(self, factors: tuple[tuple[bool, str], ...]) -> int:
        product = 1
        for divide, factor in factors:
            width = self.width(factor)
            if divide and width == 0:
                self.fail(factor, width)
            product = product // width if divide else product * width
        return product

    def _named(self, name: str) -> int:
        method = _WIDTHS.get(name)
        return self.number(name) if method is None else method(self)

    def head_k(self) -> int:
        full = self.number("attention.key_length", self.model.head)
        return self.number("attention.key_length_swa", full) if self.slides else full

    def head_v(self) -> int:
        full = self.number("attention.value_length", self.model.head)
        return self.number("attention.value_length_swa", full) if self.slides else full

    def rot(self) -> int:
        full = self.number("rope.dimension_count", self.number("attention.key_length", self.model.head))
        return self.number("rope.dimension_count_swa", full) if self.slides else full

    def ff_exp(self) -> int:
        """A routed expert's width; where the header has none, a token's experts share the feed-forward's."""
        own = self.model.expert_feed_forward[self.index]
        used = self.model.each("expert_used_count")[0]
        return own or (self.width("ff") // used if used else 0)


_WIDTHS: Final[Mapping[str, Callable[[Block], int]]] = {
    "embd": lambda block: block.model.embd,
    "vocab": lambda block: block.model.vocab,
    "heads": lambda block: block.model.heads[block.index],
    "kv_heads": lambda block: block.model.kv_heads[block.index],
    "head_k": Block.head_k,
    "head_v": Block.head_v,
    "q": lambda block: block.width("head_k") * block.width("heads"),
    "k": lambda block: block.width("head_k") * block.width("kv_heads"),
    "v": lambda block: block.width("head_v") * block.width("kv_heads"),
    "o": lambda block: block.width("head_v") * block.width("heads"),
    "rot": Block.rot,
    "ff": lambda block: block.model.feed_forward[block.index],
    "ff_exp": Block.ff_exp,
    "experts": lambda block: block.experts,
}


@lru_cache(maxsize=512)
def _terms(expression: str) -> tuple[tuple[int, tuple[tuple[bool, str], ...]], ...]:
    """``2*embd+rot/2`` as its terms: a sign and the factors, each with whether it divides."""
    terms = []
    for sign, product in re.findall(r"([+-]?)([^+-]+)", expression):
        factors = tuple((operator == "/", factor) for operator, factor in re.findall(r"([*/]?)([^*/]+)", product))
        terms.append((-1 if sign == "-" else 1, factors))
    return tuple(terms)
