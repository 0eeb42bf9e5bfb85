"""The tensors that metadata announces are those of real files, have the published sizes, and the engine takes them.

The engine is the proof: it refuses a header with a tensor missing, left over or misshapen.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeroom.errors import BadModelFile, EngineStartFailed
from homeroom.fit.dry_run import Question, Sized, dry_run
from homeroom.models import blueprint
from homeroom.models.blueprint import TensorShape
from homeroom.models.gguf import Header, read_header
from homeroom.models.gguf_write import with_vocabulary, write
from support.known_models import KNOWN, Known

F32, F16, Q8_0, Q4_K, I32 = 0, 1, 8, 12, 26
BY_NAME = {known.name: known for known in KNOWN}
ONE_EACH = {known.architecture: known for known in reversed(KNOWN)}
KINDS = ["DeepSeek-R1, old layout", "DeepSeek-V3, predicting", "Mixtral-8x7B", "granite-4.0-h-micro", "gemma-4-e2b"]
"""Other layouts of an architecture than the first one in the table."""


def shapes_of(known: Known) -> tuple[TensorShape, ...]:
    return blueprint.tensors(known.architecture, known.metadata, tied=known.tied, extras=known.extras)


def type_of(shape: TensorShape, kind: int) -> int:
    """What the converter would do: vectors stay, DeepSeek V4's table of experts by token holds whole numbers."""
    if shape.name.endswith("tid2eid.weight"):
        return I32
    return F32 if len(shape.shape) == 1 else F16 if shape.shape[0] % 32 else kind


def header_of(known: Known, kind: int = F16) -> Header:
    shapes = shapes_of(known)
    types = [type_of(shape, kind) for shape in shapes]
    return blueprint.header(known.architecture, known.metadata, types, tied=known.tied, extras=known.extras)


def held(known: Known, header: Header) -> int:
    """Bytes of the tensors that the engine holds: it leaves out the blocks that only predict further tokens (of Hy3
    all but the experts, by an oversight)."""
    count = known.metadata[f"{known.architecture}.block_count"]
    trunk = count - known.metadata.get(f"{known.architecture}.nextn_predict_layers", 0)
    left_out = tuple(f"blk.{index}." for index in range(trunk, count))
    total = 0
    for line in header.tensors:
        if line.name.startswith(left_out) and not (known.architecture == "hy_v3" and ".ffn_" in line.name):
            continue
        total += line.size
    return total


def load(header: Header) -> Sized:
    return dry_run((header,), Question(512))


@pytest.mark.parametrize("known", [known for known in KNOWN if known.parameters], ids=lambda known: known.name)
def test_parameters_are_those_published(known: Known) -> None:
    """Frequency factors are no parameters: the converter works them out."""
    counted = sum(shape.elements for shape in shapes_of(known) if not shape.name.startswith("rope_"))
    assert counted == known.parameters


def test_tensors_are_those_of_real_files(starter_path: Path, gemma_path: Path) -> None:
    for path in (starter_path, gemma_path):
        real = read_header(path)
        architecture = real.metadata["general.architecture"]
        assert isinstance(architecture, str)
        shapes = blueprint.tensors(architecture, real.metadata, tied=True)
        assert {(shape.name, shape.shape) for shape in shapes} == {(line.name, line.shape) for line in real.tensors}


def test_every_architecture_is_proven() -> None:
    assert set(ONE_EACH) == blueprint.architectures()


@pytest.mark.parametrize(
    "known",
    [*ONE_EACH.values(), *(BY_NAME[name] for name in KINDS)],
    ids=lambda known: f"{known.architecture}-{known.name}",
)
def test_the_engine_takes_it(known: Known) -> None:
    header = header_of(known)
    assert load(header).weights == pytest.approx(held(known, header), rel=0.001, abs=2 << 20)


# ---- the engine would notice


def test_the_engine_refuses_what_is_missing_left_over_or_misshapen() -> None:
    header = header_of(BY_NAME["Llama-3.2-1B"])
    last = header.tensors[-1]
    wrong = replace(last, shape=(last.shape[0], last.shape[1] + 32))
    for tensors in (
        header.tensors[:-1],
        (*header.tensors, replace(last, name="blk.0.unknown.weight")),
        (*header.tensors[:-1], wrong),
    ):
        with pytest.raises(EngineStartFailed):
            load(replace(header, tensors=tensors))


# ---- choices


def test_a_tied_head_has_no_tensor() -> None:
    metadata = BY_NAME["Qwen3-8B"].metadata
    tied, own = (blueprint.tensors("qwen3", metadata, tied=tied) for tied in (True, False))
    assert {shape.name for shape in own} - {shape.name for shape in tied} == {"output.weight"}


@pytest.mark.parametrize(
    ("name", "extra", "first"),
    [
        ("Llama-3.1-8B", "attention_bias", "blk.0.attn_q.bias"),
        ("Llama-3.1-8B", "feed_forward_bias", "blk.0.ffn_gate.bias"),
        ("Llama-3.1-8B", "rope_factors", "rope_freqs.weight"),
        ("Phi-4-mini", "rope_factors", "rope_factors_long.weight"),
        ("DeepSeek-V2-Lite", "expert_bias", "blk.1.exp_probs_b.bias"),
        ("DeepSeek-R1-Distill-Qwen-7B", "output_bias", "output.bias"),
        ("stablelm-2-1.6b", "query_key_norm", "blk.0.attn_q_norm.weight"),
        ("Qwen3-Next-80B-A3B, predicting", "nextn_embeddings", "blk.48.nextn.embed_tokens.weight"),
        ("Falcon-H1-0.5B", "ssm_norm", "blk.0.ssm_norm.weight"),
    ],
)
def test_tensors_that_no_metadata_announces_are_asked_for(name: str, extra: str, first: str) -> None:
    known = BY_NAME[name]
    without, having = shapes_of(known), shapes_of(replace(known, extras=(*known.extras, extra)))
    added = [shape.name for shape in having if shape not in without]
    assert added[0] == first
    load(header_of(replace(known, extras=(*known.extras, extra))))


