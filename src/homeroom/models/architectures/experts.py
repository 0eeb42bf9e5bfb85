"""Families of mixtures of experts with plain attention.

Source: ``load_arch_tensors`` of ``src/models/*.cpp`` for what the engine takes, ``conversion/*.py`` for what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from homeroom.models.architectures.plan import (
    ATTENTION,
    EXPERT_BIAS,
    EXPERTS,
    FUSED,
    GATED,
    HEAD_NORMS,
    LONGROPE,
    NORM_BIAS,
    NORMS,
    OUT_BIAS,
    POST_NORMS,
    QKV_BIAS,
    SHARED,
    TOP,
    WIDE_NORMS,
    Plan,
    Rows,
    experts_or_dense,
    predictions,
    same,
    top_with_factors,
    when,
)
from homeroom.models.architectures.widths import Block

_QUERY_KEY: Final = (*NORMS, *ATTENTION, *HEAD_NORMS)


def _routed(*groups: Rows) -> Callable[[Block], Rows]:
    """A block function: *groups*, then experts as the header says."""
    rows = tuple(row for group in groups for row in group)
    return lambda block: (*rows, *when(block.has("attention_bias"), *QKV_BIAS), *experts_or_dense(block))


def _wide_experts(*groups: Rows) -> Callable[[Block], Rows]:
    """A block function for experts that are as wide as the header's feed-forward, whatever else it says."""
    rows = tuple(row for group in groups for row in group)

    def block_rows(block: Block) -> Rows:
        block.known["ff_exp"] = block.width("ff")
        return (*rows, *EXPERTS)

    return block_rows


def _qwen2moe(block: Block) -> Rows:
    block.known["ff_shared"] = block.number("expert_shared_feed_forward_length", 0) or block.width("ff")
    return (*NORMS, *ATTENTION, *QKV_BIAS, *EXPERTS, *SHARED, "ffn_gate_inp_shexp embd")


def _gpt_oss(block: Block) -> Rows:
    biases = ("ffn_gate_inp.bias experts", *(f"ffn_{part}_exps.bias ff_exp experts" for part in ("gate", "up")))
    return (
        "attn_norm embd",
        "post_attention_norm embd",
        *ATTENTION,
        *QKV_BIAS,
        *OUT_BIAS,
        "attn_sinks heads",
        *EXPERTS,
        *biases,
        "ffn_down_exps.bias embd experts",
    )


def _phimoe_top(block: Block) -> Rows:
    factors = when(block.has("rope_factors"), *LONGROPE)
    return (*TOP, "output_norm.bias embd", "output.bias vocab", *factors)


def _hunyuan_moe(block: Block) -> Rows:
    block.known["ff_exp"] = block.width("ff")
    block.known["ff_shared"] = block.number("expert_shared_feed_forward_length", 0) or block.width("ff")
    return (*NORMS, *ATTENTION, *HEAD_NORMS, *EXPERTS, *SHARED)


def _bailingmoe2(block: Block) -> Rows:
    shared = block.number("expert_shared_feed_forward_length", 0) or block.width("ff_exp")
    block.known["ff_shared"] = shared * block.number("expert_shared_count")
    return (
        *NORMS,
        *FUSED,
        *HEAD_NORMS,
        *experts_or_dense(block),
        *predictions(block),
        *when(block.predicts, "layer_output_norm embd"),
    )


def _glm4moe(block: Block) -> Rows:
    return (
        "attn_norm embd",
        "post_attention_norm embd",
        *ATTENTION,
        *when(block.has("attention_bias"), *QKV_BIAS),
        *when(block.has("query_key_norm"), *HEAD_NORMS),
        *experts_or_dense(block),
        *when(block.routed and not block.has("expert_bias"), *EXPERT_BIAS),
        *predictions(block),
    )


def _cohere2moe(block: Block) -> Rows:
    return ("attn_norm embd", *ATTENTION, *experts_or_dense(block), *predictions(block))


def _exaone_moe(block: Block) -> Rows:
    """The converter writes the width of all shared experts together; a prediction block is dense."""
    block.known["ff_shared"] = block.number("expert_shared_feed_forward_length", 0) or block.width("ff_exp")
    inner = GATED if block.predicts else experts_or_dense(block)
    return (*NORMS, *ATTENTION, *HEAD_NORMS, *inner, *predictions(block))


