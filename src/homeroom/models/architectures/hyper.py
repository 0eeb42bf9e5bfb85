"""Families of 2026 with hyper-connections, compressed attention or delta attention beside latent: DeepSeek V4 and others.

Source: ``load_arch_tensors`` of ``src/models/{deepseek4,glm5-next,bailingmoe3}.cpp``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from homeroom.models.architectures.latent import INDEXER, latent_attention
from homeroom.models.architectures.plan import (
    EXPERT_BIAS,
    EXPERTS,
    NEXTN,
    SHARED,
    TOP,
    Plan,
    Rows,
    experts_or_dense,
    predictions,
    when,
)
from homeroom.models.architectures.recurrent import KDA, KIMI_DELTA
from homeroom.models.architectures.widths import Block

_STREAMS: Final = "hyper_connection.count"
_MIXED: Final = f"2*{_STREAMS}+{_STREAMS}*{_STREAMS}"
_CONNECTIONS: Final = tuple(
    row
    for part in ("attn", "ffn")
    for row in (
        f"hc_{part}_fn {_STREAMS}*embd {_MIXED}",
        f"hc_{part}_base.weight {_MIXED}",
        f"hc_{part}_scale.weight 3",
    )
)
_INDEX_HEAD: Final = "attention.indexer.key_length"
_DEEPSEEK4: Final = (
    "attn_norm embd",
    "attn_sinks heads",
    "attn_q_a embd attention.q_lora_rank",
    "attn_q_a_norm attention.q_lora_rank",
    "attn_q_b attention.q_lora_rank q",
    "attn_kv embd head_k",
    "attn_kv_a_norm head_k",
    "attn_output_a q/attention.output_group_count attention.output_lora_rank attention.output_group_count",
    "attn_output_b attention.output_group_count*attention.output_lora_rank embd",
    *_CONNECTIONS,
    "ffn_norm embd",
)


def _deepseek4_top(block: Block) -> Rows:
    return (*TOP, f"output_hc_fn {_STREAMS}*embd {_STREAMS}", f"output_hc_base {_STREAMS}", "output_hc_scale 1")


def _deepseek4(block: Block) -> Rows:
    """Keys and values are compressed 4 or 128 to 1 where a block's ratio is not 0; the first blocks route by token."""
    ratio = block.model.each("attention.compress_ratios")[block.index]
    block.known["ff_shared"] = block.width("ff_exp") * block.number("expert_shared_count")
    by_token = block.index < block.number("hash_layer_count", 0)
    routing = ("ffn_gate_tid2eid expert_used_count vocab",) if by_token else EXPERT_BIAS
    return (*_DEEPSEEK4, *_compressor(ratio), *EXPERTS, *routing, *SHARED, *predictions(block))


def _compressor(ratio: int) -> Rows:
    width = "2*head_k" if ratio == 4 else "head_k"
    return (
        *when(
            ratio,
            f"attn_compressor_kv embd {width}",
            f"attn_compressor_gate embd {width}",
            f"attn_compressor_ape {width} {ratio}",
            "attn_compressor_norm head_k",
        ),
        *when(
            ratio == 4,
            "indexer.proj embd attention.indexer.head_count",
            f"indexer.attn_q_b attention.q_lora_rank attention.indexer.head_count*{_INDEX_HEAD}",
            f"indexer_compressor_kv embd 2*{_INDEX_HEAD}",
            f"indexer_compressor_gate embd 2*{_INDEX_HEAD}",
            f"indexer_compressor_ape 2*{_INDEX_HEAD} {ratio}",
            f"indexer_compressor_norm {_INDEX_HEAD}",
        ),
    )


def _glm5_next(block: Block) -> Rows:
    if block.width("kv_heads"):
        own = block.model.keys.flags("attention.indexer.types", block.model.count)
        indexer = (
            *INDEXER,
            f"indexer_compressor_gate embd {_INDEX_HEAD}",
            f"indexer_compressor_ape {_INDEX_HEAD} attention.indexer.kpool",
        )
        full = own is None or block.predicts or own[block.index]
        mixer: Rows = (*latent_attention(block, compressed_query=True), *when(full, *indexer))
    else:
        mixer = tuple("ssm_a. heads" if row.startswith("ssm_a.") else row for row in KIMI_DELTA)
    return (
        *mixer,
        *when(not block.predicts, *_CONNECTIONS),
        *experts_or_dense(block),
        *when(block.routed and not block.has("expert_bias"), *EXPERT_BIAS),
        *predictions(block),
    )


def _bailingmoe3(block: Block) -> Rows:
    if block.width("kv_heads"):
        compressed = block.number("attention.q_lora_rank", 0) > 0
        mixer: Rows = (*latent_attention(block, compressed_query=compressed), "attn_gate embd heads")
    else:  # the gates are not factored
        rows = (row for row in KIMI_DELTA if not row.startswith(("ssm_f_", "ssm_g_")))
        mixer = (*rows, f"ssm_f_a embd {KDA}", f"ssm_g_a embd {KDA}")
    return (
        *mixer,
        *experts_or_dense(block),
        *when(block.routed and not block.has("expert_bias"), *EXPERT_BIAS),
        *when(block.predicts, *NEXTN, "layer_output_norm embd"),
    )


PLANS: Final[Mapping[str, Plan]] = {
    "bailingmoe3": Plan(_bailingmoe3),
    "deepseek4": Plan(_deepseek4, _deepseek4_top),
    "glm5-next": Plan(_glm5_next),
}
