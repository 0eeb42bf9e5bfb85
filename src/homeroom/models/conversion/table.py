"""Which family each ``model_type`` belongs to, and what transformers takes where a configuration is silent.

Source: the ``@ModelBase.register`` lines of ``conversion/*.py`` of llama.cpp; ``configuration_*.py`` of transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from homeroom.models.conversion import families, hybrids
from homeroom.models.conversion.draft import Draft

Step = Callable[[Draft], None]


@dataclass(frozen=True, slots=True)
class Family:
    """An architecture of llama.cpp; ``step`` adds to the common keys. ``tied`` where the configuration does not say."""

    architecture: str
    step: Step | None = None
    tied: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)


_GEMMA3: Final[Mapping[str, Any]] = {
    "vocab_size": 262_208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 131_072,
    "rms_norm_eps": 1e-6,
    "sliding_window": 4096,
}
_GEMMA: Final[Mapping[str, Any]] = {"head_dim": 256, "max_position_embeddings": 8192, "rms_norm_eps": 1e-6}

_LLAMA: Final = Family("llama", families.llama)
_QWEN35: Final = Family("qwen35", hybrids.qwen35)
_QWEN35MOE: Final = Family("qwen35moe", hybrids.qwen35)
_DEEPSEEK2: Final = Family("deepseek2", hybrids.deepseek2)
_GEMMA3_FAMILY: Final = Family("gemma3", families.gemma3, tied=True, defaults=_GEMMA3)
_GEMMA3N: Final = Family("gemma3n", families.gemma3n, tied=True)
_GEMMA4: Final = Family("gemma4", families.gemma4, tied=True)
_LLAMA4: Final = Family("llama4", families.llama4)
_OLMO2: Final = Family("olmo2", families.olmo2)
_XLM: Final = Family("bert", families.xlm_roberta, tied=True)

FAMILIES: Final[Mapping[str, Family]] = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "mixtral": _LLAMA,
    "mistral3": Family("mistral3", families.mistral3),
    "ministral3": Family("mistral3", families.mistral3),
    "qwen2": Family("qwen2"),
    "qwen2_vl": Family("qwen2vl", families.qwen2vl),
    "qwen2_5_vl": Family("qwen2vl", families.qwen2vl),
    "qwen2_moe": Family("qwen2moe", families.moe),
    "qwen3": Family("qwen3"),
    "qwen3_moe": Family("qwen3moe", families.moe),
    "qwen3_vl": Family("qwen3vl", families.qwen3vl),
    "qwen3_vl_text": Family("qwen3vl", families.qwen3vl),
    "qwen3_vl_moe": Family("qwen3vlmoe", families.qwen3vl),
    "qwen3_vl_moe_text": Family("qwen3vlmoe", families.qwen3vl),
    "qwen3_next": Family("qwen3next", hybrids.qwen3next),
    "qwen3_5": _QWEN35,
    "qwen3_5_text": _QWEN35,
    "qwen3_5_moe": _QWEN35MOE,
    "qwen3_5_moe_text": _QWEN35MOE,
    "deepseek": Family("deepseek", hybrids.deepseek),
    "deepseek_v2": _DEEPSEEK2,
    "deepseek_v3": _DEEPSEEK2,
    "kimi_k2": _DEEPSEEK2,
    "deepseek_v32": Family("deepseek32", hybrids.sparse),
    "glm_moe_dsa": Family("glm-dsa", hybrids.sparse),
    "glm4_moe_lite": Family("deepseek2", hybrids.glm4_moe_lite),
    "gemma": Family("gemma", families.gemma, tied=True, defaults=_GEMMA),
    "gemma2": Family("gemma2", families.gemma2, tied=True, defaults=_GEMMA),
    "gemma3": _GEMMA3_FAMILY,
    "gemma3_text": _GEMMA3_FAMILY,
    "gemma3n": _GEMMA3N,
    "gemma3n_text": _GEMMA3N,
    "gemma4": _GEMMA4,
    "gemma4_text": _GEMMA4,
    "gpt_oss": Family("gpt-oss", families.gpt_oss),
    "phi": Family("phi2", families.phi2),
    "phi3": Family("phi3", families.phi3),
    "phimoe": Family("phimoe", families.phi3),
    "glm": Family("chatglm", families.chatglm),
    "chatglm": Family("chatglm", families.chatglm),
    "glm4": Family("glm4", families.glm4),
    "glm4_moe": Family("glm4moe", families.glm4_moe),
    "minimax_m2": Family("minimax-m2", families.minimax_m2),
    "granite": Family("granite", families.granite),
    "granitemoe": Family("granitemoe", families.granite_moe),
    "granitemoeshared": Family("granitemoe", families.granite_moe),
    "granitemoehybrid": Family("granitehybrid", hybrids.granite_hybrid),
    "mamba": Family("mamba", hybrids.mamba, tied=True),
    "falcon_mamba": Family("mamba", hybrids.mamba, tied=True),
    "mamba2": Family("mamba2", hybrids.mamba2),
    "lfm2": Family("lfm2", hybrids.lfm2, tied=True),
    "lfm2_moe": Family("lfm2moe", hybrids.lfm2_moe, tied=True),
    "smollm3": Family("smollm3", families.llama, tied=True),
    "olmo": Family("olmo"),
    "olmo2": _OLMO2,
    "olmo3": _OLMO2,
    "olmoe": Family("olmoe"),
    "llama4": _LLAMA4,
    "llama4_text": _LLAMA4,
    "cohere": Family("command-r", families.command_r, tied=True),
    "cohere2": Family("cohere2", families.cohere2, tied=True),
    "falcon": Family("falcon", families.falcon, tied=True),
    "falcon_h1": Family("falcon-h1", hybrids.falcon_h1),
    "starcoder2": Family("starcoder2", families.starcoder2, tied=True),
    "exaone": Family("exaone", families.exaone),
    "exaone4": Family("exaone4", families.exaone4),
    "ernie4_5": Family("ernie4_5", tied=True),
    "ernie4_5_moe": Family("ernie4_5-moe", families.ernie_moe, tied=True),
    "hunyuan_v1_dense": Family("hunyuan-dense", families.hunyuan_dense),
    "hunyuan_v1_moe": Family("hunyuan-moe", families.hunyuan_moe),
    "nemotron": Family("nemotron", families.nemotron),
    "nemotron_h": Family("nemotron_h", hybrids.nemotron_h),
    "seed_oss": Family("seed_oss", families.seed_oss),
    "stablelm": Family("stablelm", families.stablelm),
    "bert": Family("bert", families.bert, tied=True),
    "xlm-roberta": _XLM,
    "roberta": _XLM,
    "nomic_bert": Family("nomic-bert", families.nomic_bert, tied=True),
    "kimi_linear": Family("kimi-linear", hybrids.kimi_linear),
    "bailing_moe": Family("bailingmoe", families.bailing_moe),
    "bailing_moe_v2": Family("bailingmoe2", families.bailing_moe2),
    "dots1": Family("dots1", families.dots1),
    "internlm2": Family("internlm2"),
    "internlm3": _LLAMA,
    "apertus": Family("apertus", families.xielu),
    "arcee": Family("arcee", families.llama),
    "minicpm": Family("minicpm", families.minicpm),
}

OUTER: Final = frozenset({"mistral3"})
"""Configurations with a nested text model whose own type names the family, whatever the nested one is called."""
