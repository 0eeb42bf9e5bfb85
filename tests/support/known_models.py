"""Published shapes of models, as llama.cpp's converter writes them, to prove tables and formulas with.

Shapes are those of the ``config.json`` of each model's repository; parameters are the published count of the language
model (vision towers and whatever a GGUF leaves out not counted) where the catalogue has it with its source, else None.
"""

# One model a line is a table; broken over lines it is 900 lines that nobody compares.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Known:
    """A model by what its GGUF header would say."""

    name: str
    architecture: str
    metadata: dict[str, Any]
    parameters: int | None = None
    tied: bool = False
    extras: tuple[str, ...] = field(default=())


def _known(
    name: str,
    architecture: str,
    shape: str,
    parameters: int | None = None,
    *,
    tied: bool = False,
    extras: str = "",
    **more: Any,
) -> Known:
    """*shape*: ``blocks embedding heads/kv_heads feed_forward vocabulary``; ``__`` in a key of *more* is a dot."""
    blocks, embedding, heads, feed_forward, vocabulary = shape.split()
    query, _, key = heads.partition("/")
    keys: dict[str, Any] = {
        "context_length": 4096,
        "block_count": int(blocks),
        "embedding_length": int(embedding),
        "attention.head_count": int(query),
        "attention.head_count_kv": int(key or query),
        "feed_forward_length": int(feed_forward),
        "vocab_size": int(vocabulary),
        "attention.layer_norm_rms_epsilon": 1e-6,
        "attention.layer_norm_epsilon": 1e-5,
        **{key.replace("__", "."): value for key, value in more.items()},
    }
    bare = ("tokenizer.", "xielu.")
    own = {key if key.startswith(bare) else f"{architecture}.{key}": value for key, value in keys.items()}
    metadata = {"general.architecture": architecture, **own}
    return Known(name, architecture, metadata, parameters, tied, tuple(extras.split()))


def _head(size: int) -> dict[str, Any]:
    return {"attention__key_length": size, "attention__value_length": size}


def _experts(count: int, used: int, width: int | None = None, **more: Any) -> dict[str, Any]:
    own = {} if width is None else {"expert_feed_forward_length": width}
    return {"expert_count": count, "expert_used_count": used, **own, **more}


def _latent(key: int, value: int, latent: int, rope: int, query: int | None = None) -> dict[str, Any]:
    """Multi-head latent attention as the converter writes it: one KV head of the latent and the rotated part."""
    return {
        "attention__key_length": latent + rope,
        "attention__value_length": latent,
        "attention__key_length_mla": key,
        "attention__value_length_mla": value,
        "attention__kv_lora_rank": latent,
        "rope__dimension_count": rope,
        **({} if query is None else {"attention__q_lora_rank": query}),
    }


def _ssm(kernel: int, inner: int, state: int, rank: int, groups: int | None = None) -> dict[str, Any]:
    return {
        "ssm__conv_kernel": kernel,
        "ssm__inner_size": inner,
        "ssm__state_size": state,
        "ssm__time_step_rank": rank,
        **({} if groups is None else {"ssm__group_count": groups}),
    }


def _only(count: int, value: int, *blocks: int, other: int = 0) -> tuple[int, ...]:
    """One number a block: *value* at *blocks*."""
    return tuple(value if index in blocks else other for index in range(count))


_DEEPSEEK_V3: dict[str, Any] = {
    **_experts(256, 8, 2048),
    **_latent(192, 128, 512, 64, 1536),
    "leading_dense_block_count": 3,
    "expert_shared_count": 1,
    "expert_weights_scale": 2.5,
    "expert_gating_func": 2,
}
_NEXT: dict[str, Any] = {**_head(256), **_ssm(4, 4096, 128, 32, 16), "rope__dimension_count": 64, "full_attention_interval": 4}
_GEMMA3: dict[str, Any] = {**_head(256), "attention__sliding_window": 1024}
_GRANITE: dict[str, Any] = {"logit_scale": 8.0, "embedding_scale": 12.0, "residual_scale": 0.22, "attention__scale": 0.015625}
_MAMBA: dict[str, Any] = {**_ssm(4, 5120, 16, 160)}
_INDEXER: dict[str, Any] = {"attention__indexer__head_count": 64, "attention__indexer__key_length": 128, "attention__indexer__top_k": 2048}

