"""What lives at once in the engine's graph; that the sizes are right is ``fit/test_memory``'s to show."""

from __future__ import annotations

from typing import Any

import pytest

from homeroom.models.facts import Scratch
from homeroom.models.scratch import scratch
from homeroom.models.shapes import Keys, layers
from support.known_models import KNOWN


def of(name: str, **changes: Any) -> Scratch:
    (one,) = (one for one in KNOWN if one.name == name)
    own = {f"{one.architecture}.{key.replace('__', '.')}": value for key, value in changes.items()}
    keys = Keys({**one.metadata, **own}, one.architecture, name)
    return scratch(keys, layers(keys))


def stage(found: Scratch, name: str) -> int:
    """Elements a token of the largest stage of this name."""
    return max(each.token for each in found.stages if each.name == name)


def test_a_gated_feed_forward_has_gate_up_and_product_at_once() -> None:
    assert stage(of("Llama-3.1-8B"), "feed-forward") == 3 * 14_336
    assert stage(of("starcoderbase-1b"), "feed-forward") == 8192  # no gate; the activation works in place


def test_experts_count_as_often_as_they_are_used() -> None:
    assert stage(of("Mixtral-8x7B"), "experts") == 3 * 2 * 14_336
    # What they hand back does not fit into the gap of gate and up.
    assert stage(of("Qwen3-30B-A3B"), "experts") == 3 * 8 * 768 + 8 * 2048
    more = of("Qwen3-30B-A3B", expert_used_count=16)
    assert stage(more, "experts") == 2 * stage(of("Qwen3-30B-A3B"), "experts")


def test_a_model_of_experts_alone_has_no_dense_stage() -> None:
    assert "feed-forward" not in {each.name for each in of("Qwen3-30B-A3B").stages}
    assert {"feed-forward", "experts", "shared expert"} <= {each.name for each in of("GLM-4.5-Air").stages}


def test_latent_attention_lays_its_absorbed_queries_out_for_each_head() -> None:
    assert stage(of("DeepSeek-R1"), "latent attention") == 128 * (192 + 2 * 576)
    assert stage(of("DeepSeek-R1, old layout"), "latent attention") == 128 * (128 + 64 + 192 + 256 + 192)


def test_scores_are_of_all_heads_and_of_each_window() -> None:
    plain = [each for each in of("gemma-3-27b").plain if each.scores]
    assert {(each.scores, each.window) for each in plain} == {(32, 0), (32, 1024)}
    assert not [each for each in of("gemma-3-27b").stages if each.scores]


def test_an_indexer_has_a_second_mask_and_a_list_for_each_layer() -> None:
    found = of("DeepSeek-V3.2")
    assert (found.masks, found.choices, found.chosen) == (2, 62, 2048)
    assert (of("DeepSeek-R1").masks, of("DeepSeek-R1").choices) == (1, 0)


def test_recurrent_layers_hold_states_of_every_request() -> None:
    (scan,) = (each for each in of("mamba-2.8b").stages if each.name == "scan")
    assert scan.sequence == 3 * 5120 + 16 * 5120
    (states,) = (each for each in of("mamba-2.8b").stages if each.name == "states")
    assert (states.sequence, states.others) == (scan.sequence, scan.sequence)


def test_an_encoder_attends_within_its_batch() -> None:
    assert of("bge-base-en").within
    assert not of("Llama-3.1-8B").within


def test_layers_that_predict_further_tokens_are_not_loaded() -> None:
    assert of("GLM-4.5-Air").unloaded == 1
    assert of("Llama-3.1-8B").unloaded == 0


@pytest.mark.parametrize("name", [one.name for one in KNOWN])
def test_every_known_model_has_stages(name: str) -> None:
    found = of(name)
    assert found.held > 0
    assert max(each.token for each in found.stages) > 0
    assert all(each.token >= 0 and each.sequence >= 0 for each in (*found.stages, *found.plain))
