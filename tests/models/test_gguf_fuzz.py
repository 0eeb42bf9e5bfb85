"""Headers as an attacker would write them: whatever the bytes, facts or a BadModelFile, in a second and 200 MB at most.

``bench/fuzz_gguf.py`` is the long form, guided by coverage.
"""

from __future__ import annotations

import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeroom.errors import BadModelFile
from homeroom.models.gguf import MAX_TENSORS, Header, read_header
from homeroom.models.gguf_reader import MAX_HEADER, MAX_STRINGS
from homeroom.models.inspect import facts_from
from support.gguf_writer import TensorLine, Value, write_gguf
from support.holed import Holed
from support.hub_server import head as head_of

SECONDS, MEMORY = 1.0, 200 << 20
QUICK = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
WIDE = st.integers(0, 1 << 64).map(lambda number: number & ((1 << 64) - 1))
EDGES = st.sampled_from(
    [0, 1, 8, 1023, 1024, 1025, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40, 1 << 62, 1 << 63]
)
NUMBERS = EDGES | WIDE


def quick(work: Callable[[], object]) -> None:
    """Do *work*, which must not take long: by the processor's time, and at best of three, since the machine may be busy."""
    for _ in range(3):
        begun = time.process_time()
        work()
        taken = time.process_time() - begun
        if taken < SECONDS:
            return
    raise AssertionError(f"{taken:.2f} s")


def outcome(content: bytes, hole: int = 0, *, thrifty: bool = False) -> Header | str:
    """The header, or the key of the BadModelFile; nothing else may happen."""
    try:
        header = read_header(Holed(content, hole), thrifty=thrifty)
        facts = facts_from([header], ["m.gguf"], name="m")
    except BadModelFile as error:
        assert error.message and error.next and error.message.isprintable()
        return error.key
    assert facts.parameters > 0 and facts.file_bytes == len(content) + hole
    assert (facts.title or "").isprintable() and (facts.license or "").isprintable()
    return header


def both_ways(content: bytes, hole: int = 0) -> Header | str:
    """The same, and the thrifty way to read comes to the same end."""
    found: dict[bool, Header | str] = {}
    quick(lambda: found.update({False: outcome(content, hole)}))
    quick(lambda: found.update({True: outcome(content, hole, thrifty=True)}))
    assert found[False] == found[True]
    return found[False]


# Real headers, damaged.


@pytest.fixture(scope="module")
def heads(starter_path: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[bytes, int]]:
    """Headers, each with the bytes of weights that follow it: the starter's, and a small one with everything in it."""
    metadata: dict[str, Value] = {
        "general.architecture": "qwen3moe",
        "general.alignment": 64,
        "qwen3moe.block_count": 2,
        "qwen3moe.context_length": 512,
        "qwen3moe.embedding_length": 64,
        "qwen3moe.attention.head_count": [4, 4],
        "qwen3moe.attention.head_count_kv": [2, 0],
        "qwen3moe.expert_count": 8,
        "qwen3moe.expert_used_count": 2,
        "tokenizer.ggml.tokens": [str(number) for number in range(1200)],
        "tokenizer.ggml.scores": [0.5] * 1200,
        "tokenizer.chat_template": "{{ tools }}",
    }
    tensors: list[TensorLine] = [
        ("token_embd.weight", (64, 1200), 2),
        ("blk.0.attn_k.weight", (64, 32), 1),
        ("blk.1.ffn_up_exps.weight", (64, 32, 8), 0),
    ]
    small = write_gguf(tmp_path_factory.mktemp("fuzz") / "small.gguf", metadata, tensors)
    headers = ((path, read_header(path)) for path in (starter_path, small))
    return [(head_of(path, header.data_offset), header.file_bytes - header.data_offset) for path, header in headers]


EDIT = NUMBERS | st.binary(min_size=1, max_size=12)
SPOT = st.floats(0, 1, exclude_max=True) | st.integers(0, 2000) | st.integers(-20_000, -1)

EDITS = st.lists(st.tuples(SPOT, EDIT), min_size=1, max_size=4)


def place(spot: float | int, size: int) -> int:
    return int(spot * size) if isinstance(spot, float) else spot % size


