"""A model's facts from its header, and models that are refused before the engine could abort on them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from homeroom import text
from homeroom.errors import BadModelFile
from homeroom.models.facts import Layer, ModelFacts
from homeroom.models.inspect import inspect
from support.bare_engine import load
from support.gguf_writer import U16, TensorLine, Typed, Value, with_metadata, write_gguf

F32, F16, Q8_0 = 0, 1, 8
TOOLS = """{%- if tools %}{{- '<|im_start|>system\\n# Tools\\n\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}{{- '\\n</tools><|im_end|>\\n' }}{%- endif %}
{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"""


def model(
    folder: Path, architecture: str, keys: Mapping[str, Value], general: Mapping[str, Value] | None = None
) -> Path:
    """A header of *architecture* with *keys* below it, 4 blocks of 8 heads unless told otherwise, hardly any tensor."""
    usual: dict[str, Value] = {
        "block_count": 4,
        "context_length": 4096,
        "embedding_length": 512,
        "attention.head_count": 8,
    }
    metadata: dict[str, Value] = {"general.architecture": architecture, **(general or {})}
    metadata |= {f"{architecture}.{key}": value for key, value in (usual | dict(keys)).items()}
    return write_gguf(folder / "m.gguf", metadata, [("output_norm.weight", (512,), F32)])


def layers(folder: Path, architecture: str, **keys: Value) -> tuple[Layer, ...]:
    """What the layers of such a model keep in the KV cache; in a key's name ``__`` stands for a dot."""
    return caches(inspect(model(folder, architecture, {key.replace("__", "."): keys[key] for key in keys})))


def caches(facts: ModelFacts) -> tuple[Layer, ...]:
    """The layers without their query heads and recurrent state, which ``test_shapes`` looks at."""
    return tuple(replace(layer, heads=0, state=0) for layer in facts.layers)


def windows(folder: Path, architecture: str, **keys: Value) -> list[int]:
    return [layer.window for layer in layers(folder, architecture, **keys)]


# Real models.


def test_starter(starter_path: Path) -> None:
    facts = inspect(starter_path, name="starter", sha256="ab")
    assert (facts.name, facts.sha256, facts.paths) == ("starter", "ab", (starter_path,))
    assert (facts.architecture, facts.quantization, facts.license, facts.tokenizer) == (
        "llama",
        "Q4_1",
        "apache-2.0",
        "gpt2",
    )
    assert facts.title == "Smollm2 135M 8k Lc100K Mix1 Ep2"
    assert facts.parameters == 134_515_008
    assert (facts.file_bytes, facts.tensor_bytes) == (98_362_432, 96_576_768)
    assert facts.bits_per_weight == pytest.approx(5.744, abs=0.001)
    assert (facts.context_length, facts.embedding_length, facts.vocabulary) == (8192, 576, 49_152)
    assert caches(facts) == (Layer(3, 64, 64),) * 30
    assert facts.chat_template is not None
    assert "<|im_start|>" in facts.chat_template
    assert (facts.pooling, facts.base, facts.embeds_only, facts.thinks) == (None, None, False, False)


def test_gemma_slides_in_five_layers_of_six(gemma_path: Path) -> None:
    facts = inspect(gemma_path)
    assert (facts.architecture, facts.quantization, facts.vocabulary) == ("gemma3", "Q4_K_M", 262_144)
    assert facts.parameters == 268_098_176
    assert caches(facts) == ((Layer(1, 256, 256, 512),) * 5 + (Layer(1, 256, 256),)) * 3
    assert facts.chat_template is None


def test_takes_milliseconds(starter_path: Path) -> None:
    started = time.perf_counter()
    inspect(starter_path)
    assert time.perf_counter() - started < 0.3


def test_name_is_the_stem_by_default(tmp_path: Path) -> None:
    assert inspect(model(tmp_path, "llama", {})).name == "m"


def test_changed_copy_is_loaded_by_the_engine_with_its_new_template(tmp_path: Path, starter_path: Path) -> None:
    changes: dict[str, Value | None] = {
        "tokenizer.chat_template": TOOLS,
        "general.base_model.0.name": "SmolLM2 135M",
        "general.license": None,
    }
    copy = with_metadata(starter_path, tmp_path / "tools.gguf", changes)
    facts, before = inspect(copy), inspect(starter_path)
    assert (facts.chat_template, facts.base, facts.license) == (TOOLS, "SmolLM2 135M", None)
    assert (facts.takes_tools, facts.thinks) == (True, True)
    assert (facts.tensor_bytes, facts.layers) == (before.tensor_bytes, before.layers)
    assert load(copy, context=256).props["chat_template"] == TOOLS


# Layers.


def test_plain_heads_are_the_default(tmp_path: Path) -> None:
    assert layers(tmp_path, "llama") == (Layer(8, 64, 64),) * 4


def test_grouped_and_single_kv_heads(tmp_path: Path) -> None:
    assert layers(tmp_path, "llama", attention__head_count_kv=2) == (Layer(2, 64, 64),) * 4
    assert layers(tmp_path, "falcon", attention__head_count_kv=1) == (Layer(1, 64, 64),) * 4


def test_heads_per_layer_and_layers_without_any(tmp_path: Path) -> None:
    found = layers(tmp_path, "granitehybrid", attention__head_count_kv=[0, 0, 4, 8])
    assert found == (Layer(0, 0, 0), Layer(0, 0, 0), Layer(4, 64, 64), Layer(8, 64, 64))


def test_key_and_value_lengths_of_their_own(tmp_path: Path) -> None:
    assert layers(tmp_path, "llama", attention__key_length=192, attention__value_length=128)[0] == Layer(8, 192, 128)


def test_mla_is_one_head_of_keys_and_no_values(tmp_path: Path) -> None:
    found = layers(
        tmp_path,
        "deepseek2",
        attention__head_count=128,
        attention__head_count_kv=1,
        attention__kv_lora_rank=512,
        attention__key_length=576,
        attention__value_length=512,
        attention__key_length_mla=192,
        attention__value_length_mla=128,
    )
    assert found == (Layer(1, 576, 0),) * 4


def test_deepseek_without_mla_keeps_every_head(tmp_path: Path) -> None:
    found = layers(
        tmp_path,
        "deepseek2",
        attention__head_count=128,
        attention__head_count_kv=128,
        attention__key_length=192,
        attention__value_length=128,
    )
    assert found == (Layer(128, 192, 128),) * 4


@pytest.mark.parametrize(
    ("architecture", "pattern"),
    [
        ("gemma2", [1, 0] * 6),
        ("gemma3", [1, 1, 1, 1, 1, 0] * 2),
        ("gpt-oss", [1, 0] * 6),
        ("cohere2", [1, 1, 1, 0] * 3),
        ("cohere2moe", [0, 1, 1, 1] * 3),
        ("olmo2", [1, 1, 1, 0] * 3),
        ("plamo3", [1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1]),
        ("llama", [0] * 12),
        ("phi3", [0] * 12),
        ("qwen2", [0] * 12),
    ],
)
def test_sliding_windows_follow_the_engine(tmp_path: Path, architecture: str, pattern: list[int]) -> None:
    found = windows(tmp_path, architecture, block_count=12, attention__sliding_window=1000)
    assert found == [1000 * slides for slides in pattern]


def test_windows_that_the_engine_knows_without_the_header(tmp_path: Path) -> None:
    assert windows(tmp_path, "gemma2") == [4096, 0, 4096, 0]
    assert windows(tmp_path, "llama4") == [8192, 8192, 8192, 0]
    assert windows(tmp_path, "llama4", attention__sliding_window=0) == [0] * 4
    assert windows(tmp_path, "gemma3") == [0] * 4
    assert windows(tmp_path, "exaone4", block_count=64)[:5] == [4096, 4096, 4096, 0, 4096]
    assert windows(tmp_path, "exaone4", block_count=30, attention__sliding_window=4096) == [0] * 30


def test_pattern_in_the_header_wins(tmp_path: Path) -> None:
    keys: dict[str, Value] = {"attention__sliding_window": 128}
    assert windows(tmp_path, "gemma3", attention__sliding_window_pattern=2, **keys) == [128, 0, 128, 0]
    flags = [False, True, True, False]
    assert windows(tmp_path, "gemma4", attention__sliding_window_pattern=flags, **keys) == [0, 128, 128, 0]
    assert windows(tmp_path, "gpt-oss", attention__sliding_window_pattern=flags, **keys) == [0, 128, 128, 0]


def test_sliding_layers_can_have_other_heads_and_share(tmp_path: Path) -> None:
    found = layers(
        tmp_path,
        "gemma4",
        attention__head_count_kv=[2, 1, 2, 1],
        attention__key_length=128,
        attention__value_length=128,
        attention__key_length_swa=64,
        attention__value_length_swa=64,
        attention__sliding_window=512,
        attention__sliding_window_pattern=[True, False, True, False],
        attention__shared_kv_layers=2,
    )
    assert found == (Layer(2, 64, 64, 512), Layer(1, 128, 128), Layer(0, 0, 0), Layer(0, 0, 0))


def test_recurrent_hybrid_and_encoder_models(tmp_path: Path) -> None:
    none, full = Layer(0, 0, 0), Layer(8, 64, 64)
    assert layers(tmp_path, "mamba") == (none,) * 4
    assert layers(tmp_path, "bert") == (none,) * 4
    assert layers(tmp_path, "qwen3next", block_count=8) == (none, none, none, full) * 2
    assert layers(tmp_path, "qwen3next", full_attention_interval=2) == (none, full) * 2
    assert layers(tmp_path, "qwen35", attention__recurrent_layers=[0, 1, 1, 1]) == (full, none, none, none)
    assert layers(tmp_path, "falcon-h1") == (full,) * 4
    assert layers(tmp_path, "nemotron_h", feed_forward_length=[0, 64, 0, 64]) == (full, none, full, none)


def test_layers_that_only_predict_further_tokens_keep_nothing(tmp_path: Path) -> None:
    found = layers(tmp_path, "glm4moe", nextn_predict_layers=1)
    assert found == (Layer(8, 64, 64),) * 3 + (Layer(0, 0, 0),)


# Other facts.


@pytest.mark.parametrize(("number", "name"), [(0, None), (1, "mean"), (2, "cls"), (3, "last"), (4, "rank"), (99, None)])
def test_pooling(tmp_path: Path, number: int, name: str | None) -> None:
    facts = inspect(model(tmp_path, "qwen3", {"pooling_type": number}))
    assert (facts.pooling, facts.embeds_only) == (name, name is not None)


def test_encoder_pools_even_where_its_header_does_not_say_so(tmp_path: Path) -> None:
    assert inspect(model(tmp_path, "bert", {})).pooling == "mean"


def test_base_and_title(tmp_path: Path) -> None:
    general: dict[str, Value] = {"general.name": "R1 Distill", "general.base_model.0.name": "Qwen2.5 Math 7B"}
    facts = inspect(model(tmp_path, "qwen2", {}, general))
    assert (facts.title, facts.base, facts.license) == ("R1 Distill", "Qwen2.5 Math 7B", None)


def test_quantization_and_bits_without_a_file_type(tmp_path: Path) -> None:
    metadata: dict[str, Value] = {
        "general.architecture": "x",
        "x.block_count": 1,
        "x.context_length": 9,
        "x.embedding_length": 64,
    }
    tensors: list[TensorLine] = [("a", (64, 100), Q8_0), ("b", (64,), F32)]
    facts = inspect(write_gguf(tmp_path / "m.gguf", metadata, tensors))
    assert (facts.quantization, facts.parameters) == ("Q8_0", 6464)
    assert facts.tensor_bytes == 6400 * 34 // 32 + 256
    assert facts.bits_per_weight == pytest.approx(facts.tensor_bytes * 8 / 6464)


# Refused.


def refused(path: Path, key: str) -> BadModelFile:
    with pytest.raises(BadModelFile) as caught:
        inspect(path)
    assert caught.value.key == f"gguf.{key}"
    for sentence in text.catalogue("gguf")[caught.value.key]:
        assert sentence.format(**caught.value.facts)
    assert "homeroom" in (caught.value.next or "")
    return caught.value


ABORTS: dict[str, dict[str, Value | None]] = {
    "no blocks": {"llama.block_count": 0},
    "600 blocks": {"llama.block_count": 600},
    "experts, none of them used": {"llama.expert_count": 4},
    "more experts used than there are": {"llama.expert_count": 4, "llama.expert_used_count": 8},
    "2000 experts": {"llama.expert_count": 2000, "llama.expert_used_count": 2},
    "experts used and none there": {"llama.expert_used_count": 2},
    "more predicting layers than layers": {"llama.nextn_predict_layers": 31},
    "unknown rope scaling": {"llama.rope.scaling.type": "x"},
}
"""Seen to abort the engine's process (SIGABRT)."""

LIES: dict[str, tuple[str, dict[str, Value | None]]] = {
    "a block without tensors": ("missing_block", {"llama.block_count": 31}),
    "no embedding": ("bad_value", {"llama.embedding_length": 0}),
    "another embedding": ("wrong_shape", {"llama.embedding_length": 640}),
    "no heads": ("bad_value", {"llama.attention.head_count": 0}),
    "heads not said": ("bad_value", {"llama.attention.head_count": None}),
    "heads that do not divide": ("bad_heads", {"llama.attention.head_count": 7}),
    "no KV heads": ("wrong_shape", {"llama.attention.head_count_kv": 0}),
    "fewer KV heads than the tensors have": ("wrong_shape", {"llama.attention.head_count_kv": 1}),
    "KV heads of some layers": ("wrong_kind", {"llama.attention.head_count_kv": [3, 3]}),
    "shorter keys than the tensors have": ("wrong_shape", {"llama.attention.key_length": 32}),
    "no context": ("bad_value", {"llama.context_length": 0}),
    "a negative context": ("wrong_kind", {"llama.context_length": -1}),
    "context not said": ("missing_key", {"llama.context_length": None}),
    "another vocabulary": ("wrong_shape", {"tokenizer.ggml.tokens": ["a", "b"]}),
    "no architecture": ("missing_key", {"general.architecture": None}),
    "a number for an architecture": ("wrong_kind", {"general.architecture": 3}),
    "a number for a name": ("wrong_kind", {"general.name": 3}),
    "a text for a file type": ("wrong_kind", {"general.file_type": "Q4_1"}),
    "a text for a number": ("wrong_kind", {"llama.block_count": "30"}),
    "an adapter": ("not_a_model", {"general.type": "adapter"}),
    "a projector": ("not_a_model", {"general.architecture": "clip"}),
    "a part of several files": ("wrong_shard", {"split.count": Typed(U16, 3)}),
}


def changed(starter_path: Path, target: Path, changes: dict[str, Value | None]) -> Path:
    """The starter's header with *changes*; its weights are made a hole, so that the copies take no room."""
    with_metadata(starter_path, target, changes)
    size = target.stat().st_size
    os.truncate(target, 3_000_000)
    os.truncate(target, size)
    return target


@pytest.mark.parametrize("case", ABORTS)
def test_what_would_abort_the_engine_is_refused(tmp_path: Path, starter_path: Path, case: str) -> None:
    error = refused(changed(starter_path, tmp_path / "m.gguf", ABORTS[case]), "bad_value")
    assert error.facts["key"] in {
        f"llama.{key}"
        for key in (
            "block_count",
            "expert_count",
            "expert_used_count",
            "nextn_predict_layers",
            "rope.scaling.type",
        )
    }


@pytest.mark.parametrize("case", LIES)
def test_header_that_contradicts_its_tensors_or_itself_is_refused(
    tmp_path: Path, starter_path: Path, case: str
) -> None:
    key, changes = LIES[case]
    refused(changed(starter_path, tmp_path / "m.gguf", changes), key)


def test_unchanged_copy_is_not_refused(tmp_path: Path, starter_path: Path) -> None:
    copy = changed(starter_path, tmp_path / "m.gguf", {"llama.attention.head_count_kv": [3] * 30})
    assert inspect(copy).layers == inspect(starter_path).layers


def test_no_weights(tmp_path: Path) -> None:
    refused(write_gguf(tmp_path / "m.gguf", {"general.architecture": "llama"}), "no_tensors")


# Split files.


def split(folder: Path, *, count: int = 3, said: int | None = None, total: int | None = None) -> list[Path]:
    """A model in *count* files, each with one tensor."""
    paths = []
    for index in range(count):
        metadata: dict[str, Value] = {"split.no": Typed(U16, index), "split.count": Typed(U16, said or count)}
        if index == 0:
            metadata |= {
                "general.architecture": "llama",
                "llama.block_count": 1,
                "llama.context_length": 64,
                "llama.embedding_length": 32,
                "llama.attention.head_count": 1,
                "split.tensors.count": count if total is None else total,
            }
        path = folder / f"big-Q8_0-{index + 1:05d}-of-{count:05d}.gguf"
        paths.append(write_gguf(path, metadata, [(f"t{index}", (32, 4), Q8_0)]))
    return paths


@pytest.mark.parametrize("given", [0, 1, 2])
def test_any_shard_stands_for_the_whole_model(tmp_path: Path, given: int) -> None:
    paths = split(tmp_path)
    facts = inspect(paths[given])
    assert facts.paths == tuple(paths)
    assert facts.path == paths[0]
    assert facts.name == "big-Q8_0"
    assert facts.file_bytes == sum(path.stat().st_size for path in paths)
    assert (facts.parameters, facts.tensor_bytes) == (3 * 128, 3 * 136)


def test_missing_shard_is_named(tmp_path: Path) -> None:
    paths = split(tmp_path)
    paths[1].unlink()
    assert paths[1].name in refused(paths[2], "missing_shard").message


def test_missing_shard_that_was_given(tmp_path: Path) -> None:
    paths = split(tmp_path)
    paths[1].unlink()
    refused(paths[1], "missing")


def test_truncated_shard(tmp_path: Path) -> None:
    paths = split(tmp_path)
    os.truncate(paths[2], paths[2].stat().st_size - 32)
    assert refused(paths[0], "truncated").facts["path"] == str(paths[2])


def test_shard_of_another_model(tmp_path: Path) -> None:
    refused(split(tmp_path, said=4)[0], "wrong_shard")
    refused(split(tmp_path, total=7)[0], "wrong_shard")
    paths = split(tmp_path)
    paths[2].write_bytes(paths[1].read_bytes())
    refused(paths[0], "wrong_shard")