def _gemma4(count: int, swa_kv: int, kv: int, own: int, period: int = 6, **more: Any) -> dict[str, Any]:
    """Every sixth block sees everything, with heads of 512 and its own number of KV heads."""
    slides = tuple((index + 1) % period != 0 for index in range(count))
    return {
        "attention__key_length": 512,
        "attention__value_length": 512,
        "attention__key_length_swa": 256,
        "attention__value_length_swa": 256,
        "attention__head_count_kv": tuple(swa_kv if slide else kv for slide in slides),
        "attention__sliding_window": 1024,
        "attention__sliding_window_pattern": slides,
        "attention__shared_kv_layers": 0,
        "embedding_length_per_layer_input": own,
        "rope__dimension_count": 512,
        "rope__dimension_count_swa": 256,
        **more,
    }


_XIELU: dict[str, Any] = {f"xielu__{name}": value for name, value in {"alpha_n": 0.8, "alpha_p": 0.8, "beta": 0.5, "eps": -1e-6}.items()}
"""Two parameters a block of Apertus's activation, which a GGUF holds as metadata: they are not counted below."""

KNOWN: tuple[Known, ...] = (
    # Llama and its kin
    _known("SmolLM2-135M", "llama", "30 576 9/3 1536 49152", 134_515_008, tied=True),
    _known("Llama-3.1-8B", "llama", "32 4096 32/8 14336 128256", 8_030_261_248),
    _known("Llama-3.1-70B", "llama", "80 8192 64/8 28672 128256", 70_553_706_496),
    _known("Llama-3.2-1B", "llama", "16 2048 32/8 8192 128256", 1_235_814_400, tied=True),
    _known("Llama-3.2-3B", "llama", "28 3072 24/8 8192 128256", 3_212_749_824, tied=True),
    _known("Mistral-7B-v0.3", "llama", "32 4096 32/8 14336 32768", 7_248_023_552),
    _known("Mixtral-8x7B", "llama", "32 4096 32/8 14336 32000", 46_702_792_704, **_experts(8, 2)),
    _known("Mistral-Nemo-12B", "llama", "40 5120 32/8 14336 131072", 12_247_782_400, **_head(128)),
    _known("Ministral-3-8B", "mistral3", "34 4096 32/8 14336 131072", **_head(128)),
    _known("AFM-4.5B", "arcee", "36 2560 20/4 18432 128000", **_head(128)),
    _known("Apertus-8B", "apertus", "32 4096 32/8 21504 131072", None, **_XIELU),
    _known("internlm2-7b", "internlm2", "32 4096 32/8 14336 92544", 7_737_708_544),
    _known("MiniCPM-2B", "minicpm", "40 2304 36 5760 122753", tied=True),
    _known("SmolLM3-3B", "smollm3", "36 2048 16/4 11008 128256", 3_075_098_624, tied=True),
    _known("Seed-OSS-36B", "seed_oss", "64 5120 80/8 27648 155136", 36_151_104_512, extras="attention_bias", **_head(128)),
    _known("ERNIE-4.5-0.3B", "ernie4_5", "18 1024 16/2 3072 103424", 360_748_032, tied=True, **_head(128)),
    _known("Hunyuan-7B", "hunyuan-dense", "32 4096 32/8 14336 128167", tied=True, **_head(128)),
    _known("granite-3.3-8b", "granite", "40 4096 32/8 12800 49159", 8_170_864_640, tied=True, **_GRANITE),
    _known("granite-3.1-3b-a800m", "granitemoe", "32 1536 24/8 512 49155", 3_298_793_472, tied=True, **_GRANITE, **_experts(40, 8)),
    # Qwen
    _known("Qwen2.5-0.5B", "qwen2", "24 896 14/2 4864 151936", 494_032_768, tied=True),
    _known("DeepSeek-R1-Distill-Qwen-1.5B", "qwen2", "28 1536 12/2 8960 151936", 1_777_088_000),
    _known("DeepSeek-R1-Distill-Qwen-7B", "qwen2", "28 3584 28/4 18944 152064", 7_615_616_512),
    _known("DeepSeek-R1-Distill-Qwen-14B", "qwen2", "48 5120 40/8 13824 152064", 14_770_033_664),
    _known("DeepSeek-R1-Distill-Qwen-32B", "qwen2", "64 5120 40/8 27648 152064", 32_763_876_352),
    _known("Qwen2-VL-7B", "qwen2vl", "28 3584 28/4 18944 152064", 7_615_616_512, rope__dimension_sections=(16, 24, 24, 0)),
    _known("Qwen3-0.6B", "qwen3", "28 1024 16/8 3072 151936", None, tied=True, **_head(128)),
    _known("Qwen3-8B", "qwen3", "36 4096 32/8 12288 151936", 8_190_735_360, **_head(128)),
    _known("Qwen3-32B", "qwen3", "64 5120 64/8 25600 151936", 32_762_123_264, **_head(128)),
    _known("Qwen3-VL-8B", "qwen3vl", "36 4096 32/8 12288 151936", 8_190_735_360, **_head(128), rope__dimension_sections=(24, 20, 20, 0)),
    _known("Qwen3-30B-A3B", "qwen3moe", "48 2048 32/4 6144 151936", 30_532_122_624, **_head(128), **_experts(128, 8, 768)),
    _known("Qwen3-235B-A22B", "qwen3moe", "94 4096 64/4 12288 151936", 235_093_634_560, **_head(128), **_experts(128, 8, 1536)),
    _known("Qwen3-VL-30B-A3B", "qwen3vlmoe", "48 2048 32/4 6144 151936", 30_532_122_624, **_head(128), **_experts(128, 8, 768), rope__dimension_sections=(24, 20, 20, 0)),
    _known("Qwen1.5-MoE-A2.7B", "qwen2moe", "24 2048 16 5632 151936", None, **_experts(60, 4, 1408, expert_shared_feed_forward_length=5632)),
    _known("Qwen3-Next-80B-A3B", "qwen3next", "48 2048 16/2 5120 151936", 79_674_391_296, **_NEXT, **_experts(512, 10, 512, expert_shared_feed_forward_length=512)),
    _known("Qwen3-Next-80B-A3B, predicting", "qwen3next", "49 2048 16/2 5120 151936", 81_324_862_720, **_NEXT, **_experts(512, 10, 512, expert_shared_feed_forward_length=512), nextn_predict_layers=1),
    _known("small qwen35", "qwen35", "8 1024 8/2 3584 151936", tied=True, **_head(256), **_ssm(4, 2048, 128, 16, 16), rope__dimension_count=64, rope__dimension_sections=(11, 11, 10, 0)),
    _known("small qwen35moe", "qwen35moe", "9 1024 8/2 3584 151936", **_head(256), **_ssm(4, 4096, 128, 32, 16), **_experts(64, 8, 512, expert_shared_feed_forward_length=512), rope__dimension_count=64, rope__dimension_sections=(11, 11, 10, 0), nextn_predict_layers=1),
    # DeepSeek
    _known("deepseek-moe-16b", "deepseek", "28 2048 16 10944 102400", None, **_experts(64, 6, 1408, expert_shared_count=2, leading_dense_block_count=1)),
    _known("DeepSeek-V2-Lite", "deepseek2", "27 2048 16/1 10944 102400", 15_706_484_224, **_latent(192, 128, 512, 64), **_experts(64, 6, 1408, expert_shared_count=2, leading_dense_block_count=1)),
    _known("DeepSeek-R1", "deepseek2", "61 7168 128/1 18432 129280", None, extras="expert_bias", **_DEEPSEEK_V3),
    _known("DeepSeek-R1, old layout", "deepseek2", "61 7168 128 18432 129280", None, extras="expert_bias", **{**_DEEPSEEK_V3, "attention__key_length": 192, "attention__value_length": 128, "attention__key_length_mla": 0, "attention__value_length_mla": 0}),
    _known("DeepSeek-V3, predicting", "deepseek2", "62 7168 128/1 18432 129280", extras="expert_bias nextn_embeddings", **_DEEPSEEK_V3, nextn_predict_layers=1),
    _known("Kimi-K2", "deepseek2", "61 7168 64/1 18432 163840", None, extras="expert_bias", **{**_DEEPSEEK_V3, **_experts(384, 8, 2048), "leading_dense_block_count": 1}),
    _known("DeepSeek-V3.2", "deepseek32", "61 7168 128/1 18432 129280", extras="expert_bias", **_DEEPSEEK_V3, **_INDEXER),
    _known("GLM-5", "glm-dsa", "79 6144 64/1 12288 154880", extras="expert_bias", **{**_DEEPSEEK_V3, **_latent(256, 256, 512, 64, 2048)}, **{**_INDEXER, "attention__indexer__head_count": 32}, nextn_predict_layers=1),
    _known("MiniCPM3-4B", "minicpm3", "62 2560 40 6400 73448", tied=True, **{**_latent(96, 64, 256, 32, 768), "attention__key_length": 96, "attention__value_length": 64, "attention__key_length_mla": 0, "attention__value_length_mla": 0}),
    # Google
    _known("gemma-7b", "gemma", "28 3072 16 24576 256000", 8_537_680_896, tied=True, **_head(256)),
    _known("gemma-2-2b", "gemma2", "26 2304 8/4 9216 256000", 2_614_341_888, tied=True, **_head(256)),
    _known("gemma-2-27b", "gemma2", "46 4608 32/16 36864 256000", 27_227_128_320, tied=True, **_head(128)),
    _known("gemma-3-270m", "gemma3", "18 640 4/1 2048 262144", 268_098_176, tied=True, **_GEMMA3),
    _known("gemma-3-1b", "gemma3", "26 1152 4/1 6912 262144", 999_885_952, tied=True, **_GEMMA3),
    _known("gemma-3-4b", "gemma3", "34 2560 8/4 10240 262208", None, tied=True, **_GEMMA3),
    _known("gemma-3-27b", "gemma3", "62 5376 32/16 21504 262208", None, tied=True, **{**_GEMMA3, **_head(128)}),
    _known("gemma-3n-E4B", "gemma3n", "35 2048 8/2 16384 262144", tied=True, **_head(256), attention__sliding_window=512),
    _known("embeddinggemma-300m", "gemma-embedding", "24 768 3/1 1152 262144", 302_863_104, tied=True, **_head(256), attention__sliding_window=512),
    _known("gemma-4-31b", "gemma4", "60 5376 32 21504 262144", tied=True, **_gemma4(60, 16, 4, 0)),
    _known("gemma-4-26b-a4b", "gemma4", "30 2816 16 2112 262144", tied=True, **_gemma4(30, 8, 2, 0), **_experts(128, 8, 704)),
    _known("gemma-4-e2b", "gemma4", "35 1536 8 6144 262144", tied=True, **{**_gemma4(35, 1, 1, 256, 5, attention__shared_kv_layers=20), "feed_forward_length": (6144,) * 15 + (12288,) * 20}),
    # OpenAI, Microsoft
    _known("gpt-oss-20b", "gpt-oss", "24 2880 64/8 2880 201088", 20_914_757_184, **_head(64), **_experts(32, 4, 2880), attention__sliding_window=128),
    _known("gpt-oss-120b", "gpt-oss", "36 2880 64/8 2880 201088", 116_829_156_672, **_head(64), **_experts(128, 4, 2880), attention__sliding_window=128),
    _known("phi-2", "phi2", "32 2560 32 10240 51200", 2_779_683_840, rope__dimension_count=32),
    _known("Phi-3-mini-4k", "phi3", "32 3072 32 8192 32064", 3_821_079_552, attention__sliding_window=2047),
    _known("phi-4", "phi3", "40 5120 40/10 17920 100352", 14_659_507_200, attention__sliding_window=0),
    _known("Phi-4-mini", "phi3", "32 3072 24/8 8192 200064", 3_836_021_760, tied=True, attention__sliding_window=0, rope__dimension_count=96),
    _known("Phi-3.5-MoE", "phimoe", "32 4096 32/8 6400 32064", 41_873_153_344, **_experts(16, 2)),
    # Mixtures of experts
    _known("GLM-4.5-Air", "glm4moe", "47 4096 96/8 10944 151552", 110_468_824_832, extras="attention_bias expert_bias nextn_embeddings", **_head(128), **_experts(128, 8, 1408, expert_shared_count=1, leading_dense_block_count=1), rope__dimension_count=64, nextn_predict_layers=1),
    _known("GLM-4.5", "glm4moe", "93 5120 96/8 12288 151552", 358_337_791_296, extras="attention_bias expert_bias query_key_norm nextn_embeddings", **_head(128), **_experts(160, 8, 1536, expert_shared_count=1, leading_dense_block_count=3), rope__dimension_count=64, nextn_predict_layers=1),
    _known("MiniMax-M2", "minimax-m2", "62 3072 48/8 1536 200064", **_head(128), **_experts(256, 8, 1536, expert_gating_func=2), rope__dimension_count=64),
    _known("OLMoE-1B-7B", "olmoe", "16 2048 16 1024 50304", 6_919_161_856, **_experts(64, 8)),
    _known("dots.llm1", "dots1", "62 4096 32 10944 152064", 142_774_381_696, extras="expert_bias", **_head(128), **_experts(128, 6, 1408, expert_shared_count=2, leading_dense_block_count=1, expert_gating_func=2)),
    _known("Hunyuan-A13B", "hunyuan-moe", "32 4096 32/8 3072 128167", 80_393_183_232, tied=True, **_head(128), **_experts(64, 8, 3072, expert_shared_feed_forward_length=3072)),
    _known("ERNIE-4.5-21B-A3B", "ernie4_5-moe", "28 2560 20/4 12288 103424", 21_825_437_888, tied=True, extras="expert_bias", **_head(128), **_experts(64, 6, 1536, expert_shared_feed_forward_length=3072, leading_dense_block_count=1, interleave_moe_layer_step=1)),
    _known("Ling-lite", "bailingmoe", "28 2048 16/4 5632 126464", **_head(128), **_experts(64, 6, 1408, expert_shared_count=2)),
    _known("Ling-mini-2.0", "bailingmoe2", "20 2048 16/4 5120 157184", 16_255_643_392, extras="expert_bias", **_head(128), **_experts(256, 8, 512, expert_shared_feed_forward_length=512, expert_shared_count=1, leading_dense_block_count=1, expert_gating_func=2), rope__dimension_count=64),
    _known("Llama-4-Scout", "llama4", "48 5120 40/8 16384 202048", None, **_head(128), **_experts(16, 1, 8192), interleave_moe_layer_step=1),
    # Recurrent ones and hybrids
    _known("mamba-130m", "mamba", "24 768 0 0 50280", 129_135_360, tied=True, **_ssm(4, 1536, 16, 48)),
    _known("falcon-mamba-7b", "mamba", "64 4096 0 0 65024", 7_272_665_088, **_ssm(4, 8192, 16, 256), ssm__dt_b_c_rms=True),
    _known("mamba-2.8b", "mamba", "64 2560 0 0 50280", 2_768_345_600, tied=True, **_MAMBA),
    _known("mamba2-2.7b", "mamba2", "64 2560 0 0 50288", None, tied=True, **_ssm(4, 5120, 128, 80, 1)),
    _known("granite-4.0-h-tiny", "granitehybrid", "40 1536 12 512 100352", 6_939_037_248, tied=True, **_GRANITE, **_ssm(4, 3072, 128, 48, 1), **_experts(64, 6, None, expert_shared_feed_forward_length=1024), attention__head_count_kv=_only(40, 4, 5, 15, 25, 35)),
    _known("granite-4.0-h-small", "granitehybrid", "40 4096 32 768 100352", 32_207_337_984, tied=True, **_GRANITE, **_ssm(4, 8192, 128, 128, 1), **_experts(72, 10, None, expert_shared_feed_forward_length=1536), attention__head_count_kv=_only(40, 8, 5, 15, 25, 35)),
    _known("granite-4.0-h-micro", "granitehybrid", "40 2048 32 8192 100352", 3_191_396_096, tied=True, **_GRANITE, **_ssm(4, 4096, 128, 64, 1), attention__head_count_kv=_only(40, 8, 5, 15, 25, 35)),
    _known("LFM2-1.2B", "lfm2", "16 2048 32 8192 65536", 1_170_340_608, tied=True, shortconv__l_cache=3, attention__head_count_kv=_only(16, 8, 2, 5, 8, 10, 12, 14)),
    _known("LFM2-8B-A1B", "lfm2moe", "24 2048 32 7168 65536", 8_339_929_856 + 22 * 32, tied=True, shortconv__l_cache=3, **_experts(32, 4, 1792, leading_dense_block_count=2, expert_gating_func=2), attention__head_count_kv=_only(24, 8, 2, 6, 10, 14, 18, 21)),
    _known("Jamba-1.5-Mini", "jamba", "32 4096 32 14336 65536", None, **_ssm(4, 8192, 16, 256), **_experts(16, 2), attention__head_count_kv=_only(32, 8, 4, 12, 20, 28)),
    _known("Falcon-H1-0.5B", "falcon-h1", "36 1024 8/2 2048 32784", 521_411_104, **_head(64), **_ssm(4, 1536, 128, 24, 1)),
    _known("Nemotron-Nano-9B-v2", "nemotron_h", "56 4480 40 15680 131072", 8_888_227_328, **_head(128), **_ssm(4, 10240, 128, 128, 8), attention__head_count_kv=_only(56, 8, 14, 21, 30, 39), feed_forward_length=_only(56, 15680, *(i for i, c in enumerate("M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-") if c == "-"))),
    _known("small nemotron_h_moe", "nemotron_h_moe", "7 1024 16 1856 131072", **_head(128), **_ssm(4, 2048, 128, 32, 8), **_experts(64, 6, 768, expert_shared_feed_forward_length=1536), attention__head_count_kv=(0, 0, 2, 0, 0, 0, 2), feed_forward_length=(0, 768, 0, 768, 0, 768, 768), nextn_predict_layers=1),
    _known("Kimi-Linear-48B-A3B", "kimi-linear", "27 2304 32 9216 163840", None, **_latent(192, 128, 512, 64), **_experts(256, 8, 1024, expert_shared_count=1, leading_dense_block_count=1, expert_gating_func=2), ssm__conv_kernel=4, kda__head_dim=128, attention__head_count_kv=_only(27, 1, 3, 7, 11, 15, 19, 23, 26)),
    # Others
    _known("glm-4-9b-chat", "chatglm", "40 4096 32/2 13696 151552", 9_399_951_360, rope__dimension_count=64),
    _known("GLM-4-9B-0414", "glm4", "40 4096 32/2 13696 151552", 9_400_279_040, extras="attention_bias", rope__dimension_count=64),
    _known("OLMo-2-7B", "olmo2", "32 4096 32 11008 100352", 7_298_617_344),
    _known("c4ai-command-r", "command-r", "40 8192 64 22528 256000", 34_980_831_232, tied=True, logit_scale=0.0625),
    _known("c4ai-command-r-plus", "command-r", "64 12288 96/8 33792 256000", 103_810_674_688, tied=True, logit_scale=0.833),
    _known("c4ai-command-r7b", "cohere2", "32 4096 32/8 14336 256000", 8_028_033_024, tied=True, logit_scale=0.25, attention__sliding_window=4096),
    _known("falcon-7b", "falcon", "32 4544 71/1 18176 65024", None),
    _known("falcon-40b", "falcon", "60 8192 128/8 32768 65024", None, tied=True),
    _known("starcoder2-3b", "starcoder2", "30 3072 24/2 12288 49152", 3_030_371_328, tied=True),
    _known("stablelm-2-1.6b", "stablelm", "24 2048 32 5632 100352", 1_644_515_328, extras="attention_bias", rope__dimension_count=16),
    _known("stablelm-2-12b", "stablelm", "40 5120 32/8 13824 100352", extras="query_key_norm", use_parallel_residual=True, rope__dimension_count=40),
    _known("pythia-6.9b", "gptneox", "32 4096 32 16384 50432", None, use_parallel_residual=True, rope__dimension_count=32),
    _known("Nemotron-Mini-4B", "nemotron", "32 3072 24/8 9216 256000", **_head(128), rope__dimension_count=64),
    _known("EXAONE-4.0-1.2B", "exaone4", "30 2048 32/8 4096 102400", 1_279_391_488, tied=True, extras="rope_factors", **_head(64)),
    _known("EXAONE-3.5-7.8B", "exaone", "32 4096 32/8 14336 102400", 7_818_448_896),
    _known("OLMo-7B", "olmo", "32 4096 32 11008 50304", tied=True),
    _known("gpt2", "gpt2", "12 768 12 3072 50257", None, tied=True, context_length=1024),
    _known("starcoderbase-1b", "starcoder", "24 2048 16/1 8192 49152", None, tied=True, context_length=8192),
    _known("Baichuan2-7B", "baichuan", "32 4096 32 11008 125696", None),
    _known("Qwen-7B", "qwen", "32 4096 32 22016 151936", None),
    _known("Orion-14B", "orion", "40 5120 40 15360 84608"),
    _known("XVERSE-7B", "xverse", "32 4096 32 11008 100534"),
    _known("Dream-7B", "dream", "28 3584 28/4 18944 152064", 7_615_616_512),
    _known("Hunyuan-VL", "hunyuan_vl", "24 1024 16/8 3584 120818", tied=True, **_head(128)),
    _known("PaddleOCR-VL", "paddleocr", "18 1024 16/2 3072 103424", 360_748_032, tied=True, **_head(128), rope__dimension_sections=(16, 24, 24, 0)),
    _known("SmallThinker-4BA0.6B", "smallthinker", "32 1536 12/2 768 151936", tied=True, **_head(128), **_experts(32, 4, 768, expert_gating_func=2), attention__sliding_window=4096),
    _known("Trinity-Nano", "afmoe", "56 1024 8/2 3072 200192", **_head(128), **_experts(128, 8, 256, expert_shared_count=1, leading_dense_block_count=2, expert_gating_func=2), attention__sliding_window=2048),
    _known("K-EXAONE-236B-A23B", "exaone-moe", "49 6144 64/8 18432 153600", extras="expert_bias", **_head(128), **_experts(128, 8, 2048, expert_shared_count=1, leading_dense_block_count=1, expert_gating_func=2, expert_shared_feed_forward_length=2048), attention__sliding_window=128, nextn_predict_layers=1),
    _known("small cohere2moe", "cohere2moe", "8 2048 16/4 4096 256000", tied=True, logit_scale=0.25, **_head(128), **_experts(16, 4, 1024, expert_shared_count=1, leading_dense_block_count=1), attention__sliding_window=4096),
    _known("small mistral4", "mistral4", "36 4096 32/1 12288 131072", **_latent(192, 128, 512, 64, 1536), **_experts(16, 4, 2048, expert_shared_count=1, leading_dense_block_count=1)),
    # Of 2026: small shapes, to be proven by the engine alone
    _known("small deepseek4", "deepseek4", "8 2048 16/1 2048 32000", **_head(512), **_experts(32, 6, 1024, expert_shared_count=1, expert_weights_scale=1.5, expert_weights_norm=True, expert_gating_func=4), **{**_INDEXER, "attention__indexer__top_k": 512}, attention__q_lora_rank=512, rope__dimension_count=64, attention__sliding_window=128, attention__output_group_count=4, attention__output_lora_rank=256, attention__compress_ratios=(0, 0, 4, 128, 4, 128, 4, 0), attention__compress_rope_freq_base=160000.0, hyper_connection__count=4, hyper_connection__sinkhorn_iterations=20, hyper_connection__epsilon=1e-6, hash_layer_count=2, swiglu_clamp_exp=(10.0,) * 8),
    _known("small glm5-next", "glm5-next", "9 2048 16 4096 32000", **_latent(192, 128, 512, 0, 1024), **_experts(32, 4, 512, expert_shared_count=1, leading_dense_block_count=1), **_INDEXER, attention__indexer__kpool=4, ssm__conv_kernel=4, kda__head_dim=128, hyper_connection__count=4, hyper_connection__sinkhorn_iterations=20, hyper_connection__epsilon=1e-6, nextn_predict_layers=1, attention__head_count_kv=_only(9, 1, 3, 7, 8)),
    _known("small bailingmoe3", "bailingmoe3", "9 2048 16 4096 32000", **_latent(192, 128, 512, 64, 1024), **_experts(32, 4, 512, expert_shared_count=1, leading_dense_block_count=1, expert_gating_func=2), ssm__conv_kernel=4, kda__head_dim=128, kda__gate_lower_bound=-5.0, nextn_predict_layers=1, attention__head_count_kv=_only(9, 1, 3, 7, 8)),
    _known("small granite_swa", "granite_swa", "8 2048 16/4 8192 100352", tied=True, **_GRANITE, attention__sliding_window=512, attention__sliding_window_pattern=(True, True, True, False) * 2),
    _known("small granite_swa with experts", "granite_swa", "8 2048 16/4 512 100352", tied=True, **_GRANITE, **_experts(32, 4, None, expert_shared_feed_forward_length=1024), attention__sliding_window=512, attention__sliding_window_pattern=(True, True, True, False) * 2),
    _known("small hy_v3", "hy_v3", "9 2048 16/4 8192 100352", extras="expert_bias", **_head(128), **_experts(32, 4, 512, expert_shared_feed_forward_length=512, leading_dense_block_count=1), nextn_predict_layers=1),
    _known("small laguna", "laguna", "8 2048 16/4 8192 100352", **_head(128), **_experts(32, 4, 512, expert_shared_feed_forward_length=512, leading_dense_block_count=1), attention__sliding_window=512),
    _known("small mellum", "mellum", "8 2048 16/4 8192 100352", **_head(128), **_experts(32, 4, 512), attention__sliding_window=1024),
    _known("small minimax-m3", "minimax-m3", "8 2048 16/4 8192 100352", **_head(128), **_experts(32, 4, 512, expert_shared_count=1, leading_dense_block_count=2, expert_gating_func=2), **{**_INDEXER, "attention__indexer__head_count": 4, "attention__indexer__top_k": 16}, attention__indexer__block_size=128, attention__indexer__local_blocks=1),
    _known("small maple", "maple", "8 2048 16/4 8192 100352", **_head(128), **_experts(32, 4, 512), attention__sliding_window=1024, attention__sliding_window_pattern=(True, True, True, False) * 2, swiglu_clamp_exp=(7.0,) * 8),
    _known("small spark2_5", "spark2_5", "8 2048 16/4 8192 100352", **_head(128), attention__sliding_window=1024, attention__sliding_window_pattern=(True, True, True, False) * 2),
    _known("small maincoder", "maincoder", "8 2048 16/4 8192 100352", **_head(128)),
    _known("small muse-glimmer", "muse-glimmer", "8 2048 16/4 8192 100352", **_head(128), attention__sliding_window=1024, logit_scale=1.0),
    _known("small nanbeige", "nanbeige", "8 2048 16/4 8192 100352", num_loops=2),
    # Encoders
    _known("jina-embeddings-v3", "jina-bert-v3", "24 1024 16 4096 250002", tied=True, tokenizer__ggml__token_type_count=1),
    _known("EuroBERT-210m", "eurobert", "12 768 12 3072 128256", tied=True),
    _known("llama-embed-nemotron-8b", "llama-embed", "32 4096 32/8 14336 128256", tied=True),
    _known("bge-base-en", "bert", "12 768 12 3072 30522", None, tied=True, context_length=512, tokenizer__ggml__token_type_count=2),
    _known("nomic-embed-text-v1.5", "nomic-bert", "12 768 12 3072 30528", 136_731_648, tied=True, tokenizer__ggml__token_type_count=2),
    _known("nomic-embed-text-v2-moe", "nomic-bert-moe", "12 768 12 3072 250048", None, tied=True, **_experts(8, 2), moe_every_n_layers=2, tokenizer__ggml__token_type_count=1),
    _known("ModernBERT-base", "modern-bert", "22 768 12 1152 50368", None, tied=True, attention__sliding_window=128),
)
