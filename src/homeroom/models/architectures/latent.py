"""Families of multi-head latent attention: DeepSeek V2, V3, R1 and what was built like them.

Source: ``load_arch_tensors`` of ``src/models/{deepseek2,deepseek32,glm-dsa,minicpm3}.cpp``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from homeroom.models.architectures.plan import (
    GATED,
    LONGROPE,
    TOP,
    Plan,
    Rows,
    experts_or_dense,
    predictions,
    when,
)
from homeroom.models.architectures.widths import Block

_COMPRESSED_QUERY: Final = (
    "attn_q_a_norm attention.q_lora_rank",
    "attn_q_a embd attention.q_lora_rank",
    "attn_q_b attention.q_lora_rank q",
)
INDEXER: Final = (
    "indexer.k_norm attention.indexer.key_length",
    "indexer.k_norm.bias attention.indexer.key_length",
    "indexer.proj embd attention.indexer.head_count",
    "indexer.attn_k embd attention.indexer.key_length",
    "indexer.attn_q_b attention.q_lora_rank attention.indexer.head_count*attention.indexer.key_length",
)


def latent_attention(block: Block, *, compressed_query: bool) -> Rows:
    """Both layouts of a GGUF: with the key and value halves of ``kv_b`` apart, and the older one with them together."""
    split = block.number("attention.key_length_mla", 0) > 0
    block.known["head_k"] = block.number("attention.key_length_mla", 0) or block.head_k()
    block.known["head_v"] = block.number("attention.value_length_mla", 0) or block.head_v()
    block.known["latent"] = block.number("attention.kv_lora_rank")
    halves = ("attn_k_b head_k-rot latent heads", "attn_v_b latent head_v heads")
    whole = ("attn_kv_b latent heads*head_k-heads*rot+heads*head_v",)
    return (
        "attn_norm embd",
        *(_COMPRESSED_QUERY if compressed_query else ("attn_q embd q",)),
        "attn_kv_a_norm latent",
        "attn_kv_a_mqa embd latent+rot",
        *(halves if split else whole),
        "attn_output heads*head_v embd",
        "ffn_norm embd",
    )


def _is_lite(block: Block) -> bool:
    """The engine knows the models without a compressed query by their number of blocks."""
    trunk = block.model.trunk
    return trunk in (26, 27) or (trunk == 48 and block.model.vocab == 128256)


def _deepseek2(block: Block) -> Rows:
    compressed = not _is_lite(block) and block.number("attention.q_lora_rank") > 0
    attention = latent_attention(block, compressed_query=compressed)
    return (*attention, *experts_or_dense(block), *predictions(block))


def _indexed(block: Block) -> Rows:
    """With the indexer of DeepSeek's sparse attention; GLM 5.2 shares one among several blocks."""
    attention = latent_attention(block, compressed_query=True)
    own = block.model.keys.flags("attention.indexer.types", block.model.count)
    indexer = when(own is None or block.predicts or own[block.index], *INDEXER)
    return (*attention, *indexer, *experts_or_dense(block), *predictions(block))


def _minicpm3(block: Block) -> Rows:
    return (*latent_attention(block, compressed_query=True), *GATED)


def _minicpm3_top(block: Block) -> Rows:
    return (*TOP, *when(block.has("rope_factors"), *LONGROPE))


PLANS: Final[Mapping[str, Plan]] = {
    "deepseek2": Plan(_deepseek2),
    "deepseek32": Plan(_indexed),
    "glm-dsa": Plan(_indexed),
    "minicpm3": Plan(_minicpm3, _minicpm3_top),
    "mistral4": Plan(_deepseek2),
}
