"""Writes GGUF headers: metadata and tensor table, with the weights as holes of the file's true length.

Knows the format only; which metadata and tensors make a model is for others (``blueprint``), and it never writes a
weight unless it is handed one. Source: ``docs/gguf.md`` of ggml and ``gguf-py/gguf/gguf_writer.py``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homeroom.models.gguf import DEFAULT_ALIGNMENT, Header, LongArray, Scalar, Tensor
from homeroom.models.gguf import Value as Read
from homeroom.models.quantization import TENSOR_TYPES

FORMS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
_CHUNK: Final = bytes(1 << 20)


@dataclass(frozen=True, slots=True)
class Typed:
    """A value with its GGUF type given (``U64``...), where the type that Python's value suggests is not the one wanted."""

    kind: int
    value: object


Plain = bool | int | float | str
Value = Plain | Typed | Sequence[Plain]
Whole = Scalar | tuple[Scalar, ...]
"""A value that can be written and has the type that a header's has when it is read."""
TensorLine = tuple[str, Sequence[int], int]
"""Name, shape in GGUF order (the row length first), ggml type."""


def encode(
    metadata: Mapping[str, Value],
    tensors: Sequence[TensorLine] = (),
    *,
    version: int = 3,
    big_endian: bool = False,
) -> bytes:
    """The header alone: everything before the weights, padded to the alignment (``general.alignment`` or 32)."""
    order = ">" if big_endian else "<"
    alignment = _alignment(metadata)
    pairs = b"".join(encode_pair(key, value, order) for key, value in metadata.items())
    table, _ = encode_tensors(tensors, alignment, order)
    header = b"GGUF" + struct.pack(order + "IQQ", version, len(tensors), len(metadata)) + pairs + table
    return header + bytes(-len(header) % alignment)


def write(
    metadata: Mapping[str, Value],
    tensors: Sequence[TensorLine],
    path: Path,
    *,
    sparse: bool = True,
    version: int = 3,
    big_endian: bool = False,
    data: bytes | None = None,
) -> Path:
    """Write a GGUF file of full length at *path* and return it.

    Its weights are *data* where given; else holes that take no room on the disk, or written zeros where *sparse* is
    False. Raises OSError where the folder or the file system cannot hold it.
    """
    header = encode(metadata, tensors, version=version, big_endian=big_endian)
    size = data_bytes(tensors, _alignment(metadata))
    with path.open("wb") as file:
        file.write(header)
        if data is not None:
            file.write(data)
        elif sparse:
            file.truncate(len(header) + size)
        else:
            for start in range(0, size, len(_CHUNK)):
                file.write(_CHUNK[: size - start])
    return path


def write_headers(headers: Sequence[Header], path: Path) -> Path:
    """Write the header of a model, whose *headers* are its file's or its shards' in order, as one sparse file at *path*.

    The vocabulary is left out (``without_vocabulary``), as are arrays that were skipped when the header was read: the
    file is for sizing the model, not for running it.
    """
    tensors = [(line.name, line.shape, line.type) for header in headers for line in header.tensors]
    return write(for_sizing(headers[0].metadata, headers[0].tensors), tensors, path)


def for_sizing(metadata: Mapping[str, Read], tensors: Sequence[Tensor]) -> dict[str, Value]:
    """*metadata* as far as the engine needs it to size the model: without the tokenizer, but with its size."""
    kept: dict[str, Value] = {
        key: value
        for key, value in metadata.items()
        if not isinstance(value, LongArray) and not key.startswith(("tokenizer.", "split.", "general.alignment"))
    }
    for key in ("tokenizer.ggml.token_type_count",):  # the engine shapes a tensor by it
        if isinstance(count := metadata.get(key), int):
            kept[key] = count
    tokens = metadata.get("tokenizer.ggml.tokens")
    size = tokens.count if isinstance(tokens, LongArray) else len(tokens) if isinstance(tokens, tuple) else None
    if size is None:
        size = next((line.shape[1] for line in tensors if line.name == "token_embd.weight" and len(line.shape) == 2), 0)
    return {**kept, **without_vocabulary(str(metadata.get("general.architecture")), size)}


def without_vocabulary(architecture: str, tokens: int) -> dict[str, Whole]:
    """Metadata of a model of *tokens* tokens that have no text: the engine sizes and loads it; it cannot read a prompt."""
    return {"tokenizer.ggml.model": "no_vocab", f"{architecture}.vocab_size": tokens}


