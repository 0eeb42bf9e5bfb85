"""What each layer of published models keeps: heads for its cache, elements for its state. Figures worked out by hand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from homeroom.errors import BadModelFile
from homeroom.models.facts import Layer
from homeroom.models.shapes import Keys, layers, trunk_length
from support.known_models import KNOWN

STATES = [
    ("mamba-2.8b", 64, 3 * 5120 + 16 * 5120),
    ("mamba2-2.7b", 64, 3 * (5120 + 2 * 128) + 128 * 5120),
    ("Jamba-1.5-Mini", 28, 3 * 8192 + 16 * 8192),
    ("granite-4.0-h-small", 36, 3 * (8192 + 2 * 128) + 128 * 8192),
    ("Falcon-H1-0.5B", 36, 3 * (1536 + 2 * 128) + 128 * 1536),
    ("LFM2-1.2B", 10, 2 * 2048),
    ("Qwen3-Next-80B-A3B", 36, 3 * (4096 + 2 * 16 * 128) + 128 * 4096),
    ("Kimi-Linear-48B-A3B", 20, 3 * 3 * 32 * 128 + 32 * 128 * 128),
]


def shape(name: str) -> tuple[Layer, ...]:
    (one,) = (one for one in KNOWN if one.name == name)
    return layers(Keys(one.metadata, one.architecture, name))


def of(architecture: str, **keys: Any) -> tuple[Layer, ...]:
    usual = {"block_count": 4, "embedding_length": 512, "attention.head_count": 8}
    given = usual | {key.replace("__", "."): value for key, value in keys.items()}
    return layers(Keys({f"{architecture}.{key}": value for key, value in given.items()}, architecture, "test"))


@pytest.mark.parametrize(("name", "count", "state"), STATES)
def test_recurrent_layers_keep_their_convolution_and_their_state(name: str, count: int, state: int) -> None:
    found = shape(name)
    assert Counter(layer.state for layer in found)[state] == count
    assert {layer.state for layer in found} <= {0, state}


def test_attention_and_state_lie_side_by_side_only_in_falcon_h1() -> None:
    for name, _, _ in STATES:
        both = [layer for layer in shape(name) if layer.state and layer.kv_heads]
        assert bool(both) == name.startswith("Falcon-H1")


def test_rwkv_shifts_tokens_and_keeps_a_matrix_a_head() -> None:
    assert of("rwkv7", wkv__head_size=64) == (Layer(0, 0, 0, state=512 * (2 + 64), heads=8),) * 4
    assert of("rwkv6qwen2", wkv__head_size=64, token_shift_count=1)[0].state == 512 * (1 + 64)


def test_a_plain_model_has_heads_and_no_state() -> None:
    assert of("llama", attention__head_count_kv=2) == (Layer(2, 64, 64, heads=8),) * 4


def test_every_fourth_layer_attends_or_those_that_the_header_names() -> None:
    recurrent = {"ssm__conv_kernel": 4, "ssm__inner_size": 512, "ssm__state_size": 16, "ssm__group_count": 2}
    assert [bool(layer.state) for layer in of("qwen3next", **recurrent)] == [True, True, True, False]
    flags = (False, True, True, False)
    named = of("qwen3next", **recurrent, attention__recurrent_layers=flags)
    assert [bool(layer.state) for layer in named] == list(flags)
    assert [layer.kv_heads for layer in named] == [8, 0, 0, 8]


def test_layers_that_predict_further_tokens_keep_neither() -> None:
    recurrent = {"ssm__conv_kernel": 4, "ssm__inner_size": 512, "ssm__state_size": 16, "nextn_predict_layers": 1}
    assert of("qwen35", **recurrent)[3] == Layer(0, 0, 0, heads=8)
    assert shape("GLM-4.5-Air")[-1].kv_heads == 0


def test_an_indexer_caches_its_keys_beside_the_layers() -> None:
    kept = [layer for layer in shape("DeepSeek-V3.2") if layer.kv_heads]
    assert {(layer.kv_heads, layer.key_length, layer.value_length) for layer in kept} == {(1, 576 + 128, 0)}
    assert len(kept) == 61
    sparse = of("minimax-m3", attention__indexer__key_length=128, leading_dense_block_count=1)
    assert [(layer.key_length, layer.value_length) for layer in sparse] == [(64, 64)] + [(80, 80)] * 3


def test_layers_run_twice_keep_twice() -> None:
    assert of("nanbeige", num_loops=2) == (Layer(8, 128, 128, heads=8),) * 4


def test_the_trunk_ends_before_the_layers_that_predict() -> None:
    keys = Keys({"glm4moe.nextn_predict_layers": 1}, "glm4moe", "test")
    assert trunk_length(keys, 47) == 46


@pytest.mark.parametrize(
    "wrong",
    [
        {"block_count": 0},
        {"block_count": 513},
        {"block_count": True},
        {"embedding_length": -1},
        {"attention__head_count": (8, 8)},
        {"attention__head_count_kv": "8"},
        {"attention__key_length": 1.5},
        {"nextn_predict_layers": 5},
    ],
    ids=str,
)
def test_metadata_of_another_kind_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadModelFile):
        of("llama", **wrong)
