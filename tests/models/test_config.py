"""A config.json becomes the metadata that llama.cpp's converter would write; a bad one an error, never a guess."""

from __future__ import annotations

import contextlib
import copy
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeroom.errors import BadModelFile, HomeroomError
from homeroom.models import blueprint, safetensors
from homeroom.models.config import Converted, from_config, weight_format
from homeroom.models.conversion.table import FAMILIES
from homeroom.models.facts import ModelFacts

CATALOGUE = Path(__file__).parents[2] / "catalogue"


def raw() -> list[dict[str, Any]]:
    return [one for path in sorted(CATALOGUE.glob("*.toml")) for one in tomllib.loads(path.read_text("utf-8"))["model"]]


CONFIGS: Mapping[str, dict[str, Any]] = {one["name"]: one["config"] for one in raw()}


def facts(name: str, quantization: str = "Q4_K_M") -> ModelFacts:
    return safetensors.facts(from_config(CONFIGS[name], name), quantization, name=name)


def kv_bytes(model: ModelFacts) -> int:
    """Bytes of one token in an f16 KV cache."""
    return 2 * sum(layer.kv_heads * (layer.key_length + layer.value_length) for layer in model.layers)


# The ground truth of the seven DeepSeek-R1 models: parameters (the published count), layers, KV heads, head length, bytes
# of a token in the f16 KV cache, gigabytes of the Q4_K_M file. For the 671B a token's values are part of its keys.
R1 = [
    ("deepseek-r1:1.5b", "qwen2", 1_777_088_000, 28, 2, 128, 28_672, 1.12),
    ("deepseek-r1:7b", "qwen2", 7_615_616_512, 28, 4, 128, 57_344, 4.68),
    ("deepseek-r1:8b-llama-distill", "llama", 8_030_261_248, 32, 8, 128, 131_072, 4.92),
    ("deepseek-r1:14b", "qwen2", 14_770_033_664, 48, 8, 128, 196_608, 8.99),
    ("deepseek-r1:32b", "qwen2", 32_763_876_352, 64, 8, 128, 262_144, 19.85),
    ("deepseek-r1:70b", "llama", 70_553_706_496, 80, 8, 128, 327_680, 42.5),
    ("deepseek-r1:671b-0120", "deepseek2", 671_026_419_200, 61, 1, 576, 70_272, 404.0),
]


@pytest.mark.parametrize(("name", "architecture", "count", "layers", "kv_heads", "head", "kv", "size"), R1)
def test_the_seven_r1_models(
    name: str, architecture: str, count: int, layers: int, kv_heads: int, head: int, kv: int, size: float
) -> None:
    converted = from_config(CONFIGS[name], name)
    model = facts(name)
    assert converted.architecture == architecture
    assert safetensors.parameters(converted) == count
    assert len(model.layers) == layers
    assert {(layer.kv_heads, layer.key_length) for layer in model.layers} == {(kv_heads, head)}
    assert kv_bytes(model) == kv
    assert model.file_bytes == pytest.approx(size * 1e9, rel=0.005)


@pytest.mark.parametrize(
    ("quantization", "size"),
    [("Q3_K_M", 3.81), ("Q4_0", 4.44), ("Q4_K_M", 4.68), ("Q6_K", 6.25), ("Q8_0", 8.10)],
)
def test_published_sizes_of_the_7b(quantization: str, size: float) -> None:
    assert facts("deepseek-r1:7b", quantization).file_bytes == pytest.approx(size * 1e9, rel=0.005)


def test_the_671b_activates_37b() -> None:
    assert facts("deepseek-r1:671b-0120").active_parameters == pytest.approx(37e9, rel=0.02)


def test_every_family_is_of_an_architecture_whose_tensors_are_known() -> None:
    assert {family.architecture for family in FAMILIES.values()} - blueprint.architectures() <= {"olmo"}


# ---- what is nested, left out, spelled otherwise


GEMMA3_4B: dict[str, Any] = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "text_config": {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "model_type": "gemma3_text",
        "num_hidden_layers": 34,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "sliding_window": 1024,
    },
    "vision_config": {"hidden_size": 1152, "model_type": "siglip_vision_model"},
}


def test_gemma_3_leaves_out_what_transformers_knows() -> None:
    converted = from_config(GEMMA3_4B)
    keys = converted.metadata
    assert converted.architecture == "gemma3"
    assert converted.tied
    assert converted.notes == ("catalogue.note.vision",)
    assert (keys["gemma3.attention.head_count"], keys["gemma3.attention.head_count_kv"]) == (8, 4)
    assert (keys["gemma3.attention.key_length"], keys["gemma3.vocab_size"]) == (256, 262_208)
    assert keys["gemma3.attention.sliding_window"] == 1024
    # The published count of its language model: 3.88 B.
    assert safetensors.parameters(converted) == 3_880_263_168


def nested(outer: str, inner: str) -> dict[str, Any]:
    return {"model_type": outer, "text_config": {**CONFIGS["deepseek-r1:671b-0120"], "model_type": inner}}


def test_a_wrapper_that_changes_nothing_is_looked_through() -> None:
    assert from_config(nested("kimi_k25", "kimi_k2")).architecture == "deepseek2"


def test_a_wrapper_that_is_not_known_is_not_taken_for_what_it_holds() -> None:
    """Kimi K3 holds a text model that calls itself ``kimi_linear`` and is another."""
    with pytest.raises(BadModelFile, match="kimi_k3"):
        from_config(nested("kimi_k3", "kimi_linear"))


def test_mistral_small_names_its_family_outside() -> None:
    text = {**CONFIGS["deepseek-r1:8b-llama-distill"], "model_type": "mistral"}
    assert from_config({"model_type": "mistral3", "text_config": text}).architecture == "mistral3"


