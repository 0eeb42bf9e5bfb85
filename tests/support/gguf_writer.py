"""Writes GGUF files for tests: small synthetic headers, and real files with some metadata changed.

Knows the format only; whether an engine could run what is written is for the test to decide.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from homeroom.models.quantization import TENSOR_TYPES

_FORMS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)


@dataclass(frozen=True)
class Typed:
    """A value with its GGUF type given, where the type that Python's value suggests is not the one wanted."""

    kind: int
    value: object


Plain = bool | int | float | str
Value = Plain | Typed | Sequence[Plain]
TensorLine = tuple[str, Sequence[int], int]
"""Name, shape with the row length first, ggml type."""


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


def _encode(kind: int, value: object, order: str) -> bytes:
    if kind == STRING:
        assert isinstance(value, str | bytes)
        return encode_string(value, order)
    if kind == ARRAY:
        assert isinstance(value, Sequence)
        element = kind_of(value[0]) if len(value) else U32
        body = b"".join(_encode(element, item, order) for item in value)
        return struct.pack(order + "IQ", element, len(value)) + body
    return struct.pack(order + _FORMS[kind], value)


def encode_pair(key: str | bytes, value: Value, order: str = "<") -> bytes:
    """One metadata entry."""
    kind, plain = (value.kind, value.value) if isinstance(value, Typed) else (kind_of(value), value)
    return encode_string(key, order) + struct.pack(order + "I", kind) + _encode(kind, plain, order)


def tensor_bytes(shape: Sequence[int], ggml_type: int) -> int:
    elements = 1
    for size in shape:
        elements *= size
    kind = TENSOR_TYPES[ggml_type]
    return elements // kind.block * kind.block_bytes


def encode_tensors(tensors: Sequence[TensorLine], alignment: int, order: str = "<") -> tuple[bytes, int]:
    """The tensor table, and the bytes that the data section needs."""
    table, offset = bytearray(), 0
    for name, shape, ggml_type in tensors:
        table += encode_string(name, order)
        table += struct.pack(f"{order}I{len(shape)}QIQ", len(shape), *shape, ggml_type, offset)
        size = tensor_bytes(shape, ggml_type)
        offset += size + -size % alignment
    return bytes(table), offset


def write_gguf(
    path: Path,
    metadata: Mapping[str, Value],
    tensors: Sequence[TensorLine] = (),
    *,
    version: int = 3,
    big_endian: bool = False,
    data: bytes | None = None,
) -> Path:
    """Write a GGUF file; its weights are *data*, or holes (the file is sparse and takes no room). Returns *path*."""
    order = ">" if big_endian else "<"
    alignment = metadata.get("general.alignment", 32)
    assert isinstance(alignment, int)
    pairs = b"".join(encode_pair(key, value, order) for key, value in metadata.items())
    table, size = encode_tensors(tensors, alignment, order)
    header = b"GGUF" + struct.pack(order + "IQQ", version, len(tensors), len(metadata)) + pairs + table
    header += bytes(-len(header) % alignment)
    with path.open("wb") as file:
        file.write(header)
        if data is not None:
            file.write(data)
        else:
            file.truncate(len(header) + size)
    return path


def with_metadata(source: Path, target: Path, changes: Mapping[str, Value | None]) -> Path:
    """Copy a real (little-endian) GGUF, with keys of *changes* replaced or added, or removed where None."""
    with source.open("rb") as file:
        magic, version, tensor_count, key_count = struct.unpack("<4sIQQ", file.read(24))
        assert magic == b"GGUF"
        head = file.read(64 << 20)
        at, kept, alignment = 0, list[bytes](), 32
        for _ in range(key_count):
            start = at
            key, at = _text(head, at)
            kind = struct.unpack_from("<I", head, at)[0]
            at = _after(head, at + 4, kind)
            if key not in changes:
                kept.append(head[start:at])
                if key == "general.alignment":
                    alignment = struct.unpack_from("<I", head, at - 4)[0]
        table_start = at
        for _ in range(tensor_count):
            _, at = _text(head, at)
            at += 4 + 8 * int(struct.unpack_from("<I", head, at)[0]) + 12
        kept += [encode_pair(key, value) for key, value in changes.items() if value is not None]
        end = 24 + at
        file.seek(end + -end % alignment)
        header = struct.pack("<4sIQQ", magic, version, tensor_count, len(kept)) + b"".join(kept)
        header += head[table_start:at]
        with target.open("wb") as copy:
            copy.write(header + bytes(-len(header) % alignment))
            shutil.copyfileobj(file, copy, 1 << 20)
    return target


def _text(head: bytes, at: int) -> tuple[str, int]:
    length = int(struct.unpack_from("<Q", head, at)[0])
    return head[at + 8 : at + 8 + length].decode("utf-8"), at + 8 + length


def _after(head: bytes, at: int, kind: int) -> int:
    """The byte after the value of *kind* that begins at *at*."""
    if kind == STRING:
        return at + 8 + int(struct.unpack_from("<Q", head, at)[0])
    if kind != ARRAY:
        return at + struct.calcsize("=" + _FORMS[kind])
    element, count = struct.unpack_from("<IQ", head, at)
    at += 12
    if element != STRING:
        return int(at + count * struct.calcsize("=" + _FORMS[element]))
    for _ in range(count):
        at += 8 + int(struct.unpack_from("<Q", head, at)[0])
    return at
