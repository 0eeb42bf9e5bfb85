"""Reads the header of a GGUF file: metadata and tensor table, versions 2 and 3, either byte order.

The header is hostile until checked: no length, count or offset in it is believed before it is compared with the
file's size and a cap, so a bad file is a BadModelFile in milliseconds. Does not know what the values mean
(``inspect``), and never reads a weight. Source: ``docs/gguf.md`` of ggml, and the checks of ``ggml/src/gguf.cpp``.
"""

from __future__ import annotations

import io
import math
import stat
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from homeroom.errors import BadModelFile
from homeroom.models.gguf_reader import THRIFTY_PIECE, Readable, Reader, reason
from homeroom.models.quantization import TENSOR_TYPES

MAGIC: Final = b"GGUF"
DEFAULT_ALIGNMENT: Final = 32

MAX_KEYS: Final = 1 << 16
MAX_TENSORS: Final = 1 << 16
MAX_KEY_BYTES: Final = (1 << 16) - 1
MAX_VALUE_BYTES: Final = 4 << 20
MAX_NAME_BYTES: Final = 63
MAX_DIMENSIONS: Final = 4
KEPT_ELEMENTS: Final = 1024
"""Arrays up to this length are read; of a longer one only type and length are kept."""
_TENSOR_LINE: Final = 72
"""Bytes of a line of the tensor table, about."""
_LARGEST_CHUNK: Final = 1 << 19
_INT64_MAX: Final = (1 << 63) - 1

_SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_BOOL, _STRING, _ARRAY = 7, 8, 9
TYPE_NAMES: Final = {
    0: "uint8",
    1: "int8",
    2: "uint16",
    3: "int16",
    4: "uint32",
    5: "int32",
    6: "float32",
    7: "bool",
    8: "string",
    9: "array",
    10: "uint64",
    11: "int64",
    12: "float64",
}


@dataclass(frozen=True, slots=True)
class LongArray:
    """An array that was skipped: *count* elements of GGUF type *element* (a name of ``TYPE_NAMES``)."""

    element: str
    count: int


Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...] | LongArray


@dataclass(frozen=True, slots=True)
class Tensor:
    """One line of the tensor table. ``shape`` is in GGUF order (the row length first); ``size`` in bytes."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int
    """From the start of the data section."""
    size: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the weights. ``data_offset``: byte in the file at which the weights begin."""

    version: int
    big_endian: bool
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    alignment: int
    data_offset: int
    file_bytes: int


def read_header(
    source: Path | Readable, *, thrifty: bool = False, leaps: bool = True, piece: int = THRIFTY_PIECE
) -> Header:
    """Read and check the header of *source*, a file's path or a seekable stream that begins with ``GGUF``.

    *thrifty* is for a stream whose bytes travel: as few as possible are asked for, and with *leaps* most of a large
    vocabulary is not looked at (which takes a stream that can also go back). The header is the same, but that how many
    strings there are is then taken from the file's word. *piece*: the bytes that are asked for first.

    Raises BadModelFile for a file that is not there, not a regular file, not GGUF, cut off (weights too) or
    inconsistent: wherever the engine would refuse the header, and before it could abort on it.
    """
    if isinstance(source, Path):
        with _opened(source) as (stream, size):
            return _read(Reader(stream, size, str(source)))
    try:
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
    except (OSError, ValueError) as error:
        raise BadModelFile("gguf.unreadable", path=_name(source), reason=error) from None
    reader = Reader(source, size, _name(source), thrifty=thrifty, leaps=leaps, piece=piece)
    try:
        return _read(reader)
    except BadModelFile:
        if not reader.leapt:
            raise
    return _read(Reader(source, size, _name(source)))  # the leap may have gone wrong, and not the file


def _name(stream: Readable) -> str:
    return str(getattr(stream, "name", "GGUF"))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The file and its size; a pipe or device is refused before it is opened, since opening one can block."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadModelFile("gguf.not_a_file", path=path)
        stream = path.open("rb", buffering=0)
    except FileNotFoundError:
        raise BadModelFile("gguf.missing", path=path) from None
    except (OSError, ValueError) as error:
        raise BadModelFile("gguf.unreadable", path=path, reason=reason(error)) from None
    with stream:
        yield stream, stream.seek(0, io.SEEK_END)


def _read(reader: Reader) -> Header:
    version = _version(reader)
    tensor_count = reader.number("Q", "the number of tensors")
    key_count = reader.number("Q", "the number of keys")
    _count(reader, key_count, MAX_KEYS, 13, "keys")
    _count(reader, tensor_count, MAX_TENSORS, 24, "tensors")
    if reader.thrifty:
        reader.chunk = min(reader.chunk + _TENSOR_LINE * tensor_count, _LARGEST_CHUNK)
    metadata = _metadata(reader, key_count)
    alignment = _alignment(reader, metadata)
    tensors = _tensors(reader, tensor_count, alignment)
    end = reader.at
    data_offset = end + -end % alignment if tensors else end
    _whole(reader, tensors, data_offset)
    return Header(version, reader.order == ">", metadata, tensors, alignment, data_offset, reader.size)


