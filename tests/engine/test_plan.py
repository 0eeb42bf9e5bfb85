"""Every choice with its reason, from the machine's and the model's facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from homeroom import text
from homeroom.engine.plan import Ask, make_plan
from homeroom.errors import DoesNotFit, UsageError
from homeroom.hardware.machine import Machine
from homeroom.models.facts import Layer, ModelFacts

GB = 10**9
LAPTOP = Machine(
    "laptop", "Linux", "cpu", cores=8, threads=16, memory_total=16 * GB, memory_free=12 * GB, limited_by=None
)
SEVEN_B = ModelFacts(
    name="seven",
    paths=(Path("seven.gguf"),),
    sha256=None,
    architecture="qwen2",
    title=None,
    parameters=7_620_000_000,
    file_bytes=4_680_000_000,
    tensor_bytes=4_670_000_000,
    quantization="Q4_K_M",
    bits_per_weight=4.9,
    context_length=131_072,
    embedding_length=3584,
    vocabulary=152_064,
    layers=(Layer(4, 128, 128),) * 28,
    chat_template="{{ messages }}",
    pooling=None,
    license=None,
    base=None,
    tokenizer="gpt2",
)


def test_the_defaults_are_the_contracts() -> None:
    plan = make_plan(SEVEN_B, LAPTOP, Ask())
    assert (plan.context.value, plan.parallel.value, plan.kv_type.value) == (8192, 1, "f16")
    assert plan.threads.value == 8
    assert "8 cores" in plan.threads.reason
    assert plan.worker_options()["n_ctx"] == 8192


def test_every_choice_says_why_in_both_languages() -> None:
    plan = make_plan(SEVEN_B, LAPTOP, Ask())
    english = [choice.reason for choice in plan.choices]
    text.set_language("zh")
    try:
        chinese = [choice.reason for choice in plan.choices]
    finally:
        text.set_language("en")
    assert all(english) and all(chinese) and all(a != b for a, b in zip(english, chinese, strict=True))


def test_n_ctx_is_context_times_parallel() -> None:
    plan = make_plan(SEVEN_B, LAPTOP, Ask(context=4096, parallel=4, origin=(("ctx", "environment"),)))
    assert plan.worker_options()["n_ctx"] == 16_384
    assert plan.context.reason == "given by HOMEROOM_CTX"


def test_little_memory_halves_the_cache_first_and_then_shortens_the_context() -> None:
    comfortable = round(make_plan(SEVEN_B, LAPTOP, Ask()).memory.total / 0.9)
    tight = make_plan(SEVEN_B, replace(LAPTOP, memory_free=comfortable - 100_000_000), Ask())
    assert (tight.kv_type.value, tight.context.value) == ("q8_0", 8192)
    tighter = make_plan(SEVEN_B, replace(LAPTOP, memory_free=comfortable - 400_000_000), Ask())
    assert tighter.kv_type.value == "q8_0"
    assert 512 <= int(tighter.context.value) < 8192
    assert tighter.memory.total <= comfortable - 400_000_000
    assert "free memory" in tighter.context.reason


def test_what_does_not_fit_is_refused_with_both_figures() -> None:
    with pytest.raises(DoesNotFit, match=r"seven needs .* GB .* of 3\.0 GB free memory, 2\.7 GB"):
        make_plan(SEVEN_B, replace(LAPTOP, memory_free=3 * GB), Ask())


def test_a_context_that_was_asked_for_is_never_shortened() -> None:
    with pytest.raises(DoesNotFit, match="131072"):
        make_plan(SEVEN_B, LAPTOP, Ask(context=131_072, kv_type="f16"))


def test_a_context_beyond_the_models_own_is_refused() -> None:
    with pytest.raises(UsageError, match="131072"):
        make_plan(SEVEN_B, LAPTOP, Ask(context=200_000))


def test_a_gateway_of_several_models_clamps_the_context_and_says_so() -> None:
    context = make_plan(SEVEN_B, replace(LAPTOP, memory_free=64 * GB), Ask(context=200_000), clamp=True).context
    assert (context.value, context.reason) == (131_072, "the model's own limit; 200,000 was asked")


def test_the_batch_is_a_quarter_of_a_second_of_reading() -> None:
    assert make_plan(SEVEN_B, LAPTOP, Ask()).batch.value == 8
    small = replace(SEVEN_B, parameters=134_515_008)
    assert make_plan(small, replace(LAPTOP, cores=2), Ask()).batch.value == 64
    assert make_plan(small, replace(LAPTOP, cores=2), Ask(threads=1)).batch.value == 32


def test_an_embedding_engine_takes_a_whole_text_at_once() -> None:
    plan = make_plan(SEVEN_B, LAPTOP, Ask(context=8192), "embed")
    assert plan.batch.value == plan.context.value == 2048
    assert plan.pooling == "mean"