def with_vocabulary(tokens: int) -> dict[str, Whole]:
    """Metadata of a byte-level vocabulary of *tokens* (at least 258) that reads any text, a token a byte.

    The last two are beginning and end of a text, those in between are ``t256``, ``t257``...
    """
    if tokens < 258:
        raise ValueError(f"a byte-level vocabulary has at least 258 tokens, not {tokens}")
    names: tuple[str, ...] = (
        *_byte_letters(),
        *(f"t{number}" for number in range(256, tokens - 2)),
        "<|begin|>",
        "<|end|>",
    )
    normal, control = 1, 3
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": names,
        "tokenizer.ggml.token_type": (normal,) * (tokens - 2) + (control,) * 2,
        "tokenizer.ggml.merges": ("t 2",),
        "tokenizer.ggml.bos_token_id": tokens - 2,
        "tokenizer.ggml.eos_token_id": tokens - 1,
    }


def _byte_letters() -> list[str]:
    """The letter that stands for each byte in a byte-level vocabulary (``bytes_to_unicode`` of GPT-2)."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def kind_of(value: object) -> int:
    """The GGUF type that llama.cpp's converter would write for *value*."""
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return U32 if 0 <= value < 1 << 32 else I32 if -(1 << 31) <= value < 0 else U64 if value > 0 else I64
    if isinstance(value, float):
        return F32
    return STRING if isinstance(value, str | bytes) else ARRAY


def encode_string(text: str | bytes, order: str = "<") -> bytes:
    raw = text.encode("utf-8") if isinstance(text, str) else text
    return struct.pack(order + "Q", len(raw)) + raw


def encode_pair(key: str | bytes, value: Value, order: str = "<") -> bytes:
    """One metadata entry."""
    kind, plain = (value.kind, value.value) if isinstance(value, Typed) else (kind_of(value), value)
    return encode_string(key, order) + struct.pack(order + "I", kind) + _encode(kind, plain, order)


def _encode(kind: int, value: object, order: str) -> bytes:
    if kind == STRING:
        if not isinstance(value, str | bytes):
            raise TypeError(f"a string is text or bytes, not {type(value).__name__}")
        return encode_string(value, order)
    if kind == ARRAY:
        if not isinstance(value, Sequence):
            raise TypeError(f"an array is a sequence, not {type(value).__name__}")
        return _encode_array(value, order)
    return struct.pack(order + FORMS[kind], value)


def _encode_array(values: Sequence[object], order: str) -> bytes:
    element = _element(values)
    head = struct.pack(order + "IQ", element, len(values))
    if element in (STRING, ARRAY):
        return head + b"".join(_encode(element, item, order) for item in values)
    return head + struct.pack(f"{order}{len(values)}{FORMS[element]}", *values)


def _element(values: Sequence[object]) -> int:
    """The type of an array's elements; whole numbers are int32 where they can be, as ``gguf-py`` writes them."""
    kinds = {kind_of(value) for value in values} or {I32}
    if kinds <= {U32, I32}:
        return U32 if any(isinstance(value, int) and value >= 1 << 31 for value in values) else I32
    return max(kinds)


def encode_tensors(tensors: Sequence[TensorLine], alignment: int, order: str = "<") -> tuple[bytes, int]:
    """The tensor table, and the bytes that the data section needs."""
    table, offset = bytearray(), 0
    for name, shape, ggml_type in tensors:
        table += encode_string(name, order)
        table += struct.pack(f"{order}I{len(shape)}QIQ", len(shape), *shape, ggml_type, offset)
        size = tensor_bytes(shape, ggml_type)
        offset += size + -size % alignment
    return bytes(table), offset


def header_bytes(metadata: Mapping[str, Value], tensors: Sequence[TensorLine]) -> int:
    """The length of ``encode(metadata, tensors)``."""
    size = 24 + sum(len(encode_pair(key, value)) for key, value in metadata.items())
    size += sum(24 + len(name.encode()) + 8 * len(shape) for name, shape, _ in tensors)
    return size + -size % _alignment(metadata)


def tensor_bytes(shape: Sequence[int], ggml_type: int) -> int:
    """Bytes of a tensor of *shape* elements."""
    kind = TENSOR_TYPES[ggml_type]
    return math.prod(shape) // kind.block * kind.block_bytes


def data_bytes(tensors: Sequence[TensorLine], alignment: int = DEFAULT_ALIGNMENT) -> int:
    """Bytes of all weights, each padded to *alignment*."""
    sizes = (tensor_bytes(shape, ggml_type) for _, shape, ggml_type in tensors)
    return sum(size + -size % alignment for size in sizes)


def _alignment(metadata: Mapping[str, Value]) -> int:
    value = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(value, int):
        raise TypeError(f"general.alignment is a whole number, not {type(value).__name__}")
    return value