@QUICK
@given(
    which=st.integers(0, 1),
    edits=st.lists(st.tuples(SPOT, NUMBERS | st.binary(min_size=1, max_size=12)), min_size=1, max_size=4),
)
def test_mutated(heads: list[tuple[bytes, int]], which: int, edits: list[tuple[float | int, int | bytes]]) -> None:
    head, weights = heads[which]
    changed = bytearray(head)
    for spot, what in edits:
        raw = struct.pack("<Q", what) if isinstance(what, int) else what
        at = place(spot, len(head))
        changed[at : at + len(raw)] = raw
    both_ways(bytes(changed), weights)


@QUICK
@given(which=st.integers(0, 1), spot=SPOT, hole=st.sampled_from([0, 1, 1 << 20, 1 << 33]))
def test_truncated(heads: list[tuple[bytes, int]], which: int, spot: float | int, hole: int) -> None:
    """Cut anywhere, and what follows is nothing, or zeros."""
    head, weights = heads[which]
    at = place(spot, len(head))
    found = both_ways(head[:at], hole)
    assert isinstance(found, str) or hole > weights


@QUICK
@given(which=st.integers(0, 1), first=SPOT, second=SPOT)
def test_spliced(heads: list[tuple[bytes, int]], which: int, first: float | int, second: float | int) -> None:
    """The beginning of one real header and the end of the other."""
    (one, _), (two, weights) = (heads[index] for index in (which, 1 - which))
    both_ways(one[: place(first, len(one))] + two[place(second, len(two)) :], weights)


# Headers made up.


def text(raw: bytes) -> bytes:
    return struct.pack("<Q", len(raw)) + raw


KEYS = st.sampled_from(
    [b"general.architecture", b"general.alignment", b"general.name", b"general.license", b"llama.block_count",
     b"llama.context_length", b"llama.embedding_length", b"llama.attention.head_count", b"llama.expert_count",
     b"llama.attention.head_count_kv", b"tokenizer.ggml.tokens", b"tokenizer.ggml.merges", b"split.count", b""]
) | st.binary(max_size=8)  # fmt: skip
SMALL = st.sampled_from([b"llama", b"gemma3", b"\x1b[2J", "\u202e".encode(), b"\xff"]) | st.binary(max_size=6)
SCALAR = st.one_of(
    st.tuples(st.just(4), st.integers(0, 40).map(lambda n: struct.pack("<I", n))),
    st.tuples(st.just(10), NUMBERS.map(lambda n: struct.pack("<Q", n))),
    st.tuples(st.just(6), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(7), st.binary(min_size=1, max_size=1)),
    st.tuples(st.just(8), SMALL.map(text)),
    st.tuples(st.integers(0, 20), st.binary(max_size=12)),
)
ARRAY = st.one_of(
    st.lists(SMALL.map(text), max_size=4).map(lambda items: struct.pack("<IQ", 8, len(items)) + b"".join(items)),
    st.tuples(st.integers(0, 13), NUMBERS).map(lambda pair: struct.pack("<IQ", *pair)),  # a count that is a lie
    st.integers(1, 40).map(lambda n: struct.pack("<IQ", 9, 1) * n),  # arrays of arrays of arrays
    st.tuples(st.sampled_from([1023, 1025, 2000, 70_000]), st.sampled_from([0, 1, 9])),  # so many strings of a size
).map(lambda value: (9, value))
Pair = tuple[bytes, tuple[int, bytes | tuple[int, int]]]
PAIR = st.tuples(KEYS, SCALAR | ARRAY)


def encoded(pair: Pair) -> bytes:
    key, (kind, value) = pair
    if isinstance(value, tuple):
        count, size = value
        value = struct.pack("<IQ", 8, count) + text(b"a" * size) * count
    return text(key) + struct.pack("<I", kind) + value


TENSOR = st.tuples(
    st.sampled_from([b"token_embd.weight", b"blk.0.attn_k.weight", b"blk.1.ffn_up.weight", b"blk.999999.x"]) | SMALL,
    st.lists(st.sampled_from([0, 1, 32, 64, 256]) | NUMBERS, max_size=5),
    st.sampled_from([0, 1, 2, 12, 39, 40, 99]),
    st.sampled_from([0, 32, 8192]) | NUMBERS,
).map(lambda line: text(line[0]) + struct.pack(f"<I{len(line[1])}QIQ", len(line[1]), *line[1], *line[2:]))


