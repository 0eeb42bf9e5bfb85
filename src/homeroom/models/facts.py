"""What a model is, in one frozen object that every floor above reads.

Knows shapes and names; does not know bytes of memory in use (``fit``) nor how to run (``engine``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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

    @property
    def path(self) -> Path:
        return self.paths[0]

    @property
    def embeds_only(self) -> bool:
        """Whether the header says that this model makes embeddings and cannot generate."""
        return self.pooling is not None

    @property
    def thinks(self) -> bool:
        """Whether the chat template marks reasoning, so that an answer may come with thinking."""
        return self.chat_template is not None and "<think>" in self.chat_template

    @property
    def takes_tools(self) -> bool:
        """Whether the chat template renders tools by itself."""
        return self.chat_template is not None and "tools" in self.chat_template
