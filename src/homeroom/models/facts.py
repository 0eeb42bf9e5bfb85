"""What a model is, in one frozen object that every floor above reads.

Knows shapes and names; does not know bytes of memory in use (``fit``) nor how to run (``engine``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homeroom.models.modelfile import Modelfile


@dataclass(frozen=True, slots=True)
class Layer:
    """What one block keeps per token: an attention layer's KV shape.

    ``kv_heads`` heads, keys of ``key_length`` and values of ``value_length`` elements each.
    ``window`` is the sliding window in tokens, 0 for full attention. ``kv_heads`` 0: no KV cache (recurrent).
    """

    kv_heads: int
    key_length: int
    value_length: int
    window: int = 0
    state: int = 0
    """Elements (float32) of the recurrent state that the layer keeps per sequence, whatever its length."""
    heads: int = 0
    """Query heads; 0 where the header does not say."""


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """Bytes of one block's tensors: ``experts`` are the routed experts', ``rest`` all others."""

    rest: int
    experts: int = 0

    @property
    def total(self) -> int:
        return self.rest + self.experts


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a model's bytes are, and which of them one token reads.

    ``input`` is the embedding table, of which a token reads one row; ``output`` the head (0 where it is tied to
    ``input``, which is then read whole); ``other`` whatever belongs to no block.
    """

    input: int
    output: int
    other: int
    layers: tuple[LayerWeights, ...]
    reads: tuple[tuple[str, int], ...]
    """Bytes that one generated token reads, by tensor type, most first: ``(("Q4_K", 3_500_000_000), ("Q6_K", ...))``."""

    @property
    def read(self) -> int:
        """Bytes that one generated token reads in all."""
        return sum(size for _, size in self.reads)


@dataclass(frozen=True, slots=True)
class Stage:
    """A moment of the engine's graph: what lives at once then, beside what lives throughout. All in float32 elements."""

    name: str
    token: int
    """Elements for each token of the batch."""
    sequence: int = 0
    """Elements for each sequence."""
    others: int = 0
    """Elements for each sequence but the first."""
    scores: int = 0
    """Heads whose scores, one for each token and cell, are written down: all where flash attention is off."""
    window: int = 0
    """The sliding window of the layer whose scores these are; 0 where it sees everything."""
    cell: int = 0
    """Half-size elements for each cell of the cache, which lie in the residual's gap as long as they fit there."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """What the engine's compute buffer holds, from the header's metadata: the most of ``stages`` on top of the rest."""

    held: int
    """Elements for each token that live through all stages: input rows, residual and the gaps between them."""
    stages: tuple[Stage, ...]
    """With flash attention."""
    plain: tuple[Stage, ...]
    """Without it."""
    values: tuple[tuple[int, int], ...] = ()
    """``(window, elements)`` of the widest value row in each cache: without flash attention each has an index a token."""
    masks: int = 1
    """Masks for each cache: two where an indexer looks first."""
    choices: int = 0
    """Lists of chosen cells, one for each layer with an indexer, each of at most ``chosen``."""
    chosen: int = 0
    turned: int = 0
    """Elements for each token that come on top where the cache is quantized, whose rows are turned first."""
    unloaded: int = 0
    """Last blocks of the file that the engine leaves there: they only predict further tokens."""
    within: bool = False
    """Whether the tokens of a batch attend to one another alone, without any cache, and no logits come of it."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model on this machine, from its file's header alone. Sizes in bytes, lengths in tokens."""

    name: str
    """What the user types, e.g. ``starter``; a path where the file has no other name."""
    paths: tuple[Path, ...]
    """The GGUF file, or all shards of a split one in order."""
    sha256: str | None
    """Digest of the file where the store knows it."""
    architecture: str
    title: str | None
    parameters: int
    file_bytes: int
    tensor_bytes: int
    quantization: str
    """The file type's usual name: ``Q4_K_M``, ``F16``."""
    bits_per_weight: float
    context_length: int
    embedding_length: int
    vocabulary: int
    layers: tuple[Layer, ...]
    chat_template: str | None
    pooling: str | None
    """``mean``, ``cls``, ``last``, ``rank`` for an embedding model; None for a generating one."""
    license: str | None
    base: str | None
    """The model this one was made from, as the header names it."""
    tokenizer: str | None
    weights: Weights | None = None
    active_parameters: int = 0
    """Parameters that take part in one token: all but the routed experts that are not used, and the embedding table."""
    experts: int = 0
    experts_used: int = 0
    scratch: Scratch | None = None
    keeper: str = ""
    """Whose store it is in: ``homeroom``, ``ollama``, ``lmstudio``, ..., ``folder``; empty for a file by its path."""
    modelfile: Modelfile | None = None
    """What Ollama keeps beside the weights."""

    @property
    def path(self) -> Path:
        return self.paths[0]

    @property
    def embeds_only(self) -> bool:
        """Whether the header says that this model makes embeddings and cannot generate."""
        return self.pooling is not None

    @property
    def chat_format(self) -> str | None:
        """The engine's built-in chat format to use: only where the file has no template of its own."""
        return self.modelfile.chat_format if self.modelfile and self.chat_template is None else None

    @property
    def formats(self) -> bool:
        """Whether the engine can make a prompt of a conversation: by the file's template or by a format of its own."""
        return self.chat_template is not None or self.chat_format is not None

    @property
    def chats(self) -> bool:
        """Whether the model answers as a partner does: it generates, and a conversation can be made a prompt for it."""
        return self.formats and not self.embeds_only

    @property
    def thinks(self) -> bool:
        """Whether the chat template marks reasoning, so that an answer may come with thinking."""
        return self.chat_template is not None and "<think>" in self.chat_template

    @property
    def takes_tools(self) -> bool:
        """Whether the chat template renders tools by itself."""
        return self.chat_template is not None and "tools" in self.chat_template
