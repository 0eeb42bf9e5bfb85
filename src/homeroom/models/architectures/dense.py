"""Families of plain blocks: attention and one feed-forward.

Source: ``load_arch_tensors`` of ``src/models/*.cpp`` for what the engine takes, ``conversion/*.py`` for what is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from homeroom.models.architectures.plan import (
    ATTENTION,
    DOUBLE,
    EXPERTS,
    FUSED,
    FUSED_BIAS,
    GATED,
    GATED_BIAS,
    HEAD_NORMS,
    LONGROPE,
    NORM_BIAS,
    NORMS,
    OUT_BIAS,
    PLAIN,
    PLAIN_BIAS,
    POST_NORMS,
    QKV_BIAS,
    SHARED,
    SPLIT_NORMS,
    TIED_TOP,
    TOP,
    WIDE_NORMS,
    Plan,
    Rows,
    predictions,
    same,
    top_with_factors,
    when,
)
from homeroom.models.architectures.widths import Block

_NORMED_TOP: Final = (*TOP, "output_norm.bias embd")


def _llama(block: Block) -> Rows:
    """Llama and what is built like it; Mixtral's and Granite's experts are as wide as the header's feed-forward."""
    block.known["ff_exp"] = block.width("ff")
    block.known["ff_shared"] = block.number("expert_shared_feed_forward_length", 0)
    return (
        *NORMS,
        *ATTENTION,
        *when(block.has("attention_bias"), *QKV_BIAS, *OUT_BIAS),
        *(EXPERTS if block.experts else GATED),
        *when(block.experts and block.known["ff_shared"], *SHARED),
        *when(block.has("feed_forward_bias") and not block.experts, *GATED_BIAS),
    )


def _granite_swa(block: Block) -> Rows:
    """Granite with a sink a head; its experts' gate and up halves are one tensor each."""
    block.known["shared"] = block.number("expert_shared_feed_forward_length", 0)
    routed = (
        "ffn_gate_inp embd experts",
        "ffn_gate_up_exps embd 2*ff experts",
        "ffn_down_exps ff embd experts",
        *when(block.known["shared"], "ffn_up_shexp embd 2*shared", "ffn_down_shexp shared embd"),
    )
    return (*NORMS, *ATTENTION, "attn_sinks heads", *(routed if block.experts else GATED))


def _qwen_top(block: Block) -> Rows:
    return (*TOP, *when(block.has("output_bias"), "output.bias vocab"))


def _qwen(block: Block) -> Rows:
    """The first Qwen counts both halves of its gated feed-forward in the header's length."""
    block.known["ff"] = block.width("ff") // 2
    return (*NORMS, *FUSED, *FUSED_BIAS, *GATED)


def _phi3_top(block: Block) -> Rows:
    return (*TOP, *when(block.has("rope_factors"), *LONGROPE))


def _falcon(block: Block) -> Rows:
    """Falcon 40B and 180B, which have several KV heads, have a norm for each of the parallel halves."""
    second = when(block.width("kv_heads") > 1, "attn_norm_2 embd", "attn_norm_2.bias embd")
    return ("attn_norm embd", "attn_norm.bias embd", *second, *FUSED, *PLAIN)


def _stablelm(block: Block) -> Rows:
    """StableLM 2 12B alone has a parallel residual, hence no second norm, and norms of queries and keys."""
    parallel = block.model.keys.metadata.get(block.model.keys.name("use_parallel_residual")) is True
    return (
        "attn_norm embd",
        "attn_norm.bias embd",
        *when(not parallel, "ffn_norm embd", "ffn_norm.bias embd"),
        *ATTENTION,
        *when(block.has("attention_bias"), *QKV_BIAS),
        *when(block.has("query_key_norm"), *SPLIT_NORMS),
        *GATED,
    )


def _command_r(block: Block) -> Rows:
    """Command R+ (64 blocks) has norms of queries and keys."""
    norms = SPLIT_NORMS if block.model.trunk >= 64 else ()
    return ("attn_norm embd", *norms, *ATTENTION, *GATED)


def _nemotron(block: Block) -> Rows:
    biases = (*when(block.has("attention_bias"), *OUT_BIAS), *when(block.has("feed_forward_bias"), *PLAIN_BIAS))
    return (*NORMS, *NORM_BIAS, *ATTENTION, *PLAIN, *biases)


def _glm4(block: Block) -> Rows:
    bias = when(block.has("attention_bias"), *QKV_BIAS)
    return (*NORMS, *POST_NORMS, *ATTENTION, *bias, *DOUBLE, *predictions(block))


def _exaone4(block: Block) -> Rows:
    return (*POST_NORMS, *ATTENTION, *HEAD_NORMS, *GATED, *predictions(block))


