"""Families with recurrent blocks: state space models, linear attention, short convolutions, and hybrids of them.

Source: ``load_arch_tensors`` of ``src/models/*.cpp`` for what the engine takes, ``conversion/*.py`` for what is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from homeroom.models.architectures.latent import latent_attention
from homeroom.models.architectures.plan import (
    ATTENTION,
    EXPERT_BIAS,
    EXPERTS,
    GATED,
    HEAD_NORMS,
    NORMS,
    PLAIN,
    SHARED,
    TOP,
    Plan,
    Rows,
    experts_or_dense,
    predictions,
    same,
    top_with_factors,
    when,
)
from homeroom.models.architectures.widths import Block

_MAMBA: Final = (
    "ssm_in embd 2*ssm.inner_size",
    "ssm_conv1d ssm.conv_kernel ssm.inner_size",
    "ssm_conv1d.bias ssm.inner_size",
    "ssm_x ssm.inner_size ssm.time_step_rank+2*ssm.state_size",
    "ssm_dt ssm.time_step_rank ssm.inner_size",
    "ssm_dt.bias ssm.inner_size",
    "ssm_a. ssm.state_size ssm.inner_size",
    "ssm_d. ssm.inner_size",
    "ssm_out ssm.inner_size embd",
)
_GROUPS: Final = "2*ssm.group_count*ssm.state_size"
_MAMBA2: Final = (
    f"ssm_in embd 2*ssm.inner_size+{_GROUPS}+ssm.time_step_rank",
    f"ssm_conv1d ssm.conv_kernel ssm.inner_size+{_GROUPS}",
    f"ssm_conv1d.bias ssm.inner_size+{_GROUPS}",
    "ssm_dt.bias ssm.time_step_rank",
    "ssm_a. 1 ssm.time_step_rank",
    "ssm_d. 1 ssm.time_step_rank",
    "ssm_norm ssm.inner_size/ssm.group_count ssm.group_count",
    "ssm_out ssm.inner_size embd",
)
_DELTA_VALUE: Final = "ssm.state_size*ssm.time_step_rank"
_DELTA_QKV: Final = f"2*ssm.state_size*ssm.group_count+{_DELTA_VALUE}"
_DELTA: Final = (
    f"attn_qkv embd {_DELTA_QKV}",
    f"attn_gate embd {_DELTA_VALUE}",
    f"ssm_conv1d ssm.conv_kernel {_DELTA_QKV}",
    "ssm_dt.bias ssm.time_step_rank",
    "ssm_a. ssm.time_step_rank",
    "ssm_norm ssm.state_size",
    f"ssm_out {_DELTA_VALUE} embd",
)
_SHORT_CONVOLUTION: Final = (
    "shortconv.conv shortconv.l_cache embd",
    "shortconv.in_proj embd 3*embd",
    "shortconv.out_proj embd embd",
)
KDA: Final = "kda.head_dim*heads"
KIMI_DELTA: Final = (
    "attn_norm embd",
    *(f"ssm_conv1d_{part} ssm.conv_kernel 1 {KDA} 1" for part in "qkv"),
    *(f"attn_{part} embd {KDA}" for part in "qkv"),
    "ssm_f_a embd kda.head_dim",
    f"ssm_f_b kda.head_dim {KDA}",
    "ssm_beta embd heads",
    "ssm_a. 1 heads",
    f"ssm_dt.bias {KDA}",
    "ssm_g_a embd kda.head_dim",
    f"ssm_g_b kda.head_dim {KDA}",
    "ssm_norm kda.head_dim",
    f"attn_output {KDA} embd",
    "ffn_norm embd",
)


def _jamba(block: Block) -> Rows:
    norms = ("ssm_dt_norm ssm.time_step_rank", "ssm_b_norm ssm.state_size", "ssm_c_norm ssm.state_size")
    block.known["ff_exp"] = block.width("ff")
    mixer = ATTENTION if block.width("kv_heads") else (*_MAMBA, *norms)
    # Every second block is routed (``expert_layer_period`` 2 and ``expert_layer_offset`` 1 of all Jamba models).
    return (*NORMS, *mixer, *(EXPERTS if block.experts > 1 and block.index % 2 else GATED))


def _granite_hybrid(block: Block) -> Rows:
    block.known["ff_exp"] = block.width("ff")
    block.known["ff_shared"] = block.number("expert_shared_feed_forward_length", 0)
    return (
        *NORMS,
        *(ATTENTION if block.width("kv_heads") else _MAMBA2),
        *(EXPERTS if block.experts else GATED),
        *when(block.experts and block.known["ff_shared"], *SHARED),
    )


def _nemotron_h(block: Block) -> Rows:
    """A block is one of three: recurrent, attention, or feed-forward; only a prediction block is two of them."""
    if block.predicts:
        return (
            *predictions(block),
            "attn_norm embd",
            *ATTENTION,
            "post_attention_norm embd",
            *_nemotron_experts(block),
        )
    if block.width("ff"):
        return ("attn_norm embd", *(_nemotron_experts(block) if block.experts else PLAIN))
    return ("attn_norm embd", *(ATTENTION if block.width("kv_heads") else _MAMBA2))


def _nemotron_experts(block: Block) -> Rows:
    latent = block.number("moe_latent_size", 0)
    block.known["inner"] = latent or block.width("embd")
    block.known["ff_shared"] = block.number("expert_shared_feed_forward_length", 0)
    return (
        "ffn_gate_inp embd experts",
        *EXPERT_BIAS,
        *when(latent, "ffn_latent_down embd inner", "ffn_latent_up inner embd"),
        "ffn_down_exps ff_exp inner experts",
        "ffn_up_exps inner ff_exp experts",
        "ffn_down_shexp ff_shared embd",
        "ffn_up_shexp embd ff_shared",
    )


def _lfm2(block: Block) -> Rows:
    mixer = (*ATTENTION, *HEAD_NORMS) if block.width("kv_heads") else _SHORT_CONVOLUTION
    routed = block.model.architecture == "lfm2moe" and block.routed
    return (*NORMS, *mixer, *((*EXPERTS, *EXPERT_BIAS) if routed else GATED))


def _recurs(block: Block) -> bool:
    """Whether a block of Qwen's hybrids is one of linear attention: a flag a block, else all but every n-th."""
    if block.predicts:
        return False
    flags = block.model.keys.flags("attention.recurrent_layers", block.model.count)
    if flags is not None:
        return flags[block.index]
    return (block.index + 1) % block.number("full_attention_interval", 4) != 0


