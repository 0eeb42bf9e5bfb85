"""Families with latent, linear or recurrent layers: what each adds to the common keys.

Source: ``set_gguf_parameters`` of ``conversion/{deepseek,glm,qwen,granite,mamba,lfm2,falcon_h1,nemotron,kimi_linear}.py``.
"""

from __future__ import annotations

from homeroom.models.conversion.draft import Draft
from homeroom.models.conversion.families import biases, granite, granite_moe, moe, scales


def deepseek(draft: Draft) -> None:
    draft.rotate(1.0)
    draft.put("rope.scaling.type", "none")
    draft.whole("leading_dense_block_count", "first_k_dense_replace", default=0)
    moe(draft)
    draft.put("expert_weights_scale", 1.0)
    draft.whole("expert_shared_count", "n_shared_experts")


def latent(draft: Draft) -> None:
    """Multi-head latent attention: the cache holds one head of ``kv_lora_rank`` + rotated elements."""
    config = draft.config
    rotated, rank = config.whole("qk_rope_head_dim"), config.whole("kv_lora_rank", default=512)
    draft.keys |= {
        "attention.head_count_kv": 1,
        "attention.kv_lora_rank": rank,
        "attention.key_length": rank + rotated,
        "attention.value_length": rank,
        "attention.key_length_mla": config.whole("qk_nope_head_dim") + rotated,
        "attention.value_length_mla": config.whole("v_head_dim"),
        "rope.dimension_count": rotated,
    }
    draft.maybe("attention.q_lora_rank", "q_lora_rank")


def deepseek2(draft: Draft) -> None:
    config = draft.config
    latent(draft)
    routed = config.has("n_routed_experts")
    dense = config.whole("first_k_dense_replace", default=0 if routed else draft.blocks)
    draft.put("leading_dense_block_count", dense)
    draft.whole("expert_feed_forward_length", "moe_intermediate_size", "intermediate_size")
    draft.whole("expert_shared_count", "n_shared_experts", default=0)
    scales(draft)
    draft.extra("expert_bias", config.text("topk_method") == "noaux_tc")
    multiplier = draft.rope.maybe_number("mscale_all_dim")
    draft.put("rope.scaling.yarn_log_multiplier", None if multiplier is None else 0.1 * multiplier)


def glm4_moe_lite(draft: Draft) -> None:
    deepseek2(draft)
    draft.extra("expert_bias")
    draft.put("expert_gating_func", 2)
    draft.predict("num_nextn_predict_layers", tables=True)


def sparse(draft: Draft) -> None:
    """Latent attention with an indexer that picks the tokens to attend to."""
    deepseek2(draft)
    draft.extra("expert_bias")
    draft.whole("attention.indexer.head_count", "index_n_heads")
    draft.whole("attention.indexer.key_length", "index_head_dim")
    draft.whole("attention.indexer.top_k", "index_topk")
    kinds = draft.config.texts("indexer_types")
    draft.predict("num_nextn_predict_layers", tables=True)
    if kinds is not None:
        draft.put("attention.indexer.types", tuple(kind == "full" for kind in kinds))


def qwen3next(draft: Draft) -> None:
    config = draft.config
    moe(draft)
    draft.whole("ssm.conv_kernel", "linear_conv_kernel_dim")
    draft.whole("ssm.state_size", "linear_key_head_dim")
    draft.whole("ssm.group_count", "linear_num_key_heads")
    draft.whole("ssm.time_step_rank", "linear_num_value_heads")
    draft.put("ssm.inner_size", config.whole("linear_value_head_dim") * config.whole("linear_num_value_heads"))
    kinds = draft.kinds()
    draft.predict("mtp_num_hidden_layers")
    if kinds is not None:
        recurrent = tuple(kind == "linear_attention" for kind in kinds)
        draft.put("attention.recurrent_layers", recurrent + (False,) * (draft.blocks - len(recurrent)))
    draft.whole("full_attention_interval", "full_attention_interval", default=4)
    if not draft.keys["full_attention_interval"]:
        config.fail("wrong_kind", key="full_attention_interval", expected="1, 2, ...", found=0)
    draft.rotate(draft.rope.number("partial_rotary_factor", default=0.25))


def qwen35(draft: Draft) -> None:
    qwen3next(draft)
    if "rope.dimension_sections" not in draft.keys:
        draft.put("rope.dimension_sections", (11, 11, 10, 0))


