"""The header reader: what it reads, and that whatever is wrong is a BadModelFile in milliseconds."""

from __future__ import annotations

import io
import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeroom import text
from homeroom.errors import BadModelFile
from homeroom.models import gguf_reader
from homeroom.models.gguf import LongArray, read_header
from homeroom.models.inspect import inspect
from support.gguf_writer import U64, TensorLine, Typed, Value, encode_pair, encode_string, write_gguf

Q4_0, F32, F16 = 2, 0, 1
SMALL: dict[str, Value] = {
    "general.architecture": "llama",
    "a.flag": True,
    "a.number": 7,
    "a.list": [1, 2, 3],
}
TENSORS: list[TensorLine] = [("a", (64, 2), Q4_0), ("b", (5,), F32), ("c", (32, 3, 2), F16)]


def refused(path: Path, key: str) -> BadModelFile:
    """The error for *path*, which must be *key*, come quickly and tell itself in both languages."""
    started = time.perf_counter()
    with pytest.raises(BadModelFile) as caught:
        read_header(path)
    assert time.perf_counter() - started < 0.5
    assert caught.value.key == f"gguf.{key}"
    for english_or_chinese in text.catalogue("gguf")[caught.value.key]:
        assert english_or_chinese.format(**caught.value.facts)
    assert str(path) in caught.value.message
    assert "homeroom" in (caught.value.next or "")
    return caught.value


def raw(path: Path, *, tensors: int = 0, keys: int = 0, body: bytes = b"", version: int = 3) -> Path:
    """A file with any header: counts that need not be true and a body that need not be whole."""
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + body)
    return path


def tensor_line(
    name: str = "t",
    shape: tuple[int, ...] = (32,),
    kind: int = F32,
    offset: int = 0,
    count: int | None = None,
) -> bytes:
    dimensions = len(shape) if count is None else count
    return encode_string(name) + struct.pack(f"<I{len(shape)}QIQ", dimensions, *shape, kind, offset)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("version", [2, 3])
def test_reads_both_versions_and_byte_orders(tmp_path: Path, version: int, big_endian: bool) -> None:
    path = write_gguf(tmp_path / "m.gguf", SMALL, TENSORS, version=version, big_endian=big_endian)
    header = read_header(path)
    assert (header.version, header.big_endian) == (version, big_endian)
    assert header.metadata == {**SMALL, "a.list": (1, 2, 3)}
    assert [(t.name, t.shape, t.elements, t.size, t.offset) for t in header.tensors] == [
        ("a", (64, 2), 128, 72, 0),
        ("b", (5,), 5, 20, 96),
        ("c", (32, 3, 2), 192, 384, 128),
    ]
    assert header.data_offset + 128 + 384 == header.file_bytes == path.stat().st_size


def test_reads_a_stream_like_a_file(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", SMALL, TENSORS)
    assert read_header(io.BytesIO(path.read_bytes())) == read_header(path)


def test_reads_every_value_type(tmp_path: Path) -> None:
    values: dict[str, Value] = {f"k{kind}": Typed(kind, 3) for kind in (0, 1, 2, 3, 4, 5, 10, 11)}
    values |= {
        "k6": Typed(6, 0.5),
        "k12": Typed(12, 0.25),
        "k7": False,
        "k8": "ä 中",
        "strings": ["a", "", "b"],
    }
    assert read_header(write_gguf(tmp_path / "m.gguf", values)).metadata == {
        **{f"k{kind}": 3 for kind in (0, 1, 2, 3, 4, 5, 10, 11)},
        "k6": 0.5,
        "k12": 0.25,
        "k7": False,
        "k8": "ä 中",
        "strings": ("a", "", "b"),
    }


def test_long_arrays_are_counted_and_not_kept(tmp_path: Path) -> None:
    values: dict[str, Value] = {"tokens": [str(n) for n in range(1025)], "types": [1] * 2000, "after": "x"}
    metadata = read_header(write_gguf(tmp_path / "m.gguf", values)).metadata
    assert metadata == {"tokens": LongArray("string", 1025), "types": LongArray("int32", 2000), "after": "x"}


def test_alignment_of_the_header_is_used(tmp_path: Path) -> None:
    header = read_header(write_gguf(tmp_path / "m.gguf", {"general.alignment": 256}, TENSORS))
    assert header.data_offset % 256 == 0
    assert [tensor.offset for tensor in header.tensors] == [0, 256, 512]


def test_real_headers_take_milliseconds(starter_path: Path, gemma_path: Path) -> None:
    for path, tokens in ((starter_path, 49_152), (gemma_path, 262_144)):
        started = time.perf_counter()
        header = read_header(path)
        assert time.perf_counter() - started < 0.5  # 15 and 45 ms on a quiet core
        assert header.metadata["tokenizer.ggml.tokens"] == LongArray("string", tokens)
        last = header.tensors[-1]
        assert header.data_offset + last.offset + last.size == path.stat().st_size


# What stands at the path.


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "no.gguf", "missing")