def _afmoe(block: Block) -> Rows:
    return (
        *NORMS,
        *POST_NORMS,
        *ATTENTION,
        *HEAD_NORMS,
        "attn_gate embd q",
        *experts_or_dense(block),
        *when(block.routed and not block.has("expert_bias"), *EXPERT_BIAS),
    )


def _hy_v3(block: Block) -> Rows:
    """Hy3's routing bias has a name without an ending; a prediction block is routed too."""
    block.known["ff_shared"] = block.number("expert_shared_feed_forward_length", 0) or block.width("ff_exp")
    bias = when(block.routed and block.has("expert_bias"), "exp_probs_b. experts")
    inner = (*EXPERTS, *SHARED, *bias) if block.routed else GATED
    return (*_QUERY_KEY, *inner, *predictions(block))


def _laguna(block: Block) -> Rows:
    """With a gate a head on what attention gives; the router's bias is always there."""
    bias = when(block.routed and not block.has("expert_bias"), *EXPERT_BIAS)
    return (*_QUERY_KEY, "attn_gate embd heads", *experts_or_dense(block), *bias)


def _minimax_m3(block: Block) -> Rows:
    """The routed blocks have sparse attention with an indexer."""
    head, count = "attention.indexer.key_length", "attention.indexer.head_count"
    indexer = (
        f"indexer.q_proj embd {count}*{head}",
        f"indexer.k_proj embd {head}",
        f"indexer.q_norm {head}",
        f"indexer.k_norm {head}",
    )
    bias = when(not block.has("expert_bias"), *EXPERT_BIAS)
    return (*_QUERY_KEY, *experts_or_dense(block), *when(block.routed, *bias, *indexer))


def _llama4(block: Block) -> Rows:
    """Every n-th block is routed, with one shared expert as wide as a routed one."""
    step = block.number("interleave_moe_layer_step")
    block.known["ff_shared"] = block.width("ff_exp")
    routed = step > 0 and (block.index + 1) % step == 0
    return (*NORMS, *ATTENTION, *((*EXPERTS, *SHARED) if routed else GATED))


PLANS: Final[Mapping[str, Plan]] = {
    "afmoe": Plan(_afmoe),
    "bailingmoe": Plan(_routed(NORMS, ATTENTION)),
    "bailingmoe2": Plan(_bailingmoe2),
    "cohere2moe": Plan(_cohere2moe),
    "deepseek": Plan(_routed(NORMS, ATTENTION)),
    "dots1": Plan(_routed(_QUERY_KEY)),
    "ernie4_5-moe": Plan(_routed(NORMS, ATTENTION)),
    "exaone-moe": Plan(_exaone_moe, top_with_factors),
    "glm4moe": Plan(_glm4moe),
    "gpt-oss": Plan(_gpt_oss),
    "hunyuan-moe": Plan(_hunyuan_moe),
    "hy_v3": Plan(_hy_v3),
    "laguna": Plan(_laguna),
    "llama4": Plan(_llama4, top_with_factors),
    "maple": Plan(same(_QUERY_KEY, EXPERTS)),
    "mellum": Plan(same(_QUERY_KEY, EXPERTS)),
    "minimax-m2": Plan(_wide_experts(NORMS, ATTENTION, WIDE_NORMS, EXPERT_BIAS)),
    "minimax-m3": Plan(_minimax_m3),
    "olmoe": Plan(_wide_experts(NORMS, ATTENTION, WIDE_NORMS)),
    "phimoe": Plan(_wide_experts(NORMS, NORM_BIAS, ATTENTION, QKV_BIAS, OUT_BIAS), _phimoe_top),
    "qwen2moe": Plan(_qwen2moe),
    "qwen3moe": Plan(same(_QUERY_KEY, EXPERTS)),
    "qwen3vlmoe": Plan(same(_QUERY_KEY, EXPERTS)),
    "smallthinker": Plan(same(NORMS, ATTENTION, EXPERTS)),
}
