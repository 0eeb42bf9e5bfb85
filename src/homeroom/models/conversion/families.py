"""Families whose every layer attends: what each adds to the common keys.

Source: ``set_gguf_parameters`` of ``conversion/{llama,qwen,qwen3vl,gemma,phi,glm,chatglm,granite,...}.py`` of llama.cpp.
"""

from __future__ import annotations

from statistics import NormalDist

from homeroom.models.conversion.draft import Draft


def biases(draft: Draft) -> None:
    """Biases that a configuration announces."""
    config = draft.config
    draft.extra("attention_bias", config.flag("attention_bias", "use_bias", "qkv_bias", "add_qkv_bias", "use_qkv_bias"))
    draft.extra("feed_forward_bias", config.flag("mlp_bias", "use_bias"))


def llama(draft: Draft) -> None:
    draft.rotate(1.0)
    biases(draft)
    draft.extra("rope_factors", (draft.rope.text("rope_type") or "").lower() == "llama3")


def llama4(draft: Draft) -> None:
    config = draft.config
    llama(draft)
    draft.whole("expert_feed_forward_length", "intermediate_size")
    draft.whole("feed_forward_length", "intermediate_size_mlp")
    draft.whole("interleave_moe_layer_step", "interleave_moe_layer_step", default=1)
    kinds = draft.kinds()
    if kinds is not None and all(kind == "full_attention" for kind in kinds):
        draft.put("attention.sliding_window", 0)
    if not config.has("num_experts_per_tok"):
        draft.put("expert_used_count", 1)


def mistral3(draft: Draft) -> None:
    llama(draft)
    rope = draft.rope
    if draft.config.text("model_type") == "ministral3":
        draft.put("rope.scaling.yarn_log_multiplier", rope.number("mscale_all_dim", default=1.0))
        draft.put("attention.temperature_scale", rope.number("llama_4_scaling_beta", default=0.1))


def moe(draft: Draft) -> None:
    draft.maybe("expert_feed_forward_length", "moe_intermediate_size")
    draft.maybe("expert_shared_feed_forward_length", "shared_expert_intermediate_size")


def qwen2vl(draft: Draft) -> None:
    if "rope.dimension_sections" not in draft.keys:
        draft.put("rope.dimension_sections", (16, 24, 24, 0))


def qwen3vl(draft: Draft) -> None:
    moe(draft)
    if "rope.dimension_sections" not in draft.keys:
        draft.put("rope.dimension_sections", (24, 20, 20, 0))
    levels = draft.config.part("vision_config").wholes("deepstack_visual_indexes") or ()
    draft.put("n_deepstack_layers", len(levels))


def gemma2(draft: Draft) -> None:
    config = draft.config
    draft.tied = True
    draft.put("attn_logit_softcapping", config.number("attn_logit_softcapping", default=50.0))
    draft.put("final_logit_softcapping", config.number("final_logit_softcapping", default=30.0))
    draft.whole("attention.sliding_window", "sliding_window", default=4096)


def gemma(draft: Draft) -> None:
    draft.tied = True


def gemma3(draft: Draft) -> None:
    config = draft.config
    draft.tied = True
    draft.put("final_logit_softcapping", config.maybe_number("final_logit_softcapping"))
    if config.maybe_whole("sliding_window_pattern", "_sliding_window_pattern") != 1:
        draft.whole("attention.sliding_window", "sliding_window")
    if config.values.get("use_bidirectional_attention") is True:  # Gemma 4 says "vision": of images alone
        draft.architecture = "gemma-embedding"
        draft.put("pooling_type", 1)


def gemma3n(draft: Draft) -> None:
    config = draft.config
    gemma3(draft)
    draft.whole("vocab_size", "vocab_size_per_layer_input", "vocab_size")
    draft.whole("altup.active_idx", "altup_active_idx", default=0)
    draft.whole("altup.num_inputs", "altup_num_inputs", default=4)
    draft.whole("embedding_length_per_layer_input", "hidden_size_per_layer_input", default=256)
    draft.whole("attention.shared_kv_layers", "num_kv_shared_layers", default=15)
    shares = config.numbers("activation_sparsity_pattern") or (0.0,) * draft.blocks
    if len(shares) != draft.blocks or not all(0 <= share < 1 for share in shares):
        config.fail("wrong_length", key="activation_sparsity_pattern", expected=draft.blocks, found=len(shares))
    normal = NormalDist()
    draft.put("activation_sparsity_scale", tuple(normal.inv_cdf(s) if s else float("-inf") for s in shares))
    _slides(draft)