def test_head_length_is_written_where_it_is_given_and_only_there() -> None:
    assert "qwen2.attention.key_length" not in from_config(CONFIGS["deepseek-r1:7b"]).metadata
    assert from_config(CONFIGS["qwen3:8b"]).metadata["qwen3.attention.key_length"] == 128


def test_latent_attention_keeps_one_head() -> None:
    keys = from_config(CONFIGS["deepseek-r1:671b-0120"]).metadata
    assert keys["deepseek2.attention.head_count_kv"] == 1
    assert (keys["deepseek2.attention.key_length"], keys["deepseek2.attention.value_length"]) == (576, 512)
    assert (keys["deepseek2.attention.key_length_mla"], keys["deepseek2.attention.value_length_mla"]) == (192, 128)
    assert keys["deepseek2.block_count"] == 61  # the prediction block is not converted


def test_granite_without_recurrent_layers_is_plain_granite() -> None:
    config = CONFIGS["granite4:micro-h"]
    plain = {**config, "layer_types": ["attention"] * config["num_hidden_layers"]}
    assert from_config(plain).architecture == "granite"
    assert from_config(config).architecture == "granitehybrid"


# ---- how weights are stored


@pytest.mark.parametrize(
    ("quantization", "said"),
    [
        (None, None),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "FP8"),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "AWQ 4-bit"),
        ({"quant_method": "gptq", "bits": 8}, "GPTQ 8-bit"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes 4-bit"),
        ({"quant_method": "mxfp4"}, "MXFP4"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "NVFP4"),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"a": {"weights": {"num_bits": 4, "type": "int"}}}},
            "INT4",
        ),
    ],
)
def test_the_format_of_the_weights(quantization: dict[str, Any] | None, said: str | None) -> None:
    assert weight_format({"model_type": "llama", "quantization_config": quantization}) == said


def test_an_index_that_counts_other_parameters_is_told() -> None:
    config = {**CONFIGS["deepseek-r1:7b"], "torch_dtype": "bfloat16"}
    same = safetensors.convert(config, {"metadata": {"total_size": 2 * 7_615_616_512}})
    other = safetensors.convert(config, {"metadata": {"total_size": 2 * 7_000_000_000}})
    assert same.notes == ()
    assert other.notes == ("catalogue.note.differs",)
    assert other.published == 7_000_000_000


@pytest.mark.parametrize(
    "metadata", [[], {"total_size": "much"}, {"total_size": -1}, {"total_parameters": float("nan")}]
)
def test_an_index_that_makes_no_sense(metadata: object) -> None:
    with pytest.raises(BadModelFile):
        safetensors.convert({**CONFIGS["deepseek-r1:7b"], "torch_dtype": "bfloat16"}, {"metadata": metadata})


# ---- hostile


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("qwen3-next:80b", {"full_attention_interval": 0}),
        ("falcon-h1:7b", {"mamba_d_head": 0}),
        ("glm-4.5:355b", {"partial_rotary_factor": 1e30}),
        ("deepseek-r1:7b", {"num_attention_heads": 0}),
        ("qwen3:30b", {"num_experts": 0}),
    ],
)
def test_a_number_that_breaks_a_division_is_refused(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(BadModelFile):
        safetensors.facts(from_config({**CONFIGS[name], **change}), "Q4_K_M", name=name)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("model_type", None, "does not know"),
        ("model_type", "transformer9000", "transformer9000"),
        ("model_type", 7, "model_type"),
        ("hidden_size", None, "hidden_size"),
        ("hidden_size", "3584", "hidden_size"),
        ("hidden_size", 3584.5, "hidden_size"),
        ("hidden_size", True, "hidden_size"),
        ("hidden_size", -1, "hidden_size"),
        ("hidden_size", 1 << 40, "hidden_size"),
        ("num_hidden_layers", 100_000, "num_hidden_layers"),
        ("num_hidden_layers", 0, "num_hidden_layers"),
        ("num_key_value_heads", [4] * 27, "num_key_value_heads"),
        ("num_key_value_heads", [4] * 5000, "num_key_value_heads"),
        ("rope_scaling", [], "rope_scaling"),
        ("rope_theta", float("nan"), "rope_theta"),
        ("tie_word_embeddings", "no", "tie_word_embeddings"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object, told: str) -> None:
    with pytest.raises(BadModelFile, match=told):
        from_config({**CONFIGS["deepseek-r1:7b"], key: value}, "config.json")


_SCALARS = st.none() | st.booleans() | st.integers(-3, 1 << 70) | st.floats() | st.text(max_size=5)
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
_SAMPLES = [
    next(config for config in CONFIGS.values() if config["model_type"] == kind)
    for kind in sorted({c["model_type"] for c in CONFIGS.values()})
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_configuration_breaks_it(data: st.DataObject) -> None:
    """Any value in any place is converted or refused with BadModelFile, and what is converted has plain types."""
    config = copy.deepcopy(data.draw(st.sampled_from(_SAMPLES)))
    for key in data.draw(st.lists(st.sampled_from(sorted(config)), min_size=1, max_size=3)):
        config[key] = data.draw(_JSON)
    try:
        converted = from_config(config)
    except BadModelFile:
        return
    assert isinstance(converted, Converted)
    for value in converted.metadata.values():
        items = value if isinstance(value, tuple) else (value,)
        assert all(isinstance(item, bool | int | float | str) for item in items)
    with contextlib.suppress(HomeroomError):
        assert safetensors.facts(converted, "Q4_K_M", name="it").tensor_bytes > 0
