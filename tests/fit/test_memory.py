"""Memory by formula, held against the engine's own figures and the published ones of DeepSeek-R1's family."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom import text
from homeroom.errors import DoesNotFit, UsageError
from homeroom.fit.ask import Ask
from homeroom.fit.dry_run import Question, dry_run
from homeroom.fit.memory import Memory, estimate, judge, kv_by_layer, kv_bytes_per_token, largest_context
from homeroom.models.config import Converted
from homeroom.models.facts import Layer, ModelFacts, Scratch, Stage
from homeroom.models.gguf import Header
from homeroom.models.inspect import facts_from, inspect
from homeroom.models.safetensors import header
from support.bare_engine import load
from support.gguf_writer import TensorLine, Value, write_gguf
from support.known_models import KNOWN, Known

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


# The engine's own figures: it sizes a model from its header alone.


def known(name: str) -> Known:
    (found,) = (one for one in KNOWN if one.name == name)
    return found


@lru_cache(maxsize=64)
def described(name: str, quantization: str = "Q4_K_M") -> tuple[Header, ModelFacts]:
    """The header that a published model's file would have, and its facts."""
    one = known(name)
    made = header(
        Converted(one.architecture, dict(one.metadata), one.tied, frozenset(one.extras), None), quantization, name=name
    )
    return made, facts_from((made,), (name,), name=name)


def asked(facts: ModelFacts, question: Question) -> Memory:
    return estimate(
        facts,
        context=question.context,
        parallel=question.parallel,
        kv_type=question.kv_type,
        batch=question.batch,
        flash_attention=question.flash_attention != "disabled",
    )


def check(name: str, question: Question) -> None:
    """Totals within 1 %, caches within 0.5 % (and what the log rounds away), compute buffers within 15 %."""
    made, facts = described(name)
    memory, sized = asked(facts, question), dry_run((made,), question)
    assert memory.kv_cache == pytest.approx(sized.kv_cache, rel=0.005, abs=0.04 * MIB)
    assert memory.compute == pytest.approx(sized.compute, rel=0.15)
    assert memory.weights == pytest.approx(sized.weights, abs=1.1 * MIB)
    assert memory.weights + memory.kv_cache + memory.compute == pytest.approx(sized.total, rel=0.01)


EVERY_KIND = [
    "DeepSeek-R1-Distill-Qwen-1.5B",
    "DeepSeek-R1-Distill-Qwen-7B",
    "DeepSeek-R1-Distill-Qwen-14B",
    "DeepSeek-R1-Distill-Qwen-32B",
    "Llama-3.1-8B",  # the shape of R1-Distill-Llama-8B
    "Llama-3.1-70B",
    "DeepSeek-R1",  # multi-head latent attention, no values in the cache
    "DeepSeek-R1, old layout",  # the same without: plain heads
    "Llama-3.2-1B",  # tied embedding
    "starcoderbase-1b",  # one KV head, no gate
    "falcon-7b",  # one KV head, feed-forward beside attention
    "gemma-3-27b",  # five of six layers slide
    "gemma-3n-E4B",  # layers that share a cache
    "gemma-4-e2b",  # sliding layers with other heads
    "gpt-oss-20b",  # every other layer slides, experts
    "Llama-4-Scout",  # chunked attention, one expert
    "Qwen3-30B-A3B",  # experts
    "GLM-4.5-Air",  # a dense layer first, a shared expert, a layer that predicts further tokens
    "DeepSeek-V3.2",  # an indexer with a cache of its own
    "MiniCPM3-4B",  # latent attention with a full cache
    "Kimi-Linear-48B-A3B",  # delta attention and latent attention
    "mamba-2.8b",
    "mamba2-2.7b",
    "Jamba-1.5-Mini",  # head_count_kv of each layer
    "Qwen3-Next-80B-A3B",  # gated delta nets
    "granite-4.0-h-small",
    "LFM2-1.2B",  # short convolutions
    "Falcon-H1-0.5B",  # attends and recurs in every layer
    "Nemotron-Nano-9B-v2",
    "Phi-4-mini",  # gate and up in one
    "Qwen3-VL-8B",
    "bge-base-en",  # no cache at all
]


@pytest.mark.parametrize("name", EVERY_KIND)
def test_every_kind_of_layer_agrees_with_the_engine(name: str) -> None:
    check(name, Question(context=8192))
    check(name, Question(context=32_768, parallel=4, kv_type="q8_0"))


