"""Encoders, which make embeddings: BERT and what was built like it.

Source: ``load_arch_tensors`` of ``src/models/*bert*.cpp``, ``conversion/bert.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from homeroom.models.architectures.plan import (
    ATTENTION,
    FUSED,
    FUSED_BIAS,
    GATED,
    NORMS,
    OUT_BIAS,
    PLAIN,
    PLAIN_BIAS,
    QKV_BIAS,
    TIED_TOP,
    Plan,
    Rows,
    same,
    when,
)
from homeroom.models.architectures.widths import Block

_OUT_NORMS: Final = (
    "attn_output_norm embd",
    "attn_output_norm.bias embd",
    "layer_output_norm embd",
    "layer_output_norm.bias embd",
)


def _top(block: Block) -> Rows:
    types = block.model.keys.metadata.get("tokenizer.ggml.token_type_count")
    return (
        "token_embd embd vocab",
        *when(isinstance(types, int) and types > 0, f"token_types embd {types}"),
        *when(block.model.architecture == "bert", "position_embd embd context_length"),
        "token_embd_norm embd",
        "token_embd_norm.bias embd",
    )


def _nomic(block: Block) -> Rows:
    """Nomic Embed 1 and 1.5; version 2 has experts in every n-th block, and biases in the others."""
    every = block.number("moe_every_n_layers", 0)
    if block.model.architecture == "nomic-bert":
        return (*FUSED, *_OUT_NORMS, *GATED)
    block.known["ff_exp"] = block.width("ff")
    routed = ("ffn_gate_inp embd experts", "ffn_up_exps embd ff_exp experts", "ffn_down_exps ff_exp embd experts")
    inner = routed if every and block.index % every == 1 else (*PLAIN, *PLAIN_BIAS)
    return (*FUSED, *FUSED_BIAS, *OUT_BIAS, *_OUT_NORMS, *inner)


def _modern_bert(block: Block) -> Rows:
    first = when(block.index, "attn_norm embd")
    return (*first, *FUSED, "ffn_norm embd", "ffn_up embd 2*ff", "ffn_down ff embd")


PLANS: Final[Mapping[str, Plan]] = {
    "bert": Plan(same(ATTENTION, QKV_BIAS, OUT_BIAS, _OUT_NORMS, PLAIN, PLAIN_BIAS), _top),
    "eurobert": Plan(same(NORMS, ATTENTION, GATED), TIED_TOP),
    "jina-bert-v3": Plan(same(ATTENTION, QKV_BIAS, OUT_BIAS, _OUT_NORMS, PLAIN, PLAIN_BIAS), _top),
    "modern-bert": Plan(_modern_bert, ("token_embd embd vocab", "token_embd_norm embd", "output_norm embd")),
    "nomic-bert": Plan(_nomic, _top),
    "nomic-bert-moe": Plan(_nomic, _top),
}