def test_folder(tmp_path: Path) -> None:
    refused(tmp_path, "not_a_file")


def test_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not_a_file")


def test_socket_and_device(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        refused(tmp_path / "s", "not_a_file")
    refused(Path(os.devnull), "not_a_file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_file_without_permission(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", SMALL)
    path.chmod(0)
    refused(path, "unreadable")


def test_path_below_a_file(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", SMALL)
    refused(path / "below", "unreadable")


def test_path_that_no_system_takes() -> None:
    with pytest.raises(BadModelFile):
        read_header(Path("a\0b"))


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").touch()
    refused(tmp_path / "m.gguf", "empty")


@pytest.mark.parametrize("content", [b"GGML\x03\0\0\0", b"GGU", b"<!DOCTYPE html>", b"{}\n\xff{0}"])
def test_other_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.gguf").write_bytes(content)
    refused(tmp_path / "m.gguf", "not_gguf")


@pytest.mark.parametrize("version", [0, 1, 4, 0x03000000 + 7])
def test_other_version(tmp_path: Path, version: int) -> None:
    refused(raw(tmp_path / "m.gguf", version=version), "version")


# Counts and lengths that lie.

HUGE = (1 << 64) - 1


def test_counts_that_the_file_cannot_hold(tmp_path: Path) -> None:
    refused(raw(tmp_path / "a", tensors=HUGE), "too_many")
    refused(raw(tmp_path / "b", keys=HUGE), "too_many")
    refused(raw(tmp_path / "c", keys=100), "cut_off")
    refused(raw(tmp_path / "d", tensors=100), "cut_off")


def test_key_lengths(tmp_path: Path) -> None:
    refused(raw(tmp_path / "a", keys=1, body=struct.pack("<Q", HUGE) + bytes(99)), "cut_off")
    refused(raw(tmp_path / "b", keys=1, body=struct.pack("<Q", 70_000) + bytes(99_000)), "long_string")
    refused(raw(tmp_path / "c", keys=1, body=encode_pair("", 1)), "empty_key")
    refused(raw(tmp_path / "d", keys=1, body=encode_pair(b"\xff\xfe", 1)), "bad_utf8")


def test_string_values(tmp_path: Path) -> None:
    key = encode_string("k") + struct.pack("<I", 8)
    refused(raw(tmp_path / "a", keys=1, body=key + struct.pack("<Q", HUGE)), "cut_off")
    refused(raw(tmp_path / "b", keys=1, body=key + struct.pack("<Q", 5 << 20) + bytes(6 << 20)), "long_string")
    assert "k" in refused(raw(tmp_path / "c", keys=1, body=encode_pair("k", Typed(8, b"\xc3"))), "bad_utf8").message


def test_value_types(tmp_path: Path) -> None:
    refused(raw(tmp_path / "a", keys=1, body=encode_string("k") + struct.pack("<II", 13, 0)), "bad_type")
    array = encode_string("k") + struct.pack("<I", 9)
    refused(raw(tmp_path / "b", keys=1, body=array + struct.pack("<IQ", 99, 0)), "bad_type")
    refused(raw(tmp_path / "c", keys=1, body=array + struct.pack("<IQ", 9, 1) + bytes(99)), "nested")


@pytest.mark.parametrize("kind", [0, 4, 7, 8, 12])
@pytest.mark.parametrize("count", [1000, 2000, 1 << 40, HUGE])
def test_array_longer_than_the_file(tmp_path: Path, kind: int, count: int) -> None:
    body = encode_string("k") + struct.pack("<IIQ", 9, kind, count) + bytes(50)
    refused(raw(tmp_path / "m", keys=1, body=body), "cut_off")


def test_last_string_of_an_array_reaches_beyond_the_file(tmp_path: Path) -> None:
    strings = encode_string("x") * 2000 + struct.pack("<Q", HUGE)
    refused(
        raw(tmp_path / "m", keys=1, body=encode_string("k") + struct.pack("<IIQ", 9, 8, 2001) + strings),
        "cut_off",
    )


def test_endless_empty_strings_in_a_sparse_file_end_at_a_cap(tmp_path: Path) -> None:
    path = raw(tmp_path / "m", keys=1, body=encode_string("k") + struct.pack("<IIQ", 9, 8, 1 << 33))
    os.truncate(path, 1 << 40)
    refused(path, "too_large")
    path = raw(tmp_path / "n", keys=1, body=encode_string("k") + struct.pack("<IIQ", 9, 8, 1 << 23))
    os.truncate(path, 1 << 30)
    refused(path, "too_many")


def test_many_strings_that_are_kept_end_at_a_cap(tmp_path: Path) -> None:
    one = struct.pack("<Q", 1 << 20) + bytes(1 << 20)
    path = raw(tmp_path / "m", keys=1, body=encode_string("k") + struct.pack("<IIQ", 9, 8, 20) + one * 20)
    refused(path, "too_large")


def test_same_key_twice(tmp_path: Path) -> None:
    error = refused(raw(tmp_path / "m", keys=2, body=encode_pair("k", 1) + encode_pair("k", 2)), "duplicate")
    assert error.facts["what"] == "k"
    assert error.facts["at"] == 24 + len(encode_pair("k", 1))


@pytest.mark.parametrize("value", [0, 3, 48, "x", 1.5, True, Typed(5, -32), 1 << 31, Typed(U64, 1 << 63)])
def test_alignment_must_be_a_power_of_two(tmp_path: Path, value: Value) -> None:
    refused(raw(tmp_path / "m", keys=1, body=encode_pair("general.alignment", value)), "bad_alignment")


# The tensor table.


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ([tensor_line(shape=(1, 1, 1, 1, 1))], "too_many_dimensions"),
        ([tensor_line(count=HUGE & 0xFFFFFFFF)], "too_many_dimensions"),
        ([tensor_line(shape=(1 << 40, 1 << 40))], "overflow"),
        ([tensor_line(shape=(1 << 62, 4), kind=8)], "overflow"),
        ([tensor_line(shape=(1 << 61,), kind=28)], "overflow"),
        ([tensor_line(shape=(HUGE, 0))], "overflow"),
        ([tensor_line(kind=4)], "unknown_tensor_type"),
        ([tensor_line(kind=1000)], "unknown_tensor_type"),
        ([tensor_line(shape=(33,), kind=Q4_0)], "broken_row"),
        ([tensor_line(shape=(16, 2), kind=Q4_0)], "broken_row"),
        ([tensor_line(offset=32)], "bad_offset"),
        ([tensor_line(offset=HUGE)], "bad_offset"),
        ([tensor_line(name="x" * 64)], "long_string"),
        ([tensor_line(), tensor_line()], "duplicate"),
        ([tensor_line(), tensor_line("u")], "bad_offset"),
        ([tensor_line(), tensor_line("u", offset=127)], "bad_offset"),
        ([tensor_line(shape=(1000,))], "truncated"),
        ([tensor_line(shape=(1 << 50,))], "truncated"),
        ([tensor_line()[:-1]], "cut_off"),
    ],
)
def test_broken_tensor_table(tmp_path: Path, lines: list[bytes], key: str) -> None:
    weights = b"" if key == "cut_off" else bytes(512)
    refused(raw(tmp_path / "m", tensors=len(lines), body=b"".join(lines) + weights), key)