def _slides(draft: Draft) -> None:
    """One flag a block from ``layer_types``."""
    if (kinds := draft.kinds()) is not None:
        flags = tuple(kind == "sliding_attention" for kind in kinds)
        draft.put("attention.sliding_window_pattern", flags + (False,) * (draft.blocks - len(flags)))


def gemma4(draft: Draft) -> None:
    config = draft.config
    gemma3(draft)
    shared = config.whole("num_kv_shared_layers", default=0)
    draft.put("attention.shared_kv_layers", shared)
    draft.whole("embedding_length_per_layer_input", "hidden_size_per_layer_input", default=0)
    _slides(draft)
    full, sliding = config.whole("global_head_dim"), config.whole("head_dim")
    draft.keys |= {
        "attention.key_length": full,
        "attention.value_length": full,
        "attention.key_length_swa": sliding,
        "attention.value_length_swa": sliding,
        "rope.dimension_count": full,
        "rope.dimension_count_swa": int(sliding * draft.rope.number("partial_rotary_factor", default=1.0)),
    }
    draft.maybe("expert_feed_forward_length", "expert_intermediate_size", "moe_intermediate_size")
    if config.flag("use_double_wide_mlp"):
        width, first = config.whole("intermediate_size"), draft.blocks - shared
        draft.put("feed_forward_length", tuple(width * (1 + (index >= first)) for index in range(draft.blocks)))
    heads, full_heads = config.maybe_whole("num_key_value_heads"), config.maybe_whole("num_global_key_value_heads")
    kinds = draft.kinds()
    if heads is not None and full_heads is not None and kinds is not None:
        draft.put("attention.head_count_kv", tuple(heads if k == "sliding_attention" else full_heads for k in kinds))


def gpt_oss(draft: Draft) -> None:
    draft.whole("attention.sliding_window", "sliding_window", default=128)
    draft.whole("expert_feed_forward_length", "intermediate_size")


def phi2(draft: Draft) -> None:
    config = draft.config
    draft.put("feed_forward_length", 4 * config.whole("hidden_size", "n_embd"))
    draft.maybe("attention.head_count_kv", "num_attention_heads", "n_head")
    draft.rotate(draft.rope.number("partial_rotary_factor", default=0.5))


def phi3(draft: Draft) -> None:
    config, rope = draft.config, draft.rope
    context = config.whole("n_positions", "max_position_embeddings")
    draft.rotate(rope.number("partial_rotary_factor", default=1.0))
    original = rope.maybe_whole("original_max_position_embeddings")
    draft.put("rope.scaling.original_context_length", original if original is not None else context)
    draft.whole("attention.sliding_window", "sliding_window", default=0)
    draft.extra("rope_factors", draft.keys.get("rope.scaling.type") == "longrope")


def glm4(draft: Draft) -> None:
    draft.rotate(draft.rope.number("partial_rotary_factor", default=0.5))
    biases(draft)


def glm4_moe(draft: Draft) -> None:
    glm4(draft)
    moe(draft)
    draft.maybe("expert_shared_count", "n_shared_experts")
    draft.maybe("leading_dense_block_count", "first_k_dense_replace")
    draft.put("expert_gating_func", 2)
    scales(draft)
    draft.extra("query_key_norm", draft.config.flag("use_qk_norm"))
    draft.predict("num_nextn_predict_layers", tables=True)


def scales(draft: Draft) -> None:
    """How the outputs of the experts are weighed."""
    draft.put("expert_weights_scale", draft.config.maybe_number("routed_scaling_factor"))
    if draft.config.flag("norm_topk_prob"):
        draft.put("expert_weights_norm", True)


def chatglm(draft: Draft) -> None:
    config = draft.config
    heads = config.whole("n_head", "num_attention_heads")
    draft.put("attention.head_count_kv", config.whole("multi_query_group_num", "num_key_value_heads", default=heads))
    draft.whole("context_length", "seq_length", "max_position_embeddings")
    draft.rotate(draft.rope.number("partial_rotary_factor", default=0.5))
    draft.put("rope.freq_base", 10000.0 * config.number("rope_ratio", default=1.0))
    draft.extra("attention_bias", config.flag("add_qkv_bias", "attention_bias"))


def minimax_m2(draft: Draft) -> None:
    draft.whole("expert_feed_forward_length", "intermediate_size")
    draft.put("rope.dimension_count", draft.config.whole("rotary_dim", default=draft.head))


