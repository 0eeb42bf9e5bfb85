"""GGUF metadata under construction, and the keys that the converter writes for every text model.

Source: ``TextModel.set_gguf_parameters`` and ``TextModel.__init__`` in ``conversion/base.py`` of llama.cpp, whose keys are
listed in ``gguf-py/gguf/constants.py``. Does not know single families (``families``, ``hybrids``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeroom.models.conversion.reader import Config
from homeroom.models.gguf import Value
from homeroom.models.shapes import MAX_LAYERS

_CONTEXT: Final = (
    "max_position_embeddings",
    "n_ctx",
    "n_positions",
    "max_length",
    "max_sequence_length",
    "model_max_length",
    "seq_length",
)
_FEED_FORWARD: Final = (
    "prefix_dense_intermediate_size",
    "dense_intermediate_size",
    "intermediate_size",
    "n_inner",
    "hidden_dim",
    "ffn_hidden_size",
)
_THETA: Final = ("global_rope_theta", "rope_global_theta", "rope_theta_global", "rope_theta", "rotary_emb_base")
_LOCAL_THETA: Final = (
    "local_rope_theta",
    "rope_local_theta",
    "rope_theta_local",
    "swa_rope_theta",
    "rope_local_base_freq",
)
_SCORES: Final = (
    "score_function",
    "scoring_func",
    "score_func",
    "moe_router_activation",
    "moe_router_activation_func",
    "expert_selection_fn",
    "router_score_func",
)
GATING: Final[Mapping[str, int]] = {"softmax": 1, "sigmoid": 2, "noaux_tc": 2, "sqrtsoftplus": 4}
"""``noaux_tc`` is how dots.llm1 calls a sigmoid with a bias."""
_EPSILON: Final = 1e-5
"""Where a configuration leaves it out: no size depends on it, and the engine asks for one."""


class Draft:
    """One model: its configuration, and what of it is written so far (keys without the architecture's name)."""

    def __init__(self, config: Config, architecture: str) -> None:
        self.config = config
        self.architecture = architecture
        self.keys: dict[str, Value] = {}
        self.general: dict[str, Value] = {}
        """Keys that are no architecture's own."""
        self.extras: set[str] = set()
        self.notes: list[str] = []
        self.tied: bool | None = None
        """Where the family decides it, whatever the configuration says."""

    def put(self, key: str, value: Value | None) -> None:
        """Write *key*, unless *value* is None."""
        if value is not None:
            self.keys[key] = value

    def whole(self, key: str, *names: str, default: int | None = None) -> None:
        """Write the configuration's whole number *names* as *key*; it must be there unless *default* is."""
        self.keys[key] = self.config.whole(*names, default=default)

    def maybe(self, key: str, *names: str) -> None:
        """Write the configuration's whole number *names* as *key* where there is one."""
        self.put(key, self.config.maybe_whole(*names))

    def extra(self, name: str, condition: object = True) -> None:
        """Have the optional tensors *name* where *condition* holds."""
        if condition:
            self.extras.add(name)

    @property
    def blocks(self) -> int:
        """Blocks that are written so far."""
        count = self.keys["block_count"]
        assert isinstance(count, int)
        return count

    @property
    def head(self) -> int:
        """The length of a head: ``head_dim``, else the width that each head has."""
        heads = self.config.whole("num_attention_heads", "n_head", "n_heads")
        width = self.config.whole("hidden_size", "n_embd", "dim")
        return self.config.maybe_whole("head_dim") or (width // heads if heads else 0)

    @property
    def rope(self) -> Config:
        return rope_parameters(self.config)

    def kinds(self, *names: str) -> tuple[str, ...] | None:
        """The kind of each layer, one for each of ``num_hidden_layers``."""
        found = self.config.texts(*(names or ("layer_types",)))
        expected = self.config.whole("n_layers", "num_hidden_layers", "n_layer", "num_layers")
        if found is not None and len(found) != expected:
            self.config.fail("wrong_length", key=(names or ("layer_types",))[0], expected=expected, found=len(found))
        return found

    def rotate(self, share: float) -> None:
        """Write how many elements of a head are rotated."""
        self.keys["rope.dimension_count"] = int(self.head * share)

    def predict(self, *names: str, tables: bool = False) -> None:
        """Add the blocks that predict further tokens: the converter counts them among the blocks. With *tables* they have
        an embedding table and a head of their own."""
        if extra := self.config.whole(*names, default=0):
            self.extra("nextn_embeddings", tables)
            self.keys["block_count"] = self.blocks + extra
            self.keys["nextn_predict_layers"] = extra
            if self.blocks > MAX_LAYERS:
                self.config.fail("wrong_kind", key=names[0], expected=f"<= {MAX_LAYERS}", found=extra)


def rope_parameters(config: Config) -> Config:
    """The rotary parameters, with those that a configuration keeps at its top level."""
    values: dict[str, Any] = dict(config.part("rope_parameters", "rope_scaling").values)
    if "full_attention" in values or "sliding_attention" in values:
        return Config(values, config.path)
    if (local := config.maybe_number(*_LOCAL_THETA)) is not None:
        values["sliding_attention"] = {"rope_theta": local}
    for name, spellings in (
        ("rope_theta", _THETA),
        ("partial_rotary_factor", ("partial_rotary_factor", "rope_pct", "rope_percent")),
        ("original_max_position_embeddings", ("original_max_position_embeddings",)),
    ):
        if name not in values and (number := config.find(*spellings)[1]) is not None:
            values[name] = number
    if "rope_type" not in values and "type" in values:
        values["rope_type"] = values["type"]
    return Config(values, config.path)


def write_common(draft: Draft) -> None:
    """What the converter writes for every model."""
    config, keys = draft.config, draft.keys
    keys["block_count"] = blocks = config.whole(
        "n_layers", "num_hidden_layers", "n_layer", "num_layers", default=0
    ) or len(config.texts("layers_block_type") or ())
    if not 1 <= blocks <= MAX_LAYERS:
        config.fail("wrong_kind", key="num_hidden_layers", expected=f"1..{MAX_LAYERS}", found=blocks)
    draft.maybe("context_length", *_CONTEXT)
    draft.whole("embedding_length", "hidden_size", "n_embd", "dim")
    draft.whole("vocab_size", "vocab_size", "padded_vocab_size")
    _whole_or_each(draft, "feed_forward_length", *_FEED_FORWARD)
    draft.maybe("attention.head_count", "num_attention_heads", "n_head", "n_heads")
    _whole_or_each(draft, "attention.head_count_kv", "num_key_value_heads", "n_kv_heads")
    if config.has("is_causal") and not config.flag("is_causal"):
        keys["attention.causal"] = False
    _write_rope(draft)
    rms, plain = config.maybe_number("rms_norm_eps", "norm_eps"), config.maybe_number(*_LAYER_NORM)
    keys["attention.layer_norm_rms_epsilon"] = rms if rms is not None else _EPSILON
    keys["attention.layer_norm_epsilon"] = plain if plain is not None else _EPSILON
    draft.maybe("expert_count", "num_local_experts", "num_experts", "n_routed_experts")
    draft.maybe("expert_used_count", "num_experts_per_tok", "num_experts_per_token", "top_k_experts")
    draft.maybe("expert_group_count", "n_group")
    draft.maybe("expert_group_used_count", "topk_group")
    if (score := config.text(*_SCORES)) is not None:
        if score not in GATING:
            config.fail("wrong_kind", key=config.find(*_SCORES)[0], expected=" | ".join(GATING), found=score)
        keys["expert_gating_func"] = GATING[score]
    if (head := config.maybe_whole("head_dim")) is not None:
        keys["attention.key_length"] = keys["attention.value_length"] = head


_LAYER_NORM: Final = ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "layernorm_epsilon")


def _whole_or_each(draft: Draft, key: str, *names: str) -> None:
    """A whole number, or one for each block."""
    name, value = draft.config.find(*names)
    if isinstance(value, list):
        draft.put(key, each(draft, name, draft.config.wholes(name)))
    else:
        draft.maybe(key, *names)


def each(draft: Draft, name: str, values: Sequence[int] | None) -> tuple[int, ...] | None:
    """*values*, one for each block."""
    if values is None:
        return None
    if len(values) != draft.blocks:
        draft.config.fail("wrong_length", key=name, expected=draft.blocks, found=len(values))
    return tuple(values)


def _write_rope(draft: Draft) -> None:
    rope = draft.rope
    full = rope.part("full_attention") if rope.has("full_attention") else rope
    kind, factor = (full.text("rope_type", "type") or "").lower(), full.maybe_number("factor")
    keys = draft.keys
    if kind in ("linear", "yarn") and factor is not None:
        keys["rope.scaling.type"] = kind
        keys["rope.scaling.factor"] = factor
        if kind == "yarn":
            draft.put("rope.scaling.original_context_length", full.maybe_whole("original_max_position_embeddings"))
    elif kind in ("su", "longrope"):
        keys["rope.scaling.type"] = "longrope"
        draft.put("rope.scaling.original_context_length", full.maybe_whole("original_max_position_embeddings"))
    if (sections := full.wholes("mrope_section")) is not None:
        keys["rope.dimension_sections"] = (*sections, 0, 0, 0, 0)[:4]
    draft.put("rope.freq_base", full.maybe_number("rope_theta"))
    draft.put("rope.freq_base_swa", rope.part("sliding_attention").maybe_number("rope_theta"))