def _optional_bias(*groups: Rows) -> Plan:
    """A plan of *groups*, with biases of queries, keys and values where they were asked for."""
    rows = tuple(row for group in groups for row in group)
    return Plan(lambda block: (*rows, *when(block.has("attention_bias"), *QKV_BIAS)), top_with_factors)


_LLAMA: Final = Plan(_llama, top_with_factors)
_BIASED: Final = (*NORMS, *NORM_BIAS)
_GPT: Final = same(_BIASED, FUSED, FUSED_BIAS, OUT_BIAS, PLAIN, PLAIN_BIAS)

PLANS: Final[Mapping[str, Plan]] = {
    "apertus": _optional_bias(NORMS, ATTENTION, HEAD_NORMS, PLAIN),
    "baichuan": Plan(same(NORMS, ATTENTION, GATED)),
    "arcee": _optional_bias(NORMS, ATTENTION, PLAIN),
    "chatglm": Plan(same(NORMS, FUSED, FUSED_BIAS, DOUBLE)),
    "cohere2": Plan(same(("attn_norm embd",), ATTENTION, GATED), TIED_TOP),
    "command-r": Plan(_command_r, TIED_TOP),
    "dream": Plan(same(NORMS, ATTENTION, QKV_BIAS, GATED), _qwen_top),
    "ernie4_5": _optional_bias(NORMS, ATTENTION, GATED),
    "exaone": _optional_bias(NORMS, ATTENTION, GATED),
    "exaone4": Plan(_exaone4, top_with_factors),
    "falcon": Plan(_falcon, _NORMED_TOP),
    "glm4": Plan(_glm4),
    "gpt2": Plan(_GPT, (*_NORMED_TOP, "position_embd embd context_length")),
    "gptneox": Plan(_GPT, _NORMED_TOP),
    "granite": _LLAMA,
    "granitemoe": _LLAMA,
    "granite_swa": Plan(_granite_swa, top_with_factors),
    "hunyuan-dense": Plan(same(NORMS, ATTENTION, HEAD_NORMS, GATED)),
    "hunyuan_vl": Plan(same(NORMS, ATTENTION, HEAD_NORMS, GATED)),
    "internlm2": _optional_bias(NORMS, ATTENTION, GATED),
    "llama": _LLAMA,
    "llama-embed": _LLAMA,
    "maincoder": Plan(same(NORMS, ATTENTION, HEAD_NORMS, GATED)),
    "minicpm": _LLAMA,
    "mistral3": _LLAMA,
    "muse-glimmer": Plan(same(NORMS, POST_NORMS, ATTENTION, HEAD_NORMS, ("attn_gate embd q",), GATED)),
    "nanbeige": _LLAMA,
    "nemotron": Plan(_nemotron, _NORMED_TOP),
    "olmo": Plan(same(ATTENTION, GATED), TOP[:1] + TOP[2:]),
    "olmo2": Plan(same(POST_NORMS, ATTENTION, WIDE_NORMS, GATED)),
    "orion": Plan(same(_BIASED, ATTENTION, GATED), _NORMED_TOP),
    "paddleocr": _optional_bias(NORMS, ATTENTION, GATED),
    "phi2": Plan(
        same(("attn_norm embd", "attn_norm.bias embd"), ATTENTION, QKV_BIAS, OUT_BIAS, PLAIN, PLAIN_BIAS),
        (*_NORMED_TOP, "output.bias vocab"),
    ),
    "phi3": Plan(same(NORMS, FUSED, DOUBLE), _phi3_top),
    "qwen": Plan(_qwen),
    "qwen2": Plan(same(NORMS, ATTENTION, QKV_BIAS, GATED), _qwen_top),
    "qwen2vl": Plan(same(NORMS, ATTENTION, QKV_BIAS, GATED), _qwen_top),
    "qwen3": _optional_bias(NORMS, ATTENTION, HEAD_NORMS, GATED),
    "qwen3vl": Plan(same(NORMS, ATTENTION, HEAD_NORMS, GATED)),
    "seed_oss": _optional_bias(("attn_norm embd", "post_attention_norm embd"), ATTENTION, GATED),
    "smollm3": _optional_bias(NORMS, ATTENTION, GATED),
    "spark2_5": Plan(same(NORMS, ATTENTION, ("attn_gate embd heads",), GATED)),
    "stablelm": Plan(_stablelm, _NORMED_TOP),
    "starcoder": Plan(_GPT, (*_NORMED_TOP, "position_embd embd context_length")),
    "starcoder2": Plan(same(_BIASED, ATTENTION, QKV_BIAS, OUT_BIAS, PLAIN, PLAIN_BIAS), _NORMED_TOP),
    "xverse": Plan(same(NORMS, ATTENTION, GATED)),
}
