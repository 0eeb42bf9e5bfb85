"""Memory by formula, held against the engine's own figures and the published ones of DeepSeek-R1's family."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom import text
from homeroom.errors import DoesNotFit, UsageError
from homeroom.fit.memory import Memory, estimate, judge, kv_bytes_per_token, largest_context
from homeroom.models.facts import Layer, ModelFacts
from homeroom.models.inspect import inspect
from support.bare_engine import load
from support.gguf_writer import TensorLine, Value, write_gguf

MIB = 1 << 20
GB = 10**9


def shape(folder: Path, architecture: str, layers: int, heads: int, kv_heads: int, **keys: int) -> ModelFacts:
    """The facts of a header with this shape; in a key's name ``__`` stands for a dot."""
    metadata: dict[str, Value] = {
        "block_count": layers,
        "context_length": 131_072,
        "embedding_length": heads * 128,
        "attention.head_count": heads,
        "attention.head_count_kv": kv_heads,
    }
    metadata |= {key.replace("__", "."): value for key, value in keys.items()}
    metadata = {f"{architecture}.{key}": value for key, value in metadata.items()}
    tensors: list[TensorLine] = [("output_norm.weight", (64,), 0)]
    return inspect(write_gguf(folder / "m.gguf", {"general.architecture": architecture, **metadata}, tensors))


def deepseek_r1(folder: Path, *, mla: bool) -> ModelFacts:
    if not mla:
        return shape(folder, "deepseek2", 61, 128, 128, attention__key_length=192, attention__value_length=128)
    return shape(
        folder,
        "deepseek2",
        61,
        128,
        1,
        attention__key_length=576,
        attention__value_length=512,
        attention__key_length_mla=192,
        attention__value_length_mla=128,
    )


# Published figures.


@pytest.mark.parametrize(
    ("architecture", "layers", "heads", "kv_heads", "expected"),
    [
        ("qwen2", 28, 12, 2, 28_672),  # R1 distill Qwen 1.5B
        ("qwen2", 28, 28, 4, 57_344),  # 7B
        ("llama", 32, 32, 8, 131_072),  # Llama 8B
        ("qwen2", 48, 40, 8, 196_608),  # 14B
        ("qwen2", 64, 40, 8, 262_144),  # 32B
        ("llama", 80, 64, 8, 327_680),  # Llama 70B
    ],
)
def test_kv_bytes_per_token_of_the_distills(
    tmp_path: Path, architecture: str, layers: int, heads: int, kv_heads: int, expected: int
) -> None:
    facts = shape(tmp_path, architecture, layers, heads, kv_heads)
    assert kv_bytes_per_token(facts, "f16") == expected
    assert kv_bytes_per_token(facts, "q8_0") == expected * 17 // 32
    assert estimate(facts, context=8192, parallel=2, kv_type="f16").kv_cache == expected * 8192 * 2


def test_kv_of_deepseek_r1_with_and_without_mla(tmp_path: Path) -> None:
    assert kv_bytes_per_token(deepseek_r1(tmp_path, mla=True), "f16") == 70_272
    assert kv_bytes_per_token(deepseek_r1(tmp_path, mla=False), "f16") == 4_997_120


def test_kv_of_deepseek_r1_at_q8_0_and_32768_tokens(tmp_path: Path) -> None:
    memory = estimate(deepseek_r1(tmp_path, mla=True), context=32_768, parallel=1, kv_type="q8_0")
    assert round(memory.kv_cache / MIB, 1) == 1166.6


# The engine's own figures.


def compared(
    path: Path, *, context: int, parallel: int = 1, batch: int = 128, kv_type: str = "f16"
) -> tuple[Memory, dict[str, float], int]:
    memory = estimate(inspect(path), context=context, parallel=parallel, kv_type=kv_type, batch=batch)
    loaded = load(path, context=context, parallel=parallel, batch=batch, kv_type=kv_type)
    return memory, loaded.buffers, loaded.resident


@pytest.mark.parametrize("name", ["starter", "gemma"])
@pytest.mark.parametrize("context", [512, 2048, 8192])
def test_formula_agrees_with_what_the_engine_reports(
    starter_path: Path, gemma_path: Path, name: str, context: int
) -> None:
    memory, buffers, resident = compared({"starter": starter_path, "gemma": gemma_path}[name], context=context)
    reported = sum(buffers.values())
    assert reported == pytest.approx(memory.weights + memory.kv_cache + memory.compute, rel=0.1)
    assert memory.weights == pytest.approx(buffers["model"], abs=0.01 * MIB)
    assert memory.kv_cache == pytest.approx(buffers["KV"], abs=0.01 * MIB)
    assert memory.compute >= 0.9 * (buffers["compute"] + buffers["output"])
    if resident:
        assert memory.total == pytest.approx(resident, rel=0.2)


@pytest.mark.parametrize(
    ("context", "parallel", "batch", "kv_type"),
    [(2048, 4, 128, "f16"), (2048, 1, 512, "q8_0"), (1000, 2, 128, "q4_0")],
)
def test_slots_batch_and_kv_type_agree_with_the_engine(
    gemma_path: Path, context: int, parallel: int, batch: int, kv_type: str
) -> None:
    memory, buffers, _ = compared(gemma_path, context=context, parallel=parallel, batch=batch, kv_type=kv_type)
    assert memory.kv_cache == pytest.approx(buffers["KV"], abs=0.02 * MIB)
    assert memory.compute == pytest.approx(buffers["compute"] + buffers["output"], rel=0.6)