def granite(draft: Draft) -> None:
    config = draft.config
    for key in ("attention.key_length", "attention.value_length"):
        draft.keys.pop(key, None)
    width, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    draft.put("rope.dimension_count", width // heads if heads else 0)
    for key, name in (
        ("attention.scale", "attention_multiplier"),
        ("embedding_scale", "embedding_multiplier"),
        ("residual_scale", "residual_multiplier"),
        ("logit_scale", "logits_scaling"),
    ):
        if number := config.number(name, default=1.0):
            draft.put(key, number)
    biases(draft)


def granite_moe(draft: Draft) -> None:
    granite(draft)
    if shared := draft.config.whole("shared_intermediate_size", default=0):
        draft.put("expert_shared_feed_forward_length", shared)


def olmo2(draft: Draft) -> None:
    if (window := draft.config.maybe_whole("sliding_window")) is not None:
        draft.put("attention.sliding_window", window)
        _slides(draft)
        if "attention.sliding_window_pattern" not in draft.keys:
            draft.put("attention.sliding_window_pattern", tuple((i + 1) % 4 != 0 for i in range(draft.blocks)))


def command_r(draft: Draft) -> None:
    draft.put("logit_scale", draft.config.number("logit_scale", default=0.0625))
    draft.put("rope.scaling.type", "none")
    draft.maybe("context_length", "model_max_length", "max_position_embeddings")
    draft.tied = True


def cohere2(draft: Draft) -> None:
    command_r(draft)
    draft.whole("attention.sliding_window", "sliding_window")
    draft.rotate(draft.config.number("rotary_pct", default=1.0))


def falcon(draft: Draft) -> None:
    config = draft.config
    draft.put("context_length", config.whole("max_position_embeddings", default=2048))
    draft.put("feed_forward_length", 4 * config.whole("hidden_size"))
    heads = config.whole("num_attention_heads", "n_head")
    grouped = config.flag("new_decoder_architecture")
    kv_heads = config.whole(
        "num_kv_heads", "n_head_kv", default=1 if config.flag("multi_query", default=True) else heads
    )
    draft.put("attention.head_count_kv", kv_heads if grouped else min(kv_heads, 1) or heads)
    draft.tied = True


def starcoder2(draft: Draft) -> None:
    draft.extra("attention_bias", draft.config.flag("use_bias", default=True))
    draft.extra("feed_forward_bias", draft.config.flag("use_bias", default=True))


def exaone(draft: Draft) -> None:
    draft.rotate(draft.rope.number("partial_rotary_factor", default=1.0))
    draft.extra("rope_factors", (draft.rope.text("rope_type") or "").lower() == "llama3")


def exaone4(draft: Draft) -> None:
    config = draft.config
    draft.extra("rope_factors", (draft.rope.text("rope_type") or "").lower() == "llama3")
    if (window := config.maybe_whole("sliding_window")) is None:
        return
    draft.put("attention.sliding_window", window)
    _, pattern = config.find("sliding_window_pattern")
    if config.has("layer_types"):
        _slides(draft)
    elif isinstance(pattern, str) and pattern:
        draft.put(
            "attention.sliding_window_pattern", tuple(pattern[i % len(pattern)] == "L" for i in range(draft.blocks))
        )
    elif isinstance(pattern, int) and pattern:
        draft.put("attention.sliding_window_pattern", tuple((i + 1) % pattern != 0 for i in range(draft.blocks)))


def ernie_moe(draft: Draft) -> None:
    config = draft.config
    draft.whole("expert_count", "moe_num_experts")
    draft.whole("expert_used_count", "moe_k")
    draft.whole("interleave_moe_layer_step", "moe_layer_interval", default=1)
    draft.whole("leading_dense_block_count", "moe_layer_start_index", default=0)
    moe(draft)
    draft.extra("expert_bias", config.flag("moe_use_aux_free", default=True))
    shared = config.maybe_whole("moe_num_shared_experts")
    draft.put("expert_shared_count", shared)
    heads = config.maybe_whole("num_key_value_heads")
    if shared and heads:
        draft.put("expert_shared_feed_forward_length", config.whole("intermediate_size") // heads)


def hunyuan_dense(draft: Draft) -> None:
    draft.keys.pop("expert_count", None)
    draft.keys.pop("expert_used_count", None)
    _hunyuan_rope(draft)


def _hunyuan_rope(draft: Draft) -> None:
    kind = draft.rope.text("rope_type")
    if kind in ("dynamic", "xdrope"):
        draft.put("rope.scaling.type", "none")
        if kind == "dynamic":
            draft.put("context_length", 256 * 1024)
            draft.put("rope.scaling.original_context_length", 256 * 1024)


def hunyuan_moe(draft: Draft) -> None:
    draft.whole("expert_shared_feed_forward_length", "intermediate_size")
    for key, name in (
        ("expert_feed_forward_length", "moe_intermediate_size"),
        ("expert_used_count", "moe_topk"),
        ("expert_shared_count", "num_shared_expert"),
    ):
        _, value = draft.config.find(name)
        values = set(draft.config.wholes(name) or ()) if isinstance(value, list) else {draft.config.whole(name)}
        if len(values) != 1:
            draft.config.fail("wrong_kind", key=name, expected="one number for all layers", found=str(value)[:40])
        draft.put(key, values.pop())
    _hunyuan_rope(draft)


def nemotron(draft: Draft) -> None:
    draft.rotate(draft.rope.number("partial_rotary_factor", default=0.5))
    draft.put("rope.scaling.type", "none")
    biases(draft)


def stablelm(draft: Draft) -> None:
    config = draft.config
    draft.rotate(draft.rope.number("partial_rotary_factor", default=0.25))
    draft.put("use_parallel_residual", config.flag("use_parallel_residual", default=True))
    draft.extra("attention_bias", config.flag("use_qkv_bias"))
    draft.extra("query_key_norm", config.flag("qk_layernorm"))


def bert(draft: Draft) -> None:
    draft.put("attention.causal", False)
    draft.put("pooling_type", 1)
    if kinds := draft.config.whole("type_vocab_size", default=0):
        draft.general["tokenizer.ggml.token_type_count"] = kinds
    draft.tied = True


def xlm_roberta(draft: Draft) -> None:
    """The first two positions are the padding's, and are left out."""
    bert(draft)
    offset = 1 + draft.config.whole("pad_token_id", default=1)
    context = draft.config.whole("max_position_embeddings")
    draft.put("context_length", max(1, context - offset))


def nomic_bert(draft: Draft) -> None:
    config = draft.config
    bert(draft)
    if layers := config.whole("moe_every_n_layers", default=0):
        draft.architecture = "nomic-bert-moe"
        draft.put("moe_every_n_layers", layers)
        draft.whole("expert_used_count", "moe_top_k")
        draft.extra("attention_bias")
        draft.extra("feed_forward_bias")
    positions = config.whole("n_positions", "max_position_embeddings")
    draft.put("context_length", {8192: 2048, 2048: 512}.get(positions, positions))


def seed_oss(draft: Draft) -> None:
    draft.extra("attention_bias", draft.config.flag("attention_bias", default=True))


def bailing_moe2(draft: Draft) -> None:
    config = draft.config
    draft.rotate(draft.rope.number("partial_rotary_factor", default=0.5))
    draft.whole("leading_dense_block_count", "first_k_dense_replace")
    moe(draft)
    width, shared = config.whole("moe_intermediate_size"), config.whole("num_shared_experts")
    shared_width = config.whole("moe_shared_expert_intermediate_size", default=width * shared)
    draft.put("expert_shared_feed_forward_length", shared_width)
    draft.put("expert_shared_count", shared)
    draft.extra("expert_bias", config.flag("moe_router_enable_expert_bias", default=True))
    draft.keys.setdefault("expert_gating_func", 2)
    scales(draft)
    draft.predict("num_nextn_predict_layers")


def bailing_moe(draft: Draft) -> None:
    draft.rotate(1.0)
    draft.whole("leading_dense_block_count", "first_k_dense_replace")
    moe(draft)
    draft.put("expert_weights_scale", 1.0)
    draft.whole("expert_shared_count", "num_shared_experts")
    scales(draft)


def dots1(draft: Draft) -> None:
    draft.extra("expert_bias")
    draft.whole("leading_dense_block_count", "first_k_dense_replace")
    draft.whole("expert_shared_count", "n_shared_experts")
    moe(draft)
    scales(draft)


def xielu(draft: Draft) -> None:
    """Apertus. The converter writes the learned numbers of each block's activation as metadata."""
    llama(draft)
    for name, value in (("alpha_n", 0.8), ("alpha_p", 0.8), ("beta", 0.5), ("eps", -1e-6)):
        draft.general[f"xielu.{name}"] = (value,) * draft.blocks


def minicpm(draft: Draft) -> None:
    config = draft.config
    draft.put("embedding_scale", config.number("scale_emb", default=1.0))
    draft.put("residual_scale", config.number("scale_depth", default=1.0) / draft.blocks**0.5)
    base = config.maybe_number("dim_model_base")
    draft.put("logit_scale", config.whole("hidden_size") / base if base else None)
    draft.extra("rope_factors", bool(draft.rope.numbers("long_factor")))