def test_an_extra_that_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"rope_factor$"):
        blueprint.tensors("llama", BY_NAME["Llama-3.1-8B"].metadata, extras={"rope_factor"})


def test_vocabulary_is_counted_where_it_is_written_out() -> None:
    metadata = {**BY_NAME["Llama-3.1-8B"].metadata, **with_vocabulary(1000)}
    assert blueprint.tensors("llama", metadata)[0] == TensorShape("token_embd.weight", (4096, 1000))


def test_a_prediction_block_has_tensors_of_its_own() -> None:
    shapes = shapes_of(BY_NAME["GLM-4.5-Air"])
    predicting = {shape.name.split(".")[1] for shape in shapes if ".nextn." in shape.name}
    assert predicting == {"46"}


def test_each_kind_of_block_of_a_hybrid_is_where_the_header_says() -> None:
    names = [shape.name for shape in shapes_of(BY_NAME["Qwen3-Next-80B-A3B"])]
    attention = {int(name.split(".")[1]) for name in names if name.endswith(".attn_q.weight")}
    recurrent = {int(name.split(".")[1]) for name in names if name.endswith(".ssm_a")}
    assert attention == set(range(3, 48, 4))
    assert recurrent == set(range(48)) - attention


# ---- what cannot be worked out


def test_an_architecture_that_is_not_known_is_said_so() -> None:
    with pytest.raises(BadModelFile) as error:
        blueprint.tensors("wavtokenizer-dec", {}, name="Some Model")
    assert error.value.key == "blueprint.unknown_architecture"
    assert "wavtokenizer-dec" in str(error.value)


@pytest.mark.parametrize("key", ["block_count", "embedding_length", "vocab_size"])
def test_a_key_that_is_missing_is_named(key: str) -> None:
    metadata = dict(BY_NAME["Llama-3.1-8B"].metadata)
    del metadata[f"llama.{key}"]
    with pytest.raises(BadModelFile) as error:
        blueprint.tensors("llama", metadata)
    assert error.value.facts["key"] == f"llama.{key}"


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("Llama-3.1-8B", "llama.feed_forward_length", 0),
        ("Llama-3.1-8B", "llama.attention.head_count", 0),
        ("Llama-3.1-8B", "llama.feed_forward_length", 1 << 40),
        ("DeepSeek-R1", "deepseek2.rope.dimension_count", 192),
        ("mamba2-2.7b", "mamba2.ssm.group_count", 0),
        ("OLMoE-1B-7B", "olmoe.expert_count", 0),
    ],
)
def test_a_width_of_nothing_is_refused(name: str, key: str, value: int) -> None:
    known = BY_NAME[name]
    with pytest.raises(BadModelFile) as error:
        shapes_of(replace(known, metadata={**known.metadata, key: value}))
    assert error.value.key == "gguf.bad_value"


ODD = st.one_of(
    st.integers(-2, 600), st.sampled_from([1 << 31, 1 << 70, True, 0.5, "x", (), (1, 2), (0,) * 32, (1.5,) * 32])
)


@settings(max_examples=300)
@given(st.sampled_from(list(ONE_EACH.values())), st.data())
def test_no_metadata_is_too_odd_to_be_refused_properly(known: Known, data: st.DataObject) -> None:
    """Metadata may come from a stranger's configuration: it makes tensors with elements, or a clear error."""
    keys = data.draw(st.lists(st.sampled_from(sorted(known.metadata)), min_size=1, max_size=4))
    metadata = {**known.metadata, **{key: data.draw(ODD) for key in keys}}
    try:
        shapes = shapes_of(replace(known, metadata=metadata))
    except BadModelFile:
        return
    assert all(shape.elements > 0 for shape in shapes)


# ---- the header


def test_the_header_in_memory_is_the_one_that_would_be_written(tmp_path: Path) -> None:
    header = header_of(BY_NAME["Llama-3.2-1B"], Q8_0)
    lines = [(line.name, line.shape, line.type) for line in header.tensors]
    written = read_header(write(blueprint.writable(header.metadata), lines, tmp_path / "m.gguf"))
    assert replace(written, metadata={}) == replace(header, metadata={})
    assert written.metadata == pytest.approx(header.metadata)  # float32


def test_the_vocabulary_that_is_left_out_can_be_counted() -> None:
    known = BY_NAME["Llama-3.2-1B"]
    types = [F32] * len(shapes_of(known))
    bare, full = (
        blueprint.header("llama", known.metadata, types, tied=True, vocabulary_bytes=size) for size in (0, 7_000_001)
    )
    assert 7_000_001 <= full.file_bytes - bare.file_bytes < 7_000_001 + 32
    assert full.data_offset % 32 == 0


def test_a_row_that_is_no_whole_number_of_blocks_is_refused() -> None:
    known = BY_NAME["Qwen2.5-0.5B"]  # rows of 896 elements
    with pytest.raises(BadModelFile) as error:
        blueprint.header("qwen2", known.metadata, [Q4_K] * len(shapes_of(known)), tied=True)
    assert error.value.key == "gguf.broken_row"


def test_shapes_that_are_at_hand_need_not_be_worked_out_again() -> None:
    known = BY_NAME["Llama-3.2-1B"]
    shapes = shapes_of(known)
    types = [F16] * len(shapes)
    again = blueprint.header("llama", known.metadata, types, shapes=shapes)
    assert again == blueprint.header("llama", known.metadata, types, tied=True)
