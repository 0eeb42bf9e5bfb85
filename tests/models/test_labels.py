"""What names say, on names as they stand on the hubs (file and repository names of their makers, spelled as there)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.models.labels import ROLES, Label, read
from homeroom.models.quantization import FILE_TYPES

B, M, T = 10**9, 10**6, 10**12

GGUF: list[tuple[str, dict[str, Any]]] = [
    ("DeepSeek-R1-Distill-Qwen-7B-Q4_K_M.gguf", {"quantization": "Q4_K_M", "parameters": 7 * B, "roles": ("distill",)}),
    ("DeepSeek-R1-Distill-Qwen-1.5B-Q8_0.gguf", {"quantization": "Q8_0", "parameters": 3 * B // 2, "roles": ("distill",)}),
    ("DeepSeek-R1-Distill-Llama-70B-IQ2_XXS.gguf", {"quantization": "IQ2_XXS", "parameters": 70 * B, "roles": ("distill",)}),
    ("DeepSeek-R1-0528-Qwen3-8B-UD-Q4_K_XL.gguf", {"quantization": "UD-Q4_K_XL", "parameters": 8 * B, "dynamic": True}),
    ("DeepSeek-R1-UD-IQ1_S-00001-of-00003.gguf", {"quantization": "UD-IQ1_S", "dynamic": True, "shard": (1, 3)}),
    ("UD-IQ1_S/DeepSeek-R1-UD-IQ1_S-00003-of-00003.gguf", {"quantization": "UD-IQ1_S", "dynamic": True, "shard": (3, 3)}),
    ("DeepSeek-R1-Q4_K_M-00001-of-00009.gguf", {"quantization": "Q4_K_M", "shard": (1, 9)}),
    ("DeepSeek-V3-0324-UD-Q2_K_XL-00002-of-00006.gguf", {"quantization": "UD-Q2_K_XL", "dynamic": True, "shard": (2, 6)}),
    ("qwen2.5-7b-instruct-q4_k_m-00001-of-00002.gguf",
     {"quantization": "Q4_K_M", "parameters": 7 * B, "roles": ("instruct",), "shard": (1, 2)}),
    ("qwen2.5-0.5b-instruct-fp16.gguf", {"quantization": "F16", "parameters": B // 2, "roles": ("instruct",)}),
    ("Qwen2.5-Coder-32B-Instruct-Q2_K_L.gguf",
     {"quantization": "Q2_K_L", "parameters": 32 * B, "roles": ("instruct", "coder")}),
    ("Qwen2.5-14B-Instruct-1M-Q5_K_S.gguf", {"quantization": "Q5_K_S", "parameters": 14 * B, "roles": ("instruct",)}),
    ("Qwen3-30B-A3B-Q4_K_M.gguf", {"quantization": "Q4_K_M", "parameters": 30 * B, "active": 3 * B}),
    ("Qwen3-235B-A22B-Instruct-2507-UD-Q3_K_XL-00001-of-00003.gguf",
     {"quantization": "UD-Q3_K_XL", "dynamic": True, "parameters": 235 * B, "active": 22 * B, "roles": ("instruct",),
      "shard": (1, 3)}),
    ("Qwen3-Next-80B-A3B-Thinking-IQ4_XS.gguf",
     {"quantization": "IQ4_XS", "parameters": 80 * B, "active": 3 * B, "roles": ("thinking",)}),
    ("Qwen3-Embedding-0.6B-Q8_0.gguf", {"quantization": "Q8_0", "parameters": 6 * B // 10, "roles": ("embedding",)}),
    ("Qwen3-Reranker-4B.Q6_K.gguf", {"quantization": "Q6_K", "parameters": 4 * B, "roles": ("reranker",)}),
    ("Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf",
     {"quantization": "Q4_K_M", "parameters": 7 * B, "roles": ("instruct", "vision")}),
    ("llama-2-7b.Q4_K_M.gguf", {"quantization": "Q4_K_M", "parameters": 7 * B}),
    ("llama-2-13b-chat.Q3_K_L.gguf", {"quantization": "Q3_K_L", "parameters": 13 * B, "roles": ("chat",)}),
    ("Meta-Llama-3.1-8B-Instruct-Q4_0_4_4.gguf",
     {"quantization": "Q4_0_4_4", "parameters": 8 * B, "roles": ("instruct",), "runs_here": False}),
    ("Meta-Llama-3.1-8B-Instruct-Q4_0_8_8.gguf",
     {"quantization": "Q4_0_8_8", "parameters": 8 * B, "roles": ("instruct",), "runs_here": False}),
    ("Llama-3.2-1B-Instruct-Q6_K_L.gguf", {"quantization": "Q6_K_L", "parameters": B, "roles": ("instruct",)}),
    ("Llama-3.3-70B-Instruct-IQ3_XXS.gguf", {"quantization": "IQ3_XXS", "parameters": 70 * B, "roles": ("instruct",)}),
    ("Llama-4-Scout-17B-16E-Instruct-UD-Q2_K_XL.gguf",
     {"quantization": "UD-Q2_K_XL", "dynamic": True, "active": 17 * B, "experts": 16, "roles": ("instruct",)}),
    ("mixtral-8x7b-instruct-v0.1.Q5_K_M.gguf", {"quantization": "Q5_K_M", "experts": 8, "roles": ("instruct",)}),
    ("Mixtral-8x22B-v0.1.IQ4_NL.gguf", {"quantization": "IQ4_NL", "experts": 8}),
    ("gemma-3-27b-it-q4_0.gguf", {"quantization": "Q4_0", "parameters": 27 * B, "roles": ("instruct",)}),
    ("gemma-3-12b-it-qat-Q4_0.gguf", {"quantization": "Q4_0", "parameters": 12 * B, "roles": ("instruct", "qat")}),
    ("gemma-3n-E4B-it-Q4_K_M.gguf", {"quantization": "Q4_K_M", "effective": 4 * B, "roles": ("instruct",)}),
    ("gemma-3-270m-it-F16.gguf", {"quantization": "F16", "parameters": 270 * M, "roles": ("instruct",)}),
    ("gemma-2-9b-it-Q3_K_XL.gguf", {"quantization": "Q3_K_XL", "parameters": 9 * B, "roles": ("instruct",)}),
    ("embeddinggemma-300M-Q8_0.gguf", {"quantization": "Q8_0", "parameters": 300 * M, "roles": ("embedding",)}),
    ("gpt-oss-20b-mxfp4.gguf", {"quantization": "MXFP4", "parameters": 20 * B}),
    ("gpt-oss-120b-MXFP4_MOE-00001-of-00002.gguf", {"quantization": "MXFP4_MOE", "parameters": 120 * B, "shard": (1, 2)}),
    ("gpt-oss-20b-MXFP4-MOE.gguf", {"quantization": "MXFP4_MOE", "parameters": 20 * B}),
    ("gpt-oss-20b-F16.gguf", {"quantization": "F16", "parameters": 20 * B}),
    ("Nemotron-3-Nano-30B-A3B-NVFP4.gguf", {"quantization": "NVFP4", "parameters": 30 * B, "active": 3 * B}),
    ("Falcon3-7B-Instruct-1.58bit-TQ1_0.gguf", {"quantization": "TQ1_0", "parameters": 7 * B, "roles": ("instruct",)}),
    ("bitnet-b1.58-2B-4T-TQ2_0.gguf", {"quantization": "TQ2_0", "parameters": 2 * B}),
    ("SmolLM2-135M-Instruct-Q4_1.gguf", {"quantization": "Q4_1", "parameters": 135 * M, "roles": ("instruct",)}),
    ("SmolLM2-1.7B-Instruct-Q5_1.gguf", {"quantization": "Q5_1", "parameters": 17 * B // 10, "roles": ("instruct",)}),
    ("Phi-3-mini-4k-instruct-q4.gguf", {"quantization": None, "roles": ("instruct",)}),
    ("Phi-3-mini-128k-instruct-IQ2_M.gguf", {"quantization": "IQ2_M", "roles": ("instruct",)}),
    ("phi-4-Q5_K.gguf", {"quantization": "Q5_K", "runs_here": True}),
    ("Mistral-7B-Instruct-v0.3.fp16.gguf", {"quantization": "F16", "parameters": 7 * B, "roles": ("instruct",)}),
    ("Mistral-Small-3.2-24B-Instruct-2506-IQ3_XS.gguf",
     {"quantization": "IQ3_XS", "parameters": 24 * B, "roles": ("instruct",)}),
    ("Magistral-Small-2509.i1-Q4_K_S.gguf", {"quantization": "Q4_K_S", "imatrix": True}),
    ("Hermes-3-Llama-3.1-8B.i1-IQ1_M.gguf", {"quantization": "IQ1_M", "parameters": 8 * B, "imatrix": True}),
    ("GLM-4.5-Air-IQ4_KSS-00001-of-00002.gguf", {"quantization": "IQ4_KSS", "shard": (1, 2), "runs_here": False}),
    ("Kimi-K2-Instruct-IQ2_KL-00001-of-00008.gguf",
     {"quantization": "IQ2_KL", "roles": ("instruct",), "shard": (1, 8), "runs_here": False}),
    ("DeepSeek-R1-0528-IQ4_KS_R4-00001-of-00009.gguf", {"quantization": "IQ4_KS_R4", "shard": (1, 9), "runs_here": False}),
    ("Kimi-K2-Instruct-UD-TQ1_0-00001-of-00005.gguf",
     {"quantization": "UD-TQ1_0", "dynamic": True, "roles": ("instruct",), "shard": (1, 5)}),
    ("Qwen3-4B-UD-Q8_K_XL.gguf", {"quantization": "UD-Q8_K_XL", "dynamic": True, "parameters": 4 * B}),
    ("Qwen3-4B-Q9_K_M.gguf", {"quantization": "Q9_K_M", "parameters": 4 * B, "runs_here": None}),
    ("granite-4.0-h-tiny-Q4_K_M.gguf", {"quantization": "Q4_K_M"}),
    ("LFM2-8B-A1B-Q4_0.gguf", {"quantization": "Q4_0", "parameters": 8 * B, "active": B}),
    ("Hunyuan-A13B-Instruct-IQ2_S.gguf", {"quantization": "IQ2_S", "active": 13 * B, "roles": ("instruct",)}),
    ("ERNIE-4.5-21B-A3B-PT-BF16.gguf", {"quantization": "BF16", "parameters": 21 * B, "active": 3 * B}),
    ("Ling-1T-Q3_K_M-00001-of-00010.gguf", {"quantization": "Q3_K_M", "parameters": T, "shard": (1, 10)}),
    ("ggml-model-q4_0.gguf", {"quantization": "Q4_0"}),
    ("ggml-model-f32.gguf", {"quantization": "F32"}),
    ("codellama-34b-instruct.Q5_K_S.gguf", {"quantization": "Q5_K_S", "parameters": 34 * B, "roles": ("instruct", "coder")}),
    ("starcoder2-15b-Q6_K.gguf", {"quantization": "Q6_K", "parameters": 15 * B, "roles": ("coder",)}),
    ("Llama-3.2-3B-Instruct-uncensored-IQ3_M.gguf",
     {"quantization": "IQ3_M", "parameters": 3 * B, "roles": ("instruct", "abliterated")}),
    ("bge-m3-FP32.gguf", {"quantization": "F32"}),
    ("mmproj-Qwen2.5-VL-7B-Instruct-f16.gguf",
     {"quantization": "F16", "parameters": 7 * B, "roles": ("instruct", "vision", "projector"), "runs_here": False}),
    ("mmproj-model-f16.gguf", {"quantization": "F16", "roles": ("projector",), "runs_here": False}),
    ("Qwen3-30B-A3B-imatrix.gguf",
     {"parameters": 30 * B, "active": 3 * B, "roles": ("imatrix",), "imatrix": True, "runs_here": False}),
    ("Goliath-120B.Q5_K_M.gguf.part1of2", {"quantization": "Q5_K_M", "parameters": 120 * B, "shard": (1, 2)}),
    ("model.gguf", {}),
    ("TheBloke/Llama-2-7B-Chat-GGUF", {"parameters": 7 * B, "roles": ("chat",)}),
    ("unsloth/DeepSeek-R1-GGUF", {}),
]  # fmt: skip

ELSEWHERE: list[tuple[str, dict[str, Any]]] = [
    ("Qwen/Qwen2.5-7B-Instruct-AWQ",
     {"format": "awq", "quantization": "AWQ", "parameters": 7 * B, "roles": ("instruct",), "runs_here": False}),
    ("Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4",
     {"format": "gptq", "quantization": "GPTQ-Int4", "bits": 4, "parameters": 72 * B, "roles": ("instruct",),
      "runs_here": False}),
    ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int8",
     {"format": "gptq", "quantization": "GPTQ-Int8", "bits": 8, "parameters": 7 * B, "roles": ("instruct",),
      "runs_here": False}),
    ("TheBloke/Llama-2-7B-GPTQ", {"format": "gptq", "quantization": "GPTQ", "parameters": 7 * B, "runs_here": False}),
    ("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4",
     {"format": "awq", "quantization": "AWQ", "bits": 4, "parameters": 8 * B, "roles": ("instruct",), "runs_here": False}),
    ("Qwen/Qwen3-235B-A22B-FP8",
     {"format": "fp8", "quantization": "FP8", "parameters": 235 * B, "active": 22 * B, "runs_here": False}),
    ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic",
     {"format": "fp8", "quantization": "FP8", "parameters": 70 * B, "roles": ("instruct",), "runs_here": False}),
    ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16",
     {"format": "compressed-tensors", "quantization": "W4A16", "parameters": 8 * B, "roles": ("instruct",),
      "runs_here": False}),
    ("RedHatAI/DeepSeek-R1-Distill-Qwen-32B-quantized.w8a8",
     {"format": "compressed-tensors", "quantization": "W8A8", "parameters": 32 * B, "roles": ("distill",),
      "runs_here": False}),
    ("unsloth/DeepSeek-R1-Distill-Llama-8B-unsloth-bnb-4bit",
     {"format": "bitsandbytes", "quantization": "BNB-4bit", "bits": 4, "parameters": 8 * B, "roles": ("distill",),
      "runs_here": False}),
    ("unsloth/gemma-3-4b-it-bnb-4bit",
     {"format": "bitsandbytes", "quantization": "BNB-4bit", "bits": 4, "parameters": 4 * B, "roles": ("instruct",),
      "runs_here": False}),
    ("turboderp/Llama-3.1-8B-Instruct-exl2-4.0bpw",
     {"format": "exl2", "quantization": "EXL2", "bits": 4.0, "parameters": 8 * B, "roles": ("instruct",),
      "runs_here": False}),
    ("bartowski/Qwen2.5-32B-Instruct-exl2",
     {"format": "exl2", "quantization": "EXL2", "parameters": 32 * B, "roles": ("instruct",), "runs_here": False}),
    ("Mistral-Large-2411-4.65bpw-h6-exl2",
     {"format": "exl2", "quantization": "EXL2", "bits": 4.65, "runs_here": False}),
    ("turboderp/Qwen3-8B-exl3", {"format": "exl3", "quantization": "EXL3", "parameters": 8 * B, "runs_here": False}),
    ("mlx-community/Qwen3-8B-4bit",
     {"format": "mlx", "quantization": "MLX-4bit", "bits": 4, "parameters": 8 * B, "runs_here": False}),
    ("mlx-community/DeepSeek-R1-Distill-Qwen-7B-MLX-8Bit",
     {"format": "mlx", "quantization": "MLX-8bit", "bits": 8, "parameters": 7 * B, "roles": ("distill",),
      "runs_here": False}),
    ("mlx-community/gemma-3-27b-it-bf16",
     {"format": "mlx", "quantization": "BF16", "parameters": 27 * B, "roles": ("instruct",), "runs_here": False}),
    ("lmstudio-community/Qwen3-4B-MLX-4bit",
     {"format": "mlx", "quantization": "MLX-4bit", "bits": 4, "parameters": 4 * B, "runs_here": False}),
    ("Intel/Qwen3-30B-A3B-int4-AutoRound",
     {"format": "auto-round", "quantization": "Int4", "bits": 4, "parameters": 30 * B, "active": 3 * B,
      "runs_here": False}),
    ("onnx-community/Llama-3.2-1B-Instruct-ONNX",
     {"format": "onnx", "parameters": B, "roles": ("instruct",), "runs_here": False}),
    ("nvidia/DeepSeek-R1-NVFP4", {"quantization": "NVFP4"}),
    ("vicuna-13b-v1.5.ggmlv3.q4_0.bin",
     {"format": "ggml", "quantization": "Q4_0", "parameters": 13 * B, "runs_here": False}),
    ("model-00001-of-000163.safetensors", {"format": "safetensors", "runs_here": False}),
    ("model-00002-of-00004.safetensors", {"format": "safetensors", "shard": (2, 4), "runs_here": False}),
    ("pytorch_model.bin", {"format": "pytorch", "runs_here": False}),
    ("consolidated.00.pth", {"format": "pytorch", "runs_here": False}),
]  # fmt: skip

UNTOLD: list[tuple[str, dict[str, Any]]] = [
    ("deepseek-ai/DeepSeek-R1", {}),
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", {"parameters": 7 * B, "roles": ("distill",)}),
    ("meta-llama/Llama-3.1-8B", {"parameters": 8 * B}),
    ("google/gemma-3-4b-pt", {"parameters": 4 * B}),
    ("Qwen/Qwen1.5-MoE-A2.7B-Chat", {"active": 27 * B // 10, "roles": ("chat",)}),
    ("Qwen/Qwen3-30B-A3B-Base", {"parameters": 30 * B, "active": 3 * B, "roles": ("base",)}),
    ("01-ai/Yi-34B-200K", {"parameters": 34 * B}),
    ("allenai/OLMo-2-0425-1B", {"parameters": B}),
    ("TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T", {"parameters": 11 * B // 10}),
    ("MiniMaxAI/MiniMax-M2", {}),
    ("jinaai/jina-embeddings-v3", {"roles": ("embedding",)}),
    ("Qwen/Qwen3Guard-Gen-8B", {"parameters": 8 * B}),
    ("meta-llama/Llama-Guard-3-8B", {"parameters": 8 * B, "roles": ("guard",)}),
    ("Qwen/Qwen2.5-Omni-7B", {"parameters": 7 * B, "roles": ("omni",)}),
    ("Llama-3.2-1B-from-8B", {}),
    ("deepseek-r1:7b", {"parameters": 7 * B}),
    ("deepseek-r1:671b", {"parameters": 671 * B}),
    ("deepseek-r1:7b-qwen-distill-q4_K_M",
     {"format": "gguf", "quantization": "Q4_K_M", "parameters": 7 * B, "roles": ("distill",), "runs_here": True}),
    ("deepseek-r1:7b-q8_0", {"format": "gguf", "quantization": "Q8_0", "parameters": 7 * B, "runs_here": True}),
    ("gpt-oss:20b", {"parameters": 20 * B}),
    ("llama3.2:1b-instruct-fp16", {"quantization": "F16", "parameters": B, "roles": ("instruct",)}),
    ("qwen3:30b-a3b-thinking-2507-q8_0",
     {"format": "gguf", "quantization": "Q8_0", "parameters": 30 * B, "active": 3 * B, "roles": ("thinking",),
      "runs_here": True}),
    ("README.md", {}),
    ("", {}),
    ("   ", {}),
]  # fmt: skip


def told(label: Label) -> dict[str, Any]:
    """What *label* says, without what it does not say."""
    fields = {name: getattr(label, name) for name in Label.__dataclass_fields__} | {"runs_here": label.runs_here}
    return {name: value for name, value in fields.items() if value not in (None, (), False) or name == "runs_here"}


@pytest.mark.parametrize(("name", "expected"), GGUF)
def test_names_of_gguf_files(name: str, expected: dict[str, Any]) -> None:
    expected = {"format": "gguf", "runs_here": True} | expected
    assert told(read(name)) == {
        key: value for key, value in expected.items() if value is not None or key == "runs_here"
    }


@pytest.mark.parametrize(("name", "expected"), ELSEWHERE)
def test_names_of_files_for_other_engines(name: str, expected: dict[str, Any]) -> None:
    assert told(read(name)) == {"runs_here": None} | expected


@pytest.mark.parametrize(("name", "expected"), UNTOLD)
def test_what_a_name_does_not_say_is_not_guessed(name: str, expected: dict[str, Any]) -> None:
    assert told(read(name)) == {"runs_here": None} | expected


def test_there_are_enough_names_to_trust_this() -> None:
    assert len(GGUF) + len(ELSEWHERE) + len(UNTOLD) >= 120


@pytest.mark.parametrize("kind", FILE_TYPES.values())
@pytest.mark.parametrize("form", ["m-{}.gguf", "m.{}.gguf", "m_{}.gguf", "{}.gguf"])
def test_every_type_of_the_engine_is_read_in_every_spelling(kind: str, form: str) -> None:
    for spelled in (kind, kind.lower()):
        label = read(form.format(spelled))
        assert (label.quantization, label.runs_here) == (kind, True)


@given(name=st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9._:/ -]{0,60}(\.gguf)?", fullmatch=True))
def test_any_text_has_a_label(name: str) -> None:
    label = read(name)
    assert label.parameters is None or label.parameters > 0
    assert set(label.roles) <= set(ROLES)
    assert label.shard is None or 0 < label.shard[0] <= label.shard[1]
