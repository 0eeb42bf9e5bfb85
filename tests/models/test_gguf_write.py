"""What is written can be read again, by homeroom and by the engine, and takes no room that it does not need."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.fit.dry_run import Question, dry_run
from homeroom.models.blueprint import tensors
from homeroom.models.gguf import Header, LongArray, Scalar, read_header
from homeroom.models.gguf_write import (
    U64,
    TensorLine,
    Typed,
    Value,
    data_bytes,
    encode,
    header_bytes,
    with_vocabulary,
    without_vocabulary,
    write,
    write_headers,
)

F32, F16, Q8_0, Q4_K = 0, 1, 8, 12
TENSORS: list[TensorLine] = [("a.weight", (256, 3), Q4_K), ("b.weight", (5,), F32), ("c.weight", (32, 2, 7), Q8_0)]

WHOLE = st.one_of(st.integers(-(1 << 63), (1 << 64) - 1))
LONE = st.one_of(st.booleans(), WHOLE, st.floats(width=32, allow_nan=False), st.text(max_size=40))
ARRAYS = st.one_of(
    st.lists(st.booleans(), min_size=1, max_size=9).map(tuple),
    st.lists(st.integers(-(1 << 31), (1 << 31) - 1), max_size=9).map(tuple),
    st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=9).map(tuple),
    st.lists(st.text(max_size=9), min_size=1, max_size=9).map(tuple),
)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,9}\.[a-z]{1,9}", fullmatch=True), st.one_of(LONE, ARRAYS), max_size=9))
def test_metadata_reads_back_as_written(metadata: dict[str, Scalar | tuple[Scalar, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        read = read_header(write(metadata, TENSORS, Path(folder) / "m.gguf"))
    assert read.metadata == metadata
    assert [(tensor.name, tensor.shape, tensor.type) for tensor in read.tensors] == TENSORS


def test_tensors_lie_one_after_the_other_aligned(tmp_path: Path) -> None:
    read = read_header(write({"general.alignment": 64}, TENSORS, tmp_path / "m.gguf"))
    assert [tensor.offset for tensor in read.tensors] == [0, 448, 512]
    assert read.data_offset % 64 == 0
    assert read.file_bytes == read.data_offset + 512 + 512  # 476 bytes of the last one, padded
    assert data_bytes(TENSORS, 64) == 1024


@pytest.mark.parametrize("metadata", [{}, {"a": "ä", "b": (1, 2), "c": Typed(U64, 1)}, {"general.alignment": 128}])
def test_the_length_of_a_header_is_known_without_writing_it(metadata: dict[str, Value]) -> None:
    assert header_bytes(metadata, TENSORS) == len(encode(metadata, TENSORS))


def test_a_file_of_400_gigabytes_takes_no_room(tmp_path: Path) -> None:
    path = write({"general.architecture": "llama"}, [("a.weight", (1 << 20, 200_000), F16)], tmp_path / "m.gguf")
    assert path.stat().st_size > 400e9
    if hasattr(path.stat(), "st_blocks"):
        assert path.stat().st_blocks * 512 < 1 << 16


def test_without_holes_the_zeros_are_written(tmp_path: Path) -> None:
    path = write({}, [("a.weight", (1 << 20,), F32)], tmp_path / "m.gguf", sparse=False)
    assert path.stat().st_blocks * 512 >= 4 << 20
    assert path.read_bytes().endswith(bytes(4 << 20))


def test_weights_that_are_given_are_written(tmp_path: Path) -> None:
    path = write({}, [("a.weight", (2,), F32)], tmp_path / "m.gguf", data=b"\1\2\3\4\5\6\7\10")
    assert path.read_bytes()[read_header(path).data_offset :] == b"\1\2\3\4\5\6\7\10"


def test_whole_numbers_have_the_types_of_the_converter() -> None:
    head = encode({"a": 1, "b": -1, "c": 1 << 32, "d": (1, 2), "e": (1 << 31,)})
    kinds = [int.from_bytes(head[head.index(name) + 1 :][:4], "little") for name in (b"a", b"b", b"c", b"d", b"e")]
    assert kinds == [4, 5, 10, 9, 9]
    elements = [int.from_bytes(head[head.index(name) + 5 :][:4], "little") for name in (b"d", b"e")]
    assert elements == [5, 4]


def test_a_value_of_no_gguf_type_is_refused() -> None:
    with pytest.raises(TypeError):
        encode({"a": None})  # type: ignore[dict-item]


# ---- for the engine


def test_a_header_written_again_is_sized_as_its_file(gemma_path: Path, tmp_path: Path) -> None:
    """The vocabulary is left out, and changes nothing of what the engine needs to know."""
    again = write_headers([read_header(gemma_path)], tmp_path / "again.gguf")
    question = Question(2048)
    real, written = dry_run(gemma_path, question), dry_run(again, question)
    assert (real.weights, real.kv_cache, real.compute) == (written.weights, written.kv_cache, written.compute)


def test_a_header_written_again_has_all_but_the_vocabulary(starter_path: Path, tmp_path: Path) -> None:
    real = read_header(starter_path)
    again = read_header(write_headers([real], tmp_path / "again.gguf"))
    tokens = real.metadata["tokenizer.ggml.tokens"]
    assert isinstance(tokens, LongArray)
    assert again.metadata["llama.vocab_size"] == tokens.count
    assert not [key for key in again.metadata if key.startswith("tokenizer.") and key != "tokenizer.ggml.model"]
    assert [(line.name, line.shape, line.type) for line in again.tensors] == [
        (line.name, line.shape, line.type) for line in real.tensors
    ]
    kept = {key: value for key, value in real.metadata.items() if not key.startswith("tokenizer.")}
    assert {key: again.metadata[key] for key in kept} == kept


def test_shards_are_written_as_one(tmp_path: Path) -> None:
    def shard(number: int, lines: list[TensorLine]) -> Header:
        metadata: dict[str, Value] = {"general.architecture": "llama", "split.no": number, "split.count": 2}
        return read_header(write(metadata, lines, tmp_path / f"{number}.gguf"))

    again = read_header(write_headers([shard(0, TENSORS[:1]), shard(1, TENSORS[1:])], tmp_path / "one.gguf"))
    assert [tensor.name for tensor in again.tensors] == ["a.weight", "b.weight", "c.weight"]
    assert not [key for key in again.metadata if key.startswith("split.")]


def _small(vocabulary: dict[str, Scalar | tuple[Scalar, ...]], path: Path) -> Path:
    metadata: dict[str, Scalar | tuple[Scalar, ...]] = {
        "general.architecture": "llama",
        "llama.context_length": 256,
        "llama.block_count": 2,
        "llama.embedding_length": 64,
        "llama.feed_forward_length": 128,
        "llama.attention.head_count": 2,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        **vocabulary,
    }
    lines = [(line.name, line.shape, F32 if len(line.shape) == 1 else F16) for line in tensors("llama", metadata)]
    return write(metadata, lines, path)


def test_a_model_without_vocabulary_is_sized(tmp_path: Path) -> None:
    sized = dry_run(_small(without_vocabulary("llama", 512), tmp_path / "m.gguf"), Question(256))
    assert sized.kv_cache == pytest.approx(2 * 2 * 64 * 2 * 256, abs=0.01 * (1 << 20))


def test_a_model_of_zeros_reads_any_text_and_generates(tmp_path: Path) -> None:
    path = _small(with_vocabulary(300), tmp_path / "m.gguf")
    program = f"""
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.warmup, params.port = {str(path)!r}, 256, False, 0
server = xllamacpp.Server(params)
answer = server.handle_completions({{"prompt": "Hello, 世界", "n_predict": 8, "ignore_eos": True, "stream": False}})
print("counted", answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert f"counted {len('Hello, 世界'.encode())} 8" in done.stdout


def test_a_vocabulary_has_room_for_each_byte() -> None:
    with pytest.raises(ValueError, match="258"):
        with_vocabulary(257)
    names = with_vocabulary(258)["tokenizer.ggml.tokens"]
    assert isinstance(names, tuple)
    assert len(names) == len(set(names)) == 258