def _version(reader: Reader) -> int:
    if reader.size == 0:
        reader.fail("empty")
    magic = reader.take(min(4, reader.size), "the magic number")
    if magic != MAGIC:
        reader.fail("not_gguf", start=magic.decode("latin-1").encode("unicode_escape").decode("ascii"))
    raw = reader.take(4, "the version")
    version = int.from_bytes(raw, "little")
    if version & 0xFFFF == 0:  # written by a machine of the other byte order
        reader.order, version = ">", int.from_bytes(raw, "big")
    if version not in (2, 3):
        reader.fail("version", version=version)
    return version


def _count(reader: Reader, count: int, limit: int, smallest: int, what: str) -> None:
    if count > limit:
        reader.fail("too_many", what=what, at=8, count=count, limit=limit)
    reader.need(count * smallest, what)


def _metadata(reader: Reader, count: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for index in range(count):
        at = reader.at
        key = reader.string(MAX_KEY_BYTES, f"key {index}")
        if not key:
            reader.fail("empty_key", at=at, index=index)
        if key in metadata:
            reader.fail("duplicate", what=key, at=at)
        reader.namespaces.add(key.partition(".")[0].encode() + b".")
        metadata[key] = _value(reader, key, last=index == count - 1)
    return metadata


def _value(reader: Reader, key: str, *, last: bool) -> Value:
    at = reader.at
    kind = reader.number("I", key)
    if kind == _STRING:
        return reader.string(MAX_VALUE_BYTES, key)
    if kind == _ARRAY:
        return _array(reader, key, last=last)
    if kind not in _SCALARS:
        reader.fail("bad_type", what=key, at=at, type=kind)
    return _scalars(reader, kind, 1, key)[0]


def _array(reader: Reader, key: str, *, last: bool) -> tuple[Scalar, ...] | LongArray:
    at = reader.at
    kind = reader.number("I", key)
    count = reader.number("Q", key)
    if kind == _STRING:
        if count <= KEPT_ELEMENTS:
            reader.need(8 * count, key)
            # A token may be a part of a character: what is not UTF-8 is no reason to refuse an array.
            return tuple(reader.string(MAX_VALUE_BYTES, key, errors="replace") for _ in range(count))
        if last or not reader.leap_strings(count, key):
            reader.skip_strings(count, key)
    elif kind in _SCALARS:
        if count <= KEPT_ELEMENTS:
            return _scalars(reader, kind, count, key)
        reader.skip(count * struct.calcsize("=" + _SCALARS[kind]), key)
    else:
        reader.fail("nested" if kind == _ARRAY else "bad_type", what=key, at=at, type=kind)
    return LongArray(TYPE_NAMES[kind], count)


def _scalars(reader: Reader, kind: int, count: int, key: str) -> tuple[Scalar, ...]:
    form = f"{reader.order}{count}{_SCALARS[kind]}"
    values = struct.unpack(form, reader.take(struct.calcsize(form), key))
    return tuple(bool(value) for value in values) if kind == _BOOL else values


def _alignment(reader: Reader, metadata: Mapping[str, Value]) -> int:
    value = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0 or value & (value - 1):
        reader.fail("bad_alignment", value=value)
    if value > reader.limit and value != DEFAULT_ALIGNMENT:
        reader.fail("bad_alignment", value=value)
    return value


def _tensors(reader: Reader, count: int, alignment: int) -> tuple[Tensor, ...]:
    """The tensor table. Each tensor must begin where the one before it ends, aligned: the engine's own rule."""
    tensors: list[Tensor] = []
    names: set[str] = set()
    expected = 0
    for index in range(count):
        at = reader.at
        tensor = _tensor(reader, index)
        if tensor.name in names:
            reader.fail("duplicate", what=tensor.name, at=at)
        if tensor.offset != expected:
            reader.fail("bad_offset", what=tensor.name, at=at, offset=tensor.offset, expected=expected)
        names.add(tensor.name)
        tensors.append(tensor)
        expected += tensor.size + -tensor.size % alignment
        if expected > _INT64_MAX:
            reader.fail("overflow", what=tensor.name, at=at, shape="x".join(map(str, tensor.shape)))
    return tuple(tensors)


def _tensor(reader: Reader, index: int) -> Tensor:
    at = reader.at
    name = reader.string(MAX_NAME_BYTES, f"tensor {index}")
    dimensions = reader.number("I", name)
    if dimensions > MAX_DIMENSIONS:
        reader.fail("too_many_dimensions", what=name, at=at, count=dimensions, limit=MAX_DIMENSIONS)
    shape = tuple(reader.number("Q", name) for _ in range(dimensions))
    number = reader.number("I", name)
    kind = TENSOR_TYPES.get(number)
    if kind is None:
        reader.fail("unknown_tensor_type", what=name, at=at, type=number)
    elements = math.prod(shape)
    size = elements // kind.block * kind.block_bytes
    if max(elements, size, *shape, 0) > _INT64_MAX:
        reader.fail("overflow", what=name, at=at, shape="x".join(map(str, shape)))
    row = shape[0] if shape else 1
    if row % kind.block:
        reader.fail("broken_row", what=name, at=at, row=row, type=kind.name, block=kind.block)
    return Tensor(name, shape, number, reader.number("Q", name), size)


def _whole(reader: Reader, tensors: tuple[Tensor, ...], data_offset: int) -> None:
    """Every weight lies in the file; the padding after the last one may be missing."""
    if not tensors:
        return
    needed = data_offset + tensors[-1].offset + tensors[-1].size
    if needed > reader.size:
        reader.fail("truncated", size=reader.size, needed=needed, missing=needed - reader.size)
