"""Google's Gemma family, with the per-layer embeddings of Gemma 3n and 4.

Source: ``load_arch_tensors`` of ``src/models/gemma*.cpp``, ``conversion/gemma.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from homeroom.models.architectures.plan import (
    ATTENTION,
    GATED,
    HEAD_NORMS,
    NORMS,
    POST_NORMS,
    TIED_TOP,
    TOP,
    Plan,
    Rows,
    same,
    when,
)
from homeroom.models.architectures.widths import Block

_BLOCK: Final = (*NORMS, *POST_NORMS, *ATTENTION, *HEAD_NORMS, *GATED)

# Gemma 3n has these widths as constants in the engine (``llama_hparams``), not in its metadata.
_ALTUP, _ALTUP_EMBD, _LAUREL = 4, 256, 64
_GEMMA3N: Final = (
    *_BLOCK,
    f"inp_gate embd {_ALTUP_EMBD}",
    f"proj {_ALTUP_EMBD} embd",
    "post_norm embd",
    f"altup_correct_coef {_ALTUP} {_ALTUP}",
    "altup_correct_scale embd",
    f"altup_predict_coef {_ALTUP} {_ALTUP * _ALTUP}",
    f"altup_router embd {_ALTUP}",
    "altup_router_norm embd",
    f"laurel_l embd {_LAUREL}",
    f"laurel_r {_LAUREL} embd",
    "laurel_post_norm embd",
)


def _gemma3n_top(block: Block) -> Rows:
    width = _ALTUP_EMBD * block.model.count
    return (
        *TOP,
        f"altup_proj embd embd {_ALTUP - 1}",
        f"altup_unembd_proj embd embd {_ALTUP - 1}",
        f"per_layer_token_embd {width} vocab",
        f"per_layer_model_proj embd {width}",
        f"per_layer_proj_norm {_ALTUP_EMBD}",
    )


def _gemma4_top(block: Block) -> Rows:
    own = block.number("embedding_length_per_layer_input")
    width = own * block.model.count
    full = block.number("attention.key_length", block.model.head)
    return (
        *TOP,
        *when(
            own,
            f"per_layer_token_embd {width} vocab",
            f"per_layer_model_proj embd {width}",
            f"per_layer_proj_norm {own}",
        ),
        f"rope_freqs {full // 2}",
    )


def _gemma4(block: Block) -> Rows:
    """Where the full-attention blocks of a model have fewer KV heads, their keys serve as values too."""
    shared = not block.slides and len(set(block.model.kv_heads)) > 1
    own = block.number("embedding_length_per_layer_input")
    return (
        *NORMS,
        *POST_NORMS,
        "attn_q embd q",
        "attn_k embd k",
        *when(not shared, "attn_v embd v"),
        "attn_output o embd",
        *HEAD_NORMS,
        *GATED,
        "layer_output_scale 1",
        *when(
            block.experts,
            "ffn_gate_inp embd experts",
            "ffn_gate_inp.scale embd",
            "pre_ffw_norm_2 embd",
            "post_ffw_norm_1 embd",
            "post_ffw_norm_2 embd",
            "ffn_gate_up_exps embd 2*ff_exp experts",
            "ffn_down_exps ff_exp embd experts",
            "ffn_down_exps.scale experts",
        ),
        *when(own, f"inp_gate embd {own}", f"proj {own} embd", "post_norm embd"),
    )


def _embedding_top(block: Block) -> Rows:
    """The two dense layers that follow the pooling, where the header has their widths."""
    out, into = block.number("dense_2_feat_out", 0), block.number("dense_3_feat_in", 0)
    return (*TIED_TOP, *when(out, f"dense_2 embd {out}"), *when(into, f"dense_3 {into} embd"))


PLANS: Final[Mapping[str, Plan]] = {
    "gemma": Plan(same(NORMS, ATTENTION, GATED), TIED_TOP),
    "gemma2": Plan(same(NORMS, POST_NORMS, ATTENTION, GATED), TIED_TOP),
    "gemma3": Plan(same(_BLOCK)),
    "gemma3n": Plan(same(_GEMMA3N), _gemma3n_top),
    "gemma4": Plan(_gemma4, _gemma4_top),
    "gemma-embedding": Plan(same(_BLOCK), _embedding_top),
}