@pytest.mark.parametrize("name", ["DeepSeek-R1-Distill-Qwen-7B", "DeepSeek-R1", "gemma-3-27b", "Qwen3-Next-80B-A3B"])
@pytest.mark.parametrize(
    "question",
    [
        Question(1024, 1, "f16", 512),
        Question(1000, 3, "q4_0", 64),
        Question(131_072, 4, "q4_0", 8),
        Question(16_384, 1, "f16", 2048),
        Question(8192, 1, "f16", 512, "disabled"),
        Question(2048, 4, "f16", 128, "disabled"),
    ],
    ids=str,
)
def test_every_size_agrees_with_the_engine(name: str, question: Question) -> None:
    check(name, question)


@pytest.mark.parametrize("name", ["starter", "gemma"])
def test_formula_agrees_with_what_is_really_allocated(starter_path: Path, gemma_path: Path, name: str) -> None:
    path = {"starter": starter_path, "gemma": gemma_path}[name]
    memory = estimate(inspect(path), context=2048, parallel=2, kv_type="q8_0", batch=512)
    loaded = load(path, context=2048, parallel=2, batch=512, kv_type="q8_0")
    assert memory.kv_cache == pytest.approx(loaded.buffers["KV"], abs=0.02 * MIB)
    assert memory.compute == pytest.approx(loaded.buffers["compute"] + loaded.buffers["output"], rel=0.02)
    assert memory.weights + memory.kv_cache + memory.compute == pytest.approx(sum(loaded.buffers.values()), rel=0.001)
    if loaded.resident:  # the compute buffer is not touched before the first prompt
        assert memory.total - memory.compute == pytest.approx(loaded.resident, rel=0.05)


# What other advisors get wrong, and what is right. Bytes are the engine's own, 8,192 tokens unless told otherwise.


def kv_of(name: str, context: int = 8192, kv_type: str = "f16") -> float:
    """MiB of cache and state."""
    return estimate(described(name)[1], context=context, parallel=1, kv_type=kv_type).kv_cache / MIB


def test_all_experts_are_in_memory_and_not_only_the_active_ones() -> None:
    facts = described("DeepSeek-R1")[1]
    assert facts.active_parameters < 40e9
    assert estimate(facts, context=8192, parallel=1, kv_type="f16").weights == pytest.approx(404.7e9, rel=0.005)


