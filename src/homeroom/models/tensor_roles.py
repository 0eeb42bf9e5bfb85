"""What a tensor's name says: to llama.cpp's quantizer, and to its converter about what stays in F32.

A reading of ``tensor_allows_quantization`` and ``tensor_get_category`` in ``src/llama-quant.cpp`` and of
``prepare_tensors`` in ``conversion/base.py``, as in xllamacpp 2026.10.11549. Does not know shapes, nor types (``mix``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple


class Kind(Enum):
    """What a tensor is for, as far as the quantizer tells tensors apart (``tensor_get_category``)."""

    OUTPUT = auto()
    EMBEDDING = auto()
    VALUES = auto()
    """attn_v, and what holds it: attn_qkv, attn_kv_b."""
    KEYS = auto()
    QUERIES = auto()
    ATTENTION_OUTPUT = auto()
    UP = auto()
    GATE = auto()
    DOWN = auto()
    OTHER = auto()


class Role(NamedTuple):
    """What a tensor's name says about it, whatever its layer."""

    kind: Kind
    quantized: bool
    """Whether the quantizer may touch it, if it has two dimensions."""
    f32: bool
    """Whether the converter writes it in F32, whatever the file's precision."""
    eight_bits: bool
    """Whether its architecture keeps it at Q8_0 at least."""


_KINDS: Final = (
    ("attn_qkv.weight", Kind.VALUES),
    ("attn_kv_b.weight", Kind.VALUES),
    ("attn_v.weight", Kind.VALUES),
    ("attn_k.weight", Kind.KEYS),
    ("attn_q.weight", Kind.QUERIES),
    ("attn_output.weight", Kind.ATTENTION_OUTPUT),
    ("ffn_up", Kind.UP),
    ("ffn_gate", Kind.GATE),
    ("ffn_down", Kind.DOWN),
)

_NEVER: Final = (
    *("_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj"),
    *("ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight"),
    *("time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight"),
    *("time_mix_v0.weight", "time_mix_v1.weight", "time_mix_v2.weight"),
    *("time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight", "time_mix_g1.weight", "time_mix_g2.weight"),
    *("time_mix_decay_w1.weight", "time_mix_decay_w2.weight", "time_mix_lerp_fused.weight", "attn_rel_b.weight"),
    *(".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd", ".patch_merger"),
    *("a.rvq.codebook", "mm.a.code_embd"),
)
"""Anywhere in the name: never quantized."""
_NEVER_GLM5: Final = (
    *("hc_", "indexer.attn_q_b", "indexer.attn_k", "indexer.proj", "indexer_compressor_gate"),
    *("indexer_compressor_ape", "ssm_f_a.weight", "ssm_f_b.weight", "ssm_g_a.weight", "ssm_g_b.weight"),
    *("ssm_beta.weight", "attn_kv_a_mqa.weight", "attn_k_b.weight", "attn_v_b.weight"),
)
_EIGHT_BITS_GLM5: Final = ("attn_q_a", "attn_q_b", "nextn.eh_proj")
_EMBEDDINGS: Final = ("token_embd.weight", "per_layer_token_embd.weight")

_KEPT_F32: Final = frozenset(
    f".{name}.weight"
    for name in (
        *("ffn_gate_inp", "ffn_gate_inp_shexp", "ssm_conv1d", "ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v"),
        *("shortconv.conv", "time_mix_first", "time_mix_w1", "time_mix_w2", "time_mix_decay_w1", "time_mix_decay_w2"),
        *("time_mix_lerp_fused", "altup_correct_coef", "altup_predict_coef", "indexer.proj"),
    )
) | {"position_embd.weight", "token_types.weight", "v.position_embd.weight", "a.position_embd.weight"}
"""Matrices that the converter always writes in F32, by their name within a layer."""
_KEPT_F32_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "glm5-next": ("hc_attn_", "hc_ffn_", "indexer_compressor_", "ssm_a", "ssm_dt", "exp_probs_b"),
    "hy_v4": ("hc_attn_fn.weight", "hc_ffn_fn.weight", "output_hc_fn.weight"),
    "minimax-m3": (".indexer.",),
}
"""Parts of names that one architecture's converter adds to them (its ``tensor_force_quant``)."""


@lru_cache(maxsize=1 << 16)
def place(architecture: str, name: str) -> tuple[int, Role]:
    """The layer of a tensor, -1 for none, and what the rest of its name means."""
    if name.startswith("blk."):
        end = name.find(".", 4)
        digits = name[4:end]
        if end > 4 and digits.isdecimal():
            return int(digits), _role(architecture, name[end:])
    return -1, _role(architecture, name)


@lru_cache(maxsize=4096)
def _role(architecture: str, name: str) -> Role:
    """What *name*, without its layer (``.attn_v.weight``), means to the quantizer and to the converter."""
    if name == "output.weight":
        kind = Kind.OUTPUT
    elif name in _EMBEDDINGS:
        kind = Kind.EMBEDDING
    else:
        kind = next((kind for part, kind in _KINDS if part in name), Kind.OTHER)
    glm5 = architecture == "glm5-next"
    never = _NEVER + _NEVER_GLM5 if glm5 else _NEVER
    quantized = (
        name.endswith("weight")
        and name not in ("position_embd.weight", "token_types.weight")
        and not any(part in name for part in never)
    )
    f32 = name.endswith("_norm.weight") or (
        architecture != "dbrx"  # whose converter says so of all its matrices
        and (
            name in _KEPT_F32
            or not name.endswith(".weight")
            or any(part in name for part in _KEPT_F32_OF.get(architecture, ()))
        )
    )
    return Role(kind, quantized, f32, glm5 and any(part in name for part in _EIGHT_BITS_GLM5))