def test_truncated_weights_say_how_much_is_missing(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", SMALL, TENSORS)
    os.truncate(path, path.stat().st_size - 1)
    assert refused(path, "truncated").facts["missing"] == 1


def test_padding_after_the_last_tensor_may_be_missing(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", SMALL, [("b", (5,), F32)])
    os.truncate(path, path.stat().st_size - 12)
    assert read_header(path).tensors[0].size == 20


# Anything at all.


@pytest.fixture(scope="module")
def head(starter_path: Path) -> bytes:
    """The starter's whole header."""
    with starter_path.open("rb") as file:
        return file.read(read_header(starter_path).data_offset)


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory, head: bytes, starter_path: Path) -> Path:
    """The starter without its weights: its header, then a hole of the right size."""
    path = tmp_path_factory.mktemp("gguf") / "starter.gguf"
    path.write_bytes(head)
    os.truncate(path, starter_path.stat().st_size)
    return path


def only_refusals(path: Path) -> None:
    try:
        facts = inspect(path)
    except BadModelFile as error:
        assert error.message
        assert error.next
    else:
        assert facts.parameters > 0


QUICK = settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
SPOTS = st.integers(0, 1400) | st.integers(-24_000, -1) | st.integers(0, 1_785_000)
"""Where the interest lies: the first keys, the last keys and the tensor table, and anywhere."""


@QUICK
@given(spot=SPOTS, junk=st.binary(min_size=1, max_size=16))
def test_mutated_header_is_read_or_refused(head: bytes, patched: Path, spot: int, junk: bytes) -> None:
    at = spot % len(head)
    junk = junk[: len(head) - at]
    with patched.open("r+b") as file:
        file.seek(at)
        file.write(junk)
    try:
        only_refusals(patched)
    finally:
        with patched.open("r+b") as file:
            file.seek(at)
            file.write(head[at : at + len(junk)])


@QUICK
@given(spot=SPOTS, number=st.sampled_from([0, 1, 5, 1 << 16, 1 << 31, (1 << 32) - 1, 1 << 40, 1 << 63, HUGE]))
def test_header_with_a_hostile_number_is_read_or_refused(head: bytes, spot: int, number: int) -> None:
    at = spot % (len(head) - 8)
    stream = io.BytesIO(head[:at] + struct.pack("<Q", number) + head[at + 8 :])
    try:
        header = read_header(stream)
    except BadModelFile:  # at the latest because a bare header lacks its weights
        return
    assert not header.tensors  # the count of tensors itself was set to none


@QUICK
@given(length=st.integers(0, 98_362_431))
def test_starter_cut_anywhere_is_refused(head: bytes, patched: Path, starter_path: Path, length: int) -> None:
    os.truncate(patched, length)
    try:
        with pytest.raises(BadModelFile):
            inspect(patched)
    finally:
        patched.write_bytes(head)
        os.truncate(patched, starter_path.stat().st_size)


@QUICK
@given(content=st.binary(max_size=400), version=st.sampled_from([2, 3]))
def test_any_bytes_after_the_magic_are_read_or_refused(tmp_path: Path, content: bytes, version: int) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<I", version) + content)
    only_refusals(path)


SCALARS: st.SearchStrategy[Any] = (
    st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(width=32) | st.booleans() | st.text(max_size=5)
)
VALUES = SCALARS | st.lists(st.integers(0, 1 << 31), max_size=5) | st.lists(st.text(max_size=3), max_size=5)
NAMES = st.sampled_from(
    [
        "block_count",
        "context_length",
        "embedding_length",
        "attention.head_count",
        "attention.head_count_kv",
        "attention.key_length",
        "attention.value_length",
        "attention.sliding_window",
        "attention.sliding_window_pattern",
        "attention.key_length_mla",
        "attention.value_length_mla",
        "attention.shared_kv_layers",
        "nextn_predict_layers",
        "expert_count",
        "expert_used_count",
        "expert_group_count",
        "expert_group_used_count",
        "full_attention_interval",
        "attention.recurrent_layers",
        "pooling_type",
        "feed_forward_length",
        "rope.scaling.type",
        "vocab_size",
        "attention.key_length_swa",
    ]
)
ARCHITECTURES = st.sampled_from(
    [
        "llama",
        "gemma3",
        "gemma3n",
        "gemma4",
        "deepseek2",
        "qwen3next",
        "exaone4",
        "llama4",
        "nemotron_h",
        "lfm2",
        "mamba",
        "bert",
        "smallthinker",
        "x",
    ]
)


@QUICK
@given(architecture=ARCHITECTURES, values=st.dictionaries(NAMES, VALUES, max_size=8), other=VALUES)
def test_any_metadata_is_understood_or_refused(
    tmp_path: Path, architecture: str, values: dict[str, Any], other: Any
) -> None:
    usual = {"block_count": 2, "context_length": 512, "embedding_length": 64, "attention.head_count": 4}
    metadata = {
        "general.architecture": architecture,
        "general.file_type": 2,
        "tokenizer.chat_template": other,
    }
    metadata |= {f"{architecture}.{key}": value for key, value in (usual | values).items()}
    tensors: list[TensorLine] = [("token_embd.weight", (64, 10), F16), ("blk.0.attn_k.weight", (64, 64), F16)]
    only_refusals(write_gguf(tmp_path / "m.gguf", metadata, tensors))


def test_caps_leave_room_for_real_models() -> None:
    assert gguf_reader.MAX_STRINGS > 2 * (262_144 + 514_906)  # tokens and merges of the largest vocabulary
    assert gguf_reader.MAX_HEADER > 4 * 30_000_000