def test_context_changes_what_is_needed_and_nothing_is_assumed() -> None:
    sizes = [
        estimate(described("Llama-3.1-8B")[1], context=c, parallel=1, kv_type="f16").total for c in (4096, 131_072)
    ]
    assert sizes[1] - sizes[0] > 15 * GB
    with pytest.raises(TypeError):
        estimate(described("Llama-3.1-8B")[1], parallel=1, kv_type="f16")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "right", "in_full"),
    [("gemma-3-27b", 80 * 8192 // 1024 + 52 * 1.5 * 8, 62 * 64), ("gpt-oss-20b", 12 * 16 + 12 * 1.5, 24 * 16)],
)
def test_sliding_windows_are_not_charged_in_full(name: str, right: float, in_full: float) -> None:
    assert kv_of(name) == pytest.approx(right)
    assert right < in_full


def test_hybrids_keep_a_cache_in_few_layers_and_a_state_in_the_others() -> None:
    assert kv_of("Qwen3-Next-80B-A3B") == pytest.approx(12 * 16 + 36 * (3 * 8192 + 128 * 4096) * 4 / MIB)
    assert kv_of("granite-4.0-h-small") == pytest.approx(4 * 32 + 36 * (3 * 8448 + 128 * 8192) * 4 / MIB)
    assert kv_of("LFM2-1.2B") == pytest.approx(6 * 16 + 10 * 2 * 2048 * 4 / MIB)


def test_heads_per_layer_are_summed_and_the_first_is_not_taken_for_all() -> None:
    facts = described("LFM2-1.2B")[1]
    assert facts.layers[0].kv_heads == 0
    assert kv_bytes_per_token(facts, "f16") == 6 * 2 * 8 * 64 * 2


def test_latent_attention_is_not_charged_as_plain_heads() -> None:
    assert kv_of("DeepSeek-R1") == pytest.approx(549, abs=0.5)
    assert kv_of("DeepSeek-R1, old layout") == pytest.approx(39_040, abs=0.5)


def test_q8_0_takes_34_bytes_for_32_elements() -> None:
    assert kv_of("Llama-3.1-8B", kv_type="q8_0") == kv_of("Llama-3.1-8B") * 34 / 64
    assert kv_of("Llama-3.1-8B", kv_type="q4_0") == kv_of("Llama-3.1-8B") * 18 / 64


@pytest.mark.parametrize("kind", ["", "q4", "Q4_K_M", "fp8", "int8"])
def test_an_unknown_type_is_refused_and_not_taken_for_another(kind: str) -> None:
    with pytest.raises(UsageError):
        estimate(FACTS, context=512, parallel=1, kv_type=kind)


def test_the_formula_is_fast() -> None:
    facts = [described(name)[1] for name in ("Llama-3.1-70B", "gemma-3-27b", "DeepSeek-V3.2", "granite-4.0-h-small")]
    for one in facts:
        estimate(one, context=8192, parallel=1, kv_type="f16")
    begun = time.perf_counter()
    for context in range(1024, 26_624, 256):
        for one in facts:
            estimate(one, context=context, parallel=1, kv_type="q8_0")
    assert (time.perf_counter() - begun) / 400 < 0.001


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
    scratch=Scratch(5 * 4096, (Stage("feed-forward", 3 * 14_336),), (Stage("scores", 4096, scores=32),)),
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
    assert estimate(SLIDING, context=65_536, parallel=1, kv_type="f16").kv_cache == 16 * (65_536 + 1536) * row
    assert estimate(SLIDING, context=65_536, parallel=3, kv_type="f16").kv_cache == 3 * 16 * (65_536 + 1536) * row


def test_recurrent_layers_keep_a_state_for_each_request_however_long() -> None:
    recurrent = replace(FACTS, layers=(Layer(0, 0, 0, state=1000),) * 4)
    for context in (512, 131_072):
        assert estimate(recurrent, context=context, parallel=3, kv_type="q4_0").kv_cache == 3 * 4 * 1000 * 4


def test_by_layer_is_the_same_sum_in_the_layers_order() -> None:
    layers = (Layer(8, 128, 128, 1024), Layer(8, 128, 128), Layer(0, 0, 0, state=7), Layer(0, 0, 0))
    facts = replace(FACTS, layers=layers)
    by_layer = kv_by_layer(facts, Ask(context=8192, parallel=2, kv_type="q8_0", batch=128))
    assert by_layer == (2 * 1280 * 2 * 1088, 2 * 8192 * 2 * 1088, 2 * 7 * 4, 0)
    assert sum(by_layer) == estimate(facts, context=8192, parallel=2, kv_type="q8_0", batch=128).kv_cache


def test_scores_are_written_down_only_without_flash_attention() -> None:
    on, off = (
        estimate(FACTS, context=8192, parallel=1, kv_type="f16", flash_attention=flash).compute
        for flash in (True, False)
    )
    assert on == 4 * 512 * (5 * 4096 + 3 * 14_336) + 2 * 8192 * 512 + 4 * 128_256
    assert off == 4 * 512 * (5 * 4096 + 4096 + 32 * 8192) + 4 * 8192 * 512 + 4 * 128_256
    # The engine reads a quantized cache with flash attention only.
    assert estimate(FACTS, context=8192, parallel=1, kv_type="q8_0", flash_attention=False).compute < off / 2


def test_facts_without_their_graph_still_have_an_estimate() -> None:
    plain = estimate(replace(FACTS, scratch=None), context=8192, parallel=1, kv_type="f16").compute
    assert plain == pytest.approx(estimate(FACTS, context=8192, parallel=1, kv_type="f16").compute, rel=0.5)


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
    assert "6.2 GB" in verdict.reason
    assert "3.6 GB" in verdict.reason
    assert "4.0 GB" in verdict.reason
    for sentence in text.catalogue("fit")[verdict.key]:
        assert "6.2 GB" in sentence.format(**verdict.facts)
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
        more = found + max(256, found // 2)  # the next number that is tried: multiples of 256
        assert more > wanted or not judge(estimate(FACTS, context=more, parallel=parallel, kv_type=kv_type), free).fits