# The formula by itself.

FACTS = ModelFacts(
    name="m",
    paths=(Path("m.gguf"),),
    sha256=None,
    architecture="llama",
    title=None,
    parameters=8_030_000_000,
    file_bytes=4_920_000_000,
    tensor_bytes=4_910_000_000,
    quantization="Q4_K_M",
    bits_per_weight=4.9,
    context_length=131_072,
    embedding_length=4096,
    vocabulary=128_256,
    layers=(Layer(8, 128, 128),) * 32,
    chat_template=None,
    pooling=None,
    license=None,
    base=None,
    tokenizer="gpt2",
)
SLIDING = replace(FACTS, layers=(Layer(8, 128, 128, 1024), Layer(8, 128, 128)) * 16)


def test_total_is_the_sum() -> None:
    memory = estimate(FACTS, context=8192, parallel=1, kv_type="f16")
    assert memory.total == memory.weights + memory.kv_cache + memory.compute + memory.overhead
    assert memory.weights == FACTS.tensor_bytes
    assert memory.basis == "formula"


def test_sliding_layers_stop_growing_at_their_window() -> None:
    row = 2 * 8 * 128 * 2
    short = estimate(SLIDING, context=1024, parallel=1, kv_type="f16")
    assert short.kv_cache == 32 * 1024 * row
    assert estimate(SLIDING, context=65_536, parallel=1, kv_type="f16").kv_cache == 16 * (65_536 + 1280) * row
    assert estimate(SLIDING, context=65_536, parallel=3, kv_type="f16").kv_cache == 3 * 16 * (65_536 + 1280) * row


def test_recurrent_layers_keep_no_cache() -> None:
    assert estimate(replace(FACTS, layers=(Layer(0, 0, 0),)), context=8192, parallel=4, kv_type="f16").kv_cache == 0


@pytest.mark.parametrize("wrong", [{"context": 0}, {"parallel": 0}, {"batch": -1}, {"kv_type": "q3"}])
def test_impossible_questions_are_usage_errors(wrong: dict[str, int | str]) -> None:
    ask: dict[str, int | str] = {"context": 512, "parallel": 1, "kv_type": "f16", "batch": 128, **wrong}
    with pytest.raises(UsageError) as caught:
        estimate(
            FACTS,
            context=int(ask["context"]),
            parallel=int(ask["parallel"]),
            kv_type=str(ask["kv_type"]),
            batch=int(ask["batch"]),
        )
    assert next(iter(wrong.values())) in caught.value.facts.values()


# Verdicts.


def test_a_tenth_of_the_free_memory_stays_free() -> None:
    memory = Memory(weights=0, kv_cache=0, compute=0, overhead=0, total=9 * GB)
    assert judge(memory, 10 * GB).fits
    assert not judge(memory, 10 * GB - 10).fits


def test_verdict_tells_its_reason_in_both_languages() -> None:
    verdict = judge(estimate(FACTS, context=8192, parallel=1, kv_type="f16"), 4 * GB)
    assert not verdict.fits
    assert "6.1 GB" in verdict.reason
    assert "3.6 GB" in verdict.reason
    assert "4.0 GB" in verdict.reason
    for sentence in text.catalogue("fit")[verdict.key]:
        assert "6.1 GB" in sentence.format(**verdict.facts)
    error = DoesNotFit(verdict.key, **verdict.facts)
    assert error.message == verdict.reason
    assert "homeroom" in (error.next or "")


def test_largest_context_is_the_wanted_one_where_it_fits() -> None:
    assert largest_context(FACTS, 64 * GB, parallel=1, kv_type="f16", wanted=8192) == 8192
    assert largest_context(FACTS, 64 * GB, parallel=1, kv_type="f16", wanted=10_000) == 10_000
    assert largest_context(FACTS, 7 * GB, parallel=1, kv_type="f16", wanted=10_000) == 8192


def test_largest_context_is_never_above_the_models_own() -> None:
    small = replace(FACTS, context_length=2048)
    assert largest_context(small, 64 * GB, parallel=1, kv_type="f16", wanted=8192) == 2048
    assert largest_context(replace(FACTS, context_length=100), 64 * GB, parallel=1, kv_type="f16", wanted=8192) == 100


def test_largest_context_is_0_where_nothing_fits() -> None:
    assert largest_context(FACTS, 4 * GB, parallel=1, kv_type="f16", wanted=8192) == 0


def test_smaller_kv_types_reach_further() -> None:
    reached = [
        largest_context(FACTS, 7 * GB, parallel=1, kv_type=kind, wanted=131_072) for kind in ("f16", "q8_0", "q4_0")
    ]
    assert reached == sorted(set(reached))


@given(
    free=st.integers(5 * GB, 30 * GB),
    wanted=st.integers(1, 200_000),
    parallel=st.integers(1, 8),
    kv_type=st.sampled_from(["f16", "q8_0", "q4_0"]),
)
def test_largest_context_fits_and_half_as_much_more_does_not(
    free: int, wanted: int, parallel: int, kv_type: str
) -> None:
    found = largest_context(FACTS, free, parallel=parallel, kv_type=kv_type, wanted=wanted)
    assert 0 <= found <= wanted
    if found:
        assert judge(estimate(FACTS, context=found, parallel=parallel, kv_type=kv_type), free).fits
    if found < wanted - 256:
        more = max(256, found + found // 2)
        assert more > wanted or not judge(estimate(FACTS, context=more, parallel=parallel, kv_type=kv_type), free).fits
