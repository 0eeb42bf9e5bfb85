"""How the tables of tensors are written, and the rows that most families share.

A row is ``name dimension dimension ...``: the tensor's name without its block (``.weight`` where it has no ending of
its own; a dot at the end for none at all), then its dimensions in GGUF order, the row length first, by the names of
``widths``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from homeroom.models.architectures.widths import Block

Rows = tuple[str, ...]

EXTRAS: Final = frozenset(
    {
        "attention_bias",
        "expert_bias",
        "feed_forward_bias",
        "nextn_embeddings",
        "output_bias",
        "query_key_norm",
        "rope_factors",
        "ssm_norm",
    }
)
"""Optional tensors that no metadata announces: biases of attention, the experts' router, feed-forward and head; tables
of a prediction block's own; norms of queries and keys; frequency factors (Llama 3, LongRoPE); Falcon H1's norm."""

TOP: Final[Rows] = ("token_embd embd vocab", "output_norm embd", "output embd vocab")
TIED_TOP: Final[Rows] = ("token_embd embd vocab", "output_norm embd")
QKV: Final[Rows] = ("attn_q embd q", "attn_k embd k", "attn_v embd v")
QKV_BIAS: Final[Rows] = ("attn_q.bias q", "attn_k.bias k", "attn_v.bias v")
OUT_BIAS: Final[Rows] = ("attn_output.bias embd",)
ATTENTION: Final[Rows] = (*QKV, "attn_output o embd")
FUSED: Final[Rows] = ("attn_qkv embd q+k+v", "attn_output o embd")
FUSED_BIAS: Final[Rows] = ("attn_qkv.bias q+k+v",)
HEAD_NORMS: Final[Rows] = ("attn_q_norm head_k", "attn_k_norm head_k")
WIDE_NORMS: Final[Rows] = ("attn_q_norm q", "attn_k_norm k")
SPLIT_NORMS: Final[Rows] = ("attn_q_norm head_k heads", "attn_k_norm head_k kv_heads")
NORMS: Final[Rows] = ("attn_norm embd", "ffn_norm embd")
NORM_BIAS: Final[Rows] = ("attn_norm.bias embd", "ffn_norm.bias embd")
POST_NORMS: Final[Rows] = ("post_attention_norm embd", "post_ffw_norm embd")
GATED: Final[Rows] = ("ffn_gate embd ff", "ffn_down ff embd", "ffn_up embd ff")
GATED_BIAS: Final[Rows] = ("ffn_gate.bias ff", "ffn_down.bias embd", "ffn_up.bias ff")
DOUBLE: Final[Rows] = ("ffn_down ff embd", "ffn_up embd 2*ff")
PLAIN: Final[Rows] = ("ffn_up embd ff", "ffn_down ff embd")
PLAIN_BIAS: Final[Rows] = ("ffn_up.bias ff", "ffn_down.bias embd")
EXPERTS: Final[Rows] = (
    "ffn_gate_inp embd experts",
    "ffn_gate_exps embd ff_exp experts",
    "ffn_down_exps ff_exp embd experts",
    "ffn_up_exps embd ff_exp experts",
)
EXPERT_BIAS: Final[Rows] = ("exp_probs_b.bias experts",)
SHARED: Final[Rows] = ("ffn_gate_shexp embd ff_shared", "ffn_down_shexp ff_shared embd", "ffn_up_shexp embd ff_shared")
NEXTN: Final[Rows] = ("nextn.eh_proj 2*embd embd", "nextn.enorm embd", "nextn.hnorm embd")
NEXTN_NORM: Final[Rows] = ("nextn.shared_head_norm embd",)
NEXTN_TABLES: Final[Rows] = ("nextn.embed_tokens embd vocab", "nextn.shared_head_head embd vocab")


@dataclass(frozen=True, slots=True)
class Plan:
    """One architecture: the rows of each of its blocks, and those outside of any block."""

    block: Callable[[Block], Iterable[str]]
    top: Rows | Callable[[Block], Iterable[str]] = TOP


def same(*groups: Rows) -> Callable[[Block], Rows]:
    """A block function for a model whose blocks all have the same rows."""
    rows = tuple(row for group in groups for row in group)
    return lambda block: rows


def when(condition: object, *rows: str) -> Rows:
    """*rows* where *condition* holds."""
    return rows if condition else ()


def top_with_factors(block: Block) -> Rows:
    """The usual top, with the frequency factors of a long context where they were asked for."""
    if not block.has("rope_factors"):
        return TOP
    scaling = block.model.keys.metadata.get(block.model.keys.name("rope.scaling.type"))
    return (*TOP, *(LONGROPE if scaling == "longrope" else ("rope_freqs rot/2",)))


LONGROPE: Final[Rows] = ("rope_factors_long rot/2", "rope_factors_short rot/2")


def experts_or_dense(block: Block) -> Rows:
    """Routed experts with their shared ones, or the plain feed-forward of a leading block.

    The shared experts' width is ``expert_shared_feed_forward_length``, else ``expert_shared_count`` routed ones.
    """
    if not block.routed:
        return GATED
    if "ff_shared" not in block.known:
        own = block.number("expert_shared_feed_forward_length", 0)
        block.known["ff_shared"] = own or block.width("ff_exp") * block.number("expert_shared_count", 0)
    return (
        *EXPERTS,
        *when(block.has("expert_bias"), *EXPERT_BIAS),
        *when(block.known["ff_shared"], *SHARED),
    )


def predictions(block: Block) -> Rows:
    """What a block that predicts further tokens has beside the usual."""
    if not block.predicts:
        return ()
    return (*NEXTN, *NEXTN_NORM, *when(block.has("nextn_embeddings"), *NEXTN_TABLES))