@QUICK
@given(
    pairs=st.lists(PAIR, max_size=10),
    tensors=st.lists(TENSOR, max_size=4),
    lies=st.tuples(st.just(0) | NUMBERS, st.just(0) | NUMBERS),
    version=st.sampled_from([3, 3, 2, 1, 4, 3 << 24]),
    hole=st.sampled_from([0, 64, 1 << 16, 1 << 34]),
)
def test_made_up(pairs: list[Pair], tensors: list[bytes], lies: tuple[int, int], version: int, hole: int) -> None:
    counts = [(real + lie) & ((1 << 64) - 1) for real, lie in zip((len(tensors), len(pairs)), lies, strict=True)]
    both_ways(b"GGUF" + struct.pack("<IQQ", version, *counts) + b"".join(map(encoded, pairs)) + b"".join(tensors), hole)


@QUICK
@given(content=st.binary(max_size=300), hole=st.sampled_from([0, 1 << 12, 1 << 30]))
def test_anything(content: bytes, hole: int) -> None:
    both_ways(content, hole)
    both_ways(b"GGUF" + struct.pack("<I", 3) + content, hole)


# The worst that is known.


def strings(count: int, size: int) -> bytes:
    return text(b"t") + struct.pack("<IIQ", 9, 8, count) + text(b"a" * size) * count


WORST = {
    "as many strings as are allowed": (1, strings(MAX_STRINGS, 1), 1 << 30),
    "as many empty strings": (1, strings(0, 0)[:-8] + struct.pack("<Q", MAX_STRINGS), 1 << 30),
    "a header without end": (1, text(b"t") + struct.pack("<IIQ", 9, 0, MAX_HEADER), 1 << 40),
    "many keys": (60_000, b"".join(text(b"%d" % n) + struct.pack("<IB", 7, 1) for n in range(60_000)), 0),
    "many namespaces": (
        20_001,
        b"".join(text(b"%d.a" % n) + struct.pack("<IB", 7, 1) for n in range(20_000)) + strings(200_000, 9),
        1 << 20,
    ),
    "the largest text": (1, text(b"t") + struct.pack("<IQ", 8, 4 << 20) + bytes(4 << 20), 0),
    "texts up to the limit": (
        6,
        b"".join(text(b"%d" % n) + struct.pack("<IQ", 8, 4 << 20) + b"a" * (4 << 20) for n in range(6)),
        0,
    ),
    "text that is no text": (1, text(b"t") + struct.pack("<IQ", 8, 4 << 20) + b"\xff" * (4 << 20), 0),
}


@pytest.mark.parametrize("name", WORST)
def test_the_worst_stays_within_time_and_memory(name: str) -> None:
    keys, body, hole = WORST[name]
    content = b"GGUF" + struct.pack("<IQQ", 3, 0, keys) + body
    both_ways(content, hole)
    if "text" in name:  # of all others little is kept, and they take long where every allocation is noted
        assert peak(content, hole) < MEMORY


def test_a_vocabulary_that_never_ends_is_left_where_it_says_that_it_ends() -> None:
    """100,000 strings by its own word and then millions more: who leaps over them does not walk on to the last."""
    array = text(b"general.t") + struct.pack("<IIQ", 9, 8, 100_000)
    content = b"GGUF" + struct.pack("<IQQ", 3, 1, 55_044) + text(b"general.a") + struct.pack("<IB", 7, 1) + array
    file = Holed(content, (1 << 28) - 1, text(b"a token.."))
    with pytest.raises(BadModelFile):
        read_header(file, thrifty=True)
    assert file.given < 16 << 20


def peak(content: bytes, hole: int) -> int:
    """The most bytes that reading took at once."""
    tracemalloc.start()
    try:
        outcome(content, hole)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_many_tensors_stay_within_time_and_memory() -> None:
    def content(count: int) -> bytes:
        table = b"".join(text(b"%d" % n) + struct.pack("<IQIQ", 1, 8, 0, 32 * n) for n in range(count))
        return b"GGUF" + struct.pack("<IQQ", 3, count, 0) + table

    assert peak(content(MAX_TENSORS // 8), 1 << 30) < MEMORY // 8
    most = content(MAX_TENSORS)
    quick(lambda: outcome(most, 1 << 30))