def _qwen_hybrid(block: Block) -> Rows:
    if _recurs(block):
        joined = block.model.architecture == "qwen3next"
        apart = tuple(f"ssm_{part} embd ssm.time_step_rank" for part in ("beta", "alpha"))
        mixer: Rows = (*_DELTA, *(("ssm_ba embd 2*ssm.time_step_rank",) if joined else apart))
    else:  # the queries come with a gate each
        mixer = ("attn_q embd 2*q", "attn_k embd k", "attn_v embd v", "attn_output q embd", *HEAD_NORMS)
    return (
        "attn_norm embd",
        "post_attention_norm embd",
        *mixer,
        *(_gated_experts(block) if block.experts else GATED),
        *predictions(block),
    )


def _gated_experts(block: Block) -> Rows:
    block.known["ff_shared"] = block.number("expert_shared_feed_forward_length", 0) or block.width("ff")
    return (*EXPERTS, *SHARED, "ffn_gate_inp_shexp embd")


def _kimi_linear(block: Block) -> Rows:
    mixer = latent_attention(block, compressed_query=False) if block.width("kv_heads") else KIMI_DELTA
    return (*mixer, *experts_or_dense(block), *when(block.routed and not block.has("expert_bias"), *EXPERT_BIAS))


def _falcon_h1(block: Block) -> Rows:
    """Both kinds side by side in each block. The converter names the second norm without an ending."""
    recurrent = _MAMBA2 if block.has("ssm_norm") else tuple(row for row in _MAMBA2 if not row.startswith("ssm_norm"))
    return ("attn_norm embd", "ffn_norm. embd", *ATTENTION, *recurrent, *GATED)


_LFM2_TOP: Final = ("token_embd embd vocab", "token_embd_norm embd", "output embd vocab")

PLANS: Final[Mapping[str, Plan]] = {
    "falcon-h1": Plan(_falcon_h1),
    "granitehybrid": Plan(_granite_hybrid, top_with_factors),
    "jamba": Plan(_jamba),
    "kimi-linear": Plan(_kimi_linear),
    "lfm2": Plan(_lfm2, _LFM2_TOP),
    "lfm2moe": Plan(_lfm2, _LFM2_TOP),
    "mamba": Plan(same(("attn_norm embd",), _MAMBA)),
    "mamba2": Plan(same(("attn_norm embd",), _MAMBA2)),
    "nemotron_h": Plan(_nemotron_h, TOP),
    "nemotron_h_moe": Plan(_nemotron_h, TOP),
    "qwen35": Plan(_qwen_hybrid),
    "qwen35moe": Plan(_qwen_hybrid),
    "qwen3next": Plan(_qwen_hybrid),
}