def _mamba_keys(draft: Draft) -> None:
    for key in ("attention.head_count_kv", "attention.key_length", "attention.value_length"):
        draft.keys.pop(key, None)
    draft.keys |= {"context_length": 1 << 20, "feed_forward_length": 0, "attention.head_count": 0}
    epsilon = draft.config.number("layer_norm_epsilon", "rms_norm_eps", default=1e-5)
    draft.put("attention.layer_norm_rms_epsilon", epsilon)
    draft.whole("ssm.conv_kernel", "conv_kernel", "d_conv", "mamba_d_conv", default=4)


def mamba(draft: Draft) -> None:
    config = draft.config
    width = config.whole("hidden_size", "d_model")
    _mamba_keys(draft)
    draft.whole("ssm.inner_size", "intermediate_size", "d_inner", default=2 * width)
    draft.whole("ssm.state_size", "state_size", "d_state", default=16)
    _, rank = config.find("time_step_rank", "dt_rank")
    draft.put(
        "ssm.time_step_rank", -(-width // 16) if rank in (None, "auto") else config.whole("time_step_rank", "dt_rank")
    )
    draft.put("ssm.dt_b_c_rms", config.text("model_type") == "falcon_mamba")


def mamba2(draft: Draft) -> None:
    config = draft.config
    width = config.whole("hidden_size", "d_model", "dim")
    head = config.whole("mamba_d_head", "head_dim", default=64)
    expand = config.whole("mamba_expand", "expand", default=2)
    inner = config.whole("mamba_d_ssm", "intermediate_size", "d_inner", default=expand * width)
    _mamba_keys(draft)
    draft.put("ssm.inner_size", inner)
    draft.whole("ssm.state_size", "state_size", "d_state", "mamba_d_state", default=128)
    draft.put("ssm.time_step_rank", inner // head if head else 0)
    draft.whole("ssm.group_count", "n_groups", "mamba_n_groups", default=1)


def falcon_h1(draft: Draft) -> None:
    config = draft.config
    mamba2(draft)
    draft.whole("context_length", "max_position_embeddings")
    draft.whole("feed_forward_length", "intermediate_size")
    draft.whole("attention.head_count", "num_attention_heads")
    draft.whole("attention.head_count_kv", "num_key_value_heads")
    head = config.whole("head_dim", default=draft.head)
    draft.keys |= {"attention.key_length": head, "attention.value_length": head}
    inner, length = config.whole("mamba_d_ssm"), config.whole("mamba_d_head", default=64)
    draft.keys |= {"ssm.inner_size": inner, "ssm.time_step_rank": inner // length if length else 0}
    draft.whole("ssm.group_count", "mamba_n_groups", "n_groups")
    draft.extra("ssm_norm", config.flag("mamba_rms_norm"))


def granite_hybrid(draft: Draft) -> None:
    config = draft.config
    attends = _attends(draft)
    granite_moe(draft)
    if all(attends):
        draft.architecture = (
            "granitemoe"
            if config.has("num_experts_per_tok") and config.whole("num_local_experts", default=0)
            else "granite"
        )
        _drop_no_experts(draft)
        return
    _drop_no_experts(draft)
    heads = config.whole("mamba_n_heads", "n_heads", "num_heads")
    draft.whole("ssm.conv_kernel", "mamba_d_conv", "conv_kernel", "d_conv")
    draft.whole("ssm.state_size", "mamba_d_state", "state_size", "d_state")
    draft.whole("ssm.group_count", "mamba_n_groups", "n_groups")
    draft.put("ssm.inner_size", config.whole("mamba_expand", default=2) * config.whole("hidden_size"))
    draft.put("ssm.time_step_rank", heads)
    kv_heads = config.whole("num_key_value_heads")
    draft.put("attention.head_count_kv", tuple(kv_heads if attending else 0 for attending in attends))
    draft.put("rope.scaling.finetuned", False)
    draft.put("context_length", 1 << 20)


def _drop_no_experts(draft: Draft) -> None:
    """A dense model of this family says that it has 0 experts."""
    if not draft.keys.get("expert_count"):
        for key in ("expert_count", "expert_used_count"):
            draft.keys.pop(key, None)


def _attends(draft: Draft) -> tuple[bool, ...]:
    config = draft.config
    if (kinds := draft.kinds()) is not None:
        return tuple(kind == "attention" for kind in kinds)
    if indices := config.wholes("attn_layer_indices"):
        return tuple(index in indices for index in range(draft.blocks))
    period, offset = config.whole("attn_layer_period"), config.whole("attn_layer_offset")
    return tuple(period > 0 and index % period == offset for index in range(draft.blocks))


_NEMOTRON: dict[str, str] = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe", "linear_attention": "mamba"}


def nemotron_h(draft: Draft) -> None:
    config = draft.config
    pattern = (
        config.text("hybrid_override_pattern")
        if isinstance(config.values.get("hybrid_override_pattern"), str)
        else None
    )
    kinds = tuple(_NEMOTRON.get(k, k) for k in (pattern or config.texts("layers_block_type", "layer_types") or ()))
    if len(kinds) != draft.blocks:
        config.fail("wrong_length", key="hybrid_override_pattern", expected=draft.blocks, found=len(kinds))
    granite(draft)
    head = config.whole("head_dim", "attention_head_dim")
    draft.keys |= {"attention.key_length": head, "attention.value_length": head}
    draft.whole("ssm.conv_kernel", "conv_kernel", "mamba_d_conv")
    draft.whole("ssm.state_size", "ssm_state_size", "state_size")
    draft.whole("ssm.group_count", "n_groups", "num_groups")
    heads = config.whole("mamba_num_heads")
    draft.put("ssm.inner_size", heads * config.whole("mamba_head_dim"))
    draft.put("ssm.time_step_rank", heads)
    draft.put("rope.scaling.finetuned", False)
    epsilon = config.number("layer_norm_epsilon", "norm_eps", "rms_norm_eps", default=1e-5)
    draft.put("attention.layer_norm_rms_epsilon", epsilon)
    routed = config.has("num_experts_per_tok") and config.whole("n_routed_experts", default=0) > 0
    width = config.whole("moe_intermediate_size") if routed else config.whole("intermediate_size")
    wide, extra = "moe" if routed else "mlp", 0
    if routed:
        draft.architecture = "nemotron_h_moe"
        draft.whole("expert_feed_forward_length", "moe_intermediate_size")
        draft.whole("expert_shared_feed_forward_length", "moe_shared_expert_intermediate_size")
        draft.whole("expert_shared_count", "n_shared_experts")
        draft.maybe("moe_latent_size", "moe_latent_size")
        scales(draft)
        draft.predict("num_nextn_predict_layers")
        extra = draft.blocks - len(kinds)
    kv_heads = config.whole("num_key_value_heads")
    attends = (*(kind == "attention" for kind in kinds), *(True,) * extra)
    feeds = (*(kind == wide for kind in kinds), *(True,) * extra)
    draft.put("attention.head_count_kv", tuple(kv_heads if attending else 0 for attending in attends))
    draft.put("feed_forward_length", tuple(width if feeding else 0 for feeding in feeds))
    biases(draft)


def lfm2(draft: Draft) -> None:
    config = draft.config
    _convolutions(draft)
    width = config.whole("block_ff_dim", "intermediate_size")
    if config.flag("block_auto_adjust_ff_dim", default=True):
        multiple = config.whole("block_multiple_of", default=256)
        width = 2 * width // 3
        if (multiplier := config.maybe_number("block_ffn_dim_multiplier")) is not None:
            width = int(multiplier * width)
        width = multiple * -(-width // multiple) if multiple else width
    draft.put("feed_forward_length", width)


def lfm2_moe(draft: Draft) -> None:
    _convolutions(draft)
    moe(draft)
    draft.whole("leading_dense_block_count", "num_dense_layers")
    draft.put("expert_gating_func", 2)


def _convolutions(draft: Draft) -> None:
    config = draft.config
    kinds = draft.kinds()
    if kinds is None:
        attending = config.wholes("full_attn_idxs")
        if attending is None:
            config.fail("missing_key", key="layer_types")
        kinds = tuple("full_attention" if index in attending else "conv" for index in range(draft.blocks))
    heads = config.whole("num_key_value_heads")
    draft.put("attention.head_count_kv", tuple(0 if kind == "conv" else heads for kind in kinds))
    draft.whole("shortconv.l_cache", "conv_L_cache", default=3)


def kimi_linear(draft: Draft) -> None:
    config = draft.config
    latent(draft)
    del draft.keys["attention.value_length"]
    linear = config.part("linear_attn_config")
    full = linear.wholes("full_attn_layers") or ()
    draft.put("attention.head_count_kv", tuple(int(index + 1 in full) for index in range(draft.blocks)))
    draft.put("ssm.conv_kernel", linear.maybe_whole("short_conv_kernel_size"))
    draft.put("kda.head_dim", linear.maybe_whole("head_dim"))
    draft.whole("expert_feed_forward_length", "moe_intermediate_size")
    draft.whole("expert_shared_count", "num_shared_experts")
    draft.whole("leading_dense_block_count", "first_k_dense_replace")
    draft.put("expert_weights_scale", config.number("routed_scaling_factor"))
