"""Writes GGUF files for tests: small synthetic headers, and real files with some metadata changed.

The format itself is homeroom's own writer; whether an engine could run what is written is for the test to decide.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from homeroom.models.gguf_write import (
    ARRAY,
    FORMS,
    STRING,
    U16,
    U64,
    TensorLine,
    Typed,
    Value,
    encode_pair,
    encode_string,
    write,
)

__all__ = [
    "U16",
    "U64",
    "TensorLine",
    "Typed",
    "Value",
    "encode_pair",
    "encode_string",
    "with_metadata",
    "write_gguf",
]


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
    return write(metadata, tensors, path, version=version, big_endian=big_endian, data=data)


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
        return at + struct.calcsize("=" + FORMS[kind])
    element, count = struct.unpack_from("<IQ", head, at)
    at += 12
    if element != STRING:
        return int(at + count * struct.calcsize("=" + FORMS[element]))
    for _ in range(count):
        at += 8 + int(struct.unpack_from("<Q", head, at)[0])
    return at
